/* layernorm.c -- layer normalization, a row or group at a time (the mathematics: op/layernorm.c). */
#include "kernel/cpu/isa/rows.h"

#include "kernel/cpu/isa/decode.h"

#include <math.h>

/* Weight and bias (zeros where there is none) as floats, in run.work. */
static void load(const run *r, const value *v, const instr *i)
{
    const value *w = &v[i->in[1]];
    const int64_t n = numel(w->s);
    float *to = r->work;
    BUG_IF(r->work_bytes < 2 * (size_t)n * sizeof *to);
    row_decode(w->w, 0, 0, n, to);
    if (i->in[2] == NONE) memset(to + n, 0, (size_t)n * sizeof *to);
    else row_decode(v[i->in[2]].w, 0, 0, n, to + n);
}

size_t layernorm_workspace(const value *v, const instr *i, const setup *s)
{
    (void)s;
    return 2 * (size_t)numel(v[i->in[1]].s) * sizeof(float);
}

static float mean_of(const float *x, int64_t n)
{
    vec sum = v_zero();
    for (int64_t k = 0; k < n; k += VL) sum += get(x + k, n - k);
    return v_sum(sum) / (float)n;
}

static float variance_of(const float *x, float mean, int64_t n)
{
    vec sum = v_zero();
    int64_t k = 0;
    for (; k + VL <= n; k += VL) {
        vec d = v_load(x + k) - v_set(mean);
        sum = v_fma(d, d, sum);
    }
    float tail = v_sum(sum);
    for (; k < n; k++) tail += (x[k] - mean) * (x[k] - mean);
    return tail / (float)n;
}

static void rows_forward(const job *j, int64_t from, int64_t to)
{
    const int64_t n = numel(j->v[j->i->in[1]].s), groups = j->v[j->i->in[0]].s.d[1] / n;
    const float *w = j->r->work, *b = w + n, *x = rows_of(j->v, j->i->in[0], from);
    float *y = rows_of(j->v, j->i->out[0], from);
    float *mean = rows_of(j->v, j->i->out[1], from), *rstd = rows_of(j->v, j->i->out[2], from);
    for (int64_t g = 0; g < (to - from) * groups; g++, x += n, y += n) {
        const float m = mean[g] = mean_of(x, n);
        const float s = rstd[g] = 1 / sqrtf(variance_of(x, m, n) + (float)j->i->f[0]);
        for (int64_t k = 0; k < n; k++) y[k] = (x[k] - m) * s * w[k] + b[k];
    }
}

void layernorm_forward(const run *r, const value *v, const instr *i)
{
    load(r, v, i);
    rows_run(r, v, i, &v[i->in[0]], rows_forward);
}

/* The means of g = w dy and of g xhat. */
static void means(const float *x, const float *dy, const float *w, float mean, float rstd, int64_t n,
                  float *plain, float *along)
{
    vec a = v_zero(), c = v_zero();
    for (int64_t k = 0; k < n; k += VL) {
        vec g = get(dy + k, n - k) * get(w + k, n - k);
        a += g;
        c = v_fma(g, get(x + k, n - k) - v_set(mean), c);
    }
    *plain = v_sum(a) / (float)n;
    *along = v_sum(c) * rstd / (float)n;
}

static void rows_backward(const job *j, int64_t from, int64_t to)
{
    const int64_t n = numel(j->v[j->i->in[1]].s), groups = j->v[j->i->in[0]].s.d[1] / n;
    const float *w = j->r->work, *x = rows_of(j->v, j->i->in[0], from);
    const float *dy = rows_of(j->v, j->i->dout, from);
    const float *mean = rows_of(j->v, j->i->out[1], from), *rstd = rows_of(j->v, j->i->out[2], from);
    float *dx = rows_of(j->v, j->i->din[0], from), plain, along;
    const int add = j->i->acc & BIT(0);
    for (int64_t g = 0; g < (to - from) * groups; g++, x += n, dy += n, dx += n) {
        const float m = mean[g], s = rstd[g];
        means(x, dy, w, m, s, n, &plain, &along);
        const float c = s * along;
        for (int64_t k = 0; k < n; k++) {
            float d = s * (w[k] * dy[k] - plain - (x[k] - m) * c);
            dx[k] = add ? dx[k] + d : d;
        }
    }
}

void layernorm_backward(const run *r, const value *v, const instr *i)
{
    load(r, v, i);
    rows_run(r, v, i, &v[i->in[0]], rows_backward);
}
