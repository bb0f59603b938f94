/* gemma2.c -- Gemma 2 (2024): Gemma with norms behind attention and feed-forward block as well as before
 * them, soft caps on scores and logits, and a window in every other layer.
 *
 *     x = x + post_attention_layernorm(attention(input_layernorm(x)))
 *     x = x + post_feedforward_layernorm(down_proj(gelu(gate_proj(m)) * up_proj(m)))
 *                                                                m = pre_feedforward_layernorm(x) */
#include "model/decoder.h"

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    prog *p = build_prog(b);
    val h = build_norm(b, x, layer, "input_layernorm", c->rms_eps);
    h = decoder_attention(b, c, layer, h, PLAIN_HEADS);
    x = op_add(p, x, build_norm(b, h, layer, "post_attention_layernorm", c->rms_eps));
    h = build_norm(b, x, layer, "pre_feedforward_layernorm", c->rms_eps);
    h = decoder_geglu(b, c, layer, h);
    return op_add(p, x, build_norm(b, h, layer, "post_feedforward_layernorm", c->rms_eps));
}

static void forward(build *b, const model_config *c) { decoder_run(b, c, block); }

const arch arch_gemma2 = {forward};
