/* decoder.c -- see decoder.h. */
#include "model/decoder.h"

val decoder_attention(build *b, const model_config *c, int64_t layer, val h, decoder_heads heads)
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
    q = build_rope(b, q, n, layer);
    k = build_rope(b, k, kv, layer);
    val o = build_attend(b, layer, q, k, v, n, kv);
    return build_project(b, o, layer, "self_attn.o_proj", c->width, c->out_bias ? BIAS : NO_BIAS);
}

static val feed_forward(build *b, const model_config *c, int64_t layer, val h,
                        val (*gated)(prog *p, val gate, val up))
{
    const build_bias bias = c->mlp_bias ? BIAS : NO_BIAS;
    val gate = build_project(b, h, layer, "mlp.gate_proj", c->ffn, bias);
    val up = build_project(b, h, layer, "mlp.up_proj", c->ffn, bias);
    return build_project(b, gated(build_prog(b), gate, up), layer, "mlp.down_proj", c->width, bias);
}

val decoder_swiglu(build *b, const model_config *c, int64_t layer, val h)
{
    return feed_forward(b, c, layer, h, op_swiglu);
}

val decoder_geglu(build *b, const model_config *c, int64_t layer, val h)
{
    return feed_forward(b, c, layer, h, op_geglu);
}

static val prenorm(build *b, const model_config *c, int64_t layer, val x, decoder_heads heads)
{
    prog *p = build_prog(b);
    val n = build_norm(b, x, layer, "input_layernorm", c->rms_eps);
    x = op_add(p, x, decoder_attention(b, c, layer, n, heads));
    val m = build_norm(b, x, layer, "post_attention_layernorm", c->rms_eps);
    return op_add(p, x, decoder_swiglu(b, c, layer, m));
}

val decoder_block(build *b, const model_config *c, int64_t layer, val x)
{
    return prenorm(b, c, layer, x, PLAIN_HEADS);
}

val decoder_block_normed(build *b, const model_config *c, int64_t layer, val x)
{
    return prenorm(b, c, layer, x, NORMED_HEADS);
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
    val x = build_embed(b, "model.embed_tokens");
    for (int64_t layer = 0; layer < c->layers; layer++) {
        build_layer(b, layer);
        x = block(b, c, layer, x);
    }
    build_layer(b, -1);
    x = build_norm(b, build_label_rows(b, x), -1, "model.norm", c->rms_eps);
    build_head(b, x, c->tied ? "model.embed_tokens" : "lm_head");
}
