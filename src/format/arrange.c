/* arrange.c -- see arrange.h.
 *
 * Conv1D of GPT-2 keeps W^T (in, out). Fused q, k, v: Hugging Face's rows are, for every key head, its
 * queries, its key, its value, head_dim rows each; GGUF's are all queries, all keys, all values. */
#include "format/arrange.h"

#include "base/arena.h"

#include <stdio.h>
#include <string.h>

/* The name in the family's spelling, in `out` or as it is. */
static const char *full_name(const family *f, const char *name, char *out, size_t size)
{
    char first[64];
    size_t n = strcspn(name, ".");
    if (!f->prefix || n >= sizeof first) return name;
    snprintf(first, sizeof first, "%.*s", (int)n, name);
    if (!strcmp(first, f->prefix) || family_lists(f->outside, first)) return name;
    int length = snprintf(out, size, "%s.%s", f->prefix, name);
    return length > 0 && (size_t)length < size ? out : name;
}

/* Norms' weights and biases were once called gamma and beta. */
static const char *modern_name(const char *name, char *out, size_t size)
{
    const size_t n = strlen(name);
    const bool gamma = str_ends(name, "LayerNorm.gamma"), beta = str_ends(name, "LayerNorm.beta");
    if (!gamma && !beta) return name;
    const size_t stem = n - strlen(gamma ? "gamma" : "beta");
    int length = snprintf(out, size, "%.*s%s", (int)stem, name, gamma ? "weight" : "bias");
    return length > 0 && (size_t)length < size ? out : name;
}

/* Older names of a text model beside what sees, as model.language_model.X and lm_head. */
static const char *inside_name(const model_config *c, const char *name, char *out, size_t size)
{
    static const char head[] = "language_model.lm_head.";
    if (!c->wrapper || str_starts(name, CONFIG_INSIDE ".")) return name;
    if (str_starts(name, head)) return name + strlen("language_model.");
    if (!str_starts(name, c->wrapper->older)) return name;
    int length = snprintf(out, size, CONFIG_INSIDE ".%s", name + strlen(c->wrapper->older));
    return length > 0 && (size_t)length < size ? out : name;
}

int arrange_names(weights **w, const model_config *c, err *e)
{
    const family *f = c->family;
    weights *named = weights_new();
    int code = OK;
    for (int64_t i = 0; i < weights_count(*w) && code == OK; i++) {
        char buffer[512], older[512], inside[512];
        tensor t = *weights_at(*w, i);
        if (family_ends(f->ignored, t.name) || config_is_outside(c, t.name)) continue;
        t.name = modern_name(t.name, older, sizeof older);
        t.name = full_name(f, t.name, buffer, sizeof buffer);
        t.name = inside_name(c, t.name, inside, sizeof inside);
        code = weights_add(named, &t, e);
    }
    weights_free(code == OK ? *w : named);
    if (code == OK) *w = named;
    return code;
}

static int plain_copy(tensor *out, const tensor *t, int64_t rows, int64_t cols, const char *where, err *e)
{
    if (t->q || t->pair_dim || !dtype_table[t->type]->is_weight)
        return fail(e, E_UNSUPPORTED, "%s: tensor %s of type %s cannot be brought into order", where, t->name,
                    dtype_name(t->type));
    int code = tensor_alloc(out, t->type, rows, cols, ABSMAX_PLAIN, e);
    out->name = t->name;
    return code;
}

/* In squares, so that neither side is read with a stride for long. */
static void transpose(const char *from, char *to, int64_t rows, int64_t cols, size_t size)
{
    enum { SIDE = 32 };
    for (int64_t r0 = 0; r0 < rows; r0 += SIDE)
        for (int64_t c0 = 0; c0 < cols; c0 += SIDE)
            for (int64_t c = c0; c < c0 + SIDE && c < cols; c++)
                for (int64_t r = r0; r < r0 + SIDE && r < rows; r++)
                    memcpy(to + (size_t)(c * rows + r) * size, from + (size_t)(r * cols + c) * size, size);
}

static int turn(weights *w, const tensor *t, const char *where, err *e)
{
    tensor out;
    if (t->ndim != 2 || dtype_table[t->type]->per_block != 1)
        return fail(e, E_UNSUPPORTED, "%s: tensor %s of type %s cannot be transposed", where, t->name,
                    dtype_name(t->type));
    int code = plain_copy(&out, t, t->dim[1], t->dim[0], where, e);
    if (code != OK) return code;
    transpose(t->data, (char *)(uintptr_t)out.data, t->dim[0], t->dim[1], t->bytes / (size_t)tensor_count(t));
    weights_adopt(w, &out);
    return OK;
}

/* Row r of Hugging Face's order in GGUF's. */
static int64_t gguf_row(const model_config *c, int64_t r)
{
    const int64_t dim = c->head_dim, share = c->heads / c->kv_heads, group = (share + 2) * dim;
    const int64_t key_head = r / group, in_group = r % group;
    if (in_group < share * dim) return key_head * share * dim + in_group;
    const int64_t part = in_group / dim - share; /* 0: key, 1: value */
    return (c->heads + part * c->kv_heads + key_head) * dim + in_group % dim;
}

static int regroup(weights *w, const model_config *c, const tensor *t, const char *where, err *e)
{
    tensor out;
    const int64_t rows = t->dim[0], cols = t->ndim == 2 ? t->dim[1] : 1;
    if (t->ndim > 2 || rows != (c->heads + 2 * c->kv_heads) * c->head_dim)
        return fail(e, E_FORMAT, "%s: tensor %s with %lld rows is not q, k, v of %lld heads of %lld", where,
                    t->name, (long long)rows, (long long)c->heads, (long long)c->head_dim);
    int code = plain_copy(&out, t, rows, cols, where, e);
    if (code != OK) return code;
    const size_t size = t->bytes / (size_t)rows;
    for (int64_t r = 0; r < rows; r++)
        memcpy((char *)(uintptr_t)out.data + (size_t)r * size,
               (const char *)t->data + (size_t)gguf_row(c, r) * size, size);
    out.ndim = t->ndim;
    memcpy(out.dim, t->dim, sizeof out.dim);
    weights_adopt(w, &out);
    return OK;
}

int arrange_rows(weights *w, const model_config *c, arrange_from from, const char *where, err *e)
{
    int code = OK;
    char fused[2][96] = {"", ""};
    if (c->family->fused && from == FROM_GGUF) {
        snprintf(fused[0], sizeof fused[0], ".%s.weight", c->family->fused);
        snprintf(fused[1], sizeof fused[1], ".%s.bias", c->family->fused);
    }
    for (int64_t i = 0; i < weights_count(w) && code == OK; i++) {
        const tensor t = *weights_at(w, i);
        if (from == FROM_FOLDER && family_ends(c->family->columns, t.name)) code = turn(w, &t, where, e);
        if (*fused[0] && (str_ends(t.name, fused[0]) || str_ends(t.name, fused[1])))
            code = regroup(w, c, &t, where, e);
    }
    return code;
}
