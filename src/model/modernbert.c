/* modernbert.c -- ModernBERT (Warner et al. 2024): an encoder with rotary positions, norms before each branch (before
 * the first there is that of the embedding), a gated feed-forward block, and layers that see a window to both sides,
 * with a rotary base of their own:
 *
 *     x = x + Wo(attend(rope(q), rope(k), v)), q | k | v = Wqkv(n)      x = x + Wo(act(a) * g), a | g = Wi(n)
 *
 * n being the norm of x in each. As classifiers, a text being its first row or the mean of its rows:
 *
 *     classifier(norm(act(dense(text or row))))
 */
#include "model/build_source.h"
#include "model/build.h"

static val norm(build *b, const model_config *c, val x, int64_t layer, const char *name)
{
    return build_layernorm(b, x, layer, name, c->rms_eps, c->norm_bias ? BIAS : NO_BIAS);
}

static val attention(build *b, const model_config *c, int64_t layer, val x)
{
    prog *p = build_prog(b);
    const build_bias bias = c->attention_bias ? BIAS : NO_BIAS;
    const int heads = (int)c->heads;
    val qkv = build_project(b, x, layer, "attn.Wqkv", 3 * c->width, bias);
    val q = op_columns(p, qkv, 0, c->width), k = op_columns(p, qkv, c->width, c->width);
    val v = op_columns(p, qkv, 2 * c->width, c->width);
    q = build_rope(b, q, heads, layer);
    k = build_rope(b, k, heads, layer);
    val o = build_project(b, build_attend(b, layer, q, k, v, heads, heads), layer, "attn.Wo", c->width, bias);
    return build_dropout(b, o, DROP_ATTENTION);
}

static val feed_forward(build *b, const model_config *c, int64_t layer, val x)
{
    prog *p = build_prog(b);
    const build_bias bias = c->mlp_bias ? BIAS : NO_BIAS;
    val both = build_project(b, x, layer, "mlp.Wi", 2 * c->ffn, bias);
    val a = op_columns(p, both, 0, c->ffn), g = op_columns(p, both, c->ffn, c->ffn);
    val y = c->act == CONFIG_SILU   ? op_swiglu(p, a, g)
            : c->act == CONFIG_GELU ? op_geglu_exact(p, a, g)
                                    : op_geglu(p, a, g);
    return build_project(b, build_dropout(b, y, DROP_ACTIVATION), layer, "mlp.Wo", c->width, bias);
}

/* Encoders that were made for other ends come without this norm: ones, then, which change nothing but the scale. */
static val head_norm(build *b, const model_config *c, val x)
{
    if (build_has(b, "head.norm.weight")) return norm(b, c, x, -1, "head.norm");
    float *ones;
    const tensor *t = build_own(b, "head norm", 1, c->width, 1, &ones);
    for (int64_t k = 0; k < c->width; k++) ones[k] = 1;
    return op_layernorm(build_prog(b), x, prog_frozen(build_prog(b), t), NONE, c->rms_eps);
}

static void forward(build *b, const model_config *c)
{
    prog *p = build_prog(b);
    val x = norm(b, c, build_embed(b, "model.embeddings.tok_embeddings"), -1, "model.embeddings.norm");
    x = build_dropout(b, x, DROP_EMBEDDING);
    for (int64_t layer = 0; layer < c->layers; layer++) {
        build_layer(b, layer);
        x = op_add(p, x, attention(b, c, layer, layer ? norm(b, c, x, layer, "attn_norm") : x));
        x = op_add(p, x, feed_forward(b, c, layer, norm(b, c, x, layer, "mlp_norm")));
    }
    build_layer(b, -1);
    const bool mean = c->mean_pool && build_task(b) == TASK_SEQ_CLS;
    if (mean) x = build_text_means(b, norm(b, c, x, -1, "model.final_norm"));
    else x = norm(b, c, build_label_rows(b, x), -1, "model.final_norm");
    x = build_act_as(b, build_head_dense(b, x, "head.dense", c->width, c->head_bias ? BIAS : NO_BIAS), c->head_act);
    build_outputs(b, build_dropout(b, head_norm(b, c, x), DROP_HEAD), "classifier", BIAS);
}

const arch arch_modernbert = {forward};
