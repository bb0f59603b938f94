/* codec.h -- what the codec files offer to dtype.c and tensor.c, and share among themselves.
 *
 * Here `row` is a row as stored (tensor_file_row() was applied by tensor_decode()). Functions on
 * one block are pure: blocks may be done in any order, by any thread. */
#ifndef TENSOR_CODEC_H
#define TENSOR_CODEC_H

#include "tensor/tensor.h"

#define CODEC_DECODE(NAME)                                                                                   \
    void NAME##_decode(const tensor *t, int64_t row, int64_t first, int64_t n, float *dst)
#define CODEC_ENCODE(NAME) void NAME##_encode(tensor *dst, const float *src)

CODEC_DECODE(f32);
CODEC_ENCODE(f32);
CODEC_DECODE(f16);
CODEC_ENCODE(f16);
CODEC_DECODE(bf16);
CODEC_ENCODE(bf16);
CODEC_DECODE(f64);
CODEC_DECODE(i8);
CODEC_DECODE(u8);
CODEC_DECODE(i16);
CODEC_DECODE(i32);
CODEC_DECODE(i64);
CODEC_DECODE(q4_0);
CODEC_ENCODE(q4_0);
CODEC_DECODE(q4_1);
CODEC_ENCODE(q4_1);
CODEC_DECODE(q5_0);
CODEC_ENCODE(q5_0);
CODEC_DECODE(q5_1);
CODEC_ENCODE(q5_1);
CODEC_DECODE(q8_0);
CODEC_ENCODE(q8_0);
CODEC_DECODE(q2_k);
CODEC_ENCODE(q2_k);
CODEC_DECODE(q3_k);
CODEC_ENCODE(q3_k);
CODEC_DECODE(q4_k);
CODEC_ENCODE(q4_k);
CODEC_DECODE(q5_k);
CODEC_ENCODE(q5_k);
CODEC_DECODE(q6_k);
CODEC_ENCODE(q6_k);
CODEC_DECODE(nf4);
CODEC_ENCODE(nf4);
CODEC_ENCODE(fp4); /* decoded by nf4_decode: the levels are in the tensor */
CODEC_DECODE(int8);
CODEC_ENCODE(int8);

/* The 16 levels of DT_NF4 or DT_FP4. */
const float *nf4_levels(dtype t);

/* The double quantization of all block maxima into q, whose arrays and nested_map are set up. */
enum { NESTED_BLOCK = 256 };
void nf4_nest(quant *q, const float *absmax, int64_t blocks);

/* Blocks of the type's size within rows: one block to floats, and back. */
typedef void codec_get(const void *block, float *x);
typedef void codec_put(void *block, const float *x);
void codec_decode(const tensor *t, int64_t row, int64_t first, int64_t n, float *dst, codec_get *get);
void codec_encode(tensor *dst, const float *src, codec_put *put);

/* Defines NAME_decode and NAME_encode from NAME_get and NAME_put. */
#define CODEC_OF_BLOCKS(NAME)                                                                                \
    CODEC_DECODE(NAME) { codec_decode(t, row, first, n, dst, NAME##_get); }                                  \
    CODEC_ENCODE(NAME) { codec_encode(dst, src, NAME##_put); }

/* x within [lo, hi], lo for a NaN: what may be converted to an integer. */
static inline float codec_clamp(float x, float lo, float hi) { return x > lo ? (x < hi ? x : hi) : lo; }

#endif
