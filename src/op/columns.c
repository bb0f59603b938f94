/* columns.c -- y = some columns of x: of every `stride` columns the `count` from `first` on, side by side.
 *
 *     y[t, g count + k] = x[t, g stride + first + k]
 *
 * How the q, k and v of a fused projection are taken apart, whatever their order in it: one after the other
 * (stride = all columns) or head by head (stride = those of a head). Backward: dx has dy in these columns and
 * 0 in all others. */
#include "op/case.h"

#include <string.h>

enum { FIRST, COUNT, STRIDE };

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const value *x = &v[i->in[0]];
    const int64_t *n = i->n, groups = x->s.d[1] / n[STRIDE];
    const real *from = x->p;
    real *y = v[i->out[0]].p;
    for (int64_t g = 0; g < x->s.d[0] * groups; g++)
        memcpy(y + g * n[COUNT], from + g * n[STRIDE] + n[FIRST], (size_t)n[COUNT] * sizeof *y);
}

static void backward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const int64_t *n = i->n;
    const value *d = &v[i->din[0]];
    const real *dy = v[i->dout].p;
    real *dx = op_gradient(v, i, 0);
    for (int64_t g = 0; g < numel(d->s) / n[STRIDE]; g++)
        for (int64_t k = 0; k < n[COUNT]; k++) dx[g * n[STRIDE] + n[FIRST] + k] += dy[g * n[COUNT] + k];
}

val op_columns(prog *p, val x, int64_t first, int64_t count)
{
    return op_columns_each(p, x, first, count, p->v[x].s.d[1]);
}

val op_columns_each(prog *p, val x, int64_t first, int64_t count, int64_t stride)
{
    int64_t width = p->v[x].s.d[1];
    BUG_IF(p->v[x].is_int || stride < 1 || width % stride);
    BUG_IF(first < 0 || count < 1 || first + count > stride);
    val y = prog_temp_like(p, "columns", x, width / stride * count);
    instr *i = prog_emit(p, &op_def_columns);
    i->in[0] = x;
    i->out[0] = y;
    i->n[FIRST] = first;
    i->n[COUNT] = count;
    i->n[STRIDE] = stride;
    return y;
}

/* n: rows, groups, first, count, stride */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n;
    case_begin(p, n[0], 0);
    val x = case_param(p, "x", ROWS_TOKENS, 0, n[1] * n[4]);
    return case_end(p, n[0], 0, op_columns_each(p, x, n[2], n[3], n[4]));
}

static const op_case cases[] = {
    {"all", {3, 1, 0, 7, 7}, {0}},       {"the first third", {5, 1, 0, 8, 24}, {0}},
    {"the last", {5, 1, 22, 1, 23}, {0}}, {"head by head", {7, 4, 5, 5, 15}, {0}},
    {"many rows", {70, 3, 16, 16, 48}, {0}}, {"no rows", {0, 1, 0, 3, 9}, {0}},
    {0},
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
