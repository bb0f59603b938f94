/* hash.c -- see hash.h. */
#include "base/hash.h"

#include <string.h>

enum { LANES = 8 };

static const uint64_t factor = 0x9e3779b97f4a7c15u; /* 2^64 over the golden ratio, odd */

static inline uint64_t fold(uint64_t x)
{
    unsigned __int128 p = (unsigned __int128)x * factor;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static inline uint64_t word_at(const uint8_t *p, size_t n)
{
    uint64_t w = 0;
    memcpy(&w, p, n);
    return w;
}

uint64_t hash_add(uint64_t h, const void *p, size_t n)
{
    const uint8_t *b = p;
    uint64_t lane[LANES];
    size_t i = 0;
    for (int k = 0; k < LANES; k++) lane[k] = fold(h + factor * (uint64_t)(k + 1));
    for (; n - i >= sizeof lane; i += sizeof lane)
        for (size_t k = 0; k < LANES; k++) lane[k] = fold(lane[k] ^ word_at(b + i + 8 * k, 8));
    for (size_t k = 0; i < n; k++) {
        size_t take = n - i < 8 ? n - i : 8;
        lane[k] = fold(lane[k] ^ word_at(b + i, take));
        i += take;
    }
    h = n;
    for (int k = 0; k < LANES; k++) h = fold((h ^ lane[k]) + factor);
    return h;
}
