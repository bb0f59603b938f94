/* albert.c -- ALBERT (Lan et al. 2020): BERT with a narrow embedding, and fewer blocks than layers: layer l is block
 * l / (layers / groups), of which most models have one. So an adapter of a block is that of all its layers, and its
 * gradient their sum. As classifiers:
 *
 *     sequences   classifier(tanh(pooler(first row)))      tokens   classifier(row)
 */
#include "model/encoder.h"

/* A layer is the first of its block, or comes back to it. */
typedef struct place {
    build *b;
    int64_t group;
    bool again;
} place;

static const char *module(const place *at, const char *name)
{
    return arena_fmt(&build_prog(at->b)->mem, "albert_layers.0.%s", name);
}

static val project(const place *at, val x, const char *name, int64_t out)
{
    const char *path = module(at, name);
    return at->again ? build_project_again(at->b, x, at->group, path, out, BIAS)
                     : build_project(at->b, x, at->group, path, out, BIAS);
}

static val norm(const place *at, const model_config *c, val x, const char *name)
{
    return build_layernorm(at->b, x, at->group, module(at, name), c->rms_eps, BIAS);
}

static val block(const place *at, const model_config *c, int64_t layer, val x)
{
    prog *p = build_prog(at->b);
    const int heads = (int)c->heads;
    val q = project(at, x, "attention.query", c->width), k = project(at, x, "attention.key", c->width);
    val v = project(at, x, "attention.value", c->width);
    val o = build_attend(at->b, layer, q, k, v, heads, heads);
    o = build_dropout(at->b, project(at, o, "attention.dense", c->width), DROP_ATTENTION);
    x = norm(at, c, op_add(p, x, o), "attention.LayerNorm");
    val up = build_act(at->b, project(at, x, "ffn", c->ffn));
    return norm(at, c, op_add(p, project(at, up, "ffn_output", c->width), x), "full_layer_layer_norm");
}

static void forward(build *b, const model_config *c)
{
    val x = encoder_embed_norm(b, c, "albert", encoder_embed(b, c, "albert"));
    x = build_project(b, x, -1, "albert.encoder.embedding_hidden_mapping_in", c->width, BIAS);
    for (int64_t layer = 0, before = -1; layer < c->layers; layer++) {
        const int64_t group = (int64_t)((double)layer / ((double)c->layers / (double)c->groups));
        build_layer(b, layer);
        x = block(&(place){b, group, group == before}, c, layer, x);
        before = group;
    }
    build_layer(b, -1);
    x = build_label_rows(b, x);
    if (build_task(b) == TASK_SEQ_CLS)
        x = op_activation(build_prog(b), build_dense(b, x, "albert.pooler", c->width), ACT_TANH);
    build_outputs(b, build_dropout(b, x, DROP_HEAD), "classifier", BIAS);
}

const arch arch_albert = {forward};
