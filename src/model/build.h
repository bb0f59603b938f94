/* build.h -- a list while it is being written: private to the model layer.
 *
 * The same forward function serves all purposes: the lists of training, evaluation and generation, and the
 * census of a model: which weights it asks for, and which projections an adapter could be put on. */
#ifndef MODEL_BUILD_H
#define MODEL_BUILD_H

#include "model/arch.h"

struct build {
    prog *p;
    const model *m;
    const adapter *a; /* NULL: none */
    step_kind kind;
    step_size size;
    /* inputs */
    val tokens, positions, types, start, slot, gather, target, weight;
    val source, source_start, source_place, seen; /* of an encoder beside a decoder (step.h) */
    val source_positions; /* within each source; only where asked for */
    val rope[2]; /* cos | sin of the positions: of the configuration's base, and of its local base */
    int dropouts; /* places of the base that have dropout, so far */
    val bias;    /* of scores, by distance: those of the blocks being written */
    val counting; /* the numbers of the rows of build_rows(), 0, 1, 2, ... */
    /* results */
    val loss, ce, hit, logits;
    /* caches, a pair a layer (GENERATE) */
    val *cache_k, *cache_v;
    int64_t caches;
    /* parameters: PARAM values a and b of adapter module i at 2 i and 2 i + 1; NONE: not in this list */
    val *param;
    /* values of whole parameter i of the adapter; NONE: not in this list */
    val *whole;
    const struct census *census; /* NULL while building a real list */
};

/* Called for every weight that is asked for, rows 0 for a vector; */
typedef void census_want(void *arg, const char *name, int64_t rows, int64_t cols);
/* and for every projection, with the number of the expert that it is of (0 for those of none). Either may
 * be NULL. */
typedef void census_linear(void *arg, const char *name, int64_t in, int64_t out, int64_t expert);

/* and for every module that may be trained whole: its weights are not among those asked for. */
typedef void census_dense(void *arg, const model_dense *d);

struct census {
    census_want *want;
    census_linear *linear;
    census_dense *dense;
    void *arg;
};

/* Writes the forward list once, for one row and without any weights, and tells what goes by. */
void build_census(const model *m, const struct census *census);

/* The full name of a module, and its frozen weight: a matrix, or with rows 0 a vector. */
const char *build_module(build *b, int64_t layer, const char *name);
val build_frozen(build *b, const char *module, const char *leaf, int64_t rows, int64_t cols);

/* Of the tables of positions and token types: an encoder's are as wide as its embedding. */
int64_t build_table_width(const model_config *c);

/* A frozen f32 tensor of the list itself, with its data to be written. */
tensor *build_own(build *b, const char *name, int ndim, int64_t rows, int64_t cols, float **data);

/* The slopes of ALiBi's biases, as b->bias; model/alibi.c. */
void build_slopes(build *b);
void alibi_slopes(const model_config *c, float *out); /* (heads) */

/* The frequencies of rotary positions with that base, half of `dim`, for sequences of that length;
 * model/rope.c. */
void rope_frequencies(const rope_config *c, double theta, int64_t dim, int64_t length, float *out);

/* The result of the attention that was emitted last, with dropout of its probabilities where the list has it. */
val build_scores_dropout(build *b, val attention);

/* The cache of a layer, in a list of generation: keys and values `width` wide. */
void build_cache(build *b, int64_t layer, int64_t width);

/* Writes the whole list of `kind` into p, which has been initialized for the size. */
void build_list(build *b);

#endif
