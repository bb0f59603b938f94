/* spread.c -- y[place[t][j]] = x[t]: every row of x once for each of its experts, sorted by expert (route.c).
 * y is (rows, k width): row n of its rows * k is the n-th stretch of `width` numbers.
 *
 *     dx[t] = sum over j of dy[place[t][j]] */
#include "op/case.h"

#include <string.h>

enum { FROM, PLACE };

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const value *x = &v[i->in[FROM]];
    const int64_t width = x->s.d[1], k = v[i->in[PLACE]].s.d[1];
    const int32_t *place = v[i->in[PLACE]].p;
    for (int64_t n = 0; n < x->s.d[0] * k; n++)
        memcpy((real *)v[i->out[0]].p + place[n] * width, (const real *)x->p + n / k * width,
               (size_t)width * sizeof(real));
}

static void backward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const int64_t k = v[i->in[PLACE]].s.d[1], width = v[i->dout].s.d[1] / k;
    const int32_t *place = v[i->in[PLACE]].p;
    real *dx = op_gradient(v, i, FROM);
    for (int64_t n = 0; n < v[i->dout].s.d[0] * k; n++)
        for (int64_t c = 0; c < width; c++)
            dx[n / k * width + c] += ((const real *)v[i->dout].p)[place[n] * width + c];
}

val op_spread(prog *p, val x, const routing *to)
{
    BUG_IF(p->v[to->place].cap != p->v[x].cap || p->v[x].is_int);
    val y = prog_temp_like(p, "spread", x, to->k * p->v[x].s.d[1]);
    instr *i = prog_emit(p, &op_def_spread);
    i->in[FROM] = x;
    i->in[PLACE] = to->place;
    i->out[0] = y;
    return y;
}

/* n: rows, width, k */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n;
    case_begin(p, n[0], 0);
    val x = case_param(p, "x", ROWS_TOKENS, 0, n[1]);
    const routing to = case_routing(p, n[0], 3, n[2]);
    return case_end(p, n[0], 0, op_spread(p, x, &to));
}

static const op_case cases[] = {
    {"one", {1, 3, 1}, {0}},
    {"two each", {7, 5, 2}, {0}},
    {"wide", {9, 70, 3}, {0}},
    {"no rows", {0, 4, 2}, {0}},
    {0},
};

const op op_def_spread = {.name = "spread",
                          .id = OP_spread,
                          .nin = 2,
                          .nout = 1,
                          .in_for = {[PLACE] = BIT(FROM)},
                          .cheap = true,
                          .forward = forward,
                          .backward = backward,
                          .build = build,
                          .cases = cases};
