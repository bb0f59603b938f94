/* build_source.c -- see build_source.h.
 *
 * The bias of a distance is that of its bucket. With n buckets for one direction, distances below n / 2 have one
 * each, and those from there to the reach share the others, ever more of them a bucket:
 *
 *     bucket(d) = n / 2 + floor(log(d / (n / 2)) / log(reach / (n / 2)) * (n - n / 2)), at most n - 1
 *
 * in floats, as the reference computes it. An encoder has n = buckets / 2 for each direction, keys that follow
 * the row in the second half of the table. */
#include "model/build_source.h"

#include "model/build.h"

#include <math.h>

val build_embed_source(build *b, const char *name)
{
    const model_config *c = b->m->config;
    return op_embed_scaled(b->p, b->source, build_frozen(b, name, "weight", c->vocab, c->width), c->embed_scale);
}

static int64_t bucket_of(int64_t distance, int64_t n, int64_t reach)
{
    const int64_t exact = n / 2;
    if (distance < exact) return distance;
    const float share = logf((float)distance / (float)exact) / (float)log((double)reach / (double)exact);
    const int64_t bucket = exact + (int64_t)(share * (float)(n - exact));
    return bucket < n - 1 ? bucket : n - 1;
}

/* The bucket of a key that lies `distance` before its row; below 0: behind it. */
static int64_t bucket_at(const model_config *c, int64_t distance, bool encoder)
{
    const int64_t n = encoder ? c->buckets / 2 : c->buckets;
    if (!encoder) return bucket_of(distance > 0 ? distance : 0, n, c->bucket_reach);
    return bucket_of(distance < 0 ? -distance : distance, n, c->bucket_reach) + (distance < 0 ? n : 0);
}

void build_biases(build *b, int64_t layer, const char *name)
{
    const model_config *c = b->m->config;
    const int64_t reach = c->bucket_reach, wide = 2 * reach + 1;
    val table = build_frozen(b, build_module(b, layer, name), "weight", c->buckets, c->heads);
    float *to, head[1];
    tensor *t = build_own(b, "bias", 2, c->heads, wide, &to);
    for (int64_t d = -reach; d <= reach && !b->census; d++) {
        const int64_t bucket = bucket_at(c, d, c->family->encoder || layer < c->encoder_layers);
        for (int64_t h = 0; h < c->heads; h++) {
            tensor_decode(b->p->v[table].w, bucket, h, 1, head);
            to[h * wide + reach + d] = head[0];
        }
    }
    b->bias = prog_frozen(b->p, t);
}

val build_attend_biased(build *b, int64_t layer, val q, val k, val v)
{
    prog *p = b->p;
    const model_config *c = b->m->config;
    const int heads = (int)c->heads;
    const double scale = c->attention_scale;
    if (c->family->encoder)
        return build_scores_dropout(b,
                                    op_attention_biased(p, q, k, v, b->start, b->bias, SEES_ALL, heads, scale));
    if (layer < c->encoder_layers)
        return build_scores_dropout(
            b, op_attention_biased(p, q, k, v, b->source_start, b->bias, SEES_ALL, heads, scale));
    if (b->kind != STEP_GENERATE)
        return build_scores_dropout(
            b, op_attention_biased(p, q, k, v, b->start, b->bias, SEES_BEFORE, heads, scale));
    build_cache(b, layer, p->v[k].s.d[1]);
    return op_cached_attention_biased(p, q, k, v, b->slot, b->positions, b->cache_k[layer], b->cache_v[layer],
                                      b->bias, heads, b->size.context, scale);
}

val build_attend_among_source(build *b, val q, val k, val v)
{
    const int heads = (int)b->m->config->heads;
    const double scale = b->m->config->attention_scale;
    return build_scores_dropout(b, op_attention_both(b->p, q, k, v, b->source_start, heads, heads, 0, scale));
}

/* x of the encoder's rows, where later steps find it. */
static val keep(build *b, int64_t layer, const char *name, val x)
{
    const int64_t rows = b->size.slots * b->size.source_context;
    val to = prog_value(b->p, build_module(b, layer, name), VALUE_STATE, ROWS_FIXED, rows, b->p->v[x].s.d[1]);
    return op_store(b->p, x, b->source_place, to);
}

val build_attend_source(build *b, int64_t layer, val q, val k, val v)
{
    if (b->kind == STEP_GENERATE) {
        k = keep(b, layer, "source_k", k);
        v = keep(b, layer, "source_v", v);
    }
    const model_config *c = b->m->config;
    val o = op_attention_across(b->p, q, k, v, b->seen, (int)c->heads, c->attention_scale);
    return build_scores_dropout(b, o);
}

bool build_has(const build *b, const char *name) { return b->m->weights && weights_find(b->m->weights, name); }
