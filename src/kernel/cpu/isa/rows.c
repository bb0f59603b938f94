/* rows.c -- operators that go over rows once and are bound by memory (the mathematics: op/NAME.c).
 *
 * Threads take rows; sums are within a row, in a fixed order: VL partial sums, halves added to halves, then
 * the tail. */
#include "kernel/cpu/isa/rows.h"

#include "kernel/cpu/isa/decode.h"
#include "kernel/cpu/isa/dropout.h"

#include <math.h>

/* ---------------------------------------------------------------------------------- embed, gather */

static void embed_rows(const job *j, int64_t from, int64_t to)
{
    const int32_t *tokens = j->v[j->i->in[0]].p;
    const value *table = &j->v[j->i->in[1]];
    const float scale = (float)j->i->f[0];
    for (int64_t t = from; t < to; t++) {
        float *row = rows_of(j->v, j->i->out[0], t);
        row_decode(table->w, tokens[t] + j->i->n[0], 0, table->s.d[1], row);
        for (int64_t k = 0; scale != 1 && k < table->s.d[1]; k++) row[k] *= scale;
    }
}

void embed_forward(const run *r, const value *v, const instr *i)
{
    rows_run(r, v, i, &v[i->out[0]], embed_rows);
}

static void gather_rows(const job *j, int64_t from, int64_t to)
{
    const int32_t *index = j->v[j->i->in[1]].p;
    const size_t bytes = (size_t)j->v[j->i->out[0]].s.d[1] * sizeof(float);
    for (int64_t l = from; l < to; l++)
        memcpy(rows_of(j->v, j->i->out[0], l), rows_of(j->v, j->i->in[0], index[l]), bytes);
}

void gather_forward(const run *r, const value *v, const instr *i)
{
    rows_run(r, v, i, &v[i->out[0]], gather_rows);
}

/* ---------------------------------------------------------------------------------- rmsnorm */

/* The sum of a[k] b[k] w[k]; w NULL: of a[k] b[k]. */
static float dot(const float *a, const float *b, const float *w, int64_t n)
{
    vec sum = v_zero();
    int64_t k = 0;
    for (; k + VL <= n; k += VL) {
        vec x = v_load(a + k);
        if (w) x = x * v_load(w + k);
        sum = v_fma(x, v_load(b + k), sum);
    }
    float tail = v_sum(sum);
    for (; k < n; k++) tail += (w ? a[k] * w[k] : a[k]) * b[k];
    return tail;
}

/* The weight as floats, in run.work. */
static const float *norm_weight(const run *r, const value *w, float offset)
{
    int64_t n = numel(w->s);
    BUG_IF(r->work_bytes < (size_t)n * sizeof(float));
    row_decode(w->w, 0, 0, n, r->work);
    for (int64_t k = 0; offset != 0 && k < n; k++) ((float *)r->work)[k] += offset;
    return r->work;
}

size_t rmsnorm_workspace(const value *v, const instr *i, const setup *s)
{
    (void)s;
    return (size_t)numel(v[i->in[1]].s) * sizeof(float);
}

static void rmsnorm_rows(const job *j, int64_t from, int64_t to)
{
    const float *w = j->r->work;
    const int64_t n = numel(j->v[j->i->in[1]].s), groups = j->v[j->i->in[0]].s.d[1] / n;
    const float *x = rows_of(j->v, j->i->in[0], from);
    float *y = rows_of(j->v, j->i->out[0], from), *rstd = rows_of(j->v, j->i->out[1], from);
    for (int64_t g = 0; g < (to - from) * groups; g++, x += n, y += n) {
        const float s = rstd[g] = 1 / sqrtf(dot(x, x, NULL, n) / (float)n + (float)j->i->f[0]);
        for (int64_t k = 0; k < n; k++) y[k] = w[k] * (x[k] * s);
    }
}

void rmsnorm_forward(const run *r, const value *v, const instr *i)
{
    norm_weight(r, &v[i->in[1]], (float)i->f[1]);
    rows_run(r, v, i, &v[i->in[0]], rmsnorm_rows);
}

static void rmsnorm_rows_back(const job *j, int64_t from, int64_t to)
{
    const float *w = j->r->work;
    const int64_t n = numel(j->v[j->i->in[1]].s), groups = j->v[j->i->in[0]].s.d[1] / n;
    const float *x = rows_of(j->v, j->i->in[0], from), *dy = rows_of(j->v, j->i->dout, from);
    const float *rstd = rows_of(j->v, j->i->out[1], from);
    float *dx = rows_of(j->v, j->i->din[0], from);
    const int add = j->i->acc & BIT(0);
    for (int64_t g = 0; g < (to - from) * groups; g++, x += n, dy += n, dx += n) {
        const float s = rstd[g], c = s * s * (dot(dy, x, w, n) / (float)n);
        for (int64_t k = 0; k < n; k++) {
            float d = s * (w[k] * dy[k] - x[k] * c);
            dx[k] = add ? dx[k] + d : d;
        }
    }
}

void rmsnorm_backward(const run *r, const value *v, const instr *i)
{
    norm_weight(r, &v[i->in[1]], (float)i->f[1]);
    rows_run(r, v, i, &v[i->in[0]], rmsnorm_rows_back);
}

/* ---------------------------------------------------------------------------------- rope */

/* One head: b = a turned by +-angle; b may be a, so both of a pair are read before they are written. */
static void turn(const float *a, float *b, const float *c, int64_t half, int64_t dim, float sign, int add)
{
    const float *s = c + half;
    int64_t k = 0;
    for (; k + VL <= half; k += VL) {
        vec x = v_load(a + k), y = v_load(a + half + k), co = v_load(c + k), si = v_load(s + k) * v_set(sign);
        vec u = x * co - y * si, w = x * si + y * co;
        v_store(b + k, add ? v_load(b + k) + u : u);
        v_store(b + half + k, add ? v_load(b + half + k) + w : w);
    }
    for (; k < half; k++) {
        float u = a[k] * c[k] - a[k + half] * (sign * s[k]), w = a[k] * (sign * s[k]) + a[k + half] * c[k];
        b[k] = add ? b[k] + u : u;
        b[k + half] = add ? b[k + half] + w : w;
    }
    for (k = 2 * half; k < dim; k++) b[k] = add ? b[k] + a[k] : a[k];
}

/* The same with the two of a pair side by side. */
static void turn_adjacent(const float *a, float *b, const float *c, int64_t half, int64_t dim, float sign, int add)
{
    const float *s = c + half;
    for (int64_t k = 0; k < half; k++) {
        const float x = a[2 * k], y = a[2 * k + 1];
        const float u = x * c[k] - y * (sign * s[k]), w = x * (sign * s[k]) + y * c[k];
        b[2 * k] = add ? b[2 * k] + u : u;
        b[2 * k + 1] = add ? b[2 * k + 1] + w : w;
    }
    for (int64_t k = 2 * half; k < dim; k++) b[k] = add ? b[k] + a[k] : a[k];
}

static void rope_rows(const job *j, int64_t from, int64_t to)
{
    const instr *i = j->i;
    const val x = i->back ? i->dout : i->in[0], y = i->back ? i->din[0] : i->out[0];
    const int64_t heads = i->n[0], dim = j->v[x].s.d[1] / heads, half = j->v[i->in[1]].s.d[1] / 2;
    const int add = i->back && (i->acc & BIT(0));
    for (int64_t t = from; t < to; t++)
        for (int64_t h = 0; h < heads; h++)
            (i->n[1] ? turn_adjacent : turn)(rows_of(j->v, x, t) + h * dim, rows_of(j->v, y, t) + h * dim,
                                             rows_of(j->v, i->in[1], t), half, dim, i->back ? -1 : 1, add);
}

void rope_forward(const run *r, const value *v, const instr *i)
{
    rows_run(r, v, i, &v[i->in[0]], rope_rows);
}
void rope_backward(const run *r, const value *v, const instr *i)
{
    rows_run(r, v, i, &v[i->dout], rope_rows);
}

/* ---------------------------------------------------------------------------------- add */

static void add_rows(const job *j, int64_t from, int64_t to)
{
    const float *a = rows_of(j->v, j->i->in[0], from), *b = rows_of(j->v, j->i->in[1], from);
    float *y = rows_of(j->v, j->i->out[0], from);
    const int64_t n = (to - from) * j->v[j->i->out[0]].s.d[1];
    for (int64_t k = 0; k < n; k++) y[k] = a[k] + b[k];
}

void add_forward(const run *r, const value *v, const instr *i) { rows_run(r, v, i, &v[i->out[0]], add_rows); }

static void add_rows_back(const job *j, int64_t from, int64_t to)
{
    const int side = j->i->din[0] != NONE ? 0 : 1, add = j->i->acc & BIT(side);
    const float *dy = rows_of(j->v, j->i->dout, from);
    float *d = rows_of(j->v, j->i->din[side], from);
    const int64_t n = (to - from) * j->v[j->i->dout].s.d[1];
    for (int64_t k = 0; k < n; k++) d[k] = add ? d[k] + dy[k] : dy[k];
}

void add_backward(const run *r, const value *v, const instr *i)
{
    rows_run(r, v, i, &v[i->dout], add_rows_back);
}

/* ---------------------------------------------------------------------------------- dropout */

static void dropout_rows(const job *j, int64_t from, int64_t to)
{
    const instr *i = j->i;
    const val x = i->back ? i->dout : i->in[0], y = i->back ? i->din[0] : i->out[0];
    const int64_t n = j->v[x].s.d[1];
    const dropout d = dropout_of(j->r->key, (int)i->n[0], i->f[0]);
    for (int64_t t = from; t < to; t++)
        if (i->back && i->acc & BIT(0))
            dropout_row_add(&d, t, 0, n, rows_of(j->v, x, t), rows_of(j->v, y, t));
        else
            dropout_row(&d, t, 0, n, rows_of(j->v, x, t), rows_of(j->v, y, t));
}

void dropout_forward(const run *r, const value *v, const instr *i)
{
    rows_run(r, v, i, &v[i->out[0]], dropout_rows);
}
void dropout_backward(const run *r, const value *v, const instr *i)
{
    rows_run(r, v, i, &v[i->dout], dropout_rows);
}
