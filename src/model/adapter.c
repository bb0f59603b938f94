/* adapter.c -- see adapter.h: matching, storage, reading and writing. */
#include "model/adapter.h"

#include "base/rng.h"
#include "model/match.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char base_key[] = "base_fingerprint";

int64_t adapter_find(const adapter *a, const char *name)
{
    for (int64_t i = 0; i < a->modules; i++)
        if (!strcmp(a->module[i].name, name)) return i;
    return -1;
}

int64_t adapter_find_whole(const adapter *a, const char *module, const char *leaf)
{
    size_t n = strlen(module);
    for (int64_t i = 0; i < a->wholes; i++) {
        const char *name = a->whole[i].name;
        if (!strncmp(name, module, n) && name[n] == '.' && !strcmp(name + n + 1, leaf)) return i;
    }
    return -1;
}

/* PEFT takes layers_to_transform with a list of names alone: "all-linear" becomes one when both are asked
 * for. */
static void spell_out(adapter *a, const model *m)
{
    peft_config *c = &a->config;
    if (!c->layers || !c->target_regex || strcasecmp(c->target_regex, "all-linear")) return;
    const char **leaf = arena_new(&a->mem, (size_t)(m->linears + 1) * sizeof *leaf);
    int64_t n = 0;
    for (int64_t i = 0; i < m->linears; i++) {
        const char *dot = strrchr(m->linear[i].name, '.'), *name = dot ? dot + 1 : m->linear[i].name;
        int64_t k = 0;
        while (k < n && strcmp(leaf[k], name)) k++;
        if (k == n) leaf[n++] = arena_strdup(&a->mem, name);
    }
    c->targets = (peft_list){leaf, n};
    c->target_regex = NULL;
}

/* Names such as q_proj are also those of a vision tower, which the text model is trained without. PEFT, which
 * has all of the model before it, is told so by an expression. */
static void leave_out_vision(adapter *a)
{
    static const char outside[] = "(.*\\.)?(vision_tower|multi_modal_projector|visual)\\..*";
    peft_config *c = &a->config;
    if (c->exclude_regex && strstr(c->exclude_regex, outside)) return;
    str all = {0};
    str_puts(&all, outside);
    if (c->exclude_regex) str_fmt(&all, "|%s", c->exclude_regex);
    for (int64_t i = 0; i < c->exclude.n; i++) {
        str_puts(&all, "|(.*\\.)?");
        for (const char *p = c->exclude.p[i]; *p; p++) str_fmt(&all, "%s%c", *p == '.' ? "\\" : "", *p);
    }
    c->exclude_regex = arena_strdup(&a->mem, str_c(&all));
    c->exclude = (peft_list){0};
    str_free(&all);
}

/* The modules that the configuration names, with their ranks, scales and places; not yet their storage. */
static bool saved_whole(const peft_config *c, const char *module)
{
    for (int64_t i = 0; i < c->modules_to_save.n; i++)
        if (peft_saves(c->modules_to_save.p[i], module)) return true;
    return false;
}

static void add_whole(adapter *a, const char *name, int64_t rows, int64_t cols, bool bias)
{
    a->whole[a->wholes++] = (adapter_whole){name, rows, cols, bias, a->count};
    a->count += (size_t)(rows * cols);
}

/* The modules that are trained whole, behind all others. */
static int choose_whole(adapter *a, const model *m, err *e)
{
    const peft_config *c = &a->config;
    a->whole = arena_new(&a->mem, (size_t)(2 * m->denses + 1) * sizeof *a->whole);
    for (int64_t i = 0; i < m->denses; i++) {
        const model_dense *d = &m->dense[i];
        if (!saved_whole(c, d->name)) continue;
        add_whole(a, arena_fmt(&a->mem, "%s.weight", d->name), d->out, d->in, false);
        if (d->bias) add_whole(a, arena_fmt(&a->mem, "%s.bias", d->name), 1, d->out, true);
    }
    if (c->modules_to_save.n && !a->wholes)
        return fail(e, E_USAGE,
                    "modules_to_save: \"%s\" names no module that can be trained whole; a language model has "
                    "none, a classifier (--task_type SEQ_CLS) its pooler and its head",
                    c->modules_to_save.p[0]);
    return OK;
}

static int choose_modules(adapter *a, const model *m, err *e)
{
    match *k = match_new(&a->config, e);
    if (!k) return e ? e->code : E_USAGE;
    a->module = arena_new(&a->mem, (size_t)m->linears * sizeof *a->module);
    int code = OK;
    for (int64_t i = 0; i < m->linears && code == OK; i++) {
        const model_linear *l = &m->linear[i];
        if (saved_whole(&a->config, l->name) || !match_module(k, l->name)) continue;
        int64_t r = peft_rank(&a->config, l->name, e);
        double scale = r > 0 ? peft_scale(&a->config, l->name, e) : 0;
        if (r <= 0 || r > l->in + l->out || !isfinite(scale)) {
            code = fail(e, E_USAGE, "rank %lld for %s: has to be at least 1 and below %lld", (long long)r,
                        l->name, (long long)(l->in + l->out));
            break;
        }
        size_t at = a->count, b = at + (size_t)(r * l->in);
        a->module[a->modules++] = (adapter_module){l->name, l->in, l->out, r, scale, at, b};
        a->count = b + (size_t)(l->out * r);
    }
    if (code == OK) code = match_finish(k, m, e);
    if (code == OK) code = choose_whole(a, m, e);
    match_free(k);
    return code;
}

/* Experts of one projection are adapted all alike or not at all: their adapters are one value of a step. */
static int check_experts(const adapter *a, const model *m, err *e)
{
    const adapter_module *before = NULL;
    for (int64_t i = 0, at = 0; i < m->linears; i++) { /* modules are in the order of the projections */
        const adapter_module *n = at < a->modules ? &a->module[at] : NULL;
        if (n && n->name != m->linear[i].name) n = NULL;
        if (n) at++;
        bool alike = (!n && !before) || (n && before && n->r == before->r && n->scale == before->scale);
        if (m->linear[i].expert > 0 && !alike)
            return fail(
                e, E_UNSUPPORTED,
                "%s and %s: the experts of a projection have to be adapted all alike or not at all; name "
                "them by the end of their path alone, and no rank or alpha of single ones",
                m->linear[i - 1].name, m->linear[i].name);
        before = n;
    }
    return OK;
}

static int make(adapter **out, const model *m, const peft_config *config, err *e)
{
    err local = {0};
    if (!e) e = &local;
    adapter *a = xcalloc(1, sizeof *a);
    a->config = peft_copy_config(&a->mem, config);
    a->config.fan_in_fan_out = m->config->family && m->config->family->columns;
    if (m->config->wrapper) leave_out_vision(a);
    a->older = m->config->wrapper ? m->config->wrapper->older : NULL;
    spell_out(a, m);
    int code = choose_modules(a, m, e);
    if (code == OK) code = check_experts(a, m, e);
    if (code == OK) {
        a->param = big_new(a->count * sizeof(float), "the adapter", e);
        a->grad = a->param ? big_new(a->count * sizeof(float), "the adapter's gradients", e) : NULL;
        if (!a->grad) code = E_MEMORY;
    }
    if (code != OK) {
        adapter_close(a);
        return code;
    }
    *out = a;
    return OK;
}

/* A pattern that fits no module would leave its rank or alpha unused without a word. */
static int check_patterns(const adapter *a, const char *option, const peft_pattern *p, int64_t n, err *e)
{
    for (int64_t i = 0; i < n; i++) {
        int hit = 0;
        for (int64_t k = 0; k < a->modules && !hit; k++)
            hit = peft_pattern_fits(p[i].key, a->module[k].name, e);
        if (hit < 0) return hit;
        if (!hit)
            return fail(e, E_USAGE,
                        "%s: \"%s\" fits no module that is adapted; give the end of a path such as %s",
                        option, p[i].key, a->module[0].name);
    }
    return OK;
}

/* The base's numbers, or new ones. */
static void init_whole(adapter *a, const model *m, uint64_t seed)
{
    for (int64_t i = 0; i < m->denses; i++) {
        const model_dense *d = &m->dense[i];
        int64_t w = adapter_find_whole(a, d->name, "weight");
        for (int64_t k = w; w >= 0 && k < w + 1 + d->bias; k++) {
            const adapter_whole *p = &a->whole[k];
            const tensor *t = model_has_dense(m, d) ? weights_find(m->weights, p->name) : NULL;
            const uint64_t key = rng_key(seed, (uint64_t)(a->modules + k));
            float *to = a->param + p->at;
            for (int64_t r = 0; t && r < p->rows; r++) tensor_decode(t, r, 0, p->cols, to + r * p->cols);
            for (int64_t n = 0; !t && n < p->rows * p->cols; n++)
                to[n] = p->bias ? 0 : (float)(0.02 * rng_normal(key, (uint64_t)n));
        }
    }
}

int adapter_check_head(const adapter *a, const model *m, err *e)
{
    for (int64_t i = 0; i < m->denses; i++) {
        const model_dense *d = &m->dense[i];
        if (model_has_dense(m, d) || (a && adapter_find_whole(a, d->name, "weight") >= 0)) continue;
        const char *first = strstr(d->name, "pooler") ? strstr(d->name, "pooler") : d->name;
        return fail(e, E_USAGE,
                    "%s: has no %s for %lld outputs, and no adapter brings one: give the adapter that was "
                    "trained for this, or train it (--modules_to_save %.*s)",
                    checkpoint_path(m->file), d->name, (long long)d->out, (int)strcspn(first, "."), first);
    }
    return OK;
}

int adapter_new(adapter **out, const model *m, const peft_config *config, uint64_t seed, err *e)
{
    int code = make(out, m, config, e);
    if (code != OK) return code;
    adapter *a = *out;
    const peft_config *c = &a->config;
    code = check_patterns(a, "rank_pattern", c->rank_pattern, c->n_rank_pattern, e);
    if (code == OK) code = check_patterns(a, "alpha_pattern", c->alpha_pattern, c->n_alpha_pattern, e);
    if (code != OK) {
        adapter_close(a);
        *out = NULL;
        return code;
    }
    adapter_set_base(a, m);
    init_whole(a, m, seed);
    for (int64_t i = 0; i < a->modules; i++) {
        const adapter_module *n = &a->module[i];
        uint64_t key = rng_key(seed, (uint64_t)i);
        double bound = 1 / sqrt((double)n->in);
        for (int64_t k = 0; k < n->r * n->in; k++)
            a->param[n->a + (size_t)k] = (float)((2 * rng_unit(key, (uint64_t)k) - 1) * bound);
    }
    return OK;
}

/* Transformers 4 called the modules of a text model beside what sees otherwise. */
static const tensor *find_stored(const adapter *a, const weights *w, const char *name)
{
    static const char inside[] = CONFIG_INSIDE ".";
    char older[512];
    const tensor *t = weights_find(w, name);
    if (t || !a->older || !str_starts(name, inside)) return t;
    snprintf(older, sizeof older, "%s%s", a->older, name + strlen(inside));
    return weights_find(w, older);
}

static int load_one(adapter *a, const weights *w, const adapter_module *n, const char *leaf, size_t at,
                    int64_t rows, int64_t cols, const char *folder, err *e)
{
    char name[512];
    snprintf(name, sizeof name, "%s.%s.weight", n->name, leaf);
    const tensor *t = find_stored(a, w, name);
    if (!t) return fail(e, E_FORMAT, "%s: has no %s; was it made for this model?", folder, name);
    if (t->ndim != 2 || t->dim[0] != rows || t->dim[1] != cols)
        return fail(e, E_FORMAT,
                    "%s: %s is (%lld, %lld), this model needs (%lld, %lld): the adapter is for another base",
                    folder, name, (long long)t->dim[0], (long long)t->dim[1], (long long)rows,
                    (long long)cols);
    for (int64_t r = 0; r < rows; r++) tensor_decode(t, r, 0, cols, a->param + at + (size_t)(r * cols));
    return OK;
}

static bool is_whole(const adapter *a, const char *name)
{
    for (int64_t i = 0; i < a->wholes; i++)
        if (!strcmp(a->whole[i].name, name)) return true;
    return false;
}

static int load_whole(adapter *a, const weights *w, const adapter_whole *n, const char *folder, err *e)
{
    const tensor *t = weights_find(w, n->name);
    if (!t) return fail(e, E_FORMAT, "%s: has no %s; was it made for this model?", folder, n->name);
    const int64_t rows = t->ndim == 2 ? t->dim[0] : 1, cols = t->ndim == 2 ? t->dim[1] : t->dim[0];
    if (t->ndim > 2 || rows != n->rows || cols != n->cols)
        return fail(e, E_FORMAT, "%s: %s is (%lld, %lld), this model and its labels need (%lld, %lld)",
                    folder, n->name, (long long)rows, (long long)cols, (long long)n->rows, (long long)n->cols);
    for (int64_t r = 0; r < rows; r++) tensor_decode(t, r, 0, cols, a->param + n->at + (size_t)(r * cols));
    return OK;
}

/* Whether a tensor of an adapter folder has a place in this one. */
static bool belongs(const adapter *a, const model *m, const char *name)
{
    const char *leaf = strstr(name, ".lora_");
    const bool renamed = a->older && str_starts(name, a->older) && !str_starts(name, CONFIG_INSIDE ".");
    const char *rest = renamed ? name + strlen(a->older) : name;
    char module[512];
    snprintf(module, sizeof module, "%s%.*s", renamed ? CONFIG_INSIDE "." : "", leaf ? (int)(leaf - rest) : 0, rest);
    return adapter_find(a, module) >= 0 || is_whole(a, name) || config_is_outside(m->config, name);
}

int adapter_open(adapter **out, const model *m, const char *folder, err *e)
{
    err local = {0};
    if (!e) e = &local;
    peft *p = NULL;
    adapter *a = NULL;
    int code = peft_open(&p, folder, e);
    if (code == OK) code = make(&a, m, peft_get_config(p), e);
    if (code == OK && weights_count(peft_weights(p)) != 2 * a->modules + a->wholes) {
        for (int64_t i = 0; i < weights_count(peft_weights(p)) && code == OK; i++) {
            const char *name = weights_at(peft_weights(p), i)->name;
            if (!belongs(a, m, name))
                code = fail(e, E_FORMAT,
                            "%s: %s belongs to no adapted module of this model: the adapter is for "
                            "another base",
                            folder, name);
        }
    }
    for (int64_t i = 0; i < (a ? a->modules : 0) && code == OK; i++) {
        const adapter_module *n = &a->module[i];
        code = load_one(a, peft_weights(p), n, "lora_A", n->a, n->r, n->in, folder, e);
        if (code == OK) code = load_one(a, peft_weights(p), n, "lora_B", n->b, n->out, n->r, folder, e);
    }
    for (int64_t i = 0; i < (a ? a->wholes : 0) && code == OK; i++)
        code = load_whole(a, peft_weights(p), &a->whole[i], folder, e);
    const char *base = code == OK ? peft_metadata(p, base_key) : NULL;
    if (base) snprintf(a->base, sizeof a->base, "%s", base);
    peft_close(p);
    for (size_t i = 0; i < (a ? a->count : 0) && code == OK; i++)
        if (!isfinite(a->param[i])) code = fail(e, E_NUMERIC, "%s: holds values that are not finite", folder);
    if (code != OK) {
        adapter_close(a);
        return code;
    }
    *out = a;
    return OK;
}

void adapter_set_base(adapter *a, const model *m)
{
    if (m->file) checkpoint_fingerprint_text(m->file, a->base); /* a model made for measuring has none */
}

void adapter_close(adapter *a)
{
    if (!a) return;
    big_free(a->param, a->count * sizeof(float));
    big_free(a->grad, a->count * sizeof(float));
    arena_free(&a->mem);
    free(a);
}

int adapter_save(const adapter *a, const char *folder, dtype type, err *e)
{
    arena mem = {0};
    tensor *t = arena_new(&mem, (size_t)(2 * a->modules + a->wholes) * sizeof *t);
    for (int64_t i = 0; i < a->wholes; i++) {
        const adapter_whole *n = &a->whole[i];
        t[2 * a->modules + i] = (tensor){.name = n->name,
                                         .type = DT_F32,
                                         .ndim = n->bias ? 1 : 2,
                                         .dim = {n->bias ? n->cols : n->rows, n->bias ? 1 : n->cols, 1, 1},
                                         .data = a->param + n->at,
                                         .bytes = (size_t)(n->rows * n->cols) * sizeof(float)};
    }
    for (int64_t i = 0; i < a->modules; i++) {
        const adapter_module *n = &a->module[i];
        t[2 * i] = (tensor){.name = arena_fmt(&mem, "%s.lora_A.weight", n->name),
                            .type = DT_F32,
                            .ndim = 2,
                            .dim = {n->r, n->in, 1, 1},
                            .data = a->param + n->a,
                            .bytes = (size_t)(n->r * n->in) * sizeof(float)};
        t[2 * i + 1] = (tensor){.name = arena_fmt(&mem, "%s.lora_B.weight", n->name),
                                .type = DT_F32,
                                .ndim = 2,
                                .dim = {n->out, n->r, 1, 1},
                                .data = a->param + n->b,
                                .bytes = (size_t)(n->out * n->r) * sizeof(float)};
    }
    safetensors_pair base = {base_key, a->base};
    int code = peft_save(folder, &a->config, t, 2 * a->modules + a->wholes, type, &base, a->base[0] != 0, e);
    arena_free(&mem);
    return code;
}
