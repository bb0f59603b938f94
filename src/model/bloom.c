/* bloom.c -- BLOOM and BLOOMZ (BigScience 2022): layer norms, one of them over the embedding, q, k and v of a
 * head side by side in one projection, and no positions but ALiBi's biases.
 *
 *     x = x + dense(attend(query_key_value(input_layernorm(x))))
 *     x = x + dense_4h_to_h(gelu(dense_h_to_4h(post_attention_layernorm(x)))) */
#include "model/arch.h"

static val norm(build *b, const model_config *c, int64_t layer, val x, const char *name)
{
    return build_layernorm(b, x, layer, name, c->rms_eps, BIAS);
}

static val attention(build *b, const model_config *c, int64_t layer, val h)
{
    prog *p = build_prog(b);
    const int64_t dim = c->head_dim;
    val qkv = build_project(b, h, layer, "self_attention.query_key_value", 3 * c->width, BIAS);
    val q = op_columns_each(p, qkv, 0, dim, 3 * dim), k = op_columns_each(p, qkv, dim, dim, 3 * dim);
    val v = op_columns_each(p, qkv, 2 * dim, dim, 3 * dim);
    val o = build_attend(b, layer, q, k, v, (int)c->heads, (int)c->heads);
    return build_dropout(b, build_project(b, o, layer, "self_attention.dense", c->width, BIAS), DROP_ATTENTION);
}

static val feed_forward(build *b, const model_config *c, int64_t layer, val h)
{
    val up = build_act(b, build_project(b, h, layer, "mlp.dense_h_to_4h", c->ffn, BIAS));
    return build_dropout(b, build_project(b, up, layer, "mlp.dense_4h_to_h", c->width, BIAS), DROP_FEED_FORWARD);
}

static void forward(build *b, const model_config *c)
{
    prog *p = build_prog(b);
    val x = build_embed(b, "transformer.word_embeddings");
    x = norm(b, c, -1, x, "transformer.word_embeddings_layernorm");
    for (int64_t layer = 0; layer < c->layers; layer++) {
        build_layer(b, layer);
        x = op_add(p, x, attention(b, c, layer, norm(b, c, layer, x, "input_layernorm")));
        x = op_add(p, x, feed_forward(b, c, layer, norm(b, c, layer, x, "post_attention_layernorm")));
    }
    build_layer(b, -1);
    x = norm(b, c, -1, build_label_rows(b, x), "transformer.ln_f");
    build_head(b, x, c->tied ? "transformer.word_embeddings" : "lm_head");
}

const arch arch_bloom = {forward};
