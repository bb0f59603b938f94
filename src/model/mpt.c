/* mpt.c -- MPT (MosaicML 2023): layer norms and projections without biases, q, k and v in one projection and in
 * some sizes kept within a bound, and no positions but ALiBi's biases.
 *
 *     x = x + out_proj(attend(clamp(Wqkv(norm_1(x)))))      x = x + down_proj(gelu(up_proj(norm_2(x)))) */
#include "model/arch.h"

static val norm(build *b, const model_config *c, int64_t layer, val x, const char *name)
{
    return build_layernorm(b, x, layer, name, c->rms_eps, NO_BIAS);
}

static val attention(build *b, const model_config *c, int64_t layer, val h)
{
    prog *p = build_prog(b);
    const int64_t n = c->width;
    val qkv = build_project(b, h, layer, "attn.Wqkv", 3 * n, NO_BIAS);
    if (c->qkv_most > 0) qkv = op_clamp(p, qkv, c->qkv_most);
    val q = op_columns(p, qkv, 0, n), k = op_columns(p, qkv, n, n), v = op_columns(p, qkv, 2 * n, n);
    val o = build_attend(b, layer, q, k, v, (int)c->heads, (int)c->heads);
    return build_dropout(b, build_project(b, o, layer, "attn.out_proj", n, NO_BIAS), DROP_ATTENTION);
}

static val feed_forward(build *b, const model_config *c, int64_t layer, val h)
{
    val up = build_act(b, build_project(b, h, layer, "ffn.up_proj", c->ffn, NO_BIAS));
    return build_dropout(b, build_project(b, up, layer, "ffn.down_proj", c->width, NO_BIAS), DROP_FEED_FORWARD);
}

static void forward(build *b, const model_config *c)
{
    prog *p = build_prog(b);
    val x = build_embed(b, "transformer.wte");
    for (int64_t layer = 0; layer < c->layers; layer++) {
        build_layer(b, layer);
        x = op_add(p, x, attention(b, c, layer, norm(b, c, layer, x, "norm_1")));
        x = op_add(p, x, feed_forward(b, c, layer, norm(b, c, layer, x, "norm_2")));
    }
    build_layer(b, -1);
    x = norm(b, c, -1, build_label_rows(b, x), "transformer.norm_f");
    build_head(b, x, c->tied ? "transformer.wte" : "lm_head");
}

const arch arch_mpt = {forward};
