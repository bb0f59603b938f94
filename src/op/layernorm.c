/* layernorm.c -- y = w (x - m) r + b with m = mean(x), r = 1 / sqrt(mean((x - m)^2) + eps): layer
 * normalization (Ba, Kiros and Hinton 2016), over groups of as many columns as w has: a whole row, or each
 * head of q and k.
 *
 * Per group, with xhat = (x - m) r and g = w dy:
 *
 *     dx = r (g - mean(g) - xhat mean(g xhat))
 *
 * w and b are frozen, and b may be absent. The backward reads x and the kept m and r; y is not needed. */
#include "op/case.h"

#include <math.h>

enum { ROWS, WEIGHT, BIAS };
enum { Y, MEAN, RSTD };

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const value *x = &v[i->in[ROWS]], *w = &v[i->in[WEIGHT]];
    const value *bias = i->in[BIAS] == NONE ? NULL : &v[i->in[BIAS]];
    const real *a = x->p;
    real *y = v[i->out[Y]].p, *mean = v[i->out[MEAN]].p, *rstd = v[i->out[RSTD]].p;
    int64_t n = numel(w->s), groups = numel(x->s) / n;
    for (int64_t g = 0; g < groups; g++, a += n, y += n) {
        real sum = 0, squares = 0;
        for (int64_t k = 0; k < n; k++) sum += a[k];
        real m = mean[g] = sum / n;
        for (int64_t k = 0; k < n; k++) squares += (a[k] - m) * (a[k] - m);
        rstd[g] = 1 / sqrt(squares / n + i->f[0]);
        for (int64_t k = 0; k < n; k++) y[k] = (a[k] - m) * rstd[g] * frozen_at(w, 0, k);
        for (int64_t k = 0; bias && k < n; k++) y[k] += frozen_at(bias, 0, k);
    }
}

static void backward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const value *x = &v[i->in[ROWS]], *w = &v[i->in[WEIGHT]];
    const real *a = x->p, *dy = v[i->dout].p, *mean = v[i->out[MEAN]].p, *rstd = v[i->out[RSTD]].p;
    real *dx = v[i->din[ROWS]].p;
    int64_t n = numel(w->s), groups = numel(x->s) / n;
    for (int64_t g = 0; g < groups; g++, a += n, dy += n, dx += n) {
        real plain = 0, along = 0;
        for (int64_t k = 0; k < n; k++) {
            real t = frozen_at(w, 0, k) * dy[k] / n;
            plain += t;
            along += t * (a[k] - mean[g]) * rstd[g];
        }
        for (int64_t k = 0; k < n; k++) {
            real d = rstd[g] * (frozen_at(w, 0, k) * dy[k] - plain - (a[k] - mean[g]) * rstd[g] * along);
            dx[k] = i->acc & BIT(ROWS) ? dx[k] + d : d;
        }
    }
}

val op_layernorm(prog *p, val x, val w, val bias, double eps)
{
    int64_t n = numel(p->v[w].s);
    BUG_IF(p->v[w].kind != VALUE_FROZEN || p->v[x].is_int || p->v[x].s.d[1] % n || eps < 0);
    BUG_IF(bias != NONE && (p->v[bias].kind != VALUE_FROZEN || numel(p->v[bias].s) != n));
    val y = prog_temp_like(p, "layernorm", x, p->v[x].s.d[1]);
    val mean = prog_temp_like(p, "mean", x, p->v[x].s.d[1] / n);
    val rstd = prog_temp_like(p, "rstd", x, p->v[x].s.d[1] / n);
    instr *i = prog_emit(p, &op_def_layernorm);
    i->in[ROWS] = x;
    i->in[WEIGHT] = w;
    i->in[BIAS] = bias;
    i->out[Y] = y;
    i->out[MEAN] = mean;
    i->out[RSTD] = rstd;
    i->f[0] = eps;
    return y;
}

/* n: rows, columns of a group, groups, bias or not, type of w; f: eps */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n;
    case_begin(p, n[0], 0);
    val x = case_param(p, "x", ROWS_TOKENS, 0, n[1] * n[2]);
    val w = case_frozen(p, "w", (dtype)n[4], n[1], 0, 1, 0.3);
    val bias = n[3] ? case_frozen(p, "bias", DT_F32, n[1], 0, 0, 1) : NONE;
    return case_end(p, n[0], 0, op_layernorm(p, x, w, bias, c->f[0]));
}

static const op_case cases[] = {
    {"one row", {1, 5, 1, 1, DT_F32}, {1e-5}},
    {"odd", {7, 37, 1, 1, DT_F32}, {1e-5}},
    {"two columns", {5, 2, 1, 1, DT_F32}, {0.3}},
    {"without bias", {6, 33, 1, 0, DT_F32}, {1e-6}},
    {"groups", {4, 9, 3, 1, DT_F32}, {1e-5}},
    {"many rows", {67, 64, 1, 1, DT_F32}, {1e-5}},
    {"no rows", {0, 8, 1, 1, DT_F32}, {1e-5}},
    {"bf16", {5, 31, 1, 1, DT_BF16}, {1e-5}},
    {0},
};

const op op_def_layernorm = {.name = "layernorm",
                             .id = OP_layernorm,
                             .nin = 3,
                             .nout = 3,
                             .in_for = {[ROWS] = BIT(ROWS), [WEIGHT] = BIT(ROWS)},
                             .out_for = {[MEAN] = BIT(ROWS), [RSTD] = BIT(ROWS)},
                             .cheap = true,
                             .forward = forward,
                             .backward = backward,
                             .build = build,
                             .cases = cases};
