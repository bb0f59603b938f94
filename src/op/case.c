/* case.c -- see case.h. */
#include "op/case.h"

#include "base/rng.h"

#include <string.h>

enum { SPARE_ROWS = 3 };

void case_begin(prog *p, int64_t tokens, int64_t labels)
{
    BUG_IF(p->nv || p->ni);
    p->cap_tokens = tokens + SPARE_ROWS;
    p->cap_labels = labels + SPARE_ROWS;
}

val case_end(prog *p, int64_t tokens, int64_t labels, val out)
{
    prog_rows(p, tokens, labels);
    return out;
}

val case_param(prog *p, const char *name, value_rows rows, int64_t d0, int64_t d1)
{
    return prog_value(p, name, VALUE_PARAM, rows, d0, d1);
}

val case_reals(prog *p, const char *name, value_kind kind, value_rows rows, int64_t d0, int64_t d1,
               double middle, double spread)
{
    val x = prog_value(p, name, kind, rows, d0, d1);
    real *r = p->v[x].p = arena_new(&p->mem, value_bytes(&p->v[x]));
    uint64_t key = rng_key(1, (uint64_t)x);
    for (int64_t k = 0; k < numel(p->v[x].s); k++) r[k] = middle + spread * rng_normal(key, (uint64_t)k);
    return x;
}

val case_ints(prog *p, const char *name, value_rows rows, case_fill *fill, const void *arg)
{
    val x = prog_ints(p, name, VALUE_INPUT, rows, 0, 1);
    int32_t *n = p->v[x].p = arena_new(&p->mem, value_bytes(&p->v[x]));
    for (int64_t row = 0; row < p->v[x].cap; row++) n[row] = (int32_t)fill(row, arg);
    return x;
}

routing case_routing(prog *p, int64_t rows, int64_t experts, int64_t k)
{
    routing to = {.weight = NONE, .experts = experts, .k = k};
    to.place = prog_ints(p, "place", VALUE_INPUT, ROWS_TOKENS, 0, k);
    to.offset = prog_ints(p, "offset", VALUE_INPUT, ROWS_FIXED, experts + 1, 1);
    int32_t *place = p->v[to.place].p = arena_new(&p->mem, value_bytes(&p->v[to.place]));
    int32_t *offset = p->v[to.offset].p = arena_new(&p->mem, value_bytes(&p->v[to.offset]));
    for (int64_t n = 0; n < rows * k; n++) place[n] = (int32_t)(rows * k - 1 - n);
    for (int64_t e = 0; e <= experts; e++) offset[e] = (int32_t)(rows * k * e * e / (experts * experts));
    return to;
}

int64_t case_any(int64_t row, const void *below)
{
    return (int64_t)(rng_of(rng_key(2, 0), (uint64_t)row) % *(const uint64_t *)below);
}

int64_t case_start(int64_t row, const void *size)
{
    int64_t small = *(const int64_t *)size, first = 0, next = small;
    if (small == 0) return 0;
    for (int n = 1; next <= row; n++) {
        first = next;
        next += n % 2 ? 2 * small + 1 : small;
    }
    return first;
}

static void *keep(prog *p, const void *from, size_t bytes)
{
    return from ? memcpy(arena_new(&p->mem, bytes), from, bytes) : NULL;
}

/* Moves what tensor_alloc() made onto the list's arena, so that it goes when the list goes. */
static void adopt(prog *p, tensor *kept, tensor *t)
{
    *kept = *t;
    kept->data = keep(p, t->data, t->bytes);
    if (t->q) {
        quant *q = keep(p, t->q, sizeof *q);
        size_t blocks = q->block ? (size_t)((tensor_count(t) + q->block - 1) / q->block) : 0;
        size_t groups =
            q->nested_block ? (blocks + (size_t)q->nested_block - 1) / (size_t)q->nested_block : 0;
        q->absmax = keep(p, q->absmax, blocks * sizeof *q->absmax);
        q->code = keep(p, q->code, blocks);
        q->nested_absmax = keep(p, q->nested_absmax, groups * sizeof *q->nested_absmax);
        q->scb = keep(p, q->scb, (size_t)t->dim[0] * sizeof *q->scb);
        kept->q = q;
    }
    tensor_release(t);
}

val case_frozen(prog *p, const char *name, dtype t, int64_t rows, int64_t cols, double middle, double spread)
{
    tensor *w = arena_new(&p->mem, sizeof *w);
    int64_t n = rows * (cols ? cols : 1);
    float *x = arena_new(&p->mem, (size_t)n * sizeof *x);
    uint64_t key = rng_key(3, (uint64_t)p->nv);
    for (int64_t k = 0; k < n; k++) x[k] = (float)(middle + spread * rng_normal(key, (uint64_t)k));
    tensor made;
    err e = {0};
    if (tensor_alloc(&made, t, cols ? rows : 1, cols ? cols : rows, ABSMAX_DOUBLE, &e)) BUG("%s", e.msg);
    dtype_table[t]->encode(&made, x);
    adopt(p, w, &made);
    if (!cols) {
        w->ndim = 1;
        w->dim[0] = rows;
        w->dim[1] = 1;
    }
    w->name = arena_strdup(&p->mem, name);
    return prog_frozen(p, w);
}
