/* phi3.c -- Phi 3 and 3.5, and Phi 4 (Abdin et al. 2024): Llama with q, k and v in one projection, and gate
 * and up in another. */
#include "model/decoder.h"

static val attention(build *b, const model_config *c, int64_t layer, val h)
{
    prog *p = build_prog(b);
    const int64_t q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim;
    const int heads = (int)c->heads, kv_heads = (int)c->kv_heads;
    val all = build_project(b, h, layer, "self_attn.qkv_proj", q + 2 * kv, NO_BIAS);
    val o = build_attend(b, layer, build_rope(b, op_columns(p, all, 0, q), heads, layer),
                         build_rope(b, op_columns(p, all, q, kv), kv_heads, layer),
                         op_columns(p, all, q + kv, kv), heads, kv_heads);
    return build_project(b, o, layer, "self_attn.o_proj", c->width, NO_BIAS);
}

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    prog *p = build_prog(b);
    val n = build_norm(b, x, layer, "input_layernorm", c->rms_eps);
    x = op_add(p, x, build_dropout(b, attention(b, c, layer, n), DROP_ATTENTION));
    val m = build_norm(b, x, layer, "post_attention_layernorm", c->rms_eps);
    return op_add(p, x, decoder_swiglu_fused(b, c, layer, m));
}

static void forward(build *b, const model_config *c) { decoder_run(b, c, block); }

const arch arch_phi3 = {forward};
