/* encoder.c -- see encoder.h: norms follow each branch, and every row sees its whole document.
 *
 *     x = LayerNorm(words + positions + types)
 *     x = LayerNorm(x + output(attend(query(x), key(x), value(x))))
 *     x = LayerNorm(x + output(act(intermediate(x))))
 */
#include "model/encoder.h"

#include "model/build.h"

val encoder_embed(build *b, const model_config *c, const char *prefix)
{
    prog *p = build_prog(b);
    arena *mem = &p->mem;
    val x = build_embed(b, arena_fmt(mem, "%s.embeddings.word_embeddings", prefix));
    const char *types = arena_fmt(mem, "%s.embeddings.token_type_embeddings", prefix);
    if (c->types) x = op_add(p, x, build_types(b, types));
    if (!c->positions) return x;
    return op_add(p, x, build_positions(b, arena_fmt(mem, "%s.embeddings.position_embeddings", prefix)));
}

val encoder_embed_norm(build *b, const model_config *c, const char *prefix, val x)
{
    const char *name = arena_fmt(&build_prog(b)->mem, "%s.embeddings.LayerNorm", prefix);
    return build_dropout(b, build_layernorm(b, x, -1, name, c->rms_eps, BIAS), DROP_EMBEDDING);
}

static val attention(build *b, const model_config *c, int64_t layer, val x)
{
    const int heads = (int)c->heads;
    val q = build_project(b, x, layer, "attention.self.query", c->width, BIAS);
    val k = build_project(b, x, layer, "attention.self.key", c->width, BIAS);
    val v = build_project(b, x, layer, "attention.self.value", c->width, BIAS);
    return build_attend(b, layer, q, k, v, heads, heads);
}

val encoder_finish(build *b, const model_config *c, int64_t layer, val x, val o)
{
    prog *p = build_prog(b);
    o = build_project(b, o, layer, "attention.output.dense", c->width, BIAS);
    x = op_add(p, x, build_dropout(b, o, DROP_ATTENTION));
    x = build_layernorm(b, x, layer, "attention.output.LayerNorm", c->rms_eps, BIAS);
    val up = build_act(b, build_project(b, x, layer, "intermediate.dense", c->ffn, BIAS));
    val down = build_project(b, up, layer, "output.dense", c->width, BIAS);
    x = op_add(p, x, build_dropout(b, down, DROP_FEED_FORWARD));
    return build_layernorm(b, x, layer, "output.LayerNorm", c->rms_eps, BIAS);
}

val encoder_blocks(build *b, const model_config *c, val x)
{
    for (int64_t layer = 0; layer < c->layers; layer++) {
        build_layer(b, layer);
        x = encoder_finish(b, c, layer, x, attention(b, c, layer, x));
    }
    build_layer(b, -1);
    return build_label_rows(b, x);
}

val encoder_run(build *b, const model_config *c, const char *prefix)
{
    return encoder_blocks(b, c, encoder_embed_norm(b, c, prefix, encoder_embed(b, c, prefix)));
}

void encoder_outputs(build *b, const model_config *c, val x, activation_kind act)
{
    const bool whole = build_task(b) == TASK_SEQ_CLS;
    x = build_dropout(b, x, DROP_HEAD);
    if (whole) {
        x = op_activation(build_prog(b), build_head_dense(b, x, "classifier.dense", c->width, BIAS), act);
        x = build_dropout(b, x, DROP_HEAD);
    }
    build_outputs(b, x, whole ? "classifier.out_proj" : "classifier", BIAS);
}
