/* falcon.c -- Falcon (Almazrouei et al. 2023): few key heads, and both branches of a block read the same x,
 * through one norm or through one each.
 *
 *     x = x + dense(attend(query_key_value(n))) + mlp(m)
 *
 * or, in some, one branch after the other. Dropout falls on the sum of parallel branches.
 *
 * The fused projection has, for every key head, its queries, its key, its value. */
#include "model/arch.h"

static val attention(build *b, const model_config *c, int64_t layer, val h)
{
    prog *p = build_prog(b);
    const int heads = (int)c->heads, kv = (int)c->kv_heads;
    const int64_t dim = c->head_dim, share = c->heads / c->kv_heads, group = (share + 2) * dim;
    const build_bias bias = c->attention_bias ? BIAS : NO_BIAS;
    val qkv = build_project(b, h, layer, "self_attention.query_key_value", kv * group, bias);
    val q = build_rope(b, op_columns_each(p, qkv, 0, share * dim, group), heads, layer);
    val k = build_rope(b, op_columns_each(p, qkv, share * dim, dim, group), kv, layer);
    val v = op_columns_each(p, qkv, (share + 1) * dim, dim, group);
    return build_project(b, build_attend(b, layer, q, k, v, heads, kv), layer, "self_attention.dense",
                         c->width, bias);
}

static val feed_forward(build *b, const model_config *c, int64_t layer, val h)
{
    const build_bias bias = c->mlp_bias ? BIAS : NO_BIAS;
    val up = build_act(b, build_project(b, h, layer, "mlp.dense_h_to_4h", c->ffn, bias));
    return build_project(b, up, layer, "mlp.dense_4h_to_h", c->width, bias);
}

static val norm(build *b, const model_config *c, int64_t layer, val x, const char *name)
{
    return build_layernorm(b, x, layer, name, c->rms_eps, BIAS);
}

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    prog *p = build_prog(b);
    val n = norm(b, c, layer, x, c->two_norms ? "ln_attn" : "input_layernorm");
    val a = attention(b, c, layer, n);
    if (!c->parallel) {
        x = op_add(p, x, build_dropout(b, a, DROP_ATTENTION));
        n = norm(b, c, layer, x, "post_attention_layernorm");
        return op_add(p, x, build_dropout(b, feed_forward(b, c, layer, n), DROP_FEED_FORWARD));
    }
    if (c->two_norms) n = norm(b, c, layer, x, "ln_mlp");
    val both = op_add(p, feed_forward(b, c, layer, n), a);
    return op_add(p, x, build_dropout(b, both, DROP_FEED_FORWARD));
}

static void forward(build *b, const model_config *c)
{
    val x = build_embed(b, "transformer.word_embeddings");
    for (int64_t layer = 0; layer < c->layers; layer++) {
        build_layer(b, layer);
        x = block(b, c, layer, x);
    }
    build_layer(b, -1);
    x = norm(b, c, -1, build_label_rows(b, x), "transformer.ln_f");
    build_head(b, x, c->tied ? "transformer.word_embeddings" : "lm_head");
}

const arch arch_falcon = {forward};
