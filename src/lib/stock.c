/* stock.c -- see stock.h: short lists, searched by a key of the options that matter. */
#include "lib/stock.h"

#include "base/cpu.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct kept_base {
    struct kept_base *next;
    char *key;
    model *model;
    int users;
} kept_base;

typedef struct machine {
    struct machine *next;
    char *key;
    device *device;
    bool busy; /* one training at a time */
} machine;

typedef struct kept_rows {
    struct kept_rows *next;
    char *key;
    job_rows rows;
} kept_rows;

typedef struct kept_score {
    struct kept_score *next;
    const model *model;
    const device *device;
    const job_rows *rows;
    evaluation v;
} kept_score;

struct stock {
    pthread_mutex_t lock;
    const options *o;
    const job_hooks *h;
    char *path; /* of the base */
    kept_base *bases;
    machine *machines;
    kept_rows *rows;
    kept_score *before;
    tokenizer *tokenizer;
};

stock *stock_new(const options *o, const job_hooks *h)
{
    stock *s = xcalloc(1, sizeof *s);
    s->o = o;
    s->h = h;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

static void free_base(kept_base *b)
{
    model_close(b->model);
    free(b->key);
    free(b);
}

void stock_free(stock *s)
{
    if (!s) return;
    for (kept_score *b = s->before, *next; b; b = next) next = b->next, free(b);
    for (kept_rows *r = s->rows, *next; r; r = next) {
        next = r->next;
        job_rows_close(&r->rows);
        free(r->key);
        free(r);
    }
    for (kept_base *b = s->bases, *next; b; b = next) next = b->next, free_base(b);
    for (machine *m = s->machines, *next; m; m = next) {
        next = m->next;
        device_close(m->device);
        free(m->key);
        free(m);
    }
    tokenizer_close(s->tokenizer);
    pthread_mutex_destroy(&s->lock);
    free(s->path);
    free(s);
}

static int open_device(stock *s, device **out, const options *o, err *e)
{
    str key = {0};
    str_fmt(&key, "%s %s %lld", o->device, o->compute, (long long)o->threads);
    for (machine *m = s->machines; m; m = m->next)
        if (!m->busy && !strcmp(m->key, key.p)) {
            str_free(&key);
            m->busy = true;
            return *out = m->device, OK;
        }
    device *d;
    if (job_device_open(&d, o, e)) {
        str_free(&key);
        return e->code;
    }
    machine *m = xcalloc(1, sizeof *m);
    *m = (machine){s->machines, key.p, d, true};
    s->machines = m;
    *out = d;
    return OK;
}

/* Bases that nobody uses are let go; what was known of them, too, since another may get their address. */
static void let_go(stock *s)
{
    for (kept_base **at = &s->bases; *at;) {
        kept_base *b = *at;
        if (b->users) {
            at = &b->next;
            continue;
        }
        for (kept_score **k = &s->before; *k;) {
            kept_score *old = *k;
            if (old->model != b->model) {
                k = &old->next;
                continue;
            }
            *k = old->next;
            free(old);
        }
        *at = b->next;
        free_base(b);
    }
}

static size_t idle_bytes(const stock *s)
{
    size_t sum = 0;
    for (const kept_base *b = s->bases; b; b = b->next) sum += b->users ? 0 : model_bytes_held(b->model);
    return sum;
}

static int new_base(stock *s, kept_base **out, const char *key, const options *o, const model_head *head,
                    pool *team, err *e)
{
    err first = {0};
    model *m;
    if (idle_bytes(s) > cpu_memory_free() / 2) let_go(s);
    int bad = job_base_open(&m, o, s->o, head, team, s->h, &first);
    if (bad == E_MEMORY && s->bases) {
        let_go(s);
        first = (err){0};
        bad = job_base_open(&m, o, s->o, head, team, s->h, &first);
    }
    if (bad) return fail(e, bad, "%s", first.msg);
    kept_base *b = xcalloc(1, sizeof *b);
    *b = (kept_base){s->bases, strdup(key), m, 0};
    *out = s->bases = b;
    return OK;
}

static int find_base(stock *s, kept_base **out, const options *o, const model_head *head, pool *team, err *e)
{
    str key = {0};
    str_fmt(&key, "%s %d", o->quantization, o->double_quant);
    if (head->task) str_fmt(&key, " %d %d %lld", head->task, head->objective, (long long)head->outputs);
    int bad = OK;
    kept_base *b = s->bases;
    while (b && strcmp(b->key, key.p)) b = b->next;
    if (!b) bad = new_base(s, &b, key.p, o, head, team, e);
    str_free(&key);
    *out = b;
    return bad;
}

static int open_view(stock *s, job_model *view, const options *o, const model_head *head, err *e)
{
    kept_base *b;
    int bad = job_exists(o->model, "model", e);
    if (!bad && o->adapter) bad = job_exists(o->adapter, "adapter folder", e);
    if (!bad && s->path && strcmp(s->path, o->model))
        bad = fail(e, E_USAGE, "%s: the trainings share the base %s; give the same model to all", o->model,
                   s->path);
    if (!bad) bad = open_device(s, &view->device, o, e);
    if (!bad) bad = find_base(s, &b, o, head, device_pool(view->device), e);
    if (!bad && !s->tokenizer) bad = job_tokenizer_open(&s->tokenizer, o->model, b->model->file, e);
    if (bad) return bad;
    if (!s->path) s->path = strdup(o->model);
    b->users++;
    view->model = b->model;
    view->tokenizer = s->tokenizer;
    return OK;
}

static void close_view(stock *s, job_model *view)
{
    for (kept_base *b = s->bases; b; b = b->next)
        if (view->model && b->model == view->model) b->users--;
    for (machine *m = s->machines; m; m = m->next)
        if (m->device == view->device) m->busy = false;
    adapter_close(view->adapter);
    *view = (job_model){0};
}

int stock_open(stock *s, job_model *view, const options *o, err *e)
{
    static const model_head none = {TASK_CAUSAL_LM, OBJECTIVE_CLASS, 0};
    return stock_open_for(s, view, o, &none, e);
}

int stock_open_for(stock *s, job_model *view, const options *o, const model_head *head, err *e)
{
    *view = (job_model){0};
    pthread_mutex_lock(&s->lock);
    int bad = open_view(s, view, o, head, e);
    if (bad) close_view(s, view);
    pthread_mutex_unlock(&s->lock);
    return bad;
}

void stock_close(stock *s, job_model *view)
{
    pthread_mutex_lock(&s->lock);
    close_view(s, view);
    pthread_mutex_unlock(&s->lock);
}

static void add_text(str *key, const char *text) { str_fmt(key, "|%s", text ? text : ""); }

/* What decides about the tokens of a row. */
static void rows_key(str *key, const char *path, rows_part part, const options *o)
{
    const char *const text[] = {path,
                                o->prompt_template,
                                o->completion_template,
                                o->completion_column,
                                o->text_field,
                                o->completion_only_loss,
                                o->invalid_utf8,
                                o->chat_template_path,
                                o->chat_template_kwargs};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) add_text(key, text[i]);
    str_fmt(key, "|%d %lld %d", o->assistant_only_loss, (long long)o->max_length, part);
    if (part != ROWS_ALL)
        str_fmt(key, " %.17g %.17g %lld", o->eval_split, part > ROWS_HELD_OUT ? o->judge_split : 0,
                (long long)o->split_seed);
}

static int find_rows(stock *s, const job_rows **out, const char *path, rows_part part, const options *o,
                     const job_model *base, const job_hooks *h, err *e)
{
    str key = {0};
    rows_key(&key, path, part, o);
    kept_rows *r = s->rows;
    while (r && strcmp(r->key, key.p)) r = r->next;
    if (r) {
        str_free(&key);
        return *out = &r->rows, OK;
    }
    r = xcalloc(1, sizeof *r);
    if (job_rows_open_part(&r->rows, path, part, o, base->model->config, base->tokenizer,
                           device_pool(base->device), h, e)) {
        free(r);
        str_free(&key);
        return e->code;
    }
    r->key = key.p;
    r->next = s->rows;
    s->rows = r;
    *out = &r->rows;
    return OK;
}

int stock_rows(stock *s, const job_rows **out, const char *path, rows_part part, const options *o,
               const job_model *base, const job_hooks *h, err *e)
{
    pthread_mutex_lock(&s->lock);
    int bad = find_rows(s, out, path, part, o, base, h, e);
    pthread_mutex_unlock(&s->lock);
    return bad;
}

static const kept_score *find_score(const stock *s, const job_model *base, const job_rows *rows)
{
    for (const kept_score *b = s->before; b; b = b->next)
        if (b->model == base->model && b->device == base->device && b->rows == rows) return b;
    return NULL;
}

const evaluation *stock_before(stock *s, const job_model *base, const job_rows *rows)
{
    pthread_mutex_lock(&s->lock);
    const kept_score *b = find_score(s, base, rows);
    pthread_mutex_unlock(&s->lock);
    return b ? &b->v : NULL;
}

void stock_set_before(stock *s, const job_model *base, const job_rows *rows, const evaluation *v)
{
    pthread_mutex_lock(&s->lock);
    if (!find_score(s, base, rows)) {
        kept_score *b = xcalloc(1, sizeof *b);
        *b = (kept_score){s->before, base->model, base->device, rows, *v};
        s->before = b;
    }
    pthread_mutex_unlock(&s->lock);
}
