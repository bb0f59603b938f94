/* prog.c -- building the list: see prog.h. Values and instructions are arrays on the list's arena that double
 * when full; what they outgrew stays on the arena until the list goes, less than the arrays themselves. */
#include "op/op.h"

#include <string.h>

void prog_init(prog *p, int64_t cap_tokens, int64_t cap_labels)
{
    BUG_IF(cap_tokens < 0 || cap_labels < 0);
    *p = (prog){.cap_tokens = cap_tokens, .cap_labels = cap_labels};
}

void prog_release(prog *p)
{
    arena_free(&p->mem);
    *p = (prog){0};
}

static void *grow(prog *p, void *old, int n, int *cap, size_t size)
{
    if (n < *cap) return old;
    *cap = *cap ? 2 * *cap : 64;
    void *bigger = arena_new(&p->mem, (size_t)*cap * size);
    if (n) memcpy(bigger, old, (size_t)n * size);
    return bigger;
}

val prog_value(prog *p, const char *name, value_kind kind, value_rows rows, int64_t d0, int64_t d1)
{
    const int64_t cap_of[] = {d0, p->cap_tokens, p->cap_labels, p->cap_source}, cap = cap_of[rows];
    BUG_IF(cap < 0 || d1 < 1);
    p->v = grow(p, p->v, p->nv, &p->capv, sizeof *p->v);
    p->v[p->nv] = (value){.name = arena_strdup(&p->mem, name),
                          .s = {{cap, d1, 1}},
                          .cap = cap,
                          .kind = (uint8_t)kind,
                          .rows = (uint8_t)rows,
                          .wants_grad = kind == VALUE_PARAM,
                          .grad = NONE,
                          .root = p->nv,
                          .first = -1,
                          .last = -1};
    return p->nv++;
}

val prog_ints(prog *p, const char *name, value_kind kind, value_rows rows, int64_t d0, int64_t d1)
{
    val x = prog_value(p, name, kind, rows, d0, d1);
    p->v[x].is_int = true;
    p->v[x].wants_grad = false;
    return x;
}

val prog_frozen(prog *p, const tensor *w)
{
    BUG_IF(w->ndim < 1 || w->dim[3] > 1);
    val x = prog_value(p, w->name, VALUE_FROZEN, ROWS_FIXED, w->dim[0], w->ndim > 1 ? w->dim[1] : 1);
    if (w->ndim > 2) p->v[x].s.d[2] = w->dim[2];
    p->v[x].w = w;
    return x;
}

val prog_temp_like(prog *p, const char *name, val x, int64_t d1)
{
    return prog_value(p, name, VALUE_TEMP, (value_rows)p->v[x].rows, p->v[x].cap, d1);
}

instr *prog_emit(prog *p, const struct op *o)
{
    p->i = grow(p, p->i, p->ni, &p->capi, sizeof *p->i);
    instr *i = &p->i[p->ni];
    *i = (instr){.op = o, .dout = NONE, .seg = p->seg, .id = p->ni};
    for (int j = 0; j < MAXIN; j++) i->in[j] = i->din[j] = NONE;
    for (int j = 0; j < MAXOUT; j++) i->out[j] = NONE;
    p->ni++;
    return i;
}

static void set_rows(prog *p, value_rows kind, int64_t rows, int64_t cap)
{
    BUG_IF(rows < 0 || rows > cap);
    for (int x = 0; x < p->nv; x++)
        if (p->v[x].rows == kind) p->v[x].s.d[0] = rows;
}

void prog_rows(prog *p, int64_t tokens, int64_t labels)
{
    set_rows(p, ROWS_TOKENS, tokens, p->cap_tokens);
    set_rows(p, ROWS_LABELS, labels, p->cap_labels);
}

void prog_rows_source(prog *p, int64_t source) { set_rows(p, ROWS_SOURCE, source, p->cap_source); }

size_t value_bytes(const value *v)
{
    return (size_t)v->cap * (size_t)v->s.d[1] * (size_t)v->s.d[2] * value_element(v);
}
