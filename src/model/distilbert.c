/* distilbert.c -- DistilBERT (Sanh et al. 2019): BERT without token types and pooler, under other names; as
 * classifiers:
 *
 *     sequences   classifier(relu(pre_classifier(first row)))      tokens   classifier(row)
 */
#include "model/arch.h"

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    prog *p = build_prog(b);
    const int heads = (int)c->heads;
    val q = build_project(b, x, layer, "attention.q_lin", c->width, BIAS);
    val k = build_project(b, x, layer, "attention.k_lin", c->width, BIAS);
    val v = build_project(b, x, layer, "attention.v_lin", c->width, BIAS);
    val o = build_attend(b, layer, q, k, v, heads, heads);
    x = op_add(p, x, build_project(b, o, layer, "attention.out_lin", c->width, BIAS));
    x = build_layernorm(b, x, layer, "sa_layer_norm", c->rms_eps, BIAS);
    val up = build_act(b, build_project(b, x, layer, "ffn.lin1", c->ffn, BIAS));
    val down = build_project(b, up, layer, "ffn.lin2", c->width, BIAS);
    x = op_add(p, x, build_dropout(b, down, DROP_FEED_FORWARD));
    return build_layernorm(b, x, layer, "output_layer_norm", c->rms_eps, BIAS);
}

static void forward(build *b, const model_config *c)
{
    prog *p = build_prog(b);
    val x = op_add(p, build_embed(b, "distilbert.embeddings.word_embeddings"),
                   build_positions(b, "distilbert.embeddings.position_embeddings"));
    x = build_layernorm(b, x, -1, "distilbert.embeddings.LayerNorm", c->rms_eps, BIAS);
    x = build_dropout(b, x, DROP_EMBEDDING);
    for (int64_t layer = 0; layer < c->layers; layer++) {
        build_layer(b, layer);
        x = block(b, c, layer, x);
    }
    build_layer(b, -1);
    x = build_label_rows(b, x);
    const bool whole = build_task(b) == TASK_SEQ_CLS;
    if (whole) x = op_activation(p, build_head_dense(b, x, "pre_classifier", c->width, BIAS), ACT_RELU);
    build_outputs(b, build_dropout(b, x, whole ? DROP_HEAD : DROP_FEED_FORWARD), "classifier", BIAS);
}

const arch arch_distilbert = {forward};
