/* gpt_neox.c -- GPT-NeoX (Black et al. 2022) and Pythia: a part of each head is rotated, and both branches
 * of a block read the same x.
 *
 *     x = x + dense(attend(query_key_value(input_layernorm(x)))) + mlp(post_attention_layernorm(x))
 *
 * or, without the parallel residual, one branch after the other. The fused projection has q, k and v of a
 * head side by side, head after head. */
#include "model/arch.h"

static val attention(build *b, const model_config *c, int64_t layer, val h)
{
    prog *p = build_prog(b);
    const int heads = (int)c->heads;
    const int64_t dim = c->head_dim;
    const build_bias bias = c->attention_bias ? BIAS : NO_BIAS;
    val qkv = build_project(b, h, layer, "attention.query_key_value", 3 * c->width, bias);
    val q = build_rope(b, op_columns_each(p, qkv, 0, dim, 3 * dim), heads, layer);
    val k = build_rope(b, op_columns_each(p, qkv, dim, dim, 3 * dim), heads, layer);
    val o = build_attend(b, layer, q, k, op_columns_each(p, qkv, 2 * dim, dim, 3 * dim), heads, heads);
    return build_dropout(b, build_project(b, o, layer, "attention.dense", c->width, bias), DROP_ATTENTION);
}

static val feed_forward(build *b, const model_config *c, int64_t layer, val x)
{
    val h = build_layernorm(b, x, layer, "post_attention_layernorm", c->rms_eps, BIAS);
    val up = build_act(b, build_project(b, h, layer, "mlp.dense_h_to_4h", c->ffn, BIAS));
    val down = build_project(b, up, layer, "mlp.dense_4h_to_h", c->width, BIAS);
    return build_dropout(b, down, DROP_FEED_FORWARD);
}

static void forward(build *b, const model_config *c)
{
    prog *p = build_prog(b);
    val x = build_dropout(b, build_embed(b, "gpt_neox.embed_in"), DROP_EMBEDDING);
    for (int64_t layer = 0; layer < c->layers; layer++) {
        build_layer(b, layer);
        val h = build_layernorm(b, x, layer, "input_layernorm", c->rms_eps, BIAS);
        val y = op_add(p, x, attention(b, c, layer, h));
        x = op_add(p, y, feed_forward(b, c, layer, c->parallel ? x : y));
    }
    build_layer(b, -1);
    x = build_layernorm(b, build_label_rows(b, x), -1, "gpt_neox.final_layer_norm", c->rms_eps, BIAS);
    build_head(b, x, c->tied ? "gpt_neox.embed_in" : "embed_out");
}

const arch arch_gpt_neox = {forward};
