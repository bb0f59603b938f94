/* bench_shape.c -- see bench_shape.h. The model has everything a step reads and no file behind it. Its
 * weights are the same few thousand numbers over and over: no kernel's speed depends on them. */
#include "lib/bench_shape.h"

#include "base/rng.h"
#include "model/arch.h"

#include <stdlib.h>
#include <math.h>
#include <string.h>

static const struct {
    const char *name;
    model_config config;
} shapes[] = {
    {"smollm-135m",
     {.layers = 30,
      .width = 576,
      .heads = 9,
      .kv_heads = 3,
      .head_dim = 64,
      .ffn = 1536,
      .vocab = 49152,
      .context = 2048,
      .rope = {.theta = 1e4, .magnitude = 1},
      .rms_eps = 1e-5,
      .tied = true}},
    {"llama-316m",
     {.layers = 24,
      .width = 1024,
      .heads = 16,
      .kv_heads = 8,
      .head_dim = 64,
      .ffn = 2816,
      .vocab = 32000,
      .context = 2048,
      .rope = {.theta = 1e4, .magnitude = 1},
      .rms_eps = 1e-5}},
    {"tinyllama-1.1b",
     {.layers = 22,
      .width = 2048,
      .heads = 32,
      .kv_heads = 4,
      .head_dim = 64,
      .ffn = 5632,
      .vocab = 32000,
      .context = 2048,
      .rope = {.theta = 1e4, .magnitude = 1},
      .rms_eps = 1e-5}},
};

typedef struct shape_model {
    model m; /* first: a shape_model is a model */
    model_config config;
    weights *weights;
    tensor_absmax absmax;
} shape_model;

static void fill(float *x, int64_t n, double size)
{
    uint64_t key = rng_key(1, 1);
    for (int64_t i = 0; i < n; i++)
        x[i] = i < 4096 ? (float)((2 * rng_unit(key, (uint64_t)i) - 1) * size) : x[i - 4096];
}

static int add(shape_model *s, const char *name, dtype type, int64_t rows, int64_t cols, err *e)
{
    size_t bytes = (size_t)(rows * cols) * sizeof(float);
    float *x = big_new(bytes, "random weights", e);
    if (!x) return E_MEMORY;
    fill(x, rows * cols, 0.02);
    tensor t, view = {.name = arena_strdup(&s->m.mem, name),
                      .type = DT_F32,
                      .ndim = rows > 1 ? 2 : 1,
                      .data = x,
                      .bytes = bytes};
    for (int i = 0; i < 4; i++) view.dim[i] = 1;
    view.dim[0] = rows > 1 ? rows : cols;
    if (rows > 1) view.dim[1] = cols;
    int bad = tensor_alloc(&t, type, rows, cols, s->absmax, e);
    if (!bad && (bad = tensor_convert(&t, &view, e))) tensor_release(&t);
    big_free(x, bytes);
    if (bad) return bad;
    t.name = view.name;
    t.ndim = view.ndim;
    memcpy(t.dim, view.dim, sizeof t.dim);
    tensor place = t;
    if ((bad = weights_add(s->weights, &place, e))) return bad;
    weights_adopt(s->weights, &t);
    s->m.parameters += rows * cols;
    return OK;
}

static int add_linear(shape_model *s, int64_t layer, const char *name, dtype type, int64_t out, int64_t in,
                      err *e)
{
    char *module = arena_fmt(&s->m.mem, "model.layers.%lld.%s", (long long)layer, name);
    s->m.linear[s->m.linears++] = (model_linear){module, in, out, 0};
    return add(s, arena_fmt(&s->m.mem, "%s.weight", module), type, out, in, e);
}

static int add_norm(shape_model *s, int64_t layer, const char *name, err *e)
{
    return add(s, arena_fmt(&s->m.mem, "model.layers.%lld.%s.weight", (long long)layer, name), DT_F32, 1,
               s->config.width, e);
}

static int add_layer(shape_model *s, int64_t layer, dtype type, err *e)
{
    const model_config *c = &s->config;
    int64_t q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim;
    int bad = add_norm(s, layer, "input_layernorm", e);
    if (!bad) bad = add_linear(s, layer, "self_attn.q_proj", type, q, c->width, e);
    if (!bad) bad = add_linear(s, layer, "self_attn.k_proj", type, kv, c->width, e);
    if (!bad) bad = add_linear(s, layer, "self_attn.v_proj", type, kv, c->width, e);
    if (!bad) bad = add_linear(s, layer, "self_attn.o_proj", type, c->width, q, e);
    if (!bad) bad = add_norm(s, layer, "post_attention_layernorm", e);
    if (!bad) bad = add_linear(s, layer, "mlp.gate_proj", type, c->ffn, c->width, e);
    if (!bad) bad = add_linear(s, layer, "mlp.up_proj", type, c->ffn, c->width, e);
    if (!bad) bad = add_linear(s, layer, "mlp.down_proj", type, c->width, c->ffn, e);
    return bad;
}

static int add_all(shape_model *s, dtype type, err *e)
{
    const model_config *c = &s->config;
    dtype plain = dtype_table[type]->is_quantized ? DT_BF16 : type;
    int bad = add(s, "model.embed_tokens.weight", plain, c->vocab, c->width, e);
    for (int64_t i = 0; i < c->layers && !bad; i++) bad = add_layer(s, i, type, e);
    if (!bad) bad = add(s, "model.norm.weight", DT_F32, 1, c->width, e);
    if (!bad && !c->tied) bad = add(s, "lm_head.weight", plain, c->vocab, c->width, e);
    return bad;
}

static const model_config *find_shape(const char *name)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (!strcmp(shapes[i].name, name)) return &shapes[i].config;
    return NULL;
}

int bench_shape_new(model **out, const char *name, const char *quantization, tensor_absmax absmax, err *e)
{
    dtype type = !strcasecmp(quantization, "as-is")  ? DT_BF16
                 : !strcasecmp(quantization, "none") ? DT_F32
                                                     : dtype_find(quantization);
    const model_config *config = find_shape(name);
    if (!config) return fail(e, E_USAGE, "--shape: \"%s\" is not known", name);
    if (type == DT_COUNT || !dtype_table[type]->is_weight || !dtype_table[type]->encode)
        return fail(e, E_USAGE, "--quantization: weights cannot be made in \"%s\"", quantization);
    shape_model *s = xcalloc(1, sizeof *s);
    s->config = *config;
    s->absmax = absmax;
    s->config.family = family_find("llama");
    strcpy(s->config.architecture, s->config.family->name);
    s->config.rotary_dim = config->head_dim;
    s->config.attention_scale = 1 / sqrt((double)config->head_dim);
    s->config.embed_scale = s->config.head_scale = s->config.residual_scale = 1;
    s->weights = weights_new();
    s->m.config = &s->config;
    s->m.weights = s->weights;
    s->m.arch = arch_find("llama");
    s->m.linear = xcalloc((size_t)(7 * config->layers), sizeof *s->m.linear);
    int bad = add_all(s, type, e);
    if (bad)
        bench_shape_free(&s->m);
    else
        *out = &s->m;
    return bad;
}

void bench_shape_free(model *m)
{
    if (!m) return;
    shape_model *s = (shape_model *)m;
    weights_free(s->weights);
    free(m->linear);
    arena_free(&m->mem);
    free(s);
}
