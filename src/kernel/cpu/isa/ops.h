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

#define attention_forward NAME(attention_forward)
#define attention_backward NAME(attention_backward)
#define attention_workspace NAME(attention_workspace)
#define cached_attention_forward NAME(cached_attention_forward)
kernel_fn attention_forward, attention_backward, cached_attention_forward;
size_t    attention_workspace(const value *v, const instr *i, int threads);

#define head_forward NAME(head_forward)
#define head_workspace NAME(head_workspace)
kernel_fn head_forward;
size_t    head_workspace(const value *v, const instr *i, int threads);

#endif
