/* llama.c -- Llama 1 to 3 and the many models that copy it: RMSNorm, rotary grouped-query attention, SwiGLU.
 *
 *     x = x + o_proj(attend(rope(q_proj(n)), rope(k_proj(n)), v_proj(n)))     n = input_layernorm(x)
 *     x = x + down_proj(silu(gate_proj(m)) * up_proj(m))                      m = post_attention_layernorm(x)
 */
#include "model/arch.h"

#include <math.h>

static val attention(build *b, const model_config *c, int64_t layer, val x)
{
    int heads = (int)c->heads, kv_heads = (int)c->kv_heads;
    val h = build_norm(b, x, layer, "input_layernorm", c->rms_eps);
    val q = build_rope(b, build_project(b, h, layer, "self_attn.q_proj", c->heads * c->head_dim), heads);
    val k =
        build_rope(b, build_project(b, h, layer, "self_attn.k_proj", c->kv_heads * c->head_dim), kv_heads);
    val v = build_project(b, h, layer, "self_attn.v_proj", c->kv_heads * c->head_dim);
    val o = build_attend(b, layer, q, k, v, heads, kv_heads, 0, 1 / sqrt((double)c->head_dim));
    return build_project(b, o, layer, "self_attn.o_proj", c->width);
}

static val feed_forward(build *b, const model_config *c, int64_t layer, val x)
{
    val h = build_norm(b, x, layer, "post_attention_layernorm", c->rms_eps);
    val gate = build_project(b, h, layer, "mlp.gate_proj", c->ffn);
    val up = build_project(b, h, layer, "mlp.up_proj", c->ffn);
    return build_project(b, op_swiglu(build_prog(b), gate, up), layer, "mlp.down_proj", c->width);
}

static void forward(build *b, const model_config *c)
{
    prog *p = build_prog(b);
    val x = build_embed(b, "model.embed_tokens");
    for (int64_t layer = 0; layer < c->layers; layer++) {
        build_layer(b, layer);
        x = op_add(p, x, attention(b, c, layer, x));
        x = op_add(p, x, feed_forward(b, c, layer, x));
    }
    build_layer(b, -1);
    x = build_norm(b, build_label_rows(b, x), -1, "model.norm", c->rms_eps);
    build_head(b, x, c->tied ? "model.embed_tokens" : "lm_head");
}

const arch arch_llama = {"llama", forward};
