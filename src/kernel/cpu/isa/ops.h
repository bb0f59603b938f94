/* ops.h -- the kernels of this instruction set, as table.c lists them. */
#ifndef KERNEL_OPS_H
#define KERNEL_OPS_H

#include "kernel/backend.h"
#include "kernel/cpu/isa/isa.h"

#define linear_forward NAME(linear_forward)
#define linear_backward NAME(linear_backward)
#define linear_workspace NAME(linear_workspace)
kernel_fn linear_forward, linear_backward;
size_t    linear_workspace(const value *v, const instr *i, int threads);

#endif
