/* step.c -- see step.h: build, plan, allocate, feed, run. */
#include "model/step.h"

#include "model/build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct step {
    prog p;
    build b;
    device *d;
    adapter *a;
    run r;
    step_memory memory;
    void *slab, *work, *inputs, *cache;
};

/* Writes and plans the list; nothing of the step's size is allocated yet. */
static void plan(step *s, const model *m, const adapter *a, step_kind kind, const step_size *size)
{
    prog_init(&s->p, size->tokens, size->labels);
    s->p.cap_source = size->source;
    s->b = (build){.p = &s->p, .m = m, .a = a, .kind = kind, .size = *size};
    build_list(&s->b);
    if (kind == STEP_TRAIN) plan_grad(&s->p, size->keep, size->redo_blocks);
    plan_memory(&s->p);
}

static size_t aligned(size_t n) { return (n + 63) & ~(size_t)63; }

static size_t total_of(const prog *p, value_kind kind)
{
    size_t n = 0;
    for (int i = 0; i < p->nv; i++)
        if (p->v[i].kind == kind) n += aligned(value_bytes(&p->v[i]));
    return n;
}

/* Lays the values of a kind end to end in a block. */
static void place(prog *p, value_kind kind, void *block)
{
    char *at = block;
    for (int i = 0; i < p->nv; i++) {
        if (p->v[i].kind != kind) continue;
        p->v[i].p = at;
        at += aligned(value_bytes(&p->v[i]));
    }
}

static void measure(step *s, device *d)
{
    s->memory = (step_memory){.slab = s->p.slab,
                              .workspace = device_workspace(d, &s->p),
                              .inputs = total_of(&s->p, VALUE_INPUT),
                              .cache = total_of(&s->p, VALUE_STATE)};
}

static void bind_parameters(step *s)
{
    for (int64_t i = 0; s->a && i < s->a->modules; i++) {
        const adapter_module *n = &s->a->module[i];
        size_t at[2] = {n->a, n->b};
        for (int k = 0; k < 2; k++) {
            val x = s->b.param[2 * i + k];
            if (x == NONE) continue;
            s->p.v[x].p = s->a->param + at[k];
            if (s->p.v[x].grad != NONE) s->p.v[s->p.v[x].grad].p = s->a->grad + at[k];
        }
    }
    for (int64_t i = 0; s->a && i < s->a->wholes; i++) {
        val x = s->b.whole[i];
        if (x == NONE) continue;
        s->p.v[x].p = s->a->param + s->a->whole[i].at;
        if (s->p.v[x].grad != NONE) s->p.v[s->p.v[x].grad].p = s->a->grad + s->a->whole[i].at;
    }
}

/* An input that is the same in every step. */
static void count_rows(step *s)
{
    if (s->b.counting == NONE) return;
    const value *v = &s->p.v[s->b.counting];
    for (int64_t k = 0; k < v->cap; k++) ((int32_t *)v->p)[k] = (int32_t)k;
}

int step_new(step **out, const model *m, adapter *a, step_kind kind, const step_size *size, device *d, err *e)
{
    BUG_IF(size->tokens < 1 || size->labels < 1);
    step *s = xcalloc(1, sizeof *s);
    s->d = d;
    s->a = a;
    plan(s, m, a, kind, size);
    measure(s, d);
    s->slab = big_new(s->memory.slab, "the activations of a step", e);
    s->work = s->slab ? big_new(s->memory.workspace, "the scratch memory of a step", e) : NULL;
    s->inputs = s->work ? big_new(s->memory.inputs, "the tokens of a step", e) : NULL;
    s->cache = s->inputs ? big_new(s->memory.cache, "the key and value cache", e) : NULL;
    if (!s->cache) {
        step_free(s);
        return E_MEMORY;
    }
    plan_bind(&s->p, s->slab);
    place(&s->p, VALUE_INPUT, s->inputs);
    place(&s->p, VALUE_STATE, s->cache);
    bind_parameters(s);
    count_rows(s);
    s->r = (run){.work = s->work, .work_bytes = s->memory.workspace};
    *out = s;
    return OK;
}

void step_free(step *s)
{
    if (!s) return;
    big_free(s->slab, s->memory.slab);
    big_free(s->work, s->memory.workspace);
    big_free(s->inputs, s->memory.inputs);
    big_free(s->cache, s->memory.cache);
    prog_release(&s->p);
    free(s);
}

static void feed(step *s, val x, const void *from, int64_t n)
{
    if (x == NONE) return;
    BUG_IF(!from && n > 0);
    if (n > 0) memcpy(s->p.v[x].p, from, (size_t)n * 4); /* int32_t and float alike */
}

/* Positions are counted from the first row of each source. */
static void place_source(step *s, const step_input *in)
{
    if (s->b.source_positions == NONE) return;
    int32_t *to = s->p.v[s->b.source_positions].p;
    for (int64_t r = 0; r < in->source; r++) to[r] = (int32_t)r - in->source_start[r];
}

void step_run(step *s, const step_input *in, uint64_t key)
{
    BUG_IF(in->tokens < 1 || in->tokens > s->b.size.tokens || in->labels < 0 ||
           in->labels > s->b.size.labels);
    prog_rows(&s->p, in->tokens, in->labels);
    prog_rows_source(&s->p, in->source);
    feed(s, s->b.tokens, in->ids, in->tokens);
    feed(s, s->b.positions, in->positions, in->tokens);
    feed(s, s->b.start, in->start, in->tokens);
    feed(s, s->b.slot, in->slot, in->tokens);
    feed(s, s->b.gather, in->gather, in->labels);
    if (s->b.m->head.objective == OBJECTIVE_CLASS) feed(s, s->b.target, in->target, in->labels);
    else feed(s, s->b.target, in->values, in->labels * s->b.m->head.outputs);
    if (s->b.types != NONE && !in->types) memset(s->p.v[s->b.types].p, 0, (size_t)in->tokens * 4);
    else feed(s, s->b.types, in->types, in->tokens);
    feed(s, s->b.weight, in->weight, in->labels);
    feed(s, s->b.source, in->source_ids, in->source);
    feed(s, s->b.source_start, in->source_start, in->source);
    feed(s, s->b.source_place, in->source_place, in->source);
    place_source(s, in);
    feed(s, s->b.seen, in->seen, 2 * in->tokens);
    s->r.key = key;
    device_run(s->d, &s->p, &s->r);
}

static const float *result(const step *s, val x) { return x == NONE ? NULL : s->p.v[x].p; }

double step_loss(const step *s) { return (double)result(s, s->b.loss)[0]; }
const float *step_cross_entropy(const step *s) { return result(s, s->b.ce); }
const float *step_hits(const step *s) { return result(s, s->b.hit); }
const float *step_logits(const step *s) { return result(s, s->b.logits); }

static bool finite_all(const value *v)
{
    const float *p = v->p;
    for (int64_t i = 0, n = numel(v->s); i < n; i++)
        if (!isfinite(p[i])) return false;
    return true;
}

const char *step_not_finite(const step *s)
{
    for (int i = 0; i < s->p.nv; i++) {
        const value *v = &s->p.v[i];
        if ((v->kind == VALUE_PARAM || v->kind == VALUE_RESULT) && v->p && !v->is_int && !finite_all(v))
            return v->name;
    }
    for (int i = 0; i < s->p.nv; i++) {
        const value *v = &s->p.v[i];
        if (v->kind == VALUE_PARAM && v->grad != NONE && !finite_all(&s->p.v[v->grad]))
            return s->p.v[v->grad].name;
    }
    return NULL;
}

void step_measure(step_memory *out, const model *m, const adapter *a, step_kind kind, const step_size *size,
                  device *d)
{
    step *s = xcalloc(1, sizeof *s);
    plan(s, m, a, kind, size);
    measure(s, d);
    *out = s->memory;
    prog_release(&s->p);
    free(s);
}

static bool fits(step_size *size, plan_keep keep, int blocks, const model *m, const adapter *a, device *d,
                 size_t most)
{
    step_memory need;
    size->keep = keep;
    size->redo_blocks = blocks;
    step_measure(&need, m, a, STEP_TRAIN, size, d);
    return need.slab + need.workspace + need.inputs <= most;
}

void step_fit(step_size *size, const model *m, const adapter *a, device *d, size_t most)
{
    if (fits(size, KEEP_ALL, 0, m, a, d, most) || fits(size, REDO_CHEAP, 0, m, a, d, most)) return;
    int too_few = 0, enough = (int)m->config->layers;
    while (enough - too_few > 1) {
        int blocks = (too_few + enough) / 2;
        if (fits(size, REDO_BLOCKS, blocks, m, a, d, most))
            enough = blocks;
        else
            too_few = blocks;
    }
    size->keep = REDO_BLOCKS;
    size->redo_blocks = enough;
}

step_memory step_memory_of(const step *s) { return s->memory; }
const prog *step_list(const step *s) { return &s->p; }
double step_operations(const step *s) { return plan_operations(&s->p); }
void step_profile(step *s, double *seconds) { s->r.seconds = seconds; }
