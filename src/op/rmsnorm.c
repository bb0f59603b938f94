/* rmsnorm.c -- y = w * x * r with r = 1 / sqrt(mean(x^2) + eps): root mean square normalization (Zhang and
 * Sennrich 2019), over groups of as many columns as the weight has: a whole row, or each head of q and k. w
 * is the stored weight plus an offset: 1 where files hold w - 1, as those of Gemma do.
 *
 * Per group of n, with g = w * dy:
 *
 *     dx = r * (g - x * r^2 * mean(g * x))
 *
 * w is frozen. The backward reads x and the kept r; y is not needed. */
#include "op/case.h"

#include <math.h>

enum { ROWS, WEIGHT };
enum { Y, RSTD };

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const value *x = &v[i->in[ROWS]], *w = &v[i->in[WEIGHT]];
    const real *a = x->p;
    real *y = v[i->out[Y]].p, *rstd = v[i->out[RSTD]].p;
    int64_t n = numel(w->s), groups = numel(x->s) / n;
    for (int64_t g = 0; g < groups; g++, a += n, y += n) {
        real sum = 0;
        for (int64_t k = 0; k < n; k++) sum += a[k] * a[k];
        rstd[g] = 1 / sqrt(sum / n + i->f[0]);
        frozen_row(w, 0, 0, n, y);
        for (int64_t k = 0; k < n; k++) y[k] = (y[k] + (real)i->f[1]) * (a[k] * rstd[g]);
    }
}

static void backward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const value *x = &v[i->in[ROWS]], *w = &v[i->in[WEIGHT]];
    const real *a = x->p, *dy = v[i->dout].p, *rstd = v[i->out[RSTD]].p;
    real *dx = v[i->din[ROWS]].p;
    int64_t n = numel(w->s), groups = numel(x->s) / n;
    for (int64_t g = 0; g < groups; g++, a += n, dy += n, dx += n) {
        real mean = 0;
        for (int64_t k = 0; k < n; k++) mean += (frozen_at(w, 0, k) + i->f[1]) * dy[k] * a[k] / n;
        for (int64_t k = 0; k < n; k++) {
            real d = rstd[g] * ((frozen_at(w, 0, k) + i->f[1]) * dy[k] - a[k] * rstd[g] * rstd[g] * mean);
            dx[k] = i->acc & BIT(ROWS) ? dx[k] + d : d;
        }
    }
}

val op_rmsnorm(prog *p, val x, val w, double eps) { return op_rmsnorm_offset(p, x, w, eps, 0); }

val op_rmsnorm_offset(prog *p, val x, val w, double eps, double offset)
{
    int64_t n = numel(p->v[w].s), width = p->v[x].s.d[1];
    BUG_IF(p->v[w].kind != VALUE_FROZEN || p->v[w].s.d[0] != n || width % n || p->v[x].is_int);
    val y = prog_temp_like(p, "norm", x, width);
    val rstd = prog_temp_like(p, "rstd", x, width / n);
    instr *i = prog_emit(p, &op_def_rmsnorm);
    i->in[ROWS] = x;
    i->in[WEIGHT] = w;
    i->out[Y] = y;
    i->out[RSTD] = rstd;
    i->f[0] = eps;
    i->f[1] = offset;
    return y;
}

/* n: rows, groups a row, columns of a group, type of w; f: eps, offset */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n;
    case_begin(p, n[0], 0);
    val x = case_param(p, "x", ROWS_TOKENS, 0, n[1] * n[2]);
    val w = case_frozen(p, "w", (dtype)n[3], n[2], 0, 1, 0.3);
    return case_end(p, n[0], 0, op_rmsnorm_offset(p, x, w, c->f[0], c->f[1]));
}

static const op_case cases[] = {
    {"one row", {1, 1, 8, DT_F32}, {1e-5}},
    {"odd", {5, 1, 37, DT_F32}, {1e-6}},
    {"heads", {3, 5, 7, DT_F32}, {1e-5}},
    {"one column", {4, 1, 1, DT_F32}, {0.1}},
    {"wide", {2, 1, 515, DT_F32}, {1e-5}},
    {"bf16", {3, 2, 21, DT_BF16}, {1e-5}},
    {"f16", {3, 1, 40, DT_F16}, {1e-5}},
    {"offset", {3, 2, 19, DT_BF16}, {1e-5, 1}},
    {"eps that counts", {6, 2, 12, DT_F32}, {0.5}},
    {0},
};

const op op_def_rmsnorm = {.name = "rmsnorm",
                           .id = OP_rmsnorm,
                           .nin = 2,
                           .nout = 2,
                           .in_for = {[ROWS] = BIT(ROWS), [WEIGHT] = BIT(ROWS)},
                           .out_for = {[RSTD] = BIT(ROWS)},
                           .cheap = true,
                           .forward = forward,
                           .backward = backward,
                           .build = build,
                           .cases = cases};
