/* dtype.h -- the element types a tensor can be stored in, as data.
 *
 * Adding a type is one codec file (codec_*.c), which defines dtype_def_NAME, and here its line in DTYPES.
 * Everything above asks the table, so it then decodes, trains, evaluates and generates everywhere.
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

/* Plain elements; GGUF blocks; bitsandbytes, whose scales lie in tensor.q. New ones go to the end. */
#define DTYPES(X)                                                                                            \
    X(F32, f32) X(F16, f16) X(BF16, bf16) X(F64, f64)                                                        \
    X(I8, i8) X(U8, u8) X(I16, i16) X(I32, i32) X(I64, i64) X(BOOL, bool)                                    \
    X(Q4_0, q4_0) X(Q4_1, q4_1) X(Q5_0, q5_0) X(Q5_1, q5_1) X(Q8_0, q8_0)                                    \
    X(Q2_K, q2_k) X(Q3_K, q3_k) X(Q4_K, q4_k) X(Q5_K, q5_k) X(Q6_K, q6_k)                                    \
    X(NF4, nf4) X(FP4, fp4) X(INT8, int8)

#define X(NAME, name) DT_##NAME,
typedef enum dtype { DTYPES(X) DT_COUNT } dtype;
#undef X

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

extern const dtype_info *const dtype_table[DT_COUNT];
#define X(NAME, name) extern const dtype_info dtype_def_##name;
DTYPES(X)
#undef X

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
