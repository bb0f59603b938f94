/* gated.h -- what gated activations y = a(g) u share: they differ in a and its slope alone.
 *
 *     dg = dy u a'(g),  du = dy a(g) */
#ifndef OP_GATED_H
#define OP_GATED_H

#include "op/case.h"

enum { GATE, UP };

/* a(g), and its slope there. */
typedef real gated_fn(real g, real *slope);

static inline void gated_forward(const value *v, const instr *i, gated_fn *a)
{
    const real *g = v[i->in[GATE]].p, *u = v[i->in[UP]].p;
    real *y = v[i->out[0]].p, slope;
    int64_t n = numel(v[i->out[0]].s);
    for (int64_t k = 0; k < n; k++) y[k] = a(g[k], &slope) * u[k];
}

static inline void gated_backward(const value *v, const instr *i, gated_fn *a)
{
    const real *g = v[i->in[GATE]].p, *u = v[i->in[UP]].p, *dy = v[i->dout].p;
    real *dg = i->din[GATE] == NONE ? NULL : v[i->din[GATE]].p;
    real *du = i->din[UP] == NONE ? NULL : v[i->din[UP]].p;
    int64_t n = numel(v[i->dout].s);
    for (int64_t k = 0; k < n; k++) {
        real slope, y = a(g[k], &slope), to_gate = dy[k] * u[k] * slope, to_up = dy[k] * y;
        if (dg) dg[k] = i->acc & BIT(GATE) ? dg[k] + to_gate : to_gate;
        if (du) du[k] = i->acc & BIT(UP) ? du[k] + to_up : to_up;
    }
}

static inline val gated_new(prog *p, const op *o, val gate, val up)
{
    BUG_IF(p->v[gate].cap != p->v[up].cap || p->v[gate].s.d[1] != p->v[up].s.d[1]);
    val y = prog_temp_like(p, o->name, gate, p->v[gate].s.d[1]);
    instr *i = prog_emit(p, o);
    i->in[GATE] = gate;
    i->in[UP] = up;
    i->out[0] = y;
    return y;
}

/* n: rows, width */
static inline val gated_case(prog *p, const op_case *c, val (*make)(prog *p, val gate, val up))
{
    case_begin(p, c->n[0], 0);
    val gate = case_param(p, "gate", ROWS_TOKENS, 0, c->n[1]);
    val up = case_param(p, "up", ROWS_TOKENS, 0, c->n[1]);
    return case_end(p, c->n[0], 0, make(p, gate, up));
}

#define GATED_CASES                                                                                          \
    {"one element", {1, 1}, {0}}, {"one row", {1, 17}, {0}}, {"odd", {7, 37}, {0}},                          \
        {"whole vectors", {4, 64}, {0}}, {"no rows", {0, 8}, {0}}, {0}

#define GATED_OP(NAME)                                                                                       \
    static void forward(const run *r, const value *v, const instr *i)                                        \
    {                                                                                                        \
        (void)r;                                                                                             \
        gated_forward(v, i, activation);                                                                     \
    }                                                                                                        \
    static void backward(const run *r, const value *v, const instr *i)                                       \
    {                                                                                                        \
        (void)r;                                                                                             \
        gated_backward(v, i, activation);                                                                    \
    }                                                                                                        \
    val op_##NAME(prog *p, val gate, val up) { return gated_new(p, &op_def_##NAME, gate, up); }              \
    static val build(prog *p, const op_case *c) { return gated_case(p, c, op_##NAME); }                      \
    static const op_case cases[] = {GATED_CASES};                                                            \
    const op op_def_##NAME = {.name = #NAME,                                                                 \
                              .id = OP_##NAME,                                                               \
                              .nin = 2,                                                                      \
                              .nout = 1,                                                                     \
                              .in_for = {[GATE] = BIT(GATE) | BIT(UP), [UP] = BIT(GATE) | BIT(UP)},          \
                              .inplace = true,                                                               \
                              .cheap = true,                                                                 \
                              .forward = forward,                                                            \
                              .backward = backward,                                                          \
                              .build = build,                                                                \
                              .cases = cases}

#endif
