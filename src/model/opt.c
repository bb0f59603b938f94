/* opt.c -- OPT (Zhang et al. 2022): layer norms before each branch (in one size of the family after it),
 * learned positions, and where the embedding is narrower than the model a projection on either side.
 *
 *     x = x + out_proj(attend(q_proj(n), k_proj(n), v_proj(n)))    n = self_attn_layer_norm(x)
 *     x = x + fc2(act(fc1(m)))                                     m = final_layer_norm(x)
 */
#include "model/arch.h"

static val norm(build *b, const model_config *c, int64_t layer, val x, const char *name)
{
    return build_layernorm(b, x, layer, name, c->rms_eps, BIAS);
}

static val attention(build *b, const model_config *c, int64_t layer, val h)
{
    const build_bias bias = c->attention_bias ? BIAS : NO_BIAS;
    val q = build_project(b, h, layer, "self_attn.q_proj", c->width, bias);
    val k = build_project(b, h, layer, "self_attn.k_proj", c->width, bias);
    val v = build_project(b, h, layer, "self_attn.v_proj", c->width, bias);
    val o = build_attend(b, layer, q, k, v, (int)c->heads, (int)c->heads);
    return build_dropout(b, build_project(b, o, layer, "self_attn.out_proj", c->width, bias), DROP_ATTENTION);
}

static val feed_forward(build *b, const model_config *c, int64_t layer, val h)
{
    const build_bias bias = c->mlp_bias ? BIAS : NO_BIAS;
    val up = build_act(b, build_project(b, h, layer, "fc1", c->ffn, bias));
    return build_dropout(b, build_project(b, up, layer, "fc2", c->width, bias), DROP_FEED_FORWARD);
}

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    static const char first[] = "self_attn_layer_norm", second[] = "final_layer_norm";
    prog *p = build_prog(b);
    x = op_add(p, x, attention(b, c, layer, c->post_norm ? x : norm(b, c, layer, x, first)));
    if (c->post_norm) x = norm(b, c, layer, x, first);
    x = op_add(p, x, feed_forward(b, c, layer, c->post_norm ? x : norm(b, c, layer, x, second)));
    return c->post_norm ? norm(b, c, layer, x, second) : x;
}

static void forward(build *b, const model_config *c)
{
    static const char embedding[] = "model.decoder.embed_tokens";
    val x = build_embed(b, embedding);
    const bool narrow = c->embed_width != c->width;
    if (narrow) x = build_project(b, x, -1, "model.decoder.project_in", c->width, NO_BIAS);
    x = op_add(build_prog(b), x, build_positions(b, "model.decoder.embed_positions"));
    for (int64_t layer = 0; layer < c->layers; layer++) {
        build_layer(b, layer);
        x = block(b, c, layer, x);
    }
    build_layer(b, -1);
    x = build_label_rows(b, x);
    if (!c->no_final_norm) x = norm(b, c, -1, x, "model.decoder.final_layer_norm");
    if (narrow) x = build_project(b, x, -1, "model.decoder.project_out", c->embed_width, NO_BIAS);
    build_head(b, x, c->tied ? embedding : "lm_head");
}

const arch arch_opt = {forward};
