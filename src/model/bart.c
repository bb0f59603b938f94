/* bart.c -- BART (Lewis et al. 2020): an encoder, and a decoder that reads it, with learned positions and layer norms
 * behind every part:
 *
 *     x = norm(x + out(attend(q(x), k(x), v(x))))    decoder: x = norm(x + out(attend(q(x), k(e), v(e))))
 *     x = norm(x + fc2(act(fc1(x))))
 *
 * e being what the encoder makes of its rows. Pegasus (pegasus.c) has the norms before the parts and behind the last
 * block, none behind the embedding, and positions that are computed. */
#include "model/bart.h"

#include "model/build.h"
#include "model/build_source.h"

#include <math.h>

static val norm(build *b, const model_config *c, val x, int64_t layer, const char *name)
{
    return build_layernorm(b, x, layer, name, c->rms_eps, BIAS);
}

static val project(build *b, val x, int64_t layer, const char *name, const char *leaf, int64_t out)
{
    return build_project(b, x, layer, arena_fmt(&build_prog(b)->mem, "%s.%s", name, leaf), out, BIAS);
}

typedef enum part { OWN, SOURCE } part;

/* Rows of x look at those of `at`: themselves, or a decoder's at the encoder's. */
static val attention(build *b, const model_config *c, int64_t layer, const char *name, val x, val at, part p)
{
    const int heads = (int)c->heads;
    val q = project(b, x, layer, name, "q_proj", c->width), k = project(b, at, layer, name, "k_proj", c->width);
    val v = project(b, at, layer, name, "v_proj", c->width);
    val o = p == SOURCE                   ? build_attend_source(b, layer, q, k, v)
            : layer < c->encoder_layers ? build_attend_among_source(b, q, k, v)
                                          : build_attend(b, layer, q, k, v, heads, heads);
    return build_dropout(b, project(b, o, layer, name, "out_proj", c->width), DROP_ATTENTION);
}

static val feed_forward(build *b, const model_config *c, int64_t layer, val x)
{
    val up = build_act(b, build_project(b, x, layer, "fc1", c->ffn, BIAS));
    up = build_project(b, build_dropout(b, up, DROP_ACTIVATION), layer, "fc2", c->width, BIAS);
    return build_dropout(b, up, DROP_FEED_FORWARD);
}

/* What a part reads, and what becomes of x and what it made. */
static val before(build *b, const model_config *c, val x, int64_t layer, const char *name)
{
    return c->post_norm ? x : norm(b, c, x, layer, name);
}

static val after(build *b, const model_config *c, val x, val made, int64_t layer, const char *name)
{
    x = op_add(build_prog(b), x, made);
    return c->post_norm ? norm(b, c, x, layer, name) : x;
}

/* All blocks from `first` on; source NONE: they are the encoder's. */
static val stack(build *b, const model_config *c, int64_t first, int64_t end, val x, val source)
{
    for (int64_t layer = first; layer < end; layer++) {
        build_layer(b, layer);
        val n = before(b, c, x, layer, "self_attn_layer_norm");
        x = after(b, c, x, attention(b, c, layer, "self_attn", n, n, OWN), layer, "self_attn_layer_norm");
        if (source != NONE) {
            n = before(b, c, x, layer, "encoder_attn_layer_norm");
            n = attention(b, c, layer, "encoder_attn", n, source, SOURCE);
            x = after(b, c, x, n, layer, "encoder_attn_layer_norm");
        }
        n = before(b, c, x, layer, "final_layer_norm");
        x = after(b, c, x, feed_forward(b, c, layer, n), layer, "final_layer_norm");
    }
    build_layer(b, -1);
    return x;
}

/* sin | cos of position / 10000^(2 k / width), for as many positions as the list may have rows: what a file that has
 * no table leaves out. */
static val waves(build *b, const model_config *c)
{
    int64_t rows = b->size.tokens > b->size.source ? b->size.tokens : b->size.source;
    if (b->size.context > rows) rows = b->size.context;
    if (rows > c->positions) rows = c->positions;
    const int64_t sines = (c->width + 1) / 2;
    float *to;
    const tensor *t = build_own(b, "waves", 2, rows, c->width, &to);
    for (int64_t r = 0; r < rows && !b->census; r++)
        for (int64_t k = 0; k < c->width; k++) {
            const double at = (double)(k < sines ? k : k - sines) * 2 / (double)c->width;
            const double angle = (double)r / pow(10000, at);
            to[r * c->width + k] = (float)(k < sines ? sin(angle) : cos(angle));
        }
    return prog_frozen(build_prog(b), t);
}

/* x with the positions of its rows, which are the encoder's or the decoder's. */
static val placed(build *b, const model_config *c, const char *name, val x, val positions, val computed)
{
    prog *p = build_prog(b);
    val table = computed;
    if (table == NONE)
        table = build_frozen(b, arena_fmt(&p->mem, "%s.embed_positions", name), "weight", c->positions, c->width);
    x = op_add(p, x, op_embed_from(p, positions, table, c->position_offset));
    if (c->embed_norm) x = norm(b, c, x, -1, arena_fmt(&p->mem, "%s.layernorm_embedding", name));
    return build_dropout(b, x, DROP_EMBEDDING);
}

void bart_forward(build *b, const model_config *c)
{
    const bool computed = c->sinusoidal && !build_has(b, "model.encoder.embed_positions.weight");
    val table = computed ? waves(b, c) : NONE;
    val source = placed(b, c, "model.encoder", build_embed_source(b, "model.shared"), b->source_positions, table);
    source = stack(b, c, 0, c->encoder_layers, source, NONE);
    if (!c->no_final_norm) source = norm(b, c, source, -1, "model.encoder.layer_norm");
    val x = placed(b, c, "model.decoder", build_embed(b, "model.shared"), b->positions, table);
    x = build_label_rows(b, stack(b, c, c->encoder_layers, c->layers, x, source));
    if (!c->no_final_norm) x = norm(b, c, x, -1, "model.decoder.layer_norm");
    build_head(b, x, build_has(b, "lm_head.weight") || !c->tied ? "lm_head" : "model.shared");
}

const arch arch_bart = {bart_forward};
