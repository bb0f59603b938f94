/* encoder.c -- see encoder.h: norms follow each branch, and every row sees its whole document.
 *
 *     x = LayerNorm(words + positions + types)
 *     x = LayerNorm(x + output(attend(query(x), key(x), value(x))))
 *     x = LayerNorm(x + output(act(intermediate(x))))
 */
#include "model/encoder.h"

#include "model/build.h"

static val embeddings(build *b, const model_config *c, const char *prefix)
{
    prog *p = build_prog(b);
    arena *mem = &p->mem;
    val x = build_embed(b, arena_fmt(mem, "%s.embeddings.word_embeddings", prefix));
    const char *types = arena_fmt(mem, "%s.embeddings.token_type_embeddings", prefix);
    if (c->types) x = op_add(p, x, build_types(b, types));
    x = op_add(p, x, build_positions(b, arena_fmt(mem, "%s.embeddings.position_embeddings", prefix)));
    x = build_layernorm(b, x, -1, arena_fmt(mem, "%s.embeddings.LayerNorm", prefix), c->rms_eps, BIAS);
    return build_dropout(b, x, DROP_EMBEDDING);
}

static val attention(build *b, const model_config *c, int64_t layer, val x)
{
    const int heads = (int)c->heads;
    val q = build_project(b, x, layer, "attention.self.query", c->width, BIAS);
    val k = build_project(b, x, layer, "attention.self.key", c->width, BIAS);
    val v = build_project(b, x, layer, "attention.self.value", c->width, BIAS);
    val o = build_attend(b, layer, q, k, v, heads, heads);
    o = build_project(b, o, layer, "attention.output.dense", c->width, BIAS);
    return build_dropout(b, o, DROP_ATTENTION);
}

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    prog *p = build_prog(b);
    x = op_add(p, x, attention(b, c, layer, x));
    x = build_layernorm(b, x, layer, "attention.output.LayerNorm", c->rms_eps, BIAS);
    val up = build_act(b, build_project(b, x, layer, "intermediate.dense", c->ffn, BIAS));
    val down = build_project(b, up, layer, "output.dense", c->width, BIAS);
    x = op_add(p, x, build_dropout(b, down, DROP_FEED_FORWARD));
    return build_layernorm(b, x, layer, "output.LayerNorm", c->rms_eps, BIAS);
}

val encoder_run(build *b, const model_config *c, const char *prefix)
{
    val x = embeddings(b, c, prefix);
    for (int64_t layer = 0; layer < c->layers; layer++) {
        build_layer(b, layer);
        x = block(b, c, layer, x);
    }
    build_layer(b, -1);
    return build_label_rows(b, x);
}
