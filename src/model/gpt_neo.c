/* gpt_neo.c -- GPT-Neo (Black et al. 2021) and TinyStories: GPT-2 with q, k and v apart, scores that are not
 * scaled, and every other layer a window.
 *
 *     x = x + out_proj(attend(ln_1(x)))      x = x + c_proj(gelu(c_fc(ln_2(x)))) */
#include "model/arch.h"

static val attention(build *b, const model_config *c, int64_t layer, val h)
{
    const int heads = (int)c->heads;
    val q = build_project(b, h, layer, "attn.attention.q_proj", c->width, NO_BIAS);
    val k = build_project(b, h, layer, "attn.attention.k_proj", c->width, NO_BIAS);
    val v = build_project(b, h, layer, "attn.attention.v_proj", c->width, NO_BIAS);
    val o = build_attend(b, layer, q, k, v, heads, heads);
    return build_dropout(b, build_project(b, o, layer, "attn.attention.out_proj", c->width, BIAS), DROP_ATTENTION);
}

static void forward(build *b, const model_config *c)
{
    prog *p = build_prog(b);
    val x = op_add(p, build_embed(b, "transformer.wte"), build_positions(b, "transformer.wpe"));
    x = build_dropout(b, x, DROP_EMBEDDING);
    for (int64_t layer = 0; layer < c->layers; layer++) {
        build_layer(b, layer);
        val n = build_layernorm(b, x, layer, "ln_1", c->rms_eps, BIAS);
        x = op_add(p, x, attention(b, c, layer, n));
        n = build_layernorm(b, x, layer, "ln_2", c->rms_eps, BIAS);
        val up = build_act(b, build_project(b, n, layer, "mlp.c_fc", c->ffn, BIAS));
        val down = build_project(b, up, layer, "mlp.c_proj", c->width, BIAS);
        x = op_add(p, x, build_dropout(b, down, DROP_FEED_FORWARD));
    }
    build_layer(b, -1);
    x = build_layernorm(b, build_label_rows(b, x), -1, "transformer.ln_f", c->rms_eps, BIAS);
    build_head(b, x, c->tied ? "transformer.wte" : "lm_head");
}

const arch arch_gpt_neo = {forward};
