/* build.h -- a list while it is being written: private to the model layer.
 *
 * The same forward function serves four purposes: the lists of training, evaluation and generation, and,
 * with `linear` set, the census of a model's projections (what an adapter could be put on). */
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
    val tokens, positions, start, slot, gather, target, weight;
    val rope; /* cos | sin of the positions */
    tensor rope_frequencies;
    /* results */
    val loss, ce, hit, logits;
    /* caches, a pair a layer (GENERATE) */
    val *cache_k, *cache_v;
    int64_t caches;
    /* parameters: PARAM values a and b of adapter module i at 2 i and 2 i + 1; NONE: not in this list */
    val *param;
    /* census: called for every projection; NULL while building a real list */
    void (*linear)(void *arg, const char *name, int64_t in, int64_t out);
    void *linear_arg;
};

/* Writes the whole list of `kind` into p, which has been initialized for the size. */
void build_list(build *b);

#endif
