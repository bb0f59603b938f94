/* bpe.h -- byte pair encoding: a word becomes symbols, and neighbours merge while a merge is known.
 *
 *   symbols = the word's bytes (or characters)
 *   while some neighbouring (l, r) has a rank: replace the pair of least rank, leftmost first, by its
 *   merged symbol
 *
 * Sennrich, Haddow, Birch 2016. A merge is a row of a hash table, (l, r) -> (rank, merged); pairs may
 * share a rank. Short words scan an array for the least rank; long ones keep the pairs in a heap, so
 * that n symbols take O(n log n). Both give the same symbols. Whether a word that is a token encodes
 * to just that token is found out once a token and remembered.
 *
 * Some vocabularies tell where in its word a symbol stands: a prefix stands before every symbol but the first, a
 * suffix behind the last, and the symbol is looked for as they spell it.
 *
 * Models of the SentencePiece kind get a whole line as one word, its spaces written as marks (U+2581). Where
 * no merge joins a left side that ends in something else to a right side that begins with a mark, no symbol
 * ever comes to lie across such a place, so the line is cut there and its parts are merged alone. */
#ifndef TEXT_BPE_H
#define TEXT_BPE_H

#include "text/tokenizer.h"
#include "text/vocab.h"

typedef enum bpe_symbols { SYMBOL_BYTES, SYMBOL_CHARACTERS } bpe_symbols;

enum { BPE_AFFIX = 16 };

typedef struct bpe {
    const vocab *v;
    bpe_symbols symbols;
    int32_t byte_id[256]; /* token of each byte (byte level), or of "<0x..>"; -1: none */
    int32_t unk;          /* for symbols that have no token; -1: they are left out */
    bool fuse_unk;        /* one for several in a row */
    bool ignore_merges;   /* a word that is a token is that token, whatever the merges say */
    /* "##" before each symbol but the first, "</w>" behind the last, at most BPE_AFFIX bytes; n 0: none */
    span prefix, suffix;
    spanmap words;        /* by what they stand for: the tokens that a word may become */
    span *key;            /* [keys] keys of words; ids from v->size on are characters without a token */
    int64_t keys, most_keys;
    struct bpe_pair *pair;
    uint32_t pair_mask, pairs;
    int32_t mark; /* the token of U+2581, or -1 */
    bool crosses; /* some merge joins what does not end in a mark to what begins with one */
    _Atomic uint8_t *whole; /* [v->size] 0 unknown, 1 encodes to itself, 2 does not */
} bpe;

/* Empty, with room for the vocabulary's tokens and `extra` characters without one. */
void bpe_init(bpe *b, const vocab *v, bpe_symbols symbols, size_t extra);
/* Room for so many merges; once, before the first. */
void bpe_reserve(bpe *b, size_t merges);
void bpe_free(bpe *b);

/* Token id may come out for the word p; the id already there for these bytes, or -1. */
int32_t bpe_add_word(bpe *b, int32_t id, span word);
/* A symbol for a character that has no token: its id, at least v->size. */
int32_t bpe_add_character(bpe *b, span character);
/* False when the pair is known already. */
bool bpe_add_merge(bpe *b, int32_t left, int32_t right, uint32_t rank, int32_t merged);

/* Appends the ids of one word, n bytes of UTF-8, n below 2^31. */
void bpe_encode(const bpe *b, const char *word, size_t n, token_vec *ids);

/* Over the merges, whatever their order. */
uint64_t bpe_hash(const bpe *b);

/* Merges n symbols in place; the number left. The two ways, for words up to BPE_SHORT and any. */
enum { BPE_SHORT = 48 };
size_t bpe_merge_short(const bpe *b, int32_t *symbol, size_t n);
size_t bpe_merge_long(const bpe *b, int32_t *symbol, size_t n);

#endif
