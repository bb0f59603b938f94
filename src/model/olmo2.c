/* olmo2.c -- OLMo 2 (2024): norms behind attention and feed-forward block alone, and one over all of q and
 * one over all of k before the rotation.
 *
 *     x = x + post_attention_layernorm(o_proj(attend(rope(q_norm(q_proj(x))), rope(k_norm(k_proj(x))),
 *     v_proj(x)))) x = x + post_feedforward_layernorm(down_proj(silu(gate_proj(x)) * up_proj(x))) */
#include "model/decoder.h"

static val attention(build *b, const model_config *c, int64_t layer, val x)
{
    const int heads = (int)c->heads, kv_heads = (int)c->kv_heads;
    const int64_t kv = c->kv_heads * c->head_dim;
    const build_bias bias = c->attention_bias ? BIAS : NO_BIAS;
    val q = build_project(b, x, layer, "self_attn.q_proj", c->heads * c->head_dim, bias);
    val k = build_project(b, x, layer, "self_attn.k_proj", kv, bias);
    val v = build_project(b, x, layer, "self_attn.v_proj", kv, bias);
    q = build_rope(b, build_norm(b, q, layer, "self_attn.q_norm", c->rms_eps), heads, layer);
    k = build_rope(b, build_norm(b, k, layer, "self_attn.k_norm", c->rms_eps), kv_heads, layer);
    val o = build_attend(b, layer, q, k, v, heads, kv_heads);
    return build_project(b, o, layer, "self_attn.o_proj", c->width, bias);
}

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    prog *p = build_prog(b);
    val h = attention(b, c, layer, x);
    x = op_add(p, x, build_norm(b, h, layer, "post_attention_layernorm", c->rms_eps));
    h = decoder_swiglu(b, c, layer, x);
    return op_add(p, x, build_norm(b, h, layer, "post_feedforward_layernorm", c->rms_eps));
}

static void forward(build *b, const model_config *c) { decoder_run(b, c, block); }

const arch arch_olmo2 = {forward};
const arch arch_olmo3 = {forward}; /* windows, which the configuration knows of */
