/* scale.c -- y = s x: what some models multiply their branches by (Granite).   dx = s dy */
#include "op/case.h"

static void scaled(real *to, const real *from, real s, int64_t n, bool add)
{
    for (int64_t k = 0; k < n; k++) to[k] = add ? to[k] + s * from[k] : s * from[k];
}

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    scaled(v[i->out[0]].p, v[i->in[0]].p, (real)i->f[0], numel(v[i->out[0]].s), false);
}

static void backward(const run *r, const value *v, const instr *i)
{
    (void)r;
    scaled(v[i->din[0]].p, v[i->dout].p, (real)i->f[0], numel(v[i->dout].s), i->acc & BIT(0));
}

val op_scale(prog *p, val x, double s)
{
    BUG_IF(p->v[x].is_int);
    if (s == 1) return x;
    instr *i = op_emit_on(p, &op_def_scale, x);
    i->f[0] = s;
    return i->out[0];
}

/* n: rows, width; f: the factor */
static val build(prog *p, const op_case *c)
{
    case_begin(p, c->n[0], 0);
    return case_end(p, c->n[0], 0, op_scale(p, case_param(p, "x", ROWS_TOKENS, 0, c->n[1]), c->f[0]));
}

static const op_case cases[] = {
    {"one element", {1, 1}, {2}},
    {"odd", {7, 37}, {-0.5}},
    {"whole vectors", {4, 64}, {0.22}},
    {"no rows", {0, 8}, {3}},
    {0},
};

const op op_def_scale = {.name = "scale",
                         .id = OP_scale,
                         .nin = 1,
                         .nout = 1,
                         .inplace = true,
                         .cheap = true,
                         .forward = forward,
                         .backward = backward,
                         .build = build,
                         .cases = cases};
