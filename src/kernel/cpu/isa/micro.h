/* micro.h -- one tile of a matrix product: see micro.c. */
#ifndef KERNEL_MICRO_H
#define KERNEL_MICRO_H

#include "kernel/cpu/isa/isa.h"

/* c (rows, cols) = a^T b + init; a is read at a[k * lda + row], b at b[k * ldb + col]. Of b, whole
 * vectors are read: cols rounded up to VL floats must exist in every row. */
typedef struct tile {
    const float *a, *b;
    int64_t k, lda, ldb;
    const float *a_more, *b_more; /* `more` further k, with the same lda and ldb */
    int64_t more;
    float *c;
    int64_t ldc;
    const float *init; /* NULL: zeros; may be c itself; ldi 0: the same row for all */
    int64_t ldi;
} tile;

#define tile_run NAME(tile_run)
void tile_run(const tile *t, int rows, int cols); /* 1..MR rows, 1..NR columns */

/* Multiply-adds with all operands in registers; returns how many floating-point operations it did. */
#define peak_flops NAME(peak_flops)
double peak_flops(int64_t turns);
#define peak_read NAME(peak_read)
float peak_read(const float *p, int64_t n); /* n a multiple of 4 * VL */

#endif
