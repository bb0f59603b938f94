/* combine.c -- y[t] = sum over j of weight[t][j] x[place[t][j]]: what the experts of a row made of it, back
 * in the rows' order (route.c). x is (rows, k width), as spread.c leaves it.
 *
 *     dx[place[t][j]] = weight[t][j] dy[t]      dweight[t][j] = dy[t] . x[place[t][j]] */
#include "op/case.h"

enum { FROM, WEIGHT, PLACE };

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const value *y = &v[i->out[0]];
    const int64_t width = y->s.d[1], k = v[i->in[PLACE]].s.d[1];
    const int32_t *place = v[i->in[PLACE]].p;
    const real *x = v[i->in[FROM]].p, *weight = v[i->in[WEIGHT]].p;
    for (int64_t t = 0; t < y->s.d[0]; t++)
        for (int64_t c = 0; c < width; c++) {
            real sum = 0;
            for (int64_t j = 0; j < k; j++) sum += weight[t * k + j] * x[place[t * k + j] * width + c];
            ((real *)y->p)[t * width + c] = sum;
        }
}

static void backward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const value *dy = &v[i->dout];
    const int64_t width = dy->s.d[1], k = v[i->in[PLACE]].s.d[1];
    const int32_t *place = v[i->in[PLACE]].p;
    const real *x = i->in[FROM] == NONE ? NULL : v[i->in[FROM]].p;
    const real *weight = i->in[WEIGHT] == NONE ? NULL : v[i->in[WEIGHT]].p;
    real *dx = op_gradient(v, i, FROM), *dw = op_gradient(v, i, WEIGHT);
    for (int64_t n = 0; n < dy->s.d[0] * k; n++) {
        const real *from = (const real *)dy->p + n / k * width;
        real sum = 0;
        for (int64_t c = 0; dw && c < width; c++) sum += from[c] * x[place[n] * width + c];
        for (int64_t c = 0; dx && c < width; c++) dx[place[n] * width + c] += weight[n] * from[c];
        if (dw) dw[n] += sum;
    }
}

val op_combine(prog *p, val x, const routing *to)
{
    BUG_IF(p->v[to->place].cap != p->v[x].cap || p->v[x].s.d[1] % to->k || p->v[x].is_int);
    val y = prog_temp_like(p, "combine", x, p->v[x].s.d[1] / to->k);
    instr *i = prog_emit(p, &op_def_combine);
    i->in[FROM] = x;
    i->in[WEIGHT] = to->weight;
    i->in[PLACE] = to->place;
    i->out[0] = y;
    return y;
}

/* n: rows, width, k */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n;
    case_begin(p, n[0], 0);
    val x = case_param(p, "x", ROWS_TOKENS, 0, n[2] * n[1]);
    routing to = case_routing(p, n[0], 3, n[2]);
    to.weight = case_param(p, "weight", ROWS_TOKENS, 0, n[2]);
    return case_end(p, n[0], 0, op_combine(p, x, &to));
}

static const op_case cases[] = {
    {"one", {1, 3, 1}, {0}},
    {"two each", {7, 5, 2}, {0}},
    {"wide", {9, 70, 3}, {0}},
    {"no rows", {0, 4, 2}, {0}},
    {0},
};

const op op_def_combine = {
    .name = "combine",
    .id = OP_combine,
    .nin = 3,
    .nout = 1,
    .in_for = {[FROM] = BIT(WEIGHT), [WEIGHT] = BIT(FROM), [PLACE] = BIT(FROM) | BIT(WEIGHT)},
    .forward = forward,
    .backward = backward,
    .build = build,
    .cases = cases};
