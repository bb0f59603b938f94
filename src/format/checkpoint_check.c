/* checkpoint_check.c -- the tensors a Llama-like configuration asks for against those that are there. */
#include "format/checkpoint.h"

#include <stdio.h>
#include <string.h>

typedef struct check {
    const checkpoint *c;
    bool             *used; /* by place in the weights */
    err              *e;
} check;

static int64_t place_of(const weights *w, const tensor *t)
{
    for (int64_t i = 0; i < weights_count(w); i++)
        if (weights_at(w, i) == t) return i;
    BUG("a tensor that is not in its own set");
}

static void shape_text(char *out, size_t size, int64_t rows, int64_t cols)
{
    if (rows) snprintf(out, size, "(%lld, %lld)", (long long)rows, (long long)cols);
    else snprintf(out, size, "(%lld)", (long long)cols);
}

/* rows 0: a vector of cols. */
static int want(check *k, const char *name, int64_t rows, int64_t cols)
{
    const weights *w = checkpoint_weights(k->c);
    const tensor *t = weights_find(w, name);
    char need[64], have[64], stored[160] = "";
    shape_text(need, sizeof need, rows, cols);
    if (checkpoint_gguf(k->c) && !gguf_name_from_hf(name, stored, sizeof stored)) stored[0] = 0;
    if (!t)
        return fail(k->e, E_FORMAT, "%s: tensor %s %s is missing", checkpoint_path(k->c), *stored ? stored : name, need);
    k->used[place_of(w, t)] = true;
    bool fits = rows ? t->ndim == 2 && t->dim[0] == rows && t->dim[1] == cols : t->ndim == 1 && t->dim[0] == cols;
    if (!fits) {
        shape_text(have, sizeof have, t->ndim == 2 ? t->dim[0] : 0, t->ndim == 2 ? t->dim[1] : tensor_count(t));
        return fail(k->e, E_FORMAT, "%s: tensor %s is %s, the configuration asks for %s", checkpoint_path(k->c),
                    *stored ? stored : name, have, need);
    }
    if (!dtype_table[t->type].is_weight)
        return fail(k->e, E_UNSUPPORTED, "%s: tensor %s is of type %s, which is not one of weights", checkpoint_path(k->c),
                    *stored ? stored : name, dtype_name(t->type));
    return OK;
}

static int want_linear(check *k, int64_t layer, const char *module, int64_t out, int64_t in, bool bias)
{
    char name[160];
    snprintf(name, sizeof name, "model.layers.%lld.%s.weight", (long long)layer, module);
    int code = want(k, name, out, in);
    if (code != OK || !bias) return code;
    snprintf(name, sizeof name, "model.layers.%lld.%s.bias", (long long)layer, module);
    return want(k, name, 0, out);
}

static int want_layer(check *k, const model_config *c, int64_t layer)
{
    int64_t q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim;
    const struct {
        const char *module;
        int64_t     out, in;
        bool        bias;
    } linear[] = {
        {"self_attn.q_proj", q, c->width, c->attention_bias},  {"self_attn.k_proj", kv, c->width, c->attention_bias},
        {"self_attn.v_proj", kv, c->width, c->attention_bias}, {"self_attn.o_proj", c->width, q, c->attention_bias},
        {"mlp.gate_proj", c->ffn, c->width, c->mlp_bias},      {"mlp.up_proj", c->ffn, c->width, c->mlp_bias},
        {"mlp.down_proj", c->width, c->ffn, c->mlp_bias},
    };
    int code = OK;
    for (size_t i = 0; i < sizeof linear / sizeof *linear && code == OK; i++)
        code = want_linear(k, layer, linear[i].module, linear[i].out, linear[i].in, linear[i].bias);
    static const char *const norms[] = {"input_layernorm", "post_attention_layernorm"};
    for (int i = 0; i < 2 && code == OK; i++) {
        char name[160];
        snprintf(name, sizeof name, "model.layers.%lld.%s.weight", (long long)layer, norms[i]);
        code = want(k, name, 0, c->width);
    }
    return code;
}

/* lm_head.weight of a tied model: harmless when it is the embedding once more. */
static bool same_as_embedding(const weights *w, const tensor *t)
{
    const tensor *e = weights_find(w, "model.embed_tokens.weight");
    return e && e->type == t->type && e->bytes == t->bytes && !memcmp(e->dim, t->dim, sizeof e->dim) &&
           !memcmp(e->data, t->data, t->bytes);
}

static int refuse_unused(const check *k)
{
    const weights *w = checkpoint_weights(k->c);
    for (int64_t i = 0; i < weights_count(w); i++) {
        const tensor *t = weights_at(w, i);
        if (k->used[i] || strstr(t->name, "rotary_emb.inv_freq")) continue;
        if (!strcmp(t->name, "lm_head.weight") && same_as_embedding(w, t)) continue;
        return fail(k->e, E_UNSUPPORTED, "%s: tensor %s has no place in a model of architecture %s", checkpoint_path(k->c),
                    t->name, checkpoint_config(k->c)->architecture);
    }
    return OK;
}

int checkpoint_check(const checkpoint *c, err *e)
{
    const model_config *m = checkpoint_config(c);
    arena mem = {0};
    check k = {c, arena_new(&mem, (size_t)weights_count(checkpoint_weights(c)) + 1), e};
    int code = want(&k, "model.embed_tokens.weight", m->vocab, m->width);
    for (int64_t l = 0; l < m->layers && code == OK; l++) code = want_layer(&k, m, l);
    if (code == OK) code = want(&k, "model.norm.weight", 0, m->width);
    if (code == OK && !m->tied) code = want(&k, "lm_head.weight", m->vocab, m->width);
    if (code == OK) code = refuse_unused(&k);
    arena_free(&mem);
    return code;
}
