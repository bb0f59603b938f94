/* dense.c -- y = x W^T + b with W (out, in) and b (out) trained themselves: the head of a classifier, and
 * whatever else is learned whole beside an adapter.
 *
 *     dx = dy W      dW = dy^T x      db = sum over rows of dy */
#include "op/case.h"

enum { IN, W, BIAS };

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const value *x = &v[i->in[IN]], *w = &v[i->in[W]];
    const real *a = x->p, *m = w->p, *bias = i->in[BIAS] == NONE ? NULL : v[i->in[BIAS]].p;
    real *y = v[i->out[0]].p;
    int64_t in = w->s.d[1], out = w->s.d[0];
    for (int64_t t = 0; t < x->s.d[0]; t++)
        for (int64_t o = 0; o < out; o++) {
            real sum = bias ? bias[o] : 0;
            for (int64_t k = 0; k < in; k++) sum += a[t * in + k] * m[o * in + k];
            y[t * out + o] = sum;
        }
}

static void backward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const value *dy = &v[i->dout];
    const real *g = dy->p, *x = i->in[IN] == NONE ? NULL : v[i->in[IN]].p;
    const real *m = i->in[W] == NONE ? NULL : v[i->in[W]].p;
    real *dx = op_gradient(v, i, IN), *dw = op_gradient(v, i, W);
    real *db = op_gradient(v, i, BIAS);
    int64_t in = dx ? v[i->din[IN]].s.d[1] : dw ? v[i->din[W]].s.d[1] : 0, out = dy->s.d[1];
    for (int64_t t = 0; t < dy->s.d[0]; t++)
        for (int64_t o = 0; o < out; o++) {
            for (int64_t k = 0; k < in; k++) {
                if (dx) dx[t * in + k] += g[t * out + o] * m[o * in + k];
                if (dw) dw[o * in + k] += g[t * out + o] * x[t * in + k];
            }
            if (db) db[o] += g[t * out + o];
        }
}

val op_dense(prog *p, val x, val w, val bias)
{
    const value *m = &p->v[w];
    BUG_IF(m->kind != VALUE_PARAM || m->rows != ROWS_FIXED || m->s.d[1] != p->v[x].s.d[1] || p->v[x].is_int);
    BUG_IF(bias != NONE && (p->v[bias].kind != VALUE_PARAM || numel(p->v[bias].s) != m->s.d[0]));
    val y = prog_temp_like(p, "dense", x, m->s.d[0]);
    instr *i = prog_emit(p, &op_def_dense);
    i->in[IN] = x;
    i->in[W] = w;
    i->in[BIAS] = bias;
    i->out[0] = y;
    return y;
}

/* n: rows, in, out, bias or not */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n;
    case_begin(p, 0, n[0]);
    val x = case_param(p, "x", ROWS_LABELS, 0, n[1]);
    val w = case_param(p, "w", ROWS_FIXED, n[2], n[1]);
    val bias = n[3] ? case_param(p, "bias", ROWS_FIXED, 1, n[2]) : NONE;
    return case_end(p, 0, n[0], op_dense(p, x, w, bias));
}

static const op_case cases[] = {
    {"one row", {1, 5, 3, 1}, {0}},   {"odd", {7, 37, 19, 1}, {0}},     {"without bias", {5, 16, 4, 0}, {0}},
    {"one out", {6, 33, 1, 1}, {0}},  {"many rows", {70, 48, 35, 1}, {0}}, {"wide", {9, 300, 77, 1}, {0}},
    {"no rows", {0, 8, 3, 1}, {0}},   {0},
};

const op op_def_dense = {.name = "dense",
                         .id = OP_dense,
                         .nin = 3,
                         .nout = 1,
                         .in_for = {[IN] = BIT(W), [W] = BIT(IN)},
                         .forward = forward,
                         .backward = backward,
                         .build = build,
                         .cases = cases};
