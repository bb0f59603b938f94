/* geglu.c -- y = gelu(g) u: the gated activation of Gemma (Shazeer 2020), with the tanh form of gelu
 * (Hendrycks and Gimpel 2016). As 1/2 (1 + tanh z) = sigma(2 z):
 *
 *     gelu(g) = g s,  s = sigma(2 z),  z = sqrt(2 / pi) (g + 0.044715 g^3)
 *     dg = dy u s (1 + 2 g (1 - s) z'),  z' = sqrt(2 / pi) (1 + 3 * 0.044715 g^2),  du = dy g s */
#include "op/case.h"

#include <math.h>

enum { GATE, UP };

static const real root = 0.79788456080286535588, cubic = 0.044715;

static real sigma_of(real g) { return 1 / (1 + exp(-2 * root * (g + cubic * g * g * g))); }

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const real *g = v[i->in[GATE]].p, *u = v[i->in[UP]].p;
    real *y = v[i->out[0]].p;
    int64_t n = numel(v[i->out[0]].s);
    for (int64_t k = 0; k < n; k++) y[k] = g[k] * sigma_of(g[k]) * u[k];
}

static void backward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const real *g = v[i->in[GATE]].p, *u = v[i->in[UP]].p, *dy = v[i->dout].p;
    real *dg = i->din[GATE] == NONE ? NULL : v[i->din[GATE]].p;
    real *du = i->din[UP] == NONE ? NULL : v[i->din[UP]].p;
    int64_t n = numel(v[i->dout].s);
    for (int64_t k = 0; k < n; k++) {
        real s = sigma_of(g[k]), slope = root * (1 + 3 * cubic * g[k] * g[k]);
        real a = dy[k] * u[k] * s * (1 + 2 * g[k] * (1 - s) * slope), b = dy[k] * g[k] * s;
        if (dg) dg[k] = i->acc & BIT(GATE) ? dg[k] + a : a;
        if (du) du[k] = i->acc & BIT(UP) ? du[k] + b : b;
    }
}

val op_geglu(prog *p, val gate, val up)
{
    BUG_IF(p->v[gate].cap != p->v[up].cap || p->v[gate].s.d[1] != p->v[up].s.d[1]);
    val y = prog_temp_like(p, "geglu", gate, p->v[gate].s.d[1]);
    instr *i = prog_emit(p, &op_def_geglu);
    i->in[GATE] = gate;
    i->in[UP] = up;
    i->out[0] = y;
    return y;
}

/* n: rows, width */
static val build(prog *p, const op_case *c)
{
    case_begin(p, c->n[0], 0);
    val gate = case_param(p, "gate", ROWS_TOKENS, 0, c->n[1]);
    val up = case_param(p, "up", ROWS_TOKENS, 0, c->n[1]);
    return case_end(p, c->n[0], 0, op_geglu(p, gate, up));
}

static const op_case cases[] = {
    {"one element", {1, 1}, {0}},    {"one row", {1, 17}, {0}}, {"odd", {7, 37}, {0}},
    {"whole vectors", {4, 64}, {0}}, {"no rows", {0, 8}, {0}},  {0},
};

const op op_def_geglu = {.name = "geglu",
                         .id = OP_geglu,
                         .nin = 2,
                         .nout = 1,
                         .in_for = {[GATE] = BIT(GATE) | BIT(UP), [UP] = BIT(GATE) | BIT(UP)},
                         .inplace = true,
                         .cheap = true,
                         .forward = forward,
                         .backward = backward,
                         .build = build,
                         .cases = cases};
