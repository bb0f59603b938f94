/* dtype.c -- the table of element types, and the two half precisions.
 *
 *   f16   s eeeee mmmmmmmmmm       bias 15, subnormals
 *   bf16  s eeeeeeee mmmmmmm       the upper half of an f32
 *
 * Both round to nearest, ties to even. A NaN stays one; where the width changes by more than a shift
 * it is made quiet, as processors do. */
#include "tensor/dtype.h"

#include <string.h>
#include <strings.h>

#define X(NAME, name) [DT_##NAME] = &dtype_def_##name,
const dtype_info *const dtype_table[DT_COUNT] = {DTYPES(X)};
#undef X

const char *dtype_name(dtype t) { return dtype_table[t]->name; }

dtype dtype_find(const char *name)
{
    int t = 0;
    while (t < DT_COUNT && strcasecmp(dtype_table[t]->name, name)) t++;
    return (dtype)t;
}

size_t dtype_bytes(dtype t, int64_t n)
{
    const dtype_info *d = dtype_table[t];
    bool flat = t == DT_NF4 || t == DT_FP4; /* the last byte may hold one element */
    size_t bytes;
    if (n < 0 || (!flat && n % d->per_block)) return 0;
    int64_t blocks = n / d->per_block + (n % d->per_block != 0);
    return __builtin_mul_overflow((size_t)blocks, (size_t)d->block_bytes, &bytes) ? 0 : bytes;
}

static uint32_t bits_of(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static float float_of(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

float f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = (uint32_t)(h & 0x7fff) << 13;
    if (rest >= 0x7c00u << 13) { /* infinity, or a NaN whose quiet bit gets set */
        uint32_t quiet = rest > 0x7c00u << 13 ? 0x400000 : 0;
        return float_of(sign | 0x7f800000 | rest | quiet);
    }
    if (rest >= 0x0400u << 13) return float_of(sign | (rest + ((127u - 15u) << 23)));
    float tiny = (float)(h & 0x7fff) * 0x1p-24f;
    return sign ? -tiny : tiny;
}

uint16_t f32_to_f16(float f)
{
    uint32_t u = bits_of(f), sign = u >> 16 & 0x8000, rest = u & 0x7fffffff;
    if (rest > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (rest >> 13 & 0x3ff));
    if (rest >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* 65520, halfway to 2^16, and above */
    if (rest < 0x38800000) { /* below 2^-14: adding 1/2 rounds at 2^-24, the unit of the subnormals */
        return (uint16_t)(sign | (bits_of(float_of(rest) + 0.5f) - 0x3f000000));
    }
    rest += 0xfff + (rest >> 13 & 1);
    return (uint16_t)(sign | (rest - ((127u - 15u) << 23)) >> 13);
}

float bf16_to_f32(uint16_t h) { return float_of((uint32_t)h << 16); }

uint16_t f32_to_bf16(float f)
{
    uint32_t u = bits_of(f);
    if ((u & 0x7fffffff) > 0x7f800000) return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
