/* gpt2.c -- GPT-2 (Radford et al. 2019): layer norms, learned positions, q, k and v in one projection.
 *
 *     x = x + c_proj(attend(c_attn(ln_1(x))))      x = x + c_proj(act(c_fc(ln_2(x))))
 */
#include "model/arch.h"

static val attention(build *b, const model_config *c, int64_t layer, val h)
{
    prog *p = build_prog(b);
    const int64_t n = c->width, kv = c->kv_heads * c->head_dim;
    val qkv = build_project(b, h, layer, "attn.c_attn", n + 2 * kv, BIAS);
    val q = op_columns(p, qkv, 0, n), k = op_columns(p, qkv, n, kv), v = op_columns(p, qkv, n + kv, kv);
    val o = build_attend(b, layer, q, k, v, (int)c->heads, (int)c->kv_heads);
    return build_dropout(b, build_project(b, o, layer, "attn.c_proj", n, BIAS), DROP_ATTENTION);
}

static val feed_forward(build *b, const model_config *c, int64_t layer, val h)
{
    val up = build_act(b, build_project(b, h, layer, "mlp.c_fc", c->ffn, BIAS));
    return build_dropout(b, build_project(b, up, layer, "mlp.c_proj", c->width, BIAS), DROP_FEED_FORWARD);
}

static void forward(build *b, const model_config *c)
{
    prog *p = build_prog(b);
    val x = op_add(p, build_embed(b, "transformer.wte"), build_positions(b, "transformer.wpe"));
    x = build_dropout(b, x, DROP_EMBEDDING);
    for (int64_t layer = 0; layer < c->layers; layer++) {
        build_layer(b, layer);
        x = op_add(p, x, attention(b, c, layer, build_layernorm(b, x, layer, "ln_1", c->rms_eps, BIAS)));
        x = op_add(p, x, feed_forward(b, c, layer, build_layernorm(b, x, layer, "ln_2", c->rms_eps, BIAS)));
    }
    build_layer(b, -1);
    x = build_layernorm(b, build_label_rows(b, x), -1, "transformer.ln_f", c->rms_eps, BIAS);
    build_head(b, x, c->tied ? "transformer.wte" : "lm_head");
}

const arch arch_gpt2 = {forward};
const arch arch_gpt_bigcode = {forward}; /* StarCoder 1, SantaCoder: one key head */
