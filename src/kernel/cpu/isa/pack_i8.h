/* pack_i8.h -- the two operands of a product over stored codes as panels: see pack_i8.c. */
#ifndef KERNEL_PACK_I8_H
#define KERNEL_PACK_I8_H

#include "kernel/cpu/isa/pack.h"
#include "kernel/cpu/isa/units.h"

/* Lines of MR or NR words that a unit of 32 k takes: two of scales, then its bytes. */
enum { I8_LINES = 2 + UNIT / 4, I8_LINES_WIDE = 2 + UNIT / 2 /* x in two bytes */ };
enum { I8_DEEP = 384 /* the most k of a block */ };

/* Whether w can be the weight of a forward product this way. */
#define pack_i8_can NAME(pack_i8_can)
bool pack_i8_can(const tensor *w);

/* Whether its codes are taken as they are; levels of NF4 and FP4 are rounded. */
#define pack_i8_exact NAME(pack_i8_exact)
bool pack_i8_exact(const tensor *w);

/* As pack_x() and pack_forward(), for one block; k0 and k are multiples of UNIT, of NF4_BLOCK for NF4 and FP4.
 * x is rounded to `bytes` bytes, 1 or 2: I8_LINES or I8_LINES_WIDE. */
#define pack_x_i8 NAME(pack_x_i8)
void pack_x_i8(const float *x, int64_t ldx, int rows, int64_t k, int bytes, float *panel, float *scratch);
#define pack_forward_i8 NAME(pack_forward_i8)
void pack_forward_i8(const tensor *w, int64_t n0, int cols, int64_t k0, int64_t k, float *panel, float *scratch);

#endif
