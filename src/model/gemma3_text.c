/* gemma3_text.c -- Gemma 3, the text model (2025): Gemma 2 with norms of each head of q and k instead of soft
 * caps, five layers that see a window to one that sees everything, and a rotary base for each of the two
 * kinds.
 *
 *     x = x + post_attention_layernorm(attention(input_layernorm(x)))
 *     x = x + post_feedforward_layernorm(down_proj(gelu(gate_proj(m)) * up_proj(m)))
 *                                                                m = pre_feedforward_layernorm(x) */
#include "model/decoder.h"

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    prog *p = build_prog(b);
    val h = build_norm(b, x, layer, "input_layernorm", c->rms_eps);
    h = decoder_attention(b, c, layer, h, NORMED_HEADS);
    x = op_add(p, x, build_norm(b, h, layer, "post_attention_layernorm", c->rms_eps));
    h = build_norm(b, x, layer, "pre_feedforward_layernorm", c->rms_eps);
    h = decoder_geglu(b, c, layer, h);
    return op_add(p, x, build_norm(b, h, layer, "post_feedforward_layernorm", c->rms_eps));
}

static void forward(build *b, const model_config *c) { decoder_run(b, c, block); }

const arch arch_gemma3_text = {forward};
