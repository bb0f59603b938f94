/* table.c -- the kernels of one instruction set. */
#include "kernel/cpu/isa/ops.h"

#include "kernel/cpu/isa/micro.h"

#define TEXT2(s) #s
#define TEXT(s) TEXT2(s)

const backend NAME(backend) = {
    .name = "cpu:" TEXT(ISA),
    .op = {
        [OP_linear] = {linear_forward, linear_backward, linear_workspace},
    },
    .flops = peak_flops,
    .read = peak_read,
};
