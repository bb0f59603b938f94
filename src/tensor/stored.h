/* stored.h -- a converted tensor as bytes to be written, and again as a tensor over them. */
#ifndef TENSOR_STORED_H
#define TENSOR_STORED_H

#include "tensor/tensor.h"

/* A converted tensor on disk is its arrays one behind the other, each at a multiple of 64 bytes: data,
 * absmax, code, nested_absmax, nested_offset, scb, those that its type has. tensor_arrays() points to them in
 * that order and returns how many there are; tensor_stored_bytes() says how many bytes all of such a tensor
 * are, which follows from type and shape alone; tensor_view() makes of those bytes, which it goes on pointing
 * to, the tensor that tensor_alloc() and tensor_convert() made, its scales in *q. Any bytes at all make a
 * tensor that can be decoded. */
typedef struct tensor_array {
    const void *p;
    size_t bytes;
} tensor_array;
enum { TENSOR_ARRAYS = 6 };
int    tensor_arrays(const tensor *t, tensor_array out[TENSOR_ARRAYS]);
size_t tensor_stored_bytes(dtype t, int64_t rows, int64_t cols, tensor_absmax absmax);
void   tensor_view(tensor *out, quant *q, dtype t, int64_t rows, int64_t cols, tensor_absmax absmax,
                   const void *stored);

#endif
