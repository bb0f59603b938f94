/* sentencepiece.h -- a SentencePiece vocabulary of type BPE, made into merges.
 *
 * SentencePiece (Kudo, Richardson 2018) knows no list of merges: two neighbours may merge when what they
 * spell together is a piece, and the pair whose piece has the highest score goes first, the leftmost of
 * equals. So every way to cut a piece in two gives a merge, ranked by the piece's score; pieces of equal
 * score share a rank. A character that is no piece may still begin longer ones, and becomes the tokens
 * of its bytes when it is left over. */
#ifndef TEXT_SENTENCEPIECE_H
#define TEXT_SENTENCEPIECE_H

#include "text/bpe.h"

/* Fills b, empty, from the tokens of v that are TOKEN_WORD, with score[v->size], and from its
 * TOKEN_BYTE ones. Scores are numbers, no NaN. */
void sentencepiece_build(bpe *b, const vocab *v, const float *score);

#endif
