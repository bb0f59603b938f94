/* model.c -- see model.h: opening, the census of projections, requantization at load. */
#include "model/model.h"

#include "model/build.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void count_dense(void *arg, const model_dense *d)
{
    model *m = arg;
    m->dense = xrealloc(m->dense, (size_t)(m->denses + 1) * sizeof *m->dense);
    m->dense[m->denses++] = (model_dense){arena_strdup(&m->mem, d->name), d->in, d->out, d->bias};
}

static void count_linear(void *arg, const char *name, int64_t in, int64_t out, int64_t expert)
{
    model *m = arg;
    if ((m->linears & (m->linears - 1)) == 0)
        m->linear = xrealloc(m->linear, (size_t)(m->linears ? 2 * m->linears : 1) * sizeof *m->linear);
    m->linear[m->linears++] = (model_linear){arena_strdup(&m->mem, name), in, out, expert};
}

/* One tensor after the other, the threads taking the next that nobody has. */
typedef struct conversion {
    const keep_set *set;
    _Atomic int64_t next;
    _Atomic int failed;
    err e;
} conversion;

static void convert_some(void *arg, int thread, int threads)
{
    (void)thread, (void)threads;
    conversion *c = arg;
    for (int64_t i; (i = atomic_fetch_add(&c->next, 1)) < c->set->n;) {
        err e = {0};
        if (tensor_convert(&c->set->to[i], c->set->from[i], &e) == OK) continue;
        if (atomic_exchange(&c->failed, 1) == 0) c->e = e;
    }
}

static int convert_all(const model *m, const keep_set *s, pool *team, err *e)
{
    int code = OK;
    for (int64_t i = 0; i < s->n && code == OK; i++) {
        const tensor *t = s->from[i];
        code = tensor_alloc(&s->to[i], s->type, tensor_rows(t), tensor_cols(t), s->absmax, e);
        if (code != OK) {
            err why = *e;
            *e = (err){0};
            return fail(e, code, "%s: cannot hold %s as %s: %s", checkpoint_path(m->file), t->name,
                        dtype_name(s->type), why.msg);
        }
        s->to[i].name = t->name;
        s->to[i].ndim = t->ndim;
        memcpy(s->to[i].dim, t->dim, sizeof t->dim);
    }
    conversion c = {.set = s};
    pool_run(team, convert_some, &c);
    if (atomic_load(&c.failed)) return fail(e, c.e.code ? c.e.code : E_FORMAT, "%s", c.e.msg);
    return OK;
}

static void release_all(const keep_set *s)
{
    for (int64_t i = 0; i < s->n; i++)
        if (s->to[i].data) tensor_release(&s->to[i]);
}

/* The tensors of the file that an earlier process kept, or made, and then kept for the next. */
static int convert_or_load(model *m, keep_set *s, model_keep *keep, pool *team, err *e)
{
    weights *w = checkpoint_weights(m->file);
    bool wanted = keep_wanted(keep, s);
    uint64_t key = wanted ? keep_key(s, team) : 0;
    bool loaded = wanted && keep_load(keep, s, key, &m->kept, &m->mem, team);
    if (!loaded) {
        int code = convert_all(m, s, team, e);
        if (code != OK) return release_all(s), code;
        if (wanted) keep_save(keep, s, key, team);
    }
    for (int64_t i = 0; i < s->n; i++) {
        if (loaded) m->kept_bytes += tensor_bytes(&s->to[i]);
        if (loaded) weights_replace(w, &s->to[i]);
        else weights_adopt(w, &s->to[i]);
    }
    return OK;
}

/* The tensors that the asked type replaces: all of them for plain types, the projections for others. */
static void choose(const model *m, keep_set *c)
{
    const weights *w = m->weights;
    const dtype type = c->type;
    c->from = xcalloc((size_t)weights_count(w) + 1, sizeof *c->from);
    if (!dtype_table[type]->is_quantized) {
        for (int64_t i = 0; i < weights_count(w); i++) {
            const tensor *t = weights_at(w, i);
            if (t->type != type && dtype_table[t->type]->is_weight && (t->ndim >= 2 || type == DT_F32))
                c->from[c->n++] = t;
        }
        return;
    }
    for (int64_t i = 0; i < m->linears; i++) {
        char name[256];
        snprintf(name, sizeof name, "%s.weight", m->linear[i].name);
        const tensor *t = weights_find(w, name);
        if (t && t->type != type) c->from[c->n++] = t;
    }
}

static int requantize(model *m, const char *quantization, model_absmax absmax, model_keep *keep, pool *team,
                      err *e)
{
    if (!strcasecmp(quantization, "as-is")) return OK;
    dtype type = !strcasecmp(quantization, "none") ? DT_F32 : dtype_find(quantization);
    if (type == DT_COUNT || !dtype_table[type]->is_weight || !dtype_table[type]->encode || type == DT_F64)
        return fail(e, E_USAGE,
                    "--quantization %s: not a type weights can be held in (as-is, none, bf16, f16, nf4, "
                    "fp4, int8, q8_0, q4_0, q4_1, q5_0, q5_1, q2_k to q6_k)",
                    quantization);
    keep_set c = {.type = type, .absmax = absmax == MODEL_DOUBLE_QUANT ? ABSMAX_DOUBLE : ABSMAX_PLAIN};
    choose(m, &c);
    c.to = xcalloc((size_t)c.n + 1, sizeof *c.to);
    int code = convert_or_load(m, &c, keep, team, e);
    free(c.from);
    free(c.to);
    return code;
}

int model_open_unchecked(model **out, const char *path, err *e)
{
    model *m = xcalloc(1, sizeof *m);
    int code = checkpoint_open(&m->file, path, e);
    if (code == OK) {
        m->config = checkpoint_config(m->file);
        m->weights = checkpoint_weights(m->file);
        m->arch = arch_find(m->config->architecture);
        *out = m;
    } else {
        model_close(m);
    }
    return code;
}

const char *model_task_name(model_task t)
{
    static const char *const name[] = {"CAUSAL_LM", "SEQ_CLS", "TOKEN_CLS"};
    return name[t];
}

/* Whether the family has such a head. */
static int check_head(const model *m, const char *path, err *e)
{
    const family *f = m->config->family;
    if (f->encoder && m->head.task == TASK_CAUSAL_LM)
        return fail(e, E_UNSUPPORTED,
                    "%s: %s is an encoder, which writes no text; train and evaluate it as a classifier: "
                    "--task_type SEQ_CLS (or TOKEN_CLS)",
                    path, m->config->architecture);
    if (f->decoder_blocks && m->head.task != TASK_CAUSAL_LM)
        return fail(e, E_UNSUPPORTED, "%s: %s has an encoder and a decoder; it is not made a classifier", path,
                    m->config->architecture);
    if (!f->encoder && m->head.task == TASK_TOKEN_CLS)
        return fail(e, E_UNSUPPORTED, "%s: %s is a decoder; --task_type TOKEN_CLS is for encoders", path,
                    m->config->architecture);
    return OK;
}

bool model_has_dense(const model *m, const model_dense *d)
{
    char name[256];
    snprintf(name, sizeof name, "%s.weight", d->name);
    const tensor *w = weights_find(m->weights, name);
    snprintf(name, sizeof name, "%s.bias", d->name);
    const tensor *b = weights_find(m->weights, name);
    if (!w || w->ndim != 2 || w->dim[0] != d->out || w->dim[1] != d->in || !dtype_table[w->type]->is_weight)
        return false;
    return !d->bias || (b && b->ndim == 1 && b->dim[0] == d->out && dtype_table[b->type]->is_weight);
}

int model_open(model **out, const char *path, const char *quantization, model_absmax absmax, pool *team,
               err *e)
{
    static const model_head none = {TASK_CAUSAL_LM, OBJECTIVE_CLASS, 0};
    return model_open_for(out, path, quantization, absmax, &none, team, e);
}

int model_open_for(model **out, const char *path, const char *quantization, model_absmax absmax,
                   const model_head *head, pool *team, err *e)
{
    return model_open_keeping(out, path, quantization, absmax, head, NULL, team, e);
}

int model_open_keeping(model **out, const char *path, const char *quantization, model_absmax absmax,
                       const model_head *head, model_keep *keep, pool *team, err *e)
{
    if (keep) keep->said[0] = 0;
    model *m = NULL;
    int code = model_open_unchecked(&m, path, e);
    if (code == OK) {
        m->head = *head;
        code = check_head(m, path, e);
    }
    if (code == OK) {
        build_census(m, &(struct census){.linear = count_linear, .dense = count_dense, .arg = m});
        code = model_check(m, e);
    }
    if (code == OK) {
        m->parameters = weights_parameters(m->weights);
        code = requantize(m, quantization, absmax, keep, team, e);
    }
    if (code != OK) {
        model_close(m);
        return code;
    }
    *out = m;
    return OK;
}

void model_close(model *m)
{
    if (!m) return;
    checkpoint_close(m->file);
    filemap_close(&m->kept);
    free(m->linear);
    free(m->dense);
    arena_free(&m->mem);
    free(m);
}

static bool finite_tensor(const tensor *t)
{
    enum { PIECE = 1024 };
    float x[PIECE];
    int64_t rows = tensor_rows(t), cols = tensor_cols(t);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t at = 0; at < cols; at += PIECE) {
            int64_t n = cols - at < PIECE ? cols - at : PIECE;
            tensor_decode(t, r, at, n, x);
            for (int64_t i = 0; i < n; i++)
                if (!isfinite(x[i])) return false;
        }
    return true;
}

int model_check_finite(const model *m, err *e)
{
    for (int64_t i = 0; i < weights_count(m->weights); i++) {
        const tensor *t = weights_at(m->weights, i);
        char stored[160];
        if (!dtype_table[t->type]->is_weight || finite_tensor(t)) continue;
        bool other =
            checkpoint_gguf(m->file) && gguf_name_from_hf(m->config->family, t->name, stored, sizeof stored);
        return fail(
            e, E_NUMERIC,
            "%s: tensor %s holds a NaN or an infinity; the file is damaged, fetch or convert it again",
            checkpoint_path(m->file), other ? stored : t->name);
    }
    return OK;
}

int64_t model_longest(const model *m)
{
    const model_config *c = m->config;
    return c->positions > 0 ? c->positions - c->position_offset : INT64_MAX;
}

size_t model_bytes_held(const model *m) { return weights_owned_bytes(m->weights); }
size_t model_bytes_owned(const model *m) { return model_bytes_held(m) + m->kept_bytes; }

size_t model_bytes_mapped(const model *m)
{
    size_t bytes = 0;
    for (int64_t i = 0; i < weights_count(m->weights); i++) bytes += tensor_bytes(weights_at(m->weights, i));
    return bytes - model_bytes_owned(m);
}
