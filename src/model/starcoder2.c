/* starcoder2.c -- StarCoder 2 (Lozhkov et al. 2024): Mistral with layer norms, biases, and a feed-forward block
 * of two projections: c_proj(gelu(c_fc(h))). */
#include "model/decoder.h"

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    prog *p = build_prog(b);
    const build_bias bias = c->mlp_bias ? BIAS : NO_BIAS;
    val h = decoder_norm(b, c, layer, x, "input_layernorm");
    x = op_add(p, x, decoder_attention(b, c, layer, h, PLAIN_HEADS));
    h = decoder_norm(b, c, layer, x, "post_attention_layernorm");
    h = build_act(b, build_project(b, h, layer, "mlp.c_fc", c->ffn, bias));
    h = build_project(b, h, layer, "mlp.c_proj", c->width, bias);
    return op_add(p, x, build_dropout(b, h, DROP_FEED_FORWARD));
}

static void forward(build *b, const model_config *c) { decoder_run(b, c, block); }

const arch arch_starcoder2 = {forward};
