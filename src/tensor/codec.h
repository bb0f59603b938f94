/* codec.h -- what the codec files offer to tensor.c, and share among themselves.
 *
 * Here `row` is a row as stored (tensor_file_row() was applied by tensor_decode()). Functions on
 * one block are pure: blocks may be done in any order, by any thread. */
#ifndef TENSOR_CODEC_H
#define TENSOR_CODEC_H

#include "tensor/block.h"
#include "tensor/tensor.h"

#define CODEC_DECODE(NAME)                                                                                   \
    static void NAME##_decode(const tensor *t, int64_t row, int64_t first, int64_t n, float *dst)
#define CODEC_ENCODE(NAME) static void NAME##_encode(tensor *dst, const float *src)

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

/* A quantized weight type with NAME_decode and NAME_encode; defines dtype_def_NAME. */
#define CODEC_DEF(NAME, PER, BYTES)                                                                          \
    const dtype_info dtype_def_##NAME = {.name = #NAME,                                                      \
                                         .per_block = PER,                                                   \
                                         .block_bytes = BYTES,                                               \
                                         .is_weight = true,                                                  \
                                         .is_quantized = true,                                               \
                                         .decode = NAME##_decode,                                            \
                                         .encode = NAME##_encode};

/* The whole type from NAME_get and NAME_put, for blocks of PER elements in a struct block_NAME. */
#define CODEC_OF_BLOCKS(NAME, PER)                                                                           \
    CODEC_DECODE(NAME) { codec_decode(t, row, first, n, dst, NAME##_get); }                                  \
    CODEC_ENCODE(NAME) { codec_encode(dst, src, NAME##_put); }                                               \
    static_assert((PER) <= K_BLOCK, "codec_decode() has room for one block of K_BLOCK");                     \
    CODEC_DEF(NAME, PER, sizeof(block_##NAME))

/* x within [lo, hi], lo for a NaN: what may be converted to an integer. */
static inline float codec_clamp(float x, float lo, float hi) { return x > lo ? (x < hi ? x : hi) : lo; }

#endif
