/* gptj.c -- GPT-J (Wang and Komatsuzaki 2021): both branches of a block read the same norm, neighbours are
 * rotary pairs in a part of each head, and the head has a bias.
 *
 *     x = x + out_proj(attend(n)) + fc_out(gelu(fc_in(n)))      n = ln_1(x) */
#include "model/arch.h"

static val attention(build *b, const model_config *c, int64_t layer, val h)
{
    const int heads = (int)c->heads;
    val q = build_project(b, h, layer, "attn.q_proj", c->width, NO_BIAS);
    val k = build_project(b, h, layer, "attn.k_proj", c->width, NO_BIAS);
    val v = build_project(b, h, layer, "attn.v_proj", c->width, NO_BIAS);
    q = build_rope(b, q, heads, layer);
    k = build_rope(b, k, heads, layer);
    val o = build_attend(b, layer, q, k, v, heads, heads);
    return build_dropout(b, build_project(b, o, layer, "attn.out_proj", c->width, NO_BIAS), DROP_ATTENTION);
}

static void forward(build *b, const model_config *c)
{
    prog *p = build_prog(b);
    val x = build_dropout(b, build_embed(b, "transformer.wte"), DROP_EMBEDDING);
    for (int64_t layer = 0; layer < c->layers; layer++) {
        build_layer(b, layer);
        val n = build_layernorm(b, x, layer, "ln_1", c->rms_eps, BIAS);
        x = op_add(p, x, attention(b, c, layer, n));
        val up = build_act(b, build_project(b, n, layer, "mlp.fc_in", c->ffn, BIAS));
        val down = build_project(b, up, layer, "mlp.fc_out", c->width, BIAS);
        x = op_add(p, x, build_dropout(b, down, DROP_FEED_FORWARD));
    }
    build_layer(b, -1);
    x = build_layernorm(b, build_label_rows(b, x), -1, "transformer.ln_f", c->rms_eps, BIAS);
    build_head(b, x, c->tied ? "transformer.wte" : "lm_head");
}

const arch arch_gptj = {forward};
