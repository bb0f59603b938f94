/* add.c -- y = a + b, the residual connection. The gradient of both is dy itself, so normally the backward is
 * no instruction and no memory.
 *
 * Where it cannot be (a's gradient has other terms already, or has to part from b's), the planner emits a
 * backward with one din: that gradient becomes, or is increased by, dout. */
#include "op/case.h"

enum { LEFT, RIGHT };

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const real *a = v[i->in[LEFT]].p, *b = v[i->in[RIGHT]].p;
    real *y = v[i->out[0]].p;
    int64_t n = numel(v[i->out[0]].s);
    for (int64_t k = 0; k < n; k++) y[k] = a[k] + b[k];
}

static void backward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const real *dy = v[i->dout].p;
    int j = i->din[LEFT] != NONE ? LEFT : RIGHT;
    real *d = v[i->din[j]].p; /* may be dy: x + x */
    int64_t n = numel(v[i->dout].s);
    for (int64_t k = 0; k < n; k++) d[k] = i->acc & BIT(j) ? d[k] + dy[k] : dy[k];
}

val op_add(prog *p, val a, val b)
{
    BUG_IF(p->v[a].cap != p->v[b].cap || p->v[a].s.d[1] != p->v[b].s.d[1]);
    val y = prog_temp_like(p, "add", a, p->v[a].s.d[1]);
    instr *i = prog_emit(p, &op_def_add);
    i->in[LEFT] = a;
    i->in[RIGHT] = b;
    i->out[0] = y;
    return y;
}

/* n: rows, width */
static val build(prog *p, const op_case *c)
{
    case_begin(p, c->n[0], 0);
    val a = case_param(p, "a", ROWS_TOKENS, 0, c->n[1]);
    val b = case_param(p, "b", ROWS_TOKENS, 0, c->n[1]);
    return case_end(p, c->n[0], 0, op_add(p, a, b));
}

static const op_case cases[] = {
    {"one element", {1, 1}, {0}},    {"one row", {1, 19}, {0}}, {"odd", {7, 37}, {0}},
    {"whole vectors", {4, 64}, {0}}, {"no rows", {0, 8}, {0}},  {0},
};

const op op_def_add = {.name = "add",
                       .id = OP_add,
                       .nin = 2,
                       .nout = 1,
                       .inplace = true,
                       .through = true,
                       .forward = forward,
                       .backward = backward,
                       .build = build,
                       .cases = cases};
