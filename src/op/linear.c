/* linear.c -- y = x W^T + bias + scale * drop(x) A^T B^T: a frozen projection with its low-rank adapter (Hu
 * et al. 2021), one operator, so that the adapter's input is read while it is at hand and only a = drop(x)
 * A^T (rows, r) is kept. W (out, in) is of any dtype; A (r, in), B (out, r). drop() multiplies element (row,
 * col) by dropout_factor(), which the backward computes again instead of keeping a mask.
 *
 *     da = scale * dy B        (rows, r)
 *     dx = dy W + drop(da A)   (rows, in)
 *     dA = da^T drop(x)        (r, in)
 *     dB = scale * dy^T a      (out, r)
 *
 * So x is kept only where A is trained. Out[0] may be NONE when recomputing: then a alone is wanted. */
#include "op/case.h"

enum { IN, W, BIAS, A, B };
enum { Y, AX };
enum { SPAN = 256 }; /* columns of W decoded at a time */

static double factor(const run *r, const instr *i, int64_t row, int64_t col)
{
    return i->f[1] > 0 ? dropout_factor(r->key, i->id, row, col, i->f[1]) : 1;
}

/* y = x W^T + bias, and dx += dy W: one walk over W, each stretch decoded once for all rows. */
static void frozen_forward(const value *x, const value *w, const value *bias, real *y)
{
    int64_t rows = x->s.d[0], in = w->s.d[1], out = w->s.d[0];
    real part[SPAN];
    for (int64_t o = 0; o < out; o++) {
        real b = bias ? frozen_at(bias, 0, o) : 0;
        for (int64_t t = 0; t < rows; t++) y[t * out + o] = b;
        for (int64_t c = 0; c < in; c += SPAN) {
            int64_t n = in - c < SPAN ? in - c : SPAN;
            frozen_row(w, o, c, n, part);
            for (int64_t t = 0; t < rows; t++) {
                const real *xt = (const real *)x->p + t * in + c;
                real sum = 0;
                for (int64_t k = 0; k < n; k++) sum += xt[k] * part[k];
                y[t * out + o] += sum;
            }
        }
    }
}

static void frozen_backward(const value *dy, const value *w, real *dx)
{
    int64_t rows = dy->s.d[0], in = w->s.d[1], out = w->s.d[0];
    const real *g = dy->p;
    real part[SPAN];
    for (int64_t o = 0; o < out; o++)
        for (int64_t c = 0; c < in; c += SPAN) {
            int64_t n = in - c < SPAN ? in - c : SPAN;
            frozen_row(w, o, c, n, part);
            for (int64_t t = 0; t < rows; t++)
                for (int64_t k = 0; k < n; k++) dx[t * in + c + k] += g[t * out + o] * part[k];
        }
}

static void forward(const run *r, const value *v, const instr *i)
{
    const value *x = &v[i->in[IN]], *w = &v[i->in[W]];
    const value *bias = i->in[BIAS] == NONE ? NULL : &v[i->in[BIAS]];
    real *y = i->out[Y] == NONE ? NULL : v[i->out[Y]].p;
    if (y) frozen_forward(x, w, bias, y);
    if (i->in[A] == NONE) return;
    const real *a = v[i->in[A]].p, *b = v[i->in[B]].p, *xp = x->p;
    real *ax = v[i->out[AX]].p;
    int64_t rows = x->s.d[0], in = w->s.d[1], out = w->s.d[0], rank = v[i->in[A]].s.d[0];
    for (int64_t t = 0; t < rows; t++) {
        for (int64_t k = 0; k < rank; k++) {
            real sum = 0;
            for (int64_t c = 0; c < in; c++) sum += xp[t * in + c] * (real)factor(r, i, t, c) * a[k * in + c];
            ax[t * rank + k] = sum;
        }
        for (int64_t o = 0; y && o < out; o++) {
            real sum = 0;
            for (int64_t k = 0; k < rank; k++) sum += ax[t * rank + k] * b[o * rank + k];
            y[t * out + o] += (real)i->f[0] * sum;
        }
    }
}

/* Adds row t's part in dx, dA and dB, wherever they are not NULL. */
static void adapter_backward(const run *r, const value *v, const instr *i, int64_t t, real *dx, real *da,
                             real *db)
{
    const real *a = v[i->in[A]].p, *b = v[i->in[B]].p;
    int64_t in = v[i->in[W]].s.d[1], out = v[i->in[W]].s.d[0], rank = v[i->in[A]].s.d[0];
    const real *g = (const real *)v[i->dout].p + t * out;
    const real *x = da ? (const real *)v[i->in[IN]].p + t * in : NULL;
    const real *ax = db ? (const real *)v[i->out[AX]].p + t * rank : NULL;
    real scale = i->f[0];
    for (int64_t k = 0; k < rank; k++) {
        real dax = 0;
        for (int64_t o = 0; o < out; o++) dax += scale * g[o] * b[o * rank + k];
        for (int64_t c = 0; c < in && (dx || da); c++) {
            real keep = factor(r, i, t, c);
            if (dx) dx[t * in + c] += dax * a[k * in + c] * keep;
            if (da) da[k * in + c] += dax * x[c] * keep;
        }
        for (int64_t o = 0; db && o < out; o++) db[o * rank + k] += scale * g[o] * ax[k];
    }
}

static void backward(const run *r, const value *v, const instr *i)
{
    const value *dy = &v[i->dout], *w = &v[i->in[W]];
    real *dx = op_gradient(v, i, IN), *da = op_gradient(v, i, A), *db = op_gradient(v, i, B);
    if (dx) frozen_backward(dy, w, dx);
    if (i->in[A] == NONE) return;
    for (int64_t t = 0; t < dy->s.d[0]; t++) adapter_backward(r, v, i, t, dx, da, db);
}

static void check_adapter(const prog *p, const lowrank *l, int64_t in, int64_t out)
{
    const value *a = &p->v[l->a], *b = &p->v[l->b];
    BUG_IF(a->s.d[1] != in || b->s.d[0] != out || a->s.d[0] != b->s.d[1]);
    BUG_IF(a->rows != ROWS_FIXED || b->rows != ROWS_FIXED || l->dropout < 0 || l->dropout >= 1);
}

val op_linear(prog *p, val x, val w, val bias, const lowrank *adapter)
{
    int64_t in = p->v[w].s.d[1], out = p->v[w].s.d[0];
    BUG_IF(p->v[w].kind != VALUE_FROZEN || p->v[x].s.d[1] != in || p->v[x].is_int);
    BUG_IF(bias != NONE && (p->v[bias].kind != VALUE_FROZEN || numel(p->v[bias].s) != out));
    if (adapter) check_adapter(p, adapter, in, out);
    val y = prog_temp_like(p, "linear", x, out);
    val ax = adapter ? prog_temp_like(p, "ax", x, p->v[adapter->a].s.d[0]) : NONE;
    instr *i = prog_emit(p, &op_def_linear);
    i->in[IN] = x;
    i->in[W] = w;
    i->in[BIAS] = bias;
    i->out[Y] = y;
    if (!adapter) return y;
    i->in[A] = adapter->a;
    i->in[B] = adapter->b;
    i->out[AX] = ax;
    i->f[0] = adapter->scale;
    i->f[1] = adapter->dropout;
    return y;
}

/* n: rows, in, out, rank (0: no adapter), bias or not, type of W, head size whose rows the file holds in
 * pairs; f: scale, dropout */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n;
    case_begin(p, n[0], 0);
    val x = case_param(p, "x", ROWS_TOKENS, 0, n[1]);
    val w = case_frozen(p, "w", (dtype)n[5], n[2], n[1], 0, 0.5);
    val bias = n[4] ? case_frozen(p, "bias", DT_F32, n[2], 0, 0, 1) : NONE;
    if (n[6]) {
        tensor *paired = arena_new(&p->mem, sizeof *paired);
        *paired = *p->v[w].w;
        paired->pair_dim = n[6];
        p->v[w].w = paired;
    }
    lowrank adapter = {.scale = c->f[0], .dropout = c->f[1]};
    if (n[3]) {
        adapter.a = case_param(p, "A", ROWS_FIXED, n[3], n[1]);
        adapter.b = case_param(p, "B", ROWS_FIXED, n[2], n[3]);
    }
    return case_end(p, n[0], 0, op_linear(p, x, w, bias, n[3] ? &adapter : NULL));
}

static const op_case cases[] = {
    {"one row", {1, 8, 6, 0, 0, DT_F32}, {0}},
    {"odd", {7, 37, 19, 0, 0, DT_F32}, {0}},
    {"wider than a span", {3, 519, 5, 2, 0, DT_F32}, {0.5}},
    {"many rows", {67, 48, 35, 3, 0, DT_F32}, {2}},
    {"no rows", {0, 9, 7, 2, 0, DT_F32}, {1}},
    {"bias", {5, 12, 9, 0, 1, DT_F32}, {0}},
    {"bias, rank 1", {5, 13, 9, 1, 1, DT_F32}, {2}},
    {"rank 3", {6, 17, 23, 3, 0, DT_F32}, {0.7}},
    {"rank 8", {9, 40, 24, 8, 0, DT_F32}, {2}},
    {"rank above the width", {4, 5, 3, 8, 0, DT_F32}, {1}},
    {"one column in, one out", {3, 1, 1, 1, 0, DT_F32}, {1}},
    {"dropout", {9, 33, 14, 3, 0, DT_F32}, {2, 0.3}},
    {"dropout, one row", {1, 20, 6, 1, 1, DT_F32}, {1, 0.6}},
    {"f16", {5, 31, 9, 2, 0, DT_F16}, {1}},
    {"bf16", {5, 31, 9, 2, 0, DT_BF16}, {1}},
    {"q8_0", {5, 96, 9, 2, 0, DT_Q8_0}, {1}},
    {"q4_k", {3, 512, 7, 2, 0, DT_Q4_K}, {1}},
    {"nf4", {5, 128, 9, 2, 1, DT_NF4}, {1}},
    {"nf4, blocks across rows", {4, 48, 10, 0, 0, DT_NF4}, {0}},
    {"rotary pairs of rows", {5, 24, 16, 2, 0, DT_F32, 8}, {1}},
    {"rotary pairs of rows, q8_0", {5, 32, 12, 0, 0, DT_Q8_0, 6}, {0}},
    {0},
};

const op op_def_linear = {.name = "linear",
                          .id = OP_linear,
                          .nin = 5,
                          .nout = 2,
                          .in_for = {[IN] = BIT(A), [W] = BIT(IN), [A] = BIT(IN), [B] = BIT(IN) | BIT(A)},
                          .out_for = {[AX] = BIT(B)},
                          .partial = true,
                          .forward = forward,
                          .backward = backward,
                          .build = build,
                          .cases = cases};
