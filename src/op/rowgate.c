/* rowgate.c -- y[t] = sigma(g[t]) x[t]: a gate for each row, g (rows, 1), as Qwen's shared expert has.
 *
 *     dx = sigma(g) dy      dg = sigma(g) (1 - sigma(g)) (dy . x) */
#include "op/case.h"

#include <math.h>

enum { GATE, ROWS };

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const value *y = &v[i->out[0]];
    const real *g = v[i->in[GATE]].p, *x = v[i->in[ROWS]].p;
    for (int64_t t = 0; t < y->s.d[0]; t++)
        for (int64_t c = 0; c < y->s.d[1]; c++)
            ((real *)y->p)[t * y->s.d[1] + c] = x[t * y->s.d[1] + c] / (1 + exp(-g[t]));
}

static void backward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const value *dy = &v[i->dout];
    const int64_t width = dy->s.d[1];
    const real *g = v[i->in[GATE]].p, *x = i->in[ROWS] == NONE ? NULL : v[i->in[ROWS]].p;
    real *dg = op_gradient(v, i, GATE), *dx = op_gradient(v, i, ROWS);
    for (int64_t t = 0; t < dy->s.d[0]; t++) {
        const real s = 1 / (1 + exp(-g[t])), *from = (const real *)dy->p + t * width;
        for (int64_t c = 0; c < width; c++) {
            if (dg) dg[t] += s * (1 - s) * from[c] * x[t * width + c];
            if (dx) dx[t * width + c] += s * from[c];
        }
    }
}

val op_rowgate(prog *p, val gate, val x)
{
    BUG_IF(p->v[gate].cap != p->v[x].cap || p->v[gate].s.d[1] != 1);
    val y = prog_temp_like(p, "rowgate", x, p->v[x].s.d[1]);
    instr *i = prog_emit(p, &op_def_rowgate);
    i->in[GATE] = gate;
    i->in[ROWS] = x;
    i->out[0] = y;
    return y;
}

/* n: rows, width */
static val build(prog *p, const op_case *c)
{
    case_begin(p, c->n[0], 0);
    val gate = case_param(p, "gate", ROWS_TOKENS, 0, 1);
    val x = case_param(p, "x", ROWS_TOKENS, 0, c->n[1]);
    return case_end(p, c->n[0], 0, op_rowgate(p, gate, x));
}

static const op_case cases[] = {
    {"one", {1, 1}, {0}}, {"odd", {7, 13}, {0}}, {"wide", {3, 70}, {0}}, {"no rows", {0, 4}, {0}}, {0},
};

const op op_def_rowgate = {.name = "rowgate",
                           .id = OP_rowgate,
                           .nin = 2,
                           .nout = 1,
                           .in_for = {[GATE] = BIT(GATE) | BIT(ROWS), [ROWS] = BIT(GATE)},
                           .cheap = true,
                           .forward = forward,
                           .backward = backward,
                           .build = build,
                           .cases = cases};
