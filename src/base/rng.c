/* rng.c -- see rng.h. */
#include "base/rng.h"

#include <math.h>

double rng_normal(uint64_t key, uint64_t index)
{
    double u = 1.0 - rng_unit(key, 2 * index); /* in (0, 1] */
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * rng_unit(key, 2 * index + 1));
}

void rng_shuffle(uint64_t key, int64_t *order, int64_t n)
{
    for (int64_t i = 0; i < n; i++) order[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)(rng_of(key, (uint64_t)i) % (uint64_t)(i + 1)); /* bias below 2^-40 for any table */
        int64_t t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
}
