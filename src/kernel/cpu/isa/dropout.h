/* dropout.h -- dropout_factor() of op.h over a stretch of a row, in a form that compilers vectorize.
 *
 * rng_unit() is 53 bits u times 2^-53; u 2^-53 < p is u < ceil(p 2^53), and that product is exact. */
#ifndef KERNEL_DROPOUT_H
#define KERNEL_DROPOUT_H

#include "base/rng.h"

#include <math.h>
#include <stdint.h>

typedef struct dropout {
    double p; /* 0: everything is kept */
    uint64_t key, below;
    float keep; /* 1 / (1 - p) */
} dropout;

static inline dropout dropout_of(uint64_t key, int id, double p)
{
    return (dropout){.p = p,
                     .key = rng_key(key, (uint64_t)id),
                     .below = (uint64_t)ceil(p * 0x1p53),
                     .keep = (float)(1 / (1 - p))};
}

/* factor(row, col), element being row << 32 | col */
static inline float dropout_draw(uint64_t key, uint64_t below, float keep, uint64_t element)
{
    return rng_of(key, element) >> 11 < below ? 0 : keep;
}

/* dst[c] = src[c] * factor(row, first + c) */
static inline void dropout_row(const dropout *d, int64_t row, int64_t first, int64_t n, const float *src,
                               float *dst)
{
    const uint64_t key = d->key, base = (uint64_t)row << 32 | (uint64_t)first, below = d->below;
    const float keep = d->keep;
    for (int64_t c = 0; c < n; c++) dst[c] = src[c] * dropout_draw(key, below, keep, base + (uint64_t)c);
}

/* dst[c] += src[c] * factor(row, first + c) */
static inline void dropout_row_add(const dropout *d, int64_t row, int64_t first, int64_t n, const float *src,
                                   float *dst)
{
    const uint64_t key = d->key, base = (uint64_t)row << 32 | (uint64_t)first, below = d->below;
    const float keep = d->keep;
    for (int64_t c = 0; c < n; c++) dst[c] += src[c] * dropout_draw(key, below, keep, base + (uint64_t)c);
}

#endif
