/* table.c -- the kernels of one instruction set. What is missing runs as the operator's reference: the rope
 * table is once a step, and the gather's backward once a step as well. */
#include "kernel/cpu/isa/ops.h"

#include "kernel/cpu/isa/micro.h"

#define TEXT2(s) #s
#define TEXT(s) TEXT2(s)

const backend NAME(backend) = {
    .name = "cpu:" TEXT(ISA),
    .op =
        {
            [OP_embed] = {embed_forward, NULL, NULL},
            [OP_gather] = {gather_forward, NULL, NULL},
            [OP_rmsnorm] = {rmsnorm_forward, rmsnorm_backward, rmsnorm_workspace},
            [OP_linear] = {linear_forward, linear_backward, linear_workspace},
            [OP_rope] = {rope_forward, rope_backward, NULL},
            [OP_attention] = {attention_forward, attention_backward, attention_workspace},
            [OP_cached_attention] = {cached_attention_forward, NULL, attention_workspace},
            [OP_swiglu] = {swiglu_forward, swiglu_backward, NULL},
            [OP_geglu] = {geglu_forward, geglu_backward, NULL},
            [OP_geglu_exact] = {geglu_exact_forward, geglu_exact_backward, NULL},
            [OP_softcap] = {softcap_forward, NULL, NULL},
            [OP_columns] = {columns_forward, columns_backward, NULL},
            [OP_experts] = {experts_forward, experts_backward, experts_workspace},
            [OP_spread] = {spread_forward, spread_backward, NULL},
            [OP_combine] = {combine_forward, combine_backward, NULL},
            [OP_rowgate] = {rowgate_forward, rowgate_backward, NULL},
            [OP_add] = {add_forward, add_backward, NULL},
            [OP_dropout] = {dropout_forward, dropout_backward, NULL},
            [OP_layernorm] = {layernorm_forward, layernorm_backward, layernorm_workspace},
            [OP_activation] = {activation_forward, activation_backward, NULL},
            [OP_dense] = {dense_forward, dense_backward, NULL},
            [OP_disentangled] = {disentangled_forward, disentangled_backward, disentangled_workspace},
            [OP_head] = {head_forward, NULL, head_workspace},
        },
    .flops = {peak_flops, peak_i16, peak_i8},
    /* Plain C multiplies pairs of int16 one by one, NEON no more of them an instruction than floats. */
    .fastest = ISA_ID == 1 || ISA_ID == 2 ? COMPUTE_I16 : COMPUTE_F32,
    .read = peak_read,
};
