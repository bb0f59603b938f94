/* experts.c -- mixtures of experts (the mathematics: op/route.c, spread.c, experts.c, combine.c, rowgate.c).
 * Each expert's rows lie side by side and go through the packed product by themselves; the rest is bound by
 * memory, and the threads take rows. */
#include "kernel/cpu/isa/rows.h"

#include <math.h>

/* What one expert's linear leaves packed is of no use to the next. */
static void apart(const run *r, const value *v, const instr *i)
{
    memo *m = (memo *)r->device;
    m->now = (packed_rows){.x = NONE};
    (i->back ? linear_backward : linear_forward)(r, v, i);
    m->next = (packed_rows){.x = NONE};
}

void experts_forward(const run *r, const value *v, const instr *i) { experts_each(r, v, i, apart); }
void experts_backward(const run *r, const value *v, const instr *i) { experts_each(r, v, i, apart); }

/* Enough for all rows to go to any one expert. */
size_t experts_workspace(const value *v, const instr *i, const setup *s)
{
    size_t most = 0;
    const int64_t rows = v[i->back ? i->dout : i->in[0]].cap * i->n[1];
    for (int64_t e = 0; e < i->n[0]; e++) {
        expert_linear part;
        expert_part(&part, v, i, e, 0, rows);
        const size_t bytes = linear_workspace(part.v, &part.i, s);
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* ---------------------------------------------------------------------------------- spread */

static void spread_rows(const job *j, int64_t from, int64_t to)
{
    const value *place = &j->v[j->i->in[1]];
    const int64_t width = j->v[j->i->in[0]].s.d[1], k = place->s.d[1];
    for (int64_t n = from * k; n < to * k; n++)
        memcpy((float *)j->v[j->i->out[0]].p + ((const int32_t *)place->p)[n] * width,
               rows_of(j->v, j->i->in[0], n / k), (size_t)width * sizeof(float));
}

void spread_forward(const run *r, const value *v, const instr *i)
{
    rows_run(r, v, i, &v[i->in[0]], spread_rows);
}

static void spread_rows_back(const job *j, int64_t from, int64_t to)
{
    const value *place = &j->v[j->i->in[1]];
    const int64_t width = j->v[j->i->din[0]].s.d[1], k = place->s.d[1];
    for (int64_t n = from * k; n < to * k; n++) {
        const float *dy = (const float *)j->v[j->i->dout].p + ((const int32_t *)place->p)[n] * width;
        float *dx = rows_of(j->v, j->i->din[0], n / k);
        const int add = n % k > 0 || j->i->acc & BIT(0);
        for (int64_t c = 0; c < width; c++) dx[c] = add ? dx[c] + dy[c] : dy[c];
    }
}

void spread_backward(const run *r, const value *v, const instr *i)
{
    rows_run(r, v, i, &v[i->din[0]], spread_rows_back);
}

/* ---------------------------------------------------------------------------------- combine */

static void combine_rows(const job *j, int64_t from, int64_t to)
{
    const int32_t *place = j->v[j->i->in[2]].p;
    const int64_t width = j->v[j->i->out[0]].s.d[1], k = j->v[j->i->in[2]].s.d[1];
    for (int64_t n = from * k; n < to * k; n++) {
        const float *x = (const float *)j->v[j->i->in[0]].p + place[n] * width;
        const float w = ((const float *)j->v[j->i->in[1]].p)[n];
        float *y = rows_of(j->v, j->i->out[0], n / k);
        for (int64_t c = 0; c < width; c++) y[c] = n % k ? y[c] + w * x[c] : w * x[c];
    }
}

void combine_forward(const run *r, const value *v, const instr *i)
{
    rows_run(r, v, i, &v[i->out[0]], combine_rows);
}

static float dot(const float *a, const float *b, int64_t n)
{
    vec sum = v_zero();
    for (int64_t k = 0; k < n; k += VL) sum = v_fma(get(a + k, n - k), get(b + k, n - k), sum);
    return v_sum(sum);
}

static void combine_rows_back(const job *j, int64_t from, int64_t to)
{
    const instr *i = j->i;
    const int32_t *place = j->v[i->in[2]].p;
    const int64_t width = j->v[i->dout].s.d[1], k = j->v[i->in[2]].s.d[1];
    for (int64_t n = from * k; n < to * k; n++) {
        const float *dy = rows_of(j->v, i->dout, n / k);
        if (i->din[1] != NONE) {
            float *dw = (float *)j->v[i->din[1]].p + n;
            const float d = dot(dy, (const float *)j->v[i->in[0]].p + place[n] * width, width);
            *dw = i->acc & BIT(1) ? *dw + d : d;
        }
        if (i->din[0] == NONE) continue;
        float *dx = (float *)j->v[i->din[0]].p + place[n] * width;
        const float w = ((const float *)j->v[i->in[1]].p)[n];
        for (int64_t c = 0; c < width; c++) dx[c] = i->acc & BIT(0) ? dx[c] + w * dy[c] : w * dy[c];
    }
}

void combine_backward(const run *r, const value *v, const instr *i)
{
    rows_run(r, v, i, &v[i->dout], combine_rows_back);
}

/* ---------------------------------------------------------------------------------- rowgate */

static void rowgate_rows(const job *j, int64_t from, int64_t to)
{
    const int64_t width = j->v[j->i->out[0]].s.d[1];
    for (int64_t t = from; t < to; t++) {
        const float s = 1 / (1 + expf(-*rows_of(j->v, j->i->in[0], t))), *x = rows_of(j->v, j->i->in[1], t);
        float *y = rows_of(j->v, j->i->out[0], t);
        for (int64_t c = 0; c < width; c++) y[c] = s * x[c];
    }
}

void rowgate_forward(const run *r, const value *v, const instr *i)
{
    rows_run(r, v, i, &v[i->out[0]], rowgate_rows);
}

static void rowgate_rows_back(const job *j, int64_t from, int64_t to)
{
    const instr *i = j->i;
    const int64_t width = j->v[i->dout].s.d[1];
    for (int64_t t = from; t < to; t++) {
        const float s = 1 / (1 + expf(-*rows_of(j->v, i->in[0], t))), *dy = rows_of(j->v, i->dout, t);
        if (i->din[0] != NONE) {
            float *dg = rows_of(j->v, i->din[0], t);
            const float d = s * (1 - s) * dot(dy, rows_of(j->v, i->in[1], t), width);
            *dg = i->acc & BIT(0) ? *dg + d : d;
        }
        float *dx = i->din[1] == NONE ? NULL : rows_of(j->v, i->din[1], t);
        for (int64_t c = 0; dx && c < width; c++) dx[c] = i->acc & BIT(1) ? dx[c] + s * dy[c] : s * dy[c];
    }
}

void rowgate_backward(const run *r, const value *v, const instr *i)
{
    rows_run(r, v, i, &v[i->dout], rowgate_rows_back);
}
