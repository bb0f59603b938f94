/* dtype.c -- the table of element types, and the two half precisions.
 *
 *   f16   s eeeee mmmmmmmmmm       bias 15, subnormals
 *   bf16  s eeeeeeee mmmmmmm       the upper half of an f32
 *
 * Both round to nearest, ties to even. A NaN stays one; where the width changes by more than a shift
 * it is made quiet, as processors do. */
#include "tensor/dtype.h"

#include "tensor/block.h"
#include "tensor/codec.h"

#include <string.h>
#include <strings.h>

#define PLAIN(NAME, SIZE) .name = NAME, .per_block = 1, .block_bytes = SIZE
#define FLOAT(NAME, SIZE, F) PLAIN(NAME, SIZE), .is_weight = true, .decode = F##_decode
#define BLOCKS(F, PER)                                                                                       \
    .name = #F, .per_block = PER, .block_bytes = sizeof(block_##F), .is_weight = true, .is_quantized = true, \
    .decode = F##_decode, .encode = F##_encode
#define BNB(NAME, PER, F, G)                                                                                 \
    .name = NAME, .per_block = PER, .block_bytes = 1, .is_weight = true, .is_quantized = true,               \
    .decode = F##_decode, .encode = G##_encode

const dtype_info dtype_table[DT_COUNT] = {
    [DT_F32] = {FLOAT("f32", 4, f32), .encode = f32_encode},
    [DT_F16] = {FLOAT("f16", 2, f16), .encode = f16_encode},
    [DT_BF16] = {FLOAT("bf16", 2, bf16), .encode = bf16_encode},
    [DT_F64] = {FLOAT("f64", 8, f64)},
    [DT_I8] = {PLAIN("i8", 1), .decode = i8_decode},
    [DT_U8] = {PLAIN("u8", 1), .decode = u8_decode},
    [DT_I16] = {PLAIN("i16", 2), .decode = i16_decode},
    [DT_I32] = {PLAIN("i32", 4), .decode = i32_decode},
    [DT_I64] = {PLAIN("i64", 8), .decode = i64_decode},
    [DT_BOOL] = {PLAIN("bool", 1)},
    [DT_Q4_0] = {BLOCKS(q4_0, Q_BLOCK)},
    [DT_Q4_1] = {BLOCKS(q4_1, Q_BLOCK)},
    [DT_Q5_0] = {BLOCKS(q5_0, Q_BLOCK)},
    [DT_Q5_1] = {BLOCKS(q5_1, Q_BLOCK)},
    [DT_Q8_0] = {BLOCKS(q8_0, Q_BLOCK)},
    [DT_Q2_K] = {BLOCKS(q2_k, K_BLOCK)},
    [DT_Q3_K] = {BLOCKS(q3_k, K_BLOCK)},
    [DT_Q4_K] = {BLOCKS(q4_k, K_BLOCK)},
    [DT_Q5_K] = {BLOCKS(q5_k, K_BLOCK)},
    [DT_Q6_K] = {BLOCKS(q6_k, K_BLOCK)},
    [DT_NF4] = {BNB("nf4", 2, nf4, nf4)},
    [DT_FP4] = {BNB("fp4", 2, nf4, fp4)},
    [DT_INT8] = {BNB("int8", 1, int8, int8)},
};

const char *dtype_name(dtype t) { return dtype_table[t].name; }

dtype dtype_find(const char *name)
{
    int t = 0;
    while (t < DT_COUNT && strcasecmp(dtype_table[t].name, name)) t++;
    return (dtype)t;
}

size_t dtype_bytes(dtype t, int64_t n)
{
    const dtype_info *d = &dtype_table[t];
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
