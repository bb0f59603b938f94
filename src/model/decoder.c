/* decoder.c -- see decoder.h. */
#include "model/decoder.h"

val decoder_norm(build *b, const model_config *c, int64_t layer, val x, const char *name)
{
    const norm_kind kind = c->family->norm;
    if (kind == NORM_RMS) return build_norm(b, x, layer, name, c->rms_eps);
    if (kind == NORM_BARE) return build_layernorm_bare(b, x, c->rms_eps);
    return build_layernorm(b, x, layer, name, c->rms_eps, kind == NORM_LAYER ? BIAS : NO_BIAS);
}

static val bounded(build *b, const model_config *c, val x)
{
    return c->qkv_most > 0 ? op_clamp(build_prog(b), x, c->qkv_most) : x;
}

val decoder_attend(build *b, const model_config *c, int64_t layer, val h, decoder_heads heads)
{
    const int n = (int)c->heads, kv = (int)c->kv_heads;
    const build_bias bias = c->attention_bias ? BIAS : NO_BIAS;
    val q = build_project(b, h, layer, "self_attn.q_proj", c->heads * c->head_dim, bias);
    val k = build_project(b, h, layer, "self_attn.k_proj", c->kv_heads * c->head_dim, bias);
    val v = build_project(b, h, layer, "self_attn.v_proj", c->kv_heads * c->head_dim, bias);
    if (heads == NORMED_HEADS) {
        q = build_head_norm(b, q, n, layer, "self_attn.q_norm", c->rms_eps);
        k = build_head_norm(b, k, kv, layer, "self_attn.k_norm", c->rms_eps);
    }
    q = build_rope(b, bounded(b, c, q), n, layer);
    k = build_rope(b, bounded(b, c, k), kv, layer);
    if (heads == NORMED_TURNED) {
        q = build_head_norm(b, q, n, layer, "self_attn.query_layernorm", c->rms_eps);
        k = build_head_norm(b, k, kv, layer, "self_attn.key_layernorm", c->rms_eps);
    }
    return build_attend(b, layer, q, k, bounded(b, c, v), n, kv);
}

val decoder_attention(build *b, const model_config *c, int64_t layer, val h, decoder_heads heads)
{
    val o = decoder_attend(b, c, layer, h, heads);
    o = build_project(b, o, layer, "self_attn.o_proj", c->width, c->out_bias ? BIAS : NO_BIAS);
    return build_dropout(b, o, DROP_ATTENTION);
}

static val feed_forward(build *b, const model_config *c, int64_t layer, val h,
                        val (*gated)(prog *p, val gate, val up))
{
    const build_bias bias = c->mlp_bias ? BIAS : NO_BIAS;
    val gate = build_project(b, h, layer, "mlp.gate_proj", c->ffn, bias);
    val up = build_project(b, h, layer, "mlp.up_proj", c->ffn, bias);
    val down = build_project(b, gated(build_prog(b), gate, up), layer, "mlp.down_proj", c->width, bias);
    return build_dropout(b, down, DROP_FEED_FORWARD);
}

val decoder_swiglu(build *b, const model_config *c, int64_t layer, val h)
{
    return feed_forward(b, c, layer, h, op_swiglu);
}

val decoder_swiglu_fused(build *b, const model_config *c, int64_t layer, val h)
{
    prog *p = build_prog(b);
    val both = build_project(b, h, layer, "mlp.gate_up_proj", 2 * c->ffn, NO_BIAS);
    val y = op_swiglu(p, op_columns(p, both, 0, c->ffn), op_columns(p, both, c->ffn, c->ffn));
    val down = build_project(b, y, layer, "mlp.down_proj", c->width, NO_BIAS);
    return build_dropout(b, down, DROP_FEED_FORWARD);
}

val decoder_plain(build *b, const model_config *c, int64_t layer, val h)
{
    const build_bias bias = c->mlp_bias ? BIAS : NO_BIAS;
    val up = build_act(b, build_project(b, h, layer, "mlp.up_proj", c->ffn, bias));
    return build_project(b, up, layer, "mlp.down_proj", c->width, bias);
}

val decoder_geglu(build *b, const model_config *c, int64_t layer, val h)
{
    return feed_forward(b, c, layer, h, op_geglu);
}

static val prenorm(build *b, const model_config *c, int64_t layer, val x, decoder_heads heads)
{
    prog *p = build_prog(b);
    val n = decoder_norm(b, c, layer, x, "input_layernorm");
    x = op_add(p, x, op_scale(p, decoder_attention(b, c, layer, n, heads), c->residual_scale));
    val m = decoder_norm(b, c, layer, x, "post_attention_layernorm");
    return op_add(p, x, op_scale(p, decoder_swiglu(b, c, layer, m), c->residual_scale));
}

val decoder_block(build *b, const model_config *c, int64_t layer, val x)
{
    return prenorm(b, c, layer, x, PLAIN_HEADS);
}

val decoder_block_normed(build *b, const model_config *c, int64_t layer, val x)
{
    return prenorm(b, c, layer, x, NORMED_HEADS);
}

val decoder_block_turned(build *b, const model_config *c, int64_t layer, val x)
{
    return prenorm(b, c, layer, x, NORMED_TURNED);
}

val decoder_sandwich(build *b, const model_config *c, int64_t layer, val x, decoder_heads heads)
{
    prog *p = build_prog(b);
    val h = build_norm(b, x, layer, "input_layernorm", c->rms_eps);
    h = decoder_attention(b, c, layer, h, heads);
    x = op_add(p, x, build_norm(b, h, layer, "post_attention_layernorm", c->rms_eps));
    h = build_norm(b, x, layer, "pre_feedforward_layernorm", c->rms_eps);
    h = decoder_geglu(b, c, layer, h);
    return op_add(p, x, build_norm(b, h, layer, "post_feedforward_layernorm", c->rms_eps));
}

void decoder_run(build *b, const model_config *c,
                 val (*block)(build *b, const model_config *c, int64_t layer, val x))
{
    val x = build_dropout(b, build_embed(b, "model.embed_tokens"), DROP_EMBEDDING);
    for (int64_t layer = 0; layer < c->layers; layer++) {
        build_layer(b, layer);
        x = block(b, c, layer, x);
    }
    build_layer(b, -1);
    x = decoder_norm(b, c, -1, build_label_rows(b, x), "model.norm");
    build_head(b, x, c->tied ? "model.embed_tokens" : "lm_head");
}
