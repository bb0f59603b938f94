/* mixtral.c -- Mixtral (Jiang et al. 2024): Mistral with a mixture of experts for its feed-forward block. */
#include "model/decoder.h"
#include "model/mixture.h"

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    static const mixture_names names = {"block_sparse_moe.gate", "block_sparse_moe.experts", "w1", "w3",
                                        "w2"};
    prog *p = build_prog(b);
    val n = build_norm(b, x, layer, "input_layernorm", c->rms_eps);
    x = op_add(p, x, decoder_attention(b, c, layer, n, PLAIN_HEADS));
    val m = build_norm(b, x, layer, "post_attention_layernorm", c->rms_eps);
    return op_add(p, x, mixture_experts(b, c, layer, m, &names));
}

static void forward(build *b, const model_config *c) { decoder_run(b, c, block); }

const arch arch_mixtral = {forward};
