/* decode.h -- rows of a stored weight as floats, fast. */
#ifndef KERNEL_DECODE_H
#define KERNEL_DECODE_H

#include "kernel/cpu/isa/isa.h"
#include "tensor/tensor.h"

/* Elements [first, first + n) of logical row `row`: the same bits as tensor_decode(), for every type. */
#define row_decode NAME(row_decode)
void row_decode(const tensor *t, int64_t row, int64_t first, int64_t n, float *dst);

/* One decoder a type or a family, by stored row; the table in decode.c names them. */
typedef void decode_fn(const tensor *t, int64_t row, int64_t first, int64_t n, float *dst);

#define decode_f32 NAME(decode_f32)
#define decode_f16 NAME(decode_f16)
#define decode_bf16 NAME(decode_bf16)
#define decode_nf4 NAME(decode_nf4)
#define decode_int8 NAME(decode_int8)
#define decode_q4_0 NAME(decode_q4_0)
#define decode_q4_1 NAME(decode_q4_1)
#define decode_q5_0 NAME(decode_q5_0)
#define decode_q5_1 NAME(decode_q5_1)
#define decode_q8_0 NAME(decode_q8_0)
#define decode_q2_k NAME(decode_q2_k)
#define decode_q3_k NAME(decode_q3_k)
#define decode_q4_k NAME(decode_q4_k)
#define decode_q5_k NAME(decode_q5_k)
#define decode_q6_k NAME(decode_q6_k)
decode_fn decode_f32, decode_f16, decode_bf16, decode_nf4, decode_int8, decode_q4_0, decode_q4_1, decode_q5_0,
    decode_q5_1, decode_q8_0, decode_q2_k, decode_q3_k, decode_q4_k, decode_q5_k, decode_q6_k;

#endif
