/* unigram.h -- the unigram language model: the cut of a text into pieces whose scores add up to the most.
 *
 *   best[0] = 0;  best[j] = max over pieces text[i..j) of best[i] + score(piece)
 *
 * (Kudo 2018; a Viterbi search over bytes.) A character that is no piece costs the least score less 10 and is
 * unknown; unknown characters in a row are one. Of equal sums the one found first, from the left, stays.
 *
 * Two programs have this model and differ in the last bits, so both are here: the tokenizers library adds in
 * double precision, SentencePiece rounds each sum to single. */
#ifndef TEXT_UNIGRAM_H
#define TEXT_UNIGRAM_H

#include "text/tokenizer.h"
#include "text/trie.h"

typedef enum unigram_sums { SUMS_DOUBLE, SUMS_SINGLE } unigram_sums;

typedef struct unigram {
    const vocab *v;
    trie pieces;
    double *score;        /* [v->size] */
    double unknown_score;
    unigram_sums sums;
    int32_t unk;          /* -1: none; then unknown text is left out */
    /* tokens of bytes for unknown text; unless there is one for each, they are not used */
    int32_t byte_id[256];
} unigram;

/* Over the tokens of v that are TOKEN_WORD, with score[v->size], numbers; least: the least score of a piece.
 * unk and byte_id are left to the caller (-1). E_FORMAT, with `where`: the pieces take too much room. */
int unigram_init(unigram *u, const vocab *v, const double *score, double least, unigram_sums sums,
                 const char *where, err *e);
void unigram_free(unigram *u);

/* Appends the ids of n bytes of UTF-8, n below 2^31. */
void unigram_encode(const unigram *u, const char *text, size_t n, token_vec *ids);

uint64_t unigram_hash(const unigram *u);

#endif
