/* mpnet.c -- MPNet (Song et al. 2020): BERT without token types, whose scores are biased by distance besides, from
 * one table for all blocks; as classifiers:
 *
 *     sequences   classifier.out_proj(tanh(classifier.dense(first row)))      tokens   classifier(row)
 */
#include "model/build_source.h"
#include "model/encoder.h"

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    prog *p = build_prog(b);
    val q = build_project(b, x, layer, "attention.attn.q", c->width, BIAS);
    val k = build_project(b, x, layer, "attention.attn.k", c->width, BIAS);
    val v = build_project(b, x, layer, "attention.attn.v", c->width, BIAS);
    val o = build_attend_biased(b, layer, q, k, v);
    o = build_project(b, o, layer, "attention.attn.o", c->width, BIAS);
    x = op_add(p, x, build_dropout(b, o, DROP_ATTENTION));
    x = build_layernorm(b, x, layer, "attention.LayerNorm", c->rms_eps, BIAS);
    val up = build_act(b, build_project(b, x, layer, "intermediate.dense", c->ffn, BIAS));
    val down = build_project(b, up, layer, "output.dense", c->width, BIAS);
    x = op_add(p, x, build_dropout(b, down, DROP_FEED_FORWARD));
    return build_layernorm(b, x, layer, "output.LayerNorm", c->rms_eps, BIAS);
}

static void forward(build *b, const model_config *c)
{
    val x = encoder_embed_norm(b, c, "mpnet", encoder_embed(b, c, "mpnet"));
    build_biases(b, -1, "mpnet.encoder.relative_attention_bias");
    for (int64_t layer = 0; layer < c->layers; layer++) {
        build_layer(b, layer);
        x = block(b, c, layer, x);
    }
    build_layer(b, -1);
    encoder_outputs(b, c, build_label_rows(b, x), ACT_TANH);
}

const arch arch_mpnet = {forward};
