/* pieces.h -- a SentencePiece vocabulary, of type BPE or unigram, made into a tokenizer: for the readers of
 * .model files and of GGUF files. The texts go through SentencePiece's normalizer, whole, without being cut. */
#ifndef TEXT_PIECES_H
#define TEXT_PIECES_H

#include "text/tokenizer_impl.h"

enum { PIECE_NORMAL = 1, PIECE_UNKNOWN, PIECE_CONTROL, PIECE_USER_DEFINED, PIECE_UNUSED, PIECE_BYTE };

enum { NAME_BOS, NAME_EOS, NAME_PAD, PIECE_NAMES };

typedef struct piece {
    span text;
    float score;
    int type;
    unsigned strip; /* of a control piece: ADDED_LSTRIP, ADDED_RSTRIP, ADDED_PYTHON */
} piece;

typedef struct pieces {
    piece *p;
    int64_t n;
    model_kind model; /* MODEL_BPE or MODEL_UNIGRAM */
    unsigned flags;   /* PIECES_* of normalize.h */
    bool user_first;  /* user-defined pieces are looked for in the text as it is, before anything else */
    span map;         /* a precompiled character map; n 0: none */
    span name[PIECE_NAMES]; /* how the special pieces are spelled; n 0: <s>, </s>, <pad> */
} pieces;

/* TOKEN_* of a piece of this type. */
unsigned piece_flags(int64_t type);

/* Fills t, new. `where` names the pieces in messages. Keeps nothing of s. */
int pieces_build(tokenizer *t, const pieces *s, const char *where, err *e);

#endif
