/* check.c -- the tensors that a model's forward list asks for against those that are there. */
#include "model/build.h"

#include <stdio.h>
#include <string.h>

typedef struct check {
    const model *m;
    const checkpoint *c;
    weights *wanted; /* the names asked for so far */
    int code;
    err *e;
} check;

static void shape_text(char *out, size_t size, int64_t rows, int64_t cols)
{
    if (rows)
        snprintf(out, size, "(%lld, %lld)", (long long)rows, (long long)cols);
    else
        snprintf(out, size, "(%lld)", (long long)cols);
}

/* The name as the file has it, for messages. */
static const char *stored_name(const check *k, const char *name, char *out, size_t size)
{
    const family *f = checkpoint_config(k->c)->family;
    return checkpoint_gguf(k->c) && gguf_name_from_hf(f, name, out, size) ? out : name;
}

static int compare(const check *k, const tensor *t, const char *stored, int64_t rows, int64_t cols)
{
    const char *path = checkpoint_path(k->c);
    char need[64], have[64];
    shape_text(need, sizeof need, rows, cols);
    if (!t) return fail(k->e, E_FORMAT, "%s: tensor %s %s is missing", path, stored, need);
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

static void want(void *arg, const char *name, int64_t rows, int64_t cols)
{
    check *k = arg;
    char buffer[192];
    const tensor entry = {.name = name};
    if (k->code != OK || weights_find(k->wanted, name)) return; /* a tied head asks for the embedding again */
    k->code = compare(k, weights_find(checkpoint_weights(k->c), name),
                      stored_name(k, name, buffer, sizeof buffer), rows, cols);
    if (k->code == OK) k->code = weights_add(k->wanted, &entry, k->e);
}

/* lm_head.weight of a tied model: harmless when it is the embedding once more. */
static bool same_as_embedding(const weights *w, const model_config *c, const tensor *t)
{
    char name[96], inside[128];
    const char *embedding = c->family->embedding;
    snprintf(name, sizeof name, "%s.weight", embedding ? embedding : "model.embed_tokens");
    const tensor *e = weights_find(w, config_name_inside(c, name, inside, sizeof inside));
    return e && e->type == t->type && e->bytes == t->bytes && !memcmp(e->dim, t->dim, sizeof e->dim) &&
           !memcmp(e->data, t->data, t->bytes);
}

/* Further copies of the embedding, one for each stack. */
static bool is_copy(const weights *w, const model_config *c, const tensor *t)
{
    const bool copy = c->family->decoder_blocks && str_ends(t->name, ".embed_tokens.weight");
    return copy && same_as_embedding(w, c, t);
}

/* What is no weight: buffers of old files, and factors that the configuration has read already. */
static bool is_rotary(const char *name)
{
    return str_ends(name, ".rotary_emb.inv_freq") || !strcmp(name, "rope_freqs.weight") ||
           !strcmp(name, "rope_factors_short.weight") || !strcmp(name, "rope_factors_long.weight");
}

/* Heads: a model that is opened as a classifier does not need the one it was trained with before, nor one
 * for other classes; and an encoder none at all but its own. */
static bool is_head(const model *m, const char *name)
{
    char first[64];
    snprintf(first, sizeof first, "%.*s", (int)strcspn(name, "."), name);
    const family *f = m->config->family;
    for (int64_t i = 0; i < m->denses; i++)
        if (!strncmp(m->dense[i].name, name, strlen(m->dense[i].name))) return true;
    if (strstr(name, ".pooler.")) return f->encoder;
    if (m->head.task == TASK_CAUSAL_LM) return false;
    return family_lists(f->outside, first) || family_lists("lm_head score classifier", first);
}

static bool is_zero(const tensor *t)
{
    for (int64_t r = 0; r < tensor_rows(t); r++)
        for (int64_t c = 0; c < tensor_cols(t); c++) {
            float x;
            tensor_decode(t, r, c, 1, &x);
            if (x != 0) return false;
        }
    return true;
}

static int refuse_unused(const check *k)
{
    const weights *w = checkpoint_weights(k->c);
    for (int64_t i = 0; i < weights_count(w); i++) {
        const tensor *t = weights_at(w, i);
        if (weights_find(k->wanted, t->name) || is_rotary(t->name)) continue;
        const family *f = checkpoint_config(k->c)->family;
        if (is_copy(w, checkpoint_config(k->c), t) || (f->decoder_blocks && family_ends(f->ignored, t->name)))
            continue;
        if (family_ends(f->spare, t->name)) continue;
        if (family_ends(f->zero, t->name)) {
            if (is_zero(t)) continue;
            return fail(k->e, E_UNSUPPORTED, "%s: tensor %s is not zero, which is not supported",
                        checkpoint_path(k->c), t->name);
        }
        bool head = !strcmp(t->name, "lm_head.weight");
        if (is_head(k->m, t->name)) continue;
        if (head && same_as_embedding(w, checkpoint_config(k->c), t)) continue;
        if (head && checkpoint_config(k->c)->tied)
            return fail(k->e, E_FORMAT,
                        "%s: lm_head.weight differs from the embedding, yet the configuration says "
                        "tie_word_embeddings; set it to false",
                        checkpoint_path(k->c));
        return fail(k->e, E_UNSUPPORTED, "%s: tensor %s has no place in a model of architecture %s",
                    checkpoint_path(k->c), t->name, checkpoint_config(k->c)->architecture);
    }
    return OK;
}

int model_check(const model *m, err *e)
{
    check k = {.m = m, .c = m->file, .wanted = weights_new(), .code = OK, .e = e};
    build_census(m, &(struct census){.want = want, .arg = &k});
    int code = k.code == OK ? refuse_unused(&k) : k.code;
    weights_free(k.wanted);
    return code;
}
