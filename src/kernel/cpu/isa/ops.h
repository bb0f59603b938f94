/* ops.h -- the kernels of this instruction set, as table.c lists them. */
#ifndef KERNEL_OPS_H
#define KERNEL_OPS_H

#include "kernel/backend.h"
#include "kernel/cpu/isa/isa.h"

#define linear_forward NAME(linear_forward)
#define linear_backward NAME(linear_backward)
#define linear_workspace NAME(linear_workspace)
kernel_fn linear_forward, linear_backward;
size_t linear_workspace(const value *v, const instr *i, const setup *s);

#define attention_forward NAME(attention_forward)
#define attention_backward NAME(attention_backward)
#define attention_workspace NAME(attention_workspace)
#define cached_attention_forward NAME(cached_attention_forward)
kernel_fn attention_forward, attention_backward, cached_attention_forward;
size_t attention_workspace(const value *v, const instr *i, const setup *s);

#define disentangled_forward NAME(disentangled_forward)
#define disentangled_backward NAME(disentangled_backward)
#define disentangled_workspace NAME(disentangled_workspace)
kernel_fn disentangled_forward, disentangled_backward;
size_t disentangled_workspace(const value *v, const instr *i, const setup *s);

#define head_forward NAME(head_forward)
#define head_workspace NAME(head_workspace)
kernel_fn head_forward;
size_t head_workspace(const value *v, const instr *i, const setup *s);

#define experts_workspace NAME(experts_workspace)
#define experts_forward NAME(experts_forward)
#define experts_backward NAME(experts_backward)
#define spread_forward NAME(spread_forward)
#define spread_backward NAME(spread_backward)
#define combine_forward NAME(combine_forward)
#define combine_backward NAME(combine_backward)
#define rowgate_forward NAME(rowgate_forward)
#define rowgate_backward NAME(rowgate_backward)
kernel_fn experts_forward, experts_backward, spread_forward, spread_backward, 
    combine_forward, combine_backward, rowgate_forward, rowgate_backward;
size_t experts_workspace(const value *v, const instr *i, const setup *s);

#define embed_forward NAME(embed_forward)
#define gather_forward NAME(gather_forward)
#define rmsnorm_forward NAME(rmsnorm_forward)
#define rmsnorm_backward NAME(rmsnorm_backward)
#define rmsnorm_workspace NAME(rmsnorm_workspace)
#define rope_forward NAME(rope_forward)
#define rope_backward NAME(rope_backward)
#define swiglu_forward NAME(swiglu_forward)
#define swiglu_backward NAME(swiglu_backward)
#define geglu_forward NAME(geglu_forward)
#define geglu_backward NAME(geglu_backward)
#define geglu_exact_forward NAME(geglu_exact_forward)
#define geglu_exact_backward NAME(geglu_exact_backward)
#define softcap_forward NAME(softcap_forward)
#define columns_forward NAME(columns_forward)
#define columns_backward NAME(columns_backward)
#define add_forward NAME(add_forward)
#define add_backward NAME(add_backward)
#define dropout_forward NAME(dropout_forward)
#define dropout_backward NAME(dropout_backward)
kernel_fn embed_forward, gather_forward, rmsnorm_forward, rmsnorm_backward, rope_forward, rope_backward,
    swiglu_forward, swiglu_backward, geglu_forward, geglu_backward, geglu_exact_forward, geglu_exact_backward,
    softcap_forward, columns_forward, columns_backward, add_forward, add_backward, dropout_forward,
    dropout_backward;
size_t rmsnorm_workspace(const value *v, const instr *i, const setup *s);

#define layernorm_forward NAME(layernorm_forward)
#define layernorm_backward NAME(layernorm_backward)
#define layernorm_workspace NAME(layernorm_workspace)
kernel_fn layernorm_forward, layernorm_backward;
size_t layernorm_workspace(const value *v, const instr *i, const setup *s);

#define activation_forward NAME(activation_forward)
#define activation_backward NAME(activation_backward)
#define dense_forward NAME(dense_forward)
#define dense_backward NAME(dense_backward)
kernel_fn activation_forward, activation_backward, dense_forward, dense_backward;

#endif
