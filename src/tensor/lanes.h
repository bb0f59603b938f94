/* lanes.h -- four floats at a time, in the vector extension that gcc and clang share. */
#ifndef TENSOR_LANES_H
#define TENSOR_LANES_H

#include <stdint.h>
#include <string.h>

enum { LANES = 4 };

typedef float   lanes __attribute__((vector_size(16)));
typedef int32_t lanes_mask __attribute__((vector_size(16)));

static inline lanes lanes_at(const float *x)
{
    lanes v;
    memcpy(&v, x, sizeof v);
    return v;
}

static inline lanes lanes_pick(lanes_mask m, lanes a, lanes b)
{
    return (lanes)((m & (lanes_mask)a) | (~m & (lanes_mask)b));
}

static inline lanes lanes_min(lanes v, float top) { return lanes_pick(v < top, v, (lanes){0} + top); }
static inline lanes lanes_max(lanes v, float low) { return lanes_pick(v > low, v, (lanes){0} + low); }

/* To whole numbers, halves to even; |v| below 2^22. */
static inline lanes lanes_round(lanes v) { return (v + 0x1.8p23f) - 0x1.8p23f; }

static inline float lanes_sum(lanes v) { return (v[0] + v[1]) + (v[2] + v[3]); }

#endif
