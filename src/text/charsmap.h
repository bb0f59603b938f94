/* charsmap.h -- SentencePiece's precompiled normalizer: a map from texts to texts.
 *
 *   uint32   bytes of the trie that follows, a multiple of 4
 *   uint32[] the trie: a double array in the form of Darts-clone (Yata)
 *   ...      the results, each NUL-terminated; a trie's value is an offset into them
 *
 * A unit has a label (bits 0-7 and 31), an offset to its children (bits 10-30, times 256 when bit 9 is set)
 * and says whether a key ends in it (bit 8); the unit with label 0 under it then holds the value (bits 0-30).
 *
 * SentencePiece replaces the longest key that the rest of the text begins with. The tokenizers library goes
 * through grapheme clusters instead, and takes for a cluster of less than six bytes, or else for each of its
 * characters, the shortest key that it begins with, for the whole of it. Both are here.
 *
 * Text stays UTF-8 whatever the file holds: results are, and keys and results that begin or end within a
 * character do not count. */
#ifndef TEXT_CHARSMAP_H
#define TEXT_CHARSMAP_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

enum { CHARSMAP_LONGEST = 255 }; /* bytes of a key and of a result; those in use have 36 at most */

typedef struct charsmap {
    uint32_t *unit;
    size_t units;
    char *result; /* UTF-8; the last byte is NUL */
    size_t results;
} charsmap;

/* Copies the n bytes. E_FORMAT; `where` names them in messages. */
int charsmap_init(charsmap *m, const char *data, size_t n, const char *where, err *e);
void charsmap_free(charsmap *m);

/* The longest key that s begins with: its length (0: none) and what it becomes, NUL-terminated. */
size_t charsmap_longest(const charsmap *m, const char *s, size_t n, const char **result);

/* Appends n bytes of UTF-8 as the tokenizers library normalizes them. */
void charsmap_clusters(const charsmap *m, const char *s, size_t n, str *out);

#endif
