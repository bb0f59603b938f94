/* deberta_v2.c -- DeBERTa v2 and v3 (He et al. 2021): BERT whose scores are of two rows, and of a row and the
 * distance to the other (op/disentangled.c). The rows for distances r, one table for all blocks, go through each
 * block's own projections of q and k (or through two of their own), adapters and all:
 *
 *     s_ij = (q_i . k_j + q_i . key(r)_b + k_j . query(r)_b) / sqrt(3 dim),  b = bucket(i - j)
 *
 * With n buckets a side, distances d up to n / 2 have one each, and those up to the reach m share the others, in
 * floats as the reference computes it (d below 0 likewise, to the other side):
 *
 *     bucket(d) = n + n / 2 + ceil(log(d / (n / 2)) / log((m - 1) / (n / 2)) * (n / 2 - 1)), at most 2 n - 1
 *
 * As classifiers:
 *
 *     sequences   classifier(gelu(pooler.dense(first row)))      tokens   classifier(row)
 */
#include "model/build.h"
#include "model/encoder.h"

#include <math.h>

static int64_t signed_bucket(const model_config *c, int64_t distance)
{
    const int64_t middle = c->buckets / 2, far = distance < 0 ? -distance : distance;
    if (!c->log_buckets || far <= middle) return distance;
    const float whole = logf((float)((double)(c->bucket_reach - 1) / (double)middle));
    const float share = logf((float)far / (float)middle) / whole;
    const int64_t bucket = (int64_t)ceilf(share * (float)(middle - 1)) + middle;
    return distance < 0 ? -bucket : bucket;
}

static val buckets(build *b, const model_config *c)
{
    const int64_t reach = c->bucket_reach, most = 2 * c->buckets - 1;
    float *to;
    const tensor *t = build_own(b, "where", 2, 1, 2 * reach + 1, &to);
    for (int64_t d = -reach; d <= reach && !b->census; d++) {
        const int64_t bucket = signed_bucket(c, d) + c->buckets;
        to[reach + d] = (float)(bucket < 0 ? 0 : bucket > most ? most : bucket);
    }
    return prog_frozen(b->p, t);
}

static val rows_for_distances(build *b, const model_config *c)
{
    val r = build_rows(b, "deberta.encoder.rel_embeddings", 2 * c->buckets, c->width);
    return c->normed_positions ? build_layernorm(b, r, -1, "deberta.encoder.LayerNorm", c->rms_eps, BIAS) : r;
}

/* The rows for distances as k (or q) would be made of them. */
static val project(build *b, const model_config *c, int64_t layer, val rows, const char *shared, const char *own)
{
    return c->shared_positions ? build_project_again(b, rows, layer, shared, c->width, BIAS)
                               : build_project(b, rows, layer, own, c->width, BIAS);
}

static val attention(build *b, const model_config *c, int64_t layer, val x, val rows, val where)
{
    static const char query[] = "attention.self.query_proj", key[] = "attention.self.key_proj";
    val q = build_project(b, x, layer, query, c->width, BIAS), k = build_project(b, x, layer, key, c->width, BIAS);
    val v = build_project(b, x, layer, "attention.self.value_proj", c->width, BIAS);
    const int heads = (int)c->heads;
    if (rows == NONE) return build_attend(b, layer, q, k, v, heads, heads);
    val to_k = NONE, to_q = NONE;
    if (c->content_position) to_k = project(b, c, layer, rows, key, "attention.self.pos_key_proj");
    if (c->position_content) to_q = project(b, c, layer, rows, query, "attention.self.pos_query_proj");
    return op_disentangled(b->p, q, k, v, b->start, where, to_k, to_q, heads, c->attention_scale);
}

static void forward(build *b, const model_config *c)
{
    val x = encoder_embed(b, c, "deberta"), rows = NONE, where = NONE;
    if (c->embed_width) x = build_project(b, x, -1, "deberta.embeddings.embed_proj", c->width, NO_BIAS);
    x = encoder_embed_norm(b, c, "deberta", x);
    if (c->content_position || c->position_content) {
        rows = rows_for_distances(b, c);
        where = buckets(b, c);
    }
    for (int64_t layer = 0; layer < c->layers; layer++) {
        build_layer(b, layer);
        x = encoder_finish(b, c, layer, x, attention(b, c, layer, x, rows, where));
    }
    build_layer(b, -1);
    x = build_label_rows(b, x);
    if (build_task(b) == TASK_SEQ_CLS)
        x = build_act_as(b, build_dense(b, x, "pooler.dense", c->width), c->head_act);
    build_outputs(b, x, "classifier", BIAS);
}

const arch arch_deberta_v2 = {forward};
