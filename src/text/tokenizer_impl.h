/* tokenizer_impl.h -- the inside of a tokenizer, for the files that read one and for tokenizer.c.
 *
 * Text takes this way, each part being empty in some tokenizers:
 *
 *   text -> added tokens that are looked for in the text as it is (raw)
 *        -> normalizer (norm), on what is left
 *        -> added tokens that are looked for in normalized text (normal)
 *        -> splitter -> the model: bpe, unigram, wordpiece or whole words
 *
 * A reader starts from tokenizer_new(), fills the parts in and ends with tokenizer_finish(). */
#ifndef TEXT_TOKENIZER_IMPL_H
#define TEXT_TOKENIZER_IMPL_H

#include "text/added.h"
#include "text/bpe.h"
#include "text/charsmap.h"
#include "text/frame.h"
#include "text/normalize.h"
#include "text/split.h"
#include "text/unigram.h"
#include "text/wordpiece.h"

typedef enum model_kind { MODEL_BPE, MODEL_UNIGRAM, MODEL_WORDPIECE, MODEL_WORDLEVEL } model_kind;

/* How tokens become text again, besides what each stands for (vocab.bytes). */
typedef struct rejoin {
    bool strip_space;  /* the text loses the space it begins with */
    bool strip_marks;  /* its first token loses all its marks */
    bool words;        /* WordPiece: a space before each token but those with the prefix, which they lose */
    bool cleanup;      /* ... and none before a full stop and the like */
    const char *prefix; /* NULL: none */
    span suffix;        /* in the tokens a space, in the last one nothing; n 0: none */
    span mark;          /* what stands for a space in the pieces of the splitter; n 0: U+2581 */
} rejoin;

struct tokenizer {
    vocab v;
    model_kind model;
    bpe b;
    unigram u;
    wordpiece w;
    added raw, normal, kept; /* kept: left alone by SentencePiece's normalizer, and pieces of its unigram */
    normalizer norm;
    charsmap map;
    splitter split;
    bool letters; /* normalizer or splitter gives letters of the byte alphabet */
    rejoin back;
    int64_t bos, eos, pad, unk;
    bool add_bos, add_eos;
    frame single, pair;
    const char *kind;
    arena mem;
};

tokenizer *tokenizer_new(void); /* empty; bos, eos, pad and unk are -1 */
/* The vocabulary's single bytes become the byte-level alphabet of t->b. */
void tokenizer_index_bytes(tokenizer *t);
/* Frames of BOS and EOS as add_bos and add_eos say, of type 0 and, the second text, 1. */
void tokenizer_frame_default(tokenizer *t);
/* Frames of other families, from BOS and EOS (frame.h). */
void tokenizer_frame_bert(tokenizer *t);
void tokenizer_frame_roberta(tokenizer *t);
void tokenizer_frame_t5(tokenizer *t);
/* kind lives on t->mem or for ever. Frames that nobody has set become the default. */
void tokenizer_finish(tokenizer *t, const char *kind);

#endif
