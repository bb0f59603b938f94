/* extent.h -- the arrays that a tensor of a type is made of, and how large they are: for tensor.c, which allocates
 * them, and stored.c, which writes them and finds them again. */
#ifndef TENSOR_EXTENT_H
#define TENSOR_EXTENT_H

#include "tensor/codec.h"
#include "tensor/dynamic.h"

#include <string.h>

static inline bool is_flat(dtype t) { return t == DT_NF4 || t == DT_FP4; }

/* Bytes of the arrays behind a quant, and of all of a tensor's memory. */
typedef struct extent {
    size_t absmax, code, nested, scb, total;
} extent;

static inline size_t round_up(size_t n) { return (n + 63) & ~(size_t)63; }

static inline int64_t blocks_of(int64_t n, int64_t block) { return n / block + (n % block != 0); }

/* `block` is 0 for types without a quant; `nested`: block scales to one of theirs. */
static inline extent extent_of(dtype t, int64_t rows, int64_t cols, int64_t block, int64_t nested,
                               tensor_absmax absmax, size_t data)
{
    extent x = {0};
    if (is_flat(t)) {
        size_t blocks = (size_t)blocks_of(rows * cols, block);
        if (absmax == ABSMAX_PLAIN) {
            x.absmax = blocks * sizeof(float);
        } else {
            x.code = blocks;
            x.nested = (size_t)blocks_of((int64_t)blocks, nested) * sizeof(float);
        }
    } else if (t == DT_INT8) {
        x.scb = (size_t)rows * sizeof(float);
    }
    size_t arrays = round_up(x.absmax) + round_up(x.code) + round_up(x.nested) + round_up(x.scb);
    x.total = round_up(data) + (arrays ? round_up(sizeof(quant)) + arrays : 0);
    return x;
}

static inline void *place(char **at, size_t bytes)
{
    char *p = bytes ? *at : NULL;
    *at += round_up(bytes);
    return p;
}

enum { BLOCK = 64 };

/* What a quant says that is no array: the levels of its type. */
static inline void init_quant(quant *q, dtype t)
{
    if (is_flat(t)) {
        q->block = BLOCK;
        memcpy(q->map, nf4_levels(t), sizeof q->map);
    }
    if (q->code) {
        q->nested_block = NESTED_BLOCK;
        dynamic_map(q->nested_map);
    }
}

static inline extent extent_in(const tensor *t)
{
    const quant *q = t->q;
    return extent_of(t->type, tensor_rows(t), tensor_cols(t), q ? q->block : 0, q ? q->nested_block : 0,
                     q && q->code ? ABSMAX_DOUBLE : ABSMAX_PLAIN, t->bytes);
}

#endif
