/* few.h -- linear forward for a few rows: see few.c. */
#ifndef KERNEL_FEW_H
#define KERNEL_FEW_H

#include "kernel/backend.h"
#include "kernel/cpu/isa/isa.h"
#include "tensor/tensor.h"

enum { FEW = 4 };

/* The linear instruction i, without dropout, on 1..FEW rows. */
#define few_forward NAME(few_forward)
#define few_workspace NAME(few_workspace)
void few_forward(const run *r, const value *v, const instr *i);
size_t few_workspace(const value *v, const instr *i, int threads);

/* Rows of x in integers: (rows, stride) words, the sums of every 32 numbers (rows, sums_stride), a scale
 * each. */
typedef struct few_x {
    const float *q, *sums;
    int64_t stride, sums_stride, units;
    float scale[FEW];
} few_x;

/* Whether stored rows of w can be multiplied as they are (see few_i16.c). */
#define few_i16_can NAME(few_i16_can)
bool few_i16_can(const tensor *w);
/* Floats of `store` for rows of x that are `in` long, and x there. */
#define few_i16_floats NAME(few_i16_floats)
int64_t few_i16_floats(int64_t in);
#define few_i16_round NAME(few_i16_round)
void few_i16_round(few_x *x, const tensor *w, const float *from, int64_t rows, int64_t in, float *store);
/* The levels of NF4 and FP4 as int16, twice, and their bytes; other types have none. */
typedef struct few_levels {
    int16_t whole[32];
    uint8_t low[16], high[16];
} few_levels;
#define few_i16_levels NAME(few_i16_levels)
void few_i16_levels(const tensor *w, few_levels *l);
/* to (n, rows) = rows [o, o + n) of w times the rows of x. */
#define few_i16_dots NAME(few_i16_dots)
void few_i16_dots(const tensor *w, int64_t o, int64_t n, const few_x *x, int64_t rows,
                  const few_levels *levels, float *to);

#endif
