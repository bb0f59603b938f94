/* pack.h -- the two operands of a matrix product as panels: see pack.c. */
#ifndef KERNEL_PACK_H
#define KERNEL_PACK_H

#include "kernel/cpu/isa/isa.h"
#include "tensor/tensor.h"

/* Which way a stored (out, in) weight is used: y = x W^T sums over in, dx = dy W sums over out. */
typedef enum direction { FORWARD, GRADIENT } direction;

enum {
    PACK_SEGMENT = 128,               /* columns decoded at a time: a multiple of every NR */
    PACK_SCRATCH = NR * PACK_SEGMENT, /* floats */
};

/* rows (at most MR) of x, ldx floats apart, columns [0, k), as a panel (k, MR); missing rows zero. */
#define pack_x NAME(pack_x)
void pack_x(const float *x, int64_t ldx, int rows, int64_t k, float *panel);

/* FORWARD: rows [n0, n0 + cols) of w (cols at most NR), columns [k0, k0 + k), as a panel (k, NR). */
#define pack_forward NAME(pack_forward)
void pack_forward(const tensor *w, int64_t n0, int cols, int64_t k0, int64_t k, float *panel, float *scratch);

/* GRADIENT: rows [k0, k0 + k) of w, columns [n0, n0 + cols), as panels (k, NR), `apart` floats from one
 * to the next. Columns that do not exist are zero in both. */
#define pack_gradient NAME(pack_gradient)
void pack_gradient(const tensor *w, int64_t k0, int64_t k, int64_t n0, int64_t cols, float *panels,
                   int64_t apart, float *scratch);

/* NR rows of k words, transposed into the panel (k, NR); k up to the next multiple of 4 is read. */
#define pack_turn NAME(pack_turn)
void pack_turn(const float *rows, int64_t stride, int64_t k, float *panel);

#endif
