/* vocab.h -- the tokens of a vocabulary: how each is spelled, what bytes it stands for, what it is.
 *
 * Two spellings are in use besides plain text. BYTE_ALPHABET (GPT-2): every byte is written as one printable
 * character (0x21-0x7e, 0xa1-0xac and 0xae-0xff as themselves, the other 68 in order as U+0100...), so that
 * "Ġthe" is the bytes " the". WORD_MARK (SentencePiece): U+2581 stands for a space and "<0x0A>" for a
 * byte. A spelling with a character outside the byte alphabet stands for itself, and so do all of a WordPiece
 * vocabulary's (WORD_PLAIN). */
#ifndef TEXT_VOCAB_H
#define TEXT_VOCAB_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* n bytes somewhere, not NUL-terminated unless said. */
typedef struct span {
    const char *p;
    size_t n;
} span;

enum {
    TOKEN_WORD = 1,    /* a token that the model's merges may give */
    TOKEN_ADDED = 2,   /* found whole in the text, before anything else */
    TOKEN_SPECIAL = 4, /* controls the model; no part of a text */
    TOKEN_BYTE = 8,    /* "<0x0A>" */
};

typedef enum token_spelling { BYTE_ALPHABET, WORD_MARK, WORD_PLAIN } token_spelling;

/* From bytes to an id, over keys held elsewhere. */
typedef struct spanmap {
    struct spanslot *slot;
    uint32_t mask;
} spanmap;

void spanmap_init(spanmap *m, size_t most); /* room for `most` keys */
void spanmap_free(spanmap *m);
/* The id of a key; -1: not there. key[id] are the bytes of an id. */
int32_t spanmap_get(const spanmap *m, const span *key, const char *p, size_t n);
/* Adds id under key[id]; returns the id that was already there under the same bytes (nothing is
 * changed then), or -1. */
int32_t spanmap_put(spanmap *m, const span *key, int32_t id);

typedef struct vocab {
    int64_t size; /* ids are 0 .. size-1; some may be holes: spelled[id].p is NULL */
    token_spelling how;
    span mark;      /* of WORD_MARK: what stands for a space */
    span *spelled;  /* [size] NUL-terminated */
    span *bytes;    /* [size] what they decode to */
    uint8_t *flags; /* [size] TOKEN_* */
    spanmap by_spelling;
    arena mem;  /* the spellings and bytes, in blocks */
    char *next; /* the rest of the last block */
    size_t left;
} vocab;

/* Holes only; then each token is set once. The mark is U+2581 until it is set. */
void vocab_init(vocab *v, int64_t size, token_spelling how);
/* Copies the spelling, n bytes of UTF-8. A token that the byte alphabet cannot spell is no TOKEN_WORD. */
void vocab_set(vocab *v, int32_t id, const char *text, size_t n, unsigned flags);
/* Adds the token to by_spelling; the id already there under this spelling, or -1. */
int32_t vocab_index(vocab *v, int32_t id);
void vocab_free(vocab *v);

int32_t vocab_find(const vocab *v, const char *text, size_t n);

/* The byte that a character of the byte alphabet stands for, -1 when it is none. */
int byte_of_letter(uint32_t c);
uint32_t letter_of_byte(unsigned char b);
/* "<0x0A>" is 10; -1 for anything else. */
int byte_of_name(const char *text, size_t n);

uint64_t hash_bytes(uint64_t seed, const void *p, size_t n);

#endif
