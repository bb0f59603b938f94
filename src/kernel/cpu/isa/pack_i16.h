/* pack_i16.h -- the two operands of an integer matrix product as panels: see pack_i16.c. */
#ifndef KERNEL_PACK_I16_H
#define KERNEL_PACK_I16_H

#include "kernel/cpu/isa/pack.h"

enum {
    I16_DEEP = 384,    /* the most k of a block */
    I16_LARGEST = 32767,
    I16_NORM = 46300,  /* the most sqrt(sum q^2) of a block: see pack_i16.c */
    I16_SCRATCH = I16_DEEP * PACK_SEGMENT + 2 * PACK_SEGMENT, /* floats */
};

/* A block of k: one line of scales, then the pairs; k at most I16_DEEP. Lines are MR or NR words. */
static inline int64_t i16_lines(int64_t k) { return 1 + (k + 1) / 2; }

/* A row of k floats as words of two int16, zeros up to a whole vector, of magnitudes up to `largest` and of
 * norm up to `norm` (but for rounding); returns the scale. */
#define quantize_i16 NAME(quantize_i16)
float quantize_i16(const float *x, int64_t k, float largest, float norm, float *words);

/* As pack_x(), pack_forward() and pack_gradient(), for one block. */
#define pack_x_i16 NAME(pack_x_i16)
void pack_x_i16(const float *x, int64_t ldx, int rows, int64_t k, float *panel, float *scratch);
#define pack_forward_i16 NAME(pack_forward_i16)
void pack_forward_i16(const tensor *w, int64_t n0, int cols, int64_t k0, int64_t k, float *panel,
                      float *scratch);
#define pack_gradient_i16 NAME(pack_gradient_i16)
void pack_gradient_i16(const tensor *w, int64_t k0, int64_t k, int64_t n0, int64_t cols, float *panels,
                       int64_t apart, float *scratch);

#endif
