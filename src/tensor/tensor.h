/* tensor.h -- a named view of stored numbers. It owns nothing unless tensor_alloc() made it.
 *
 * dim[0] is the slowest dimension. A weight matrix is (out, in): y = x W^T. The row order seen
 * through tensor_row() is always that of Hugging Face checkpoints; `pair_dim` says that the file
 * holds the rows of each head of that many rows in the order GGUF uses for the rotary pairs of
 * Llama's q and k (row 2i, 2i+1 of the file are rows i and i + pair_dim/2 of the head), and
 * tensor_row() looks up the right one, so nobody above has to know. */
#ifndef TENSOR_TENSOR_H
#define TENSOR_TENSOR_H

#include "base/arena.h"
#include "tensor/dtype.h"

/* Scales of the bitsandbytes types. Block b of the flat tensor covers elements
 * [b * block, (b + 1) * block). */
typedef struct quant {
    int64_t  block;               /* NF4, FP4: elements in a block, 64 unless the file says else */
    float   *absmax;              /* NF4, FP4 without double quantization: one a block; else NULL */
    uint8_t *code;                /* with double quantization: one a block, into nested_map */
    float   *nested_absmax;       /* one for every nested_block codes */
    int64_t  nested_block;        /* 256 */
    float    nested_offset;
    float    nested_map[256];
    float    map[16];             /* the 16 levels, normally the type's own table */
    float   *scb;                 /* INT8: the absolute maximum of each row */
} quant;

enum { TENSOR_DIMS = 5 }; /* of a convolution over time, which a model that sees may hold */

typedef struct tensor {
    const char  *name;
    dtype        type;
    int          ndim;
    int64_t      dim[TENSOR_DIMS]; /* unused ones of the first four are 1 */
    int64_t      pair_dim;        /* 0, or the head size: see above */
    const void  *data;            /* NULL in a plan without data */
    size_t       bytes;           /* of data */
    const quant *q;               /* bitsandbytes types, else NULL */
} tensor;

int64_t tensor_count(const tensor *t);                 /* elements */
int64_t tensor_rows(const tensor *t);                  /* product of all dimensions but the last */
int64_t tensor_cols(const tensor *t);                  /* the last dimension */
int64_t tensor_file_row(const tensor *t, int64_t row); /* where logical row `row` is stored */

/* Address of logical row `row` (types whose rows are contiguous: all but NF4 and FP4 with rows that
 * are not whole bytes). */
const void *tensor_row(const tensor *t, int64_t row);

/* Elements [first, first + n) of logical row `row` as floats, whatever the type. */
void tensor_decode(const tensor *t, int64_t row, int64_t first, int64_t n, float *dst);

/* Storage for a (rows, cols) tensor of type t: data and, for bitsandbytes types, its scales; double
 * quantization unless `plain_absmax`. tensor_release() frees it. Fails when cols is not a whole
 * number of blocks of the type, or memory is short. */
typedef enum tensor_absmax { ABSMAX_DOUBLE, ABSMAX_PLAIN } tensor_absmax;
int  tensor_alloc(tensor *out, dtype t, int64_t rows, int64_t cols, tensor_absmax absmax, err *e);
void tensor_release(tensor *t);

/* Everything a tensor occupies: data and scales. */
size_t tensor_bytes(const tensor *t);

/* dst (allocated as above) = src re-encoded, a block of rows at a time, never a whole tensor of
 * floats for row-wise types; pair_dim of src is undone. Bit-identical to encoding the whole. */
int tensor_convert(tensor *dst, const tensor *src, err *e);

#endif
