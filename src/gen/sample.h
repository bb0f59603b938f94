/* sample.h -- one token from a row of logits. */
#ifndef GEN_SAMPLE_H
#define GEN_SAMPLE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

typedef struct sampling {
    double temperature; /* 0: greedy, the likeliest token (the first of equals) */
    int top_k;          /* 0: off; only the k likeliest */
    double top_p;       /* 1: off; the fewest likeliest whose probabilities reach p */
    double min_p;       /* 0: off; only those at least min_p times as likely as the likeliest */
    double
        repetition_penalty; /* 1: off; CTRL's: logits of seen tokens divided by it, or multiplied below 0 */
    uint64_t seed;
} sampling;

extern const sampling sampling_greedy;

int sampling_check(const sampling *s, err *e);

/* Scratch of a sampler over a vocabulary: candidates and their order. */
typedef struct token_sampler {
    int64_t vocab;
    struct candidate *c;
    float *logits;
} token_sampler;

void token_sampler_init(token_sampler *s, int64_t vocab);
void token_sampler_release(token_sampler *s);

/* The next token of sequence `stream` at place `index`: the same for the same (seed, stream, index, logits).
 * seen (n): tokens the repetition penalty applies to, prompt included. As in transformers the penalty comes
 * first, then temperature, top-k, top-p, min-p. */
int32_t sample(token_sampler *s, const sampling *how, const float *logits, const int32_t *seen, int64_t n,
               uint64_t stream, uint64_t index);

#endif
