/* stablelm.c -- StableLM 2 and 3B: Llama with layer norms, a quarter of each head rotated, and in some sizes
 * both branches of a block reading the same norm. */
#include "model/decoder.h"

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    prog *p = build_prog(b);
    val h = build_layernorm(b, x, layer, "input_layernorm", c->rms_eps, BIAS);
    x = op_add(p, x, decoder_attention(b, c, layer, h, PLAIN_HEADS));
    if (!c->parallel) h = build_layernorm(b, x, layer, "post_attention_layernorm", c->rms_eps, BIAS);
    return op_add(p, x, build_dropout(b, decoder_swiglu(b, c, layer, h), DROP_FEED_FORWARD));
}

static void forward(build *b, const model_config *c)
{
    val x = build_embed(b, "model.embed_tokens");
    for (int64_t layer = 0; layer < c->layers; layer++) {
        build_layer(b, layer);
        x = block(b, c, layer, x);
    }
    build_layer(b, -1);
    x = build_layernorm(b, build_label_rows(b, x), -1, "model.norm", c->rms_eps, BIAS);
    build_head(b, x, c->tied ? "model.embed_tokens" : "lm_head");
}

const arch arch_stablelm = {forward};
