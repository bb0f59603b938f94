/* micro.h -- one tile of a matrix product: in floats see micro.c, in integers micro_i16.c. */
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

/* The same over blocks of packed int16, which start with their scales: k counts words, and lda and ldb are
 * MR and NR; and over units of bytes, which k counts. */
#define tile_run_i16 NAME(tile_run_i16)
void tile_run_i16(const tile *t, int rows, int cols);
#define tile_run_i8 NAME(tile_run_i8)
void tile_run_i8(const tile *t, int rows, int cols);
#define tile_run_codes NAME(tile_run_codes)
void tile_run_codes(const tile *t, int rows, int cols); /* x in two bytes; with VNNI */

/* c += a^T b over the further k alone, for those two. */
#define tile_run_more NAME(tile_run_more)
void tile_run_more(const tile *t, int rows, int cols);

/* clang-format off */
/* A kernel for every number of rows and vectors, so that a remainder costs no more than its own work: after
 * MICRO_ROWS(KERNEL), where KERNEL(R) defines micro_Rx1 and micro_Rx2, {MICRO_ROWS(MICRO_BOTH)} is their table. */
typedef void micro_fn(const tile *t);
#define MICRO_BOTH(R) {micro_##R##x1, micro_##R##x2},
#if ISA_ID == 0
#define MICRO_ROWS(X) X(1) X(2) X(3) X(4)
#elif ISA_ID == 1
#define MICRO_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#else
#define MICRO_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#endif
/* clang-format on */

/* Runs the kernel of the tile's size. Columns that do not fill vectors: a whole tile beside, then the
 * columns that exist. */
static inline void tile_run_any(micro_fn *const table[][NV], const tile *t, int rows, int cols)
{
    if (cols % VL == 0) {
        table[rows - 1][cols / VL - 1](t);
        return;
    }
    float c[MR * NR] __attribute__((aligned(64))), init[MR * NR] __attribute__((aligned(64)));
    tile whole = *t;
    whole.c = c;
    whole.ldc = NR;
    if (t->init) {
        memset(init, 0, sizeof init);
        for (int i = 0; i < rows; i++) memcpy(init + i * NR, t->init + i * t->ldi, (size_t)cols * sizeof *c);
        whole.init = init;
        whole.ldi = NR;
    }
    table[rows - 1][(cols - 1) / VL](&whole);
    for (int i = 0; i < rows; i++) memcpy(t->c + i * t->ldc, c + i * NR, (size_t)cols * sizeof *c);
}

/* Multiply-adds with all operands in registers; returns how many floating-point operations it did. */
#define peak_flops NAME(peak_flops)
double peak_flops(int64_t turns);
#define peak_i16 NAME(peak_i16)
double peak_i16(int64_t turns);
#define peak_i8 NAME(peak_i8)
double peak_i8(int64_t turns);
#define peak_read NAME(peak_read)
float peak_read(const float *p, int64_t n); /* n a multiple of 4 * VL */

#endif
