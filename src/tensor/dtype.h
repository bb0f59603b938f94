/* dtype.h -- the element types a tensor can be stored in, as data.
 *
 * A type is one codec file (codec_*.c) and one row in dtype.c. Everything above asks the table, so a
 * new type decodes, trains, evaluates and generates everywhere once its row is there.
 *
 * A codec knows one row of a matrix at a time: `decode` gives elements [first, first + n) of row
 * `row`, counted as stored (tensor_decode() undoes `pair_dim`), as floats. For types with blocks of
 * `per_block` elements in a row, callers may ask for any range; it need not be aligned. `encode`
 * quantizes a whole tensor from floats (NULL: this type is only read). Plain C, the reference that
 * faster kernels are judged against. */
#ifndef TENSOR_DTYPE_H
#define TENSOR_DTYPE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum dtype {
    /* plain elements */
    DT_F32, DT_F16, DT_BF16, DT_F64, DT_I8, DT_U8, DT_I16, DT_I32, DT_I64, DT_BOOL,
    /* GGUF blocks */
    DT_Q4_0, DT_Q4_1, DT_Q5_0, DT_Q5_1, DT_Q8_0, DT_Q2_K, DT_Q3_K, DT_Q4_K, DT_Q5_K, DT_Q6_K,
    /* bitsandbytes: codes here, scales in tensor.q */
    DT_NF4, DT_FP4, DT_INT8,
    DT_COUNT
} dtype;

struct tensor;

typedef struct dtype_info {
    const char *name;      /* "q4_k", as users write it; lower case */
    int  per_block;        /* elements in a block; 1 for plain types */
    int  block_bytes;      /* sizeof the block struct; NF4 and FP4: 2 elements in 1 byte */
    bool is_weight;        /* can hold a weight matrix: decode is there (integers have it too) */
    bool is_quantized;
    void (*decode)(const struct tensor *t, int64_t row, int64_t first, int64_t n, float *dst);
    /* src: rows x cols floats. dst: tensor whose type, shape and storage (data and q's arrays,
     * writable) are set up by tensor_alloc(). */
    void (*encode)(struct tensor *dst, const float *src);
} dtype_info;

extern const dtype_info dtype_table[DT_COUNT];

const char *dtype_name(dtype t);
/* The type named so, DT_COUNT when there is none. Case does not matter. */
dtype dtype_find(const char *name);
/* Bytes of a row of n elements, or of a flat run of n for NF4/FP4; 0 when n is not a whole number of
 * blocks or the size overflows. */
size_t dtype_bytes(dtype t, int64_t n);

float    f16_to_f32(uint16_t h);
uint16_t f32_to_f16(float f); /* nearest, ties to even; overflow to infinity, NaN kept */
float    bf16_to_f32(uint16_t h);
uint16_t f32_to_bf16(float f); /* nearest, ties to even; NaN kept */

#endif
