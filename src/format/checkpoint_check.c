/* checkpoint_check.c -- the tensors a Llama-like configuration asks for against those that are there. */
#include "format/checkpoint.h"

#include <stdio.h>
#include <string.h>

typedef struct check {
    const checkpoint *c;
    weights          *wanted; /* the names asked for so far */
    err              *e;
} check;

static void shape_text(char *out, size_t size, int64_t rows, int64_t cols)
{
    if (rows) snprintf(out, size, "(%lld, %lld)", (long long)rows, (long long)cols);
    else snprintf(out, size, "(%lld)", (long long)cols);
}

/* The name as the file has it, for messages. */
static const char *stored_name(const check *k, const char *name, char *out, size_t size)
{
    return checkpoint_gguf(k->c) && gguf_name_from_hf(name, out, size) ? out : name;
}

/* rows 0: a vector of cols. */
static int want(check *k, const char *name, int64_t rows, int64_t cols)
{
    const char *path = checkpoint_path(k->c);
    const tensor *t = weights_find(checkpoint_weights(k->c), name), entry = {.name = name};
    char need[64], have[64], buffer[160];
    shape_text(need, sizeof need, rows, cols);
    const char *stored = stored_name(k, name, buffer, sizeof buffer);
    if (!t) return fail(k->e, E_FORMAT, "%s: tensor %s %s is missing", path, stored, need);
    int code = weights_add(k->wanted, &entry, k->e);
    if (code != OK) return code;
    bool fits =
        rows ? t->ndim == 2 && t->dim[0] == rows && t->dim[1] == cols : t->ndim == 1 && t->dim[0] == cols;
    if (!fits) {
        shape_text(have, sizeof have, t->ndim == 2 ? t->dim[0] : 0,
                   t->ndim == 2 ? t->dim[1] : tensor_count(t));
        return fail(k->e, E_FORMAT, "%s: tensor %s is %s, the configuration asks for %s", path, stored, have,
                    need);
    }
    if (dtype_table[t->type]->is_weight) return OK;
    return fail(k->e, E_UNSUPPORTED, "%s: tensor %s is of type %s, which is not one of weights", path, stored,
                dtype_name(t->type));
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
        {"self_attn.q_proj", q, c->width, c->attention_bias},
        {"self_attn.k_proj", kv, c->width, c->attention_bias},
        {"self_attn.v_proj", kv, c->width, c->attention_bias},
        {"self_attn.o_proj", c->width, q, c->attention_bias},
        {"mlp.gate_proj", c->ffn, c->width, c->mlp_bias},
        {"mlp.up_proj", c->ffn, c->width, c->mlp_bias},
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
        if (weights_find(k->wanted, t->name) || str_ends(t->name, ".rotary_emb.inv_freq")) continue;
        bool head = !strcmp(t->name, "lm_head.weight");
        if (head && same_as_embedding(w, t)) continue;
        if (head)
            return fail(k->e, E_FORMAT,
                        "%s: lm_head.weight differs from the embedding, yet the configuration says "
                        "tie_word_embeddings; set it to false",
                        checkpoint_path(k->c));
        return fail(k->e, E_UNSUPPORTED, "%s: tensor %s has no place in a model of architecture %s",
                    checkpoint_path(k->c), t->name, checkpoint_config(k->c)->architecture);
    }
    return OK;
}

int checkpoint_check(const checkpoint *c, err *e)
{
    const model_config *m = checkpoint_config(c);
    check k = {c, weights_new(), e};
    int code = want(&k, "model.embed_tokens.weight", m->vocab, m->width);
    for (int64_t l = 0; l < m->layers && code == OK; l++) code = want_layer(&k, m, l);
    if (code == OK) code = want(&k, "model.norm.weight", 0, m->width);
    if (code == OK && !m->tied) code = want(&k, "lm_head.weight", m->vocab, m->width);
    if (code == OK) code = refuse_unused(&k);
    weights_free(k.wanted);
    return code;
}
