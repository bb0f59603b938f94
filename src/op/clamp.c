/* clamp.c -- y = x within [-c, c]: what some models do to q, k and v (MPT, OLMo).
 *
 *     dx = dy where |x| <= c, else 0 */
#include "op/case.h"

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const real *x = v[i->in[0]].p, most = (real)i->f[0];
    real *y = v[i->out[0]].p;
    int64_t n = numel(v[i->out[0]].s);
    for (int64_t k = 0; k < n; k++) y[k] = x[k] > most ? most : x[k] < -most ? -most : x[k];
}

static void backward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const real *x = v[i->in[0]].p, *dy = v[i->dout].p, most = (real)i->f[0];
    real *dx = v[i->din[0]].p;
    int64_t n = numel(v[i->dout].s);
    for (int64_t k = 0; k < n; k++) {
        real d = x[k] > most || x[k] < -most ? 0 : dy[k];
        dx[k] = i->acc & BIT(0) ? dx[k] + d : d;
    }
}

val op_clamp(prog *p, val x, double most)
{
    BUG_IF(!(most > 0) || p->v[x].is_int);
    instr *i = op_emit_on(p, &op_def_clamp, x);
    i->f[0] = most;
    return i->out[0];
}

/* n: rows, width; f: bound */
static val build(prog *p, const op_case *c)
{
    case_begin(p, c->n[0], 0);
    return case_end(p, c->n[0], 0, op_clamp(p, case_param(p, "x", ROWS_TOKENS, 0, c->n[1]), c->f[0]));
}

static const op_case cases[] = {
    {"one element", {1, 1}, {2}},
    {"odd", {7, 37}, {0.5}},
    {"whole vectors", {4, 64}, {1}},
    {"no rows", {0, 8}, {1}},
    {0},
};

const op op_def_clamp = {.name = "clamp",
                         .id = OP_clamp,
                         .nin = 1,
                         .nout = 1,
                         .in_for = {BIT(0)},
                         .inplace = true,
                         .cheap = true,
                         .forward = forward,
                         .backward = backward,
                         .build = build,
                         .cases = cases};
