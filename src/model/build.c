/* build.c -- what architectures are written with: named weights become values, projections get their
 * adapter, attention gets its documents or its cache. */
#include "model/build.h"

#include <math.h>
#include <string.h>

enum { HEAD_LOGITS = 64 << 20 }; /* bytes of logits that exist at a time */

prog *build_prog(build *b) { return b->p; }

static const char *module_name(build *b, int64_t layer, const char *name)
{
    return layer < 0 ? name : arena_fmt(&b->p->mem, "model.layers.%lld.%s", (long long)layer, name);
}

/* A frozen weight by its module's name; checkpoint_check() has made sure that it is there. */
static const tensor *find_weight(build *b, const char *module, const char *leaf)
{
    return weights_find(b->m->weights, arena_fmt(&b->p->mem, "%s.%s", module, leaf));
}

static val frozen(build *b, const char *module)
{
    const tensor *t = find_weight(b, module, "weight");
    if (!t) BUG("the model has no %s.weight", module);
    return prog_frozen(b->p, t);
}

void build_layer(build *b, int64_t layer) { b->p->seg = (int)(layer + 1); }

val build_embed(build *b, const char *name) { return op_embed(b->p, b->tokens, frozen(b, name)); }

val build_norm(build *b, val x, int64_t layer, const char *name, double eps)
{
    return op_rmsnorm(b->p, x, frozen(b, module_name(b, layer, name)), eps);
}

static bool adapter_of(build *b, const char *module, lowrank *out)
{
    int64_t i = b->a ? adapter_find(b->a, module) : -1;
    if (i < 0) return false;
    const adapter_module *m = &b->a->module[i];
    prog *p = b->p;
    val *ab = &b->param[2 * i];
    ab[0] = prog_value(p, arena_fmt(&p->mem, "%s.lora_A", module), VALUE_PARAM, ROWS_FIXED, m->r, m->in);
    ab[1] = prog_value(p, arena_fmt(&p->mem, "%s.lora_B", module), VALUE_PARAM, ROWS_FIXED, m->out, m->r);
    double dropout = b->kind == STEP_TRAIN ? b->a->config.dropout : 0;
    *out = (lowrank){.a = ab[0], .b = ab[1], .scale = m->scale, .dropout = dropout};
    return true;
}

val build_project(build *b, val x, int64_t layer, const char *name, int64_t out)
{
    const char *module = module_name(b, layer, name);
    if (b->linear) {
        b->linear(b->linear_arg, module, b->p->v[x].s.d[1], out);
        return prog_temp_like(b->p, module, x, out);
    }
    const tensor *bias = find_weight(b, module, "bias");
    lowrank low;
    bool adapted = adapter_of(b, module, &low);
    return op_linear(b->p, x, frozen(b, module), bias ? prog_frozen(b->p, bias) : NONE,
                     adapted ? &low : NULL);
}

/* theta^(-2k / dim), rounded as the reference implementation rounds it: an f32 power, its reciprocal. */
static void rope_frequencies(build *b)
{
    const model_config *c = b->m->config;
    int64_t half = c->head_dim / 2;
    float *f = arena_new(&b->p->mem, (size_t)half * sizeof *f);
    for (int64_t k = 0; k < half; k++) {
        float exponent = (float)(2 * k) / (float)c->head_dim;
        f[k] = 1.0f / (float)pow((float)c->rope_theta, exponent);
    }
    b->rope_frequencies = (tensor){.name = "inv_freq",
                                   .type = DT_F32,
                                   .ndim = 1,
                                   .dim = {half, 1, 1, 1},
                                   .data = f,
                                   .bytes = (size_t)half * sizeof *f};
}

val build_rope(build *b, val x, int heads)
{
    if (b->rope == NONE) {
        int seg = b->p->seg;
        b->p->seg = 0; /* every block reads the table: it belongs to none, so no recompute repeats it */
        rope_frequencies(b);
        b->rope = op_rope_table(b->p, b->positions, prog_frozen(b->p, &b->rope_frequencies), 1.0);
        b->p->seg = seg;
    }
    return op_rope(b->p, x, b->rope, heads);
}

val build_attend(build *b, int64_t layer, val q, val k, val v, int heads, int kv_heads, int window,
                 double scale)
{
    prog *p = b->p;
    if (b->kind != STEP_GENERATE) return op_attention(p, q, k, v, b->start, heads, kv_heads, window, scale);
    BUG_IF(layer < 0 || layer >= b->caches);
    int64_t rows = b->size.slots * b->size.context, width = p->v[k].s.d[1];
    b->cache_k[layer] = prog_value(p, module_name(b, layer, "cache_k"), VALUE_STATE, ROWS_FIXED, rows, width);
    b->cache_v[layer] = prog_value(p, module_name(b, layer, "cache_v"), VALUE_STATE, ROWS_FIXED, rows, width);
    return op_cached_attention(p, q, k, v, b->slot, b->positions, b->cache_k[layer], b->cache_v[layer], heads,
                               kv_heads, window, b->size.context, scale);
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
    val w = frozen(b, weight);
    prog *p = b->p;
    if (b->kind != STEP_GENERATE) {
        int64_t chunk = head_chunk(b->size.labels, b->m->config->vocab);
        b->loss = op_head(p, x, w, b->target, b->weight, chunk, &b->ce, &b->hit);
        return;
    }
    b->logits = op_linear(p, x, w, NONE, NULL);
    p->v[b->logits].kind = VALUE_RESULT;
}

void build_list(build *b)
{
    prog *p = b->p;
    b->loss = b->ce = b->hit = b->logits = b->rope = b->start = b->slot = b->target = b->weight = NONE;
    b->tokens = prog_ints(p, "tokens", VALUE_INPUT, ROWS_TOKENS, 0, 1);
    b->positions = prog_ints(p, "positions", VALUE_INPUT, ROWS_TOKENS, 0, 1);
    b->gather = prog_ints(p, "gather", VALUE_INPUT, ROWS_LABELS, 0, 1);
    if (b->kind == STEP_GENERATE) {
        b->slot = prog_ints(p, "slot", VALUE_INPUT, ROWS_TOKENS, 0, 1);
    } else {
        b->start = prog_ints(p, "start", VALUE_INPUT, ROWS_TOKENS, 0, 1);
        b->target = prog_ints(p, "target", VALUE_INPUT, ROWS_LABELS, 0, 1);
        b->weight = prog_value(p, "weight", VALUE_INPUT, ROWS_LABELS, 0, 1);
    }
    b->caches = b->m->config->layers;
    b->cache_k = arena_new(&p->mem, (size_t)b->caches * sizeof(val));
    b->cache_v = arena_new(&p->mem, (size_t)b->caches * sizeof(val));
    int64_t params = b->a ? 2 * b->a->modules : 0;
    b->param = arena_new(&p->mem, (size_t)params * sizeof(val));
    for (int64_t i = 0; i < params; i++) b->param[i] = NONE;
    b->m->arch->forward(b, b->m->config);
}
