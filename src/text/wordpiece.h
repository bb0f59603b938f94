/* wordpiece.h -- WordPiece: a word is cut from the left into the longest tokens there are.
 *
 *   at = 0; while at < n: the longest token that word[at..] begins with (among those spelled with the prefix
 *   "##" unless at is 0); none: the whole word is unknown
 *
 * Schuster, Nakajima 2012; Devlin et al. 2018. A word of more than max_characters is unknown as a whole. */
#ifndef TEXT_WORDPIECE_H
#define TEXT_WORDPIECE_H

#include "text/tokenizer.h"
#include "text/trie.h"

typedef struct wordpiece {
    trie first, rest; /* tokens as they are, and those behind the prefix without it */
    span *tail;       /* [v->size] keys of `rest` */
    int32_t unk;
    int64_t max_characters;
} wordpiece;

/* Over the tokens of v that are TOKEN_WORD; prefix may be empty. E_FORMAT, with `where`: the tokens take too much
 * room. */
int wordpiece_init(wordpiece *w, const vocab *v, const char *prefix, int32_t unk, int64_t max_characters,
                   const char *where, err *e);
void wordpiece_free(wordpiece *w);

/* Appends the ids of one word, n bytes of UTF-8. */
void wordpiece_encode(const wordpiece *w, const char *word, size_t n, token_vec *ids);

#endif
