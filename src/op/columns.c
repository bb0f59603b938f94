/* columns.c -- y = columns [first, first + n) of x: what a fused projection holds side by side, taken apart.
 * The gradient of x is dy there and nothing elsewhere; parts of the same x add up in it. */
#include "op/case.h"

#include <string.h>

enum { FIRST };

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const value *x = &v[i->in[0]], *y = &v[i->out[0]];
    const int64_t n = y->s.d[1], width = x->s.d[1];
    for (int64_t t = 0; t < y->s.d[0]; t++)
        memcpy((real *)y->p + t * n, (const real *)x->p + t * width + i->n[FIRST], (size_t)n * sizeof(real));
}

static void backward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const value *d = &v[i->din[0]];
    const real *dy = v[i->dout].p;
    const int64_t n = v[i->dout].s.d[1], width = d->s.d[1];
    real *dx = op_gradient(v, i, 0);
    for (int64_t t = 0; t < d->s.d[0]; t++)
        for (int64_t k = 0; k < n; k++) dx[t * width + i->n[FIRST] + k] += dy[t * n + k];
}

val op_columns(prog *p, val x, int64_t first, int64_t n)
{
    BUG_IF(first < 0 || n < 1 || n > p->v[x].s.d[1] - first || p->v[x].is_int);
    val y = prog_temp_like(p, "columns", x, n);
    instr *i = prog_emit(p, &op_def_columns);
    i->in[0] = x;
    i->out[0] = y;
    i->n[FIRST] = first;
    return y;
}

/* n: rows, width, first, columns taken */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n;
    case_begin(p, n[0], 0);
    val x = case_param(p, "x", ROWS_TOKENS, 0, n[1]);
    return case_end(p, n[0], 0, op_columns(p, x, n[2], n[3]));
}

static const op_case cases[] = {
    {"all", {3, 5, 0, 5}, {0}},   {"the first", {4, 7, 0, 2}, {0}},      {"the last", {4, 7, 4, 3}, {0}},
    {"one", {6, 9, 3, 1}, {0}}, {"between", {5, 70, 18, 33}, {0}}, {"no rows", {0, 4, 1, 2}, {0}}, {0},
};

const op op_def_columns = {.name = "columns",
                           .id = OP_columns,
                           .nin = 1,
                           .nout = 1,
                           .cheap = true,
                           .forward = forward,
                           .backward = backward,
                           .build = build,
                           .cases = cases};
