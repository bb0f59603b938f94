/* softcap.c -- y = c tanh(x / c): keeps logits within +-c (Gemma 2).   dx = dy (1 - (y / c)^2) */
#include "op/case.h"

#include <math.h>

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const real *x = v[i->in[0]].p, cap = i->f[0];
    real *y = v[i->out[0]].p;
    int64_t n = numel(v[i->out[0]].s);
    for (int64_t k = 0; k < n; k++) y[k] = cap * (real)tanh(x[k] / cap);
}

static void backward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const real *y = v[i->out[0]].p, *dy = v[i->dout].p, cap = i->f[0];
    real *dx = v[i->din[0]].p;
    int64_t n = numel(v[i->dout].s);
    for (int64_t k = 0; k < n; k++) {
        real d = dy[k] * (1 - y[k] * y[k] / (cap * cap));
        dx[k] = i->acc & BIT(0) ? dx[k] + d : d;
    }
}

val op_softcap(prog *p, val x, double cap)
{
    BUG_IF(!(cap > 0) || p->v[x].is_int);
    instr *i = op_emit_on(p, &op_def_softcap, x);
    i->f[0] = cap;
    return i->out[0];
}

/* n: rows, width; f: cap */
static val build(prog *p, const op_case *c)
{
    case_begin(p, c->n[0], 0);
    return case_end(p, c->n[0], 0, op_softcap(p, case_param(p, "x", ROWS_TOKENS, 0, c->n[1]), c->f[0]));
}

static const op_case cases[] = {
    {"one element", {1, 1}, {2}},
    {"odd", {7, 37}, {0.5}},
    {"whole vectors", {4, 64}, {30}},
    {"no rows", {0, 8}, {1}},
    {0},
};

const op op_def_softcap = {.name = "softcap",
                           .id = OP_softcap,
                           .nin = 1,
                           .nout = 1,
                           .out_for = {BIT(0)},
                           .inplace = true,
                           .cheap = true,
                           .forward = forward,
                           .backward = backward,
                           .build = build,
                           .cases = cases};
