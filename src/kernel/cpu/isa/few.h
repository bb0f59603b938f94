/* few.h -- linear forward for a few rows: see few.c. */
#ifndef KERNEL_FEW_H
#define KERNEL_FEW_H

#include "kernel/backend.h"
#include "kernel/cpu/isa/isa.h"

enum { FEW = 4 };

/* The linear instruction i, without dropout, on 1..FEW rows. */
#define few_forward NAME(few_forward)
#define few_workspace NAME(few_workspace)
void few_forward(const run *r, const value *v, const instr *i);
size_t few_workspace(const value *v, const instr *i, int threads);

#endif
