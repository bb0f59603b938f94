/* qwen2_moe.c -- Qwen 1.5 and 2 with experts (Yang et al. 2024): Qwen 2 with a mixture of experts, and one
 * that every token sees. */
#include "model/decoder.h"
#include "model/mixture.h"

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    prog *p = build_prog(b);
    val n = build_norm(b, x, layer, "input_layernorm", c->rms_eps);
    x = op_add(p, x, decoder_attention(b, c, layer, n, PLAIN_HEADS));
    val m = build_norm(b, x, layer, "post_attention_layernorm", c->rms_eps);
    return op_add(p, x, mixture_qwen(b, c, layer, m));
}

static void forward(build *b, const model_config *c) { decoder_run(b, c, block); }

const arch arch_qwen2_moe = {forward};
