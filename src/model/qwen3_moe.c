/* qwen3_moe.c -- Qwen 3 with experts (Yang et al. 2025): Qwen 3 with a mixture of experts. */
#include "model/decoder.h"
#include "model/mixture.h"

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    prog *p = build_prog(b);
    val n = build_norm(b, x, layer, "input_layernorm", c->rms_eps);
    x = op_add(p, x, decoder_attention(b, c, layer, n, NORMED_HEADS));
    val m = build_norm(b, x, layer, "post_attention_layernorm", c->rms_eps);
    return op_add(p, x, mixture_qwen(b, c, layer, m));
}

static void forward(build *b, const model_config *c) { decoder_run(b, c, block); }

const arch arch_qwen3_moe = {forward};
