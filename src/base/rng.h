/* rng.h -- random numbers as a function of (seed, stream, index), with no state.
 *
 * Whatever order or thread asks, element i of stream s of seed k is the same number; so dropout,
 * shuffling and initialization are reproducible and a resumed run needs no saved generator.
 * The mixer is the 64-bit finalizer of splitmix64 (Steele, Lea, Flood 2014), applied twice. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

static inline uint64_t rng_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* The key of a stream; rng_of(key, i) are its elements. */
static inline uint64_t rng_key(uint64_t seed, uint64_t stream)
{
    return rng_mix(seed * 0x9e3779b97f4a7c15u + rng_mix(stream + 0x9e3779b97f4a7c15u));
}

static inline uint64_t rng_of(uint64_t key, uint64_t index)
{
    return rng_mix(key + (index + 1) * 0x9e3779b97f4a7c15u);
}

/* Uniform in [0, 1), 53 bits. */
static inline double rng_unit(uint64_t key, uint64_t index) { return (double)(rng_of(key, index) >> 11) * 0x1p-53; }

/* Standard normal (Box-Muller over elements 2i and 2i + 1). */
double rng_normal(uint64_t key, uint64_t index);

/* order[0..n) becomes a permutation of 0..n-1 (Fisher-Yates). */
void rng_shuffle(uint64_t key, int64_t *order, int64_t n);

#endif
