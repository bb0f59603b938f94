/* build.c -- what architectures are written with: named weights become values, projections get their
 * adapter, attention gets its documents or its cache. */
#include "model/build.h"

#include "model/build_source.h"

#include <string.h>

enum { HEAD_LOGITS = 64 << 20 }; /* bytes of logits that exist at a time */

prog *build_prog(build *b) { return b->p; }

const char *build_module(build *b, int64_t layer, const char *name)
{
    const model_config *c = b->m->config;
    const char *blocks = c->family->blocks ? c->family->blocks : "model.layers";
    char inside[256];
    if (c->family->decoder_blocks && layer >= c->encoder_layers) {
        blocks = c->family->decoder_blocks;
        layer -= c->encoder_layers;
    }
    if (layer >= 0) name = arena_fmt(&b->p->mem, "%s.%lld.%s", blocks, (long long)layer, name);
    const char *full = config_name_inside(c, name, inside, sizeof inside);
    return full == name ? name : arena_strdup(&b->p->mem, full);
}

/* A frozen weight by its full name: a matrix, or with rows 0 a vector. model_check() has made sure that it is
 * there and of that shape; a census makes do with the shape. */
static const tensor *weight_of(build *b, const char *module, const char *leaf, int64_t rows, int64_t cols)
{
    const char *name = arena_fmt(&b->p->mem, "%s.%s", module, leaf);
    if (!b->census) {
        const tensor *t = weights_find(b->m->weights, name);
        if (!t) BUG("the model has no %s", name);
        return t;
    }
    if (b->census->want) b->census->want(b->census->arg, name, rows, cols);
    tensor *t = arena_new(&b->p->mem, sizeof *t);
    *t = (tensor){.name = name, .ndim = rows ? 2 : 1, .dim = {rows ? rows : cols, rows ? cols : 1, 1, 1}};
    return t;
}

val build_frozen(build *b, const char *module, const char *leaf, int64_t rows, int64_t cols)
{
    return prog_frozen(b->p, weight_of(b, module, leaf, rows, cols));
}

tensor *build_own(build *b, const char *name, int ndim, int64_t rows, int64_t cols, float **data)
{
    const size_t bytes = (size_t)(rows * cols) * sizeof **data;
    tensor *t = arena_new(&b->p->mem, sizeof *t);
    *data = arena_new(&b->p->mem, bytes);
    *t = (tensor){.name = name, .type = DT_F32, .ndim = ndim, .dim = {rows, cols, 1, 1}};
    t->data = *data;
    t->bytes = bytes;
    return t;
}

void build_layer(build *b, int64_t layer) { b->p->seg = (int)(layer + 1); }

val build_embed(build *b, const char *name)
{
    const model_config *c = b->m->config;
    const int64_t width = c->embed_width ? c->embed_width : c->width;
    val table = build_frozen(b, build_module(b, -1, name), "weight", c->vocab, width);
    return op_embed_scaled(b->p, b->tokens, table, c->embed_scale);
}

val build_head_norm(build *b, val x, int heads, int64_t layer, const char *name, double eps)
{
    int64_t n = b->p->v[x].s.d[1] / heads;
    val w = build_frozen(b, build_module(b, layer, name), "weight", 0, n);
    return op_rmsnorm_offset(b->p, x, w, eps, b->m->config->norm_offset);
}

val build_norm(build *b, val x, int64_t layer, const char *name, double eps)
{
    return build_head_norm(b, x, 1, layer, name, eps);
}

static bool adapter_of(build *b, const char *module, lowrank *out)
{
    int64_t i = b->a ? adapter_find(b->a, module) : -1;
    if (i < 0) return false;
    const adapter_module *m = &b->a->module[i];
    prog *p = b->p;
    val *ab = &b->param[2 * i];
    if (ab[0] == NONE) {
        ab[0] = prog_value(p, arena_fmt(&p->mem, "%s.lora_A", module), VALUE_PARAM, ROWS_FIXED, m->r, m->in);
        ab[1] = prog_value(p, arena_fmt(&p->mem, "%s.lora_B", module), VALUE_PARAM, ROWS_FIXED, m->out, m->r);
    }
    double dropout = b->kind == STEP_TRAIN ? b->a->config.dropout : 0;
    *out = (lowrank){.a = ab[0], .b = ab[1], .scale = m->scale, .dropout = dropout};
    return true;
}

val build_project(build *b, val x, int64_t layer, const char *name, int64_t out, build_bias bias)
{
    const int64_t in = b->p->v[x].s.d[1];
    if (b->census && b->census->linear)
        b->census->linear(b->census->arg, build_module(b, layer, name), in, out, 0);
    return build_project_again(b, x, layer, name, out, bias);
}

val build_project_again(build *b, val x, int64_t layer, const char *name, int64_t out, build_bias bias)
{
    const char *module = build_module(b, layer, name);
    const int64_t in = b->p->v[x].s.d[1];
    val w = build_frozen(b, module, "weight", out, in);
    val added = bias == BIAS ? build_frozen(b, module, "bias", 0, out) : NONE;
    lowrank low;
    bool adapted = adapter_of(b, module, &low);
    return op_linear(b->p, x, w, added, adapted ? &low : NULL);
}

/* The adapters of all experts, which lie end to end: adapter_new() has seen to it that all have one, or
 * none. */
static bool adapters_of(build *b, const char *first, int64_t experts, expert_lowrank *out)
{
    int64_t i = b->a ? adapter_find(b->a, first) : -1;
    if (i < 0) return false;
    const adapter_module *m = &b->a->module[i];
    prog *p = b->p;
    b->param[2 * i] = prog_value(p, arena_fmt(&p->mem, "%s.lora", first), VALUE_PARAM, ROWS_FIXED, experts,
                                 m->r * (m->in + m->out));
    double dropout = b->kind == STEP_TRAIN ? b->a->config.dropout : 0;
    *out = (expert_lowrank){.ab = b->param[2 * i], .rank = m->r, .scale = m->scale, .dropout = dropout};
    return true;
}

val build_experts(build *b, val x, const routing *to, int64_t layer, const char *list, const char *name,
                  int64_t out)
{
    prog *p = b->p;
    const int64_t in = p->v[x].s.d[1] / to->k;
    const char *first = NULL;
    tensor *all = arena_new(&p->mem, (size_t)to->experts * sizeof *all);
    for (int64_t e = 0; e < to->experts; e++) {
        const char *own = arena_fmt(&p->mem, "%s.%lld.%s", list, (long long)e, name);
        const char *module = build_module(b, layer, own);
        if (b->census && b->census->linear) b->census->linear(b->census->arg, module, in, out, e);
        all[e] = *weight_of(b, module, "weight", out, in);
        if (e == 0) first = module;
    }
    expert_lowrank low;
    bool adapted = adapters_of(b, first, to->experts, &low);
    return op_experts(p, x, prog_frozen(p, all), to, adapted ? &low : NULL);
}

/* Frequencies as a weight of the list. */
static val frequencies(build *b, const rope_config *how, double theta, int64_t length)
{
    const model_config *c = b->m->config;
    const int64_t half = c->rotary_dim / 2;
    float *f;
    tensor *t = build_own(b, "inv_freq", 1, half, 1, &f);
    rope_frequencies(how, theta, c->rotary_dim, length, f);
    return prog_frozen(b->p, t);
}

/* Where frequencies depend on a sequence's length, generating takes those of the cache's for all of a run, so
 * that kept keys and new queries agree. Otherwise every document has its own. */
static val scaled_table(build *b, const rope_config *how, double theta)
{
    const bool varies = how->kind == ROPE_LONG || how->kind == ROPE_DYNAMIC;
    const int64_t most = b->kind == STEP_GENERATE ? b->size.context : b->size.tokens;
    if (!varies || most <= how->original)
        return op_rope_table(b->p, b->positions, frequencies(b, how, theta, 0), NULL, how->magnitude);
    if (b->kind == STEP_GENERATE)
        return op_rope_table(b->p, b->positions, frequencies(b, how, theta, most), NULL, how->magnitude);
    rope_stretch stretch = {.original = how->original, .longer = NONE, .factor = how->factor, .theta = theta};
    if (how->kind == ROPE_LONG) stretch.longer = frequencies(b, how, theta, INT64_MAX);
    val usual = frequencies(b, how, theta, 0);
    return op_rope_table(b->p, b->positions, usual, &stretch, how->magnitude);
}

/* The table of cosines and sines of a base, made when it is first asked for. Every block reads it: it belongs
 * to none, so that no recompute repeats it. */
static val rope_table(build *b, bool local)
{
    const model_config *c = b->m->config;
    static const rope_config plain = {.kind = ROPE_PLAIN, .magnitude = 1};
    if (b->rope[local] != NONE) return b->rope[local];
    const int seg = b->p->seg;
    b->p->seg = 0;
    b->rope[local] =
        local ? scaled_table(b, &plain, c->local_theta) : scaled_table(b, &c->rope, c->rope.theta);
    b->p->seg = seg;
    return b->rope[local];
}

val build_rope(build *b, val x, int heads, int64_t layer)
{
    const model_config *c = b->m->config;
    if (c->alibi > 0 || !config_rotates(c, layer)) return x;
    const val table = rope_table(b, c->local_theta > 0 && config_window(c, layer) > 0);
    return c->family->adjacent ? op_rope_adjacent(b->p, x, table, heads) : op_rope(b->p, x, table, heads);
}

void build_cache(build *b, int64_t layer, int64_t width)
{
    const int64_t rows = b->size.slots * b->size.context;
    BUG_IF(layer < 0 || layer >= b->caches);
    const char *name_k = build_module(b, layer, "cache_k"), *name_v = build_module(b, layer, "cache_v");
    b->cache_k[layer] = prog_value(b->p, name_k, VALUE_STATE, ROWS_FIXED, rows, width);
    b->cache_v[layer] = prog_value(b->p, name_v, VALUE_STATE, ROWS_FIXED, rows, width);
}

static val attend(build *b, int64_t layer, val q, val k, val v, int heads, int kv_heads)
{
    prog *p = b->p;
    const model_config *c = b->m->config;
    const int window = (int)config_window(c, layer);
    const double scale = c->attention_scale, cap = c->attention_cap;
    if (c->family->encoder) {
        BUG_IF(b->kind == STEP_GENERATE);
        return op_attention_both(p, q, k, v, b->start, heads, kv_heads, window, scale);
    }
    if (b->kind != STEP_GENERATE)
        return op_attention_capped(p, q, k, v, b->start, heads, kv_heads, window, scale, cap);
    build_cache(b, layer, p->v[k].s.d[1]);
    return op_cached_attention_capped(p, q, k, v, b->slot, b->positions, b->cache_k[layer], b->cache_v[layer],
                                      heads, kv_heads, window, b->size.context, scale, cap);
}

val build_attend(build *b, int64_t layer, val q, val k, val v, int heads, int kv_heads)
{
    if (b->m->config->alibi > 0) {
        build_slopes(b);
        return build_attend_biased(b, layer, q, k, v);
    }
    return build_scores_dropout(b, attend(b, layer, q, k, v, heads, kv_heads));
}

val build_label_rows(build *b, val x) { return op_gather(b->p, x, b->gather); }

/* As few equal chunks of label rows as keep the logits below HEAD_LOGITS. */
static int64_t head_chunk(int64_t labels, int64_t vocab)
{
    int64_t most = HEAD_LOGITS / (vocab * (int64_t)sizeof(float));
    if (most < 16) most = 16;
    int64_t chunks = (labels + most - 1) / most;
    return chunks > 1 ? (labels + chunks - 1) / chunks : labels;
}

void build_head(build *b, val x, const char *weight)
{
    prog *p = b->p;
    const model_config *c = b->m->config;
    const double cap = c->final_cap;
    if (b->m->head.task != TASK_CAUSAL_LM) {
        build_outputs(b, x, "score", NO_BIAS);
        return;
    }
    const char *module = build_module(b, -1, weight);
    val w = build_frozen(b, module, "weight", c->vocab, p->v[x].s.d[1]);
    val bias = c->head_bias ? build_frozen(b, module, "bias", 0, c->vocab) : NONE;
    x = op_scale(p, x, c->head_scale);
    if (b->kind != STEP_GENERATE) {
        int64_t chunk = head_chunk(b->size.labels, c->vocab);
        if (bias != NONE) b->loss = op_head_biased(p, x, w, bias, b->target, b->weight, chunk, &b->ce, &b->hit);
        else b->loss = op_head_capped(p, x, w, b->target, b->weight, chunk, cap, &b->ce, &b->hit);
        return;
    }
    b->logits = op_linear(p, x, w, bias, NULL);
    if (cap > 0) b->logits = op_softcap(p, b->logits, cap);
    p->v[b->logits].kind = VALUE_RESULT;
}

void build_census(const model *m, const struct census *census)
{
    prog p;
    prog_init(&p, 1, 1);
    p.cap_source = 1;
    build b = {.p = &p, .m = m, .kind = STEP_EVAL, .size = {.tokens = 1, .labels = 1}, .census = census};
    build_list(&b);
    prog_release(&p);
}

void build_list(build *b)
{
    prog *p = b->p;
    b->counting = b->source_positions = NONE;
    b->loss = b->ce = b->hit = b->logits = b->rope[0] = b->rope[1] = b->start = b->slot = b->target =
        b->weight = b->types = b->source = b->source_start = b->source_place = b->seen = b->bias = NONE;
    b->tokens = prog_ints(p, "tokens", VALUE_INPUT, ROWS_TOKENS, 0, 1);
    b->positions = prog_ints(p, "positions", VALUE_INPUT, ROWS_TOKENS, 0, 1);
    b->gather = prog_ints(p, "gather", VALUE_INPUT, ROWS_LABELS, 0, 1);
    if (b->kind == STEP_GENERATE) {
        b->slot = prog_ints(p, "slot", VALUE_INPUT, ROWS_TOKENS, 0, 1);
    } else {
        b->start = prog_ints(p, "start", VALUE_INPUT, ROWS_TOKENS, 0, 1);
        b->target = b->m->head.objective == OBJECTIVE_CLASS
                        ? prog_ints(p, "target", VALUE_INPUT, ROWS_LABELS, 0, 1)
                        : prog_value(p, "target", VALUE_INPUT, ROWS_LABELS, 0, b->m->head.outputs);
        b->weight = prog_value(p, "weight", VALUE_INPUT, ROWS_LABELS, 0, 1);
    }
    if (b->m->config->encoder_layers) {
        b->source = prog_ints(p, "source", VALUE_INPUT, ROWS_SOURCE, 0, 1);
        b->source_start = prog_ints(p, "source start", VALUE_INPUT, ROWS_SOURCE, 0, 1);
        b->seen = prog_ints(p, "seen", VALUE_INPUT, ROWS_TOKENS, 0, 2);
        if (b->m->config->positions)
            b->source_positions = prog_ints(p, "source positions", VALUE_INPUT, ROWS_SOURCE, 0, 1);
        if (b->kind == STEP_GENERATE) b->source_place = prog_ints(p, "place", VALUE_INPUT, ROWS_SOURCE, 0, 1);
    }
    b->caches = b->m->config->layers;
    b->cache_k = arena_new(&p->mem, (size_t)b->caches * sizeof(val));
    b->cache_v = arena_new(&p->mem, (size_t)b->caches * sizeof(val));
    int64_t params = b->a ? 2 * b->a->modules : 0;
    b->param = arena_new(&p->mem, (size_t)params * sizeof(val));
    for (int64_t i = 0; i < params; i++) b->param[i] = NONE;
    int64_t wholes = b->a ? b->a->wholes : 0;
    b->whole = arena_new(&p->mem, (size_t)(wholes + 1) * sizeof(val));
    for (int64_t i = 0; i < wholes; i++) b->whole[i] = NONE;
    if (b->m->config->types) b->types = prog_ints(p, "types", VALUE_INPUT, ROWS_TOKENS, 0, 1);
    b->m->arch->forward(b, b->m->config);
}
