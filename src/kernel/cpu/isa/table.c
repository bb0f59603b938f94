/* table.c -- the kernels of one instruction set. */
#include "kernel/cpu/isa/ops.h"

#include "kernel/cpu/isa/micro.h"

#define TEXT2(s) #s
#define TEXT(s) TEXT2(s)

const backend NAME(backend) = {
    .name = "cpu:" TEXT(ISA),
    .op = {
        [OP_linear] = {linear_forward, linear_backward, linear_workspace},
        [OP_attention] = {attention_forward, attention_backward, attention_workspace},
        [OP_cached_attention] = {cached_attention_forward, NULL, attention_workspace},
        [OP_head] = {head_forward, NULL, head_workspace},
    },
    .flops = peak_flops,
    .read = peak_read,
};
