/* glu.c -- gated activations, soft caps, and columns of fused projections (the mathematics: op/swiglu.c, geglu.c,
 * geglu_exact.c, softcap.c, columns.c). Element by element, so the threads take rows. */
#include "kernel/cpu/isa/normal.h"
#include "kernel/cpu/isa/rows.h"

/* y = value(g) u;  value(g) = g s; and d times its slope. */
typedef vec value_fn(vec g);
typedef vec slope_fn(vec g, vec d, vec *s);

INLINE void gated_rows(const job *j, int64_t from, int64_t to, value_fn *of)
{
    const float *g = rows_of(j->v, j->i->in[0], from), *u = rows_of(j->v, j->i->in[1], from);
    float *y = rows_of(j->v, j->i->out[0], from);
    const int64_t n = (to - from) * j->v[j->i->out[0]].s.d[1];
    for (int64_t k = 0; k < n; k += VL) put(y + k, of(get(g + k, n - k)) * get(u + k, n - k), n - k, 0);
}

INLINE void gated_rows_back(const job *j, int64_t from, int64_t to, slope_fn *of)
{
    const instr *i = j->i;
    const float *g = rows_of(j->v, i->in[0], from), *u = rows_of(j->v, i->in[1], from);
    const float *dy = rows_of(j->v, i->dout, from);
    float *dg = i->din[0] == NONE ? NULL : rows_of(j->v, i->din[0], from);
    float *du = i->din[1] == NONE ? NULL : rows_of(j->v, i->din[1], from);
    const int64_t n = (to - from) * j->v[i->dout].s.d[1];
    for (int64_t k = 0; k < n; k += VL) {
        const int64_t m = n - k;
        const vec a = get(g + k, m), b = get(u + k, m), d = get(dy + k, m);
        vec s, down = of(a, d * b, &s);
        if (dg) put(dg + k, down, m, i->acc & BIT(0));
        if (du) put(du + k, d * a * s, m, i->acc & BIT(1));
    }
}

INLINE vec silu(vec g) { return g / (v_set(1) + v_exp(-g)); }
INLINE vec silu_slope(vec g, vec d, vec *s)
{
    *s = v_set(1) / (v_set(1) + v_exp(-g));
    return d * *s * (v_set(1) + g * (v_set(1) - *s));
}

/* sigma(2 sqrt(2 / pi) (g + 0.044715 g^3)) */
INLINE vec gelu_sigma(vec g)
{
    const vec z = v_fma(v_set(0.044715f) * g * g, g, g);
    return v_set(1) / (v_set(1) + v_exp(z * v_set(-2 * 0.7978845608f)));
}
INLINE vec gelu(vec g) { return g * gelu_sigma(g); }
INLINE vec gelu_slope(vec g, vec d, vec *s)
{
    *s = gelu_sigma(g);
    const vec slope = v_fma(v_set(3 * 0.044715f) * g, g, v_set(1)) * v_set(2 * 0.7978845608f);
    return d * *s * v_fma(g * (v_set(1) - *s), slope, v_set(1));
}

INLINE vec exact_gelu(vec g)
{
    vec e;
    return g * normal(g, &e);
}
INLINE vec exact_gelu_slope(vec g, vec d, vec *s)
{
    vec e;
    *s = normal(g, &e);
    return d * (*s + g * e * v_set((float)NORMAL_PEAK));
}

#define GATED(NAME, VALUE)                                                                                   \
    static void NAME##_rows(const job *j, int64_t from, int64_t to) { gated_rows(j, from, to, VALUE); }      \
    static void NAME##_rows_back(const job *j, int64_t from, int64_t to)                                     \
    {                                                                                                        \
        gated_rows_back(j, from, to, VALUE##_slope);                                                         \
    }                                                                                                        \
    void NAME##_forward(const run *r, const value *v, const instr *i)                                        \
    {                                                                                                        \
        rows_run(r, v, i, &v[i->out[0]], NAME##_rows);                                                       \
    }                                                                                                        \
    void NAME##_backward(const run *r, const value *v, const instr *i)                                       \
    {                                                                                                        \
        rows_run(r, v, i, &v[i->dout], NAME##_rows_back);                                                    \
    }
GATED(swiglu, silu)
GATED(geglu, gelu)
GATED(geglu_exact, exact_gelu)

/* ---------------------------------------------------------------------------------- softcap */

static void softcap_rows(const job *j, int64_t from, int64_t to)
{
    const float *x = rows_of(j->v, j->i->in[0], from);
    float *y = rows_of(j->v, j->i->out[0], from);
    const int64_t n = (to - from) * j->v[j->i->out[0]].s.d[1];
    const vec cap = v_set((float)j->i->f[0]), inverse = v_set(1 / (float)j->i->f[0]);
    for (int64_t k = 0; k < n; k += VL) put(y + k, cap * v_tanh(get(x + k, n - k) * inverse), n - k, 0);
}

void softcap_forward(const run *r, const value *v, const instr *i)
{
    rows_run(r, v, i, &v[i->out[0]], softcap_rows);
}

/* ---------------------------------------------------------------------------------- columns */

static void columns_rows(const job *j, int64_t from, int64_t to)
{
    const int64_t *n = j->i->n, groups = (to - from) * j->v[j->i->in[0]].s.d[1] / n[2];
    const float *x = rows_of(j->v, j->i->in[0], from) + n[0];
    float *y = rows_of(j->v, j->i->out[0], from);
    for (int64_t g = 0; g < groups; g++) memcpy(y + g * n[1], x + g * n[2], (size_t)n[1] * sizeof *y);
}

void columns_forward(const run *r, const value *v, const instr *i)
{
    rows_run(r, v, i, &v[i->out[0]], columns_rows);
}

static void columns_rows_back(const job *j, int64_t from, int64_t to)
{
    const int64_t *n = j->i->n, groups = (to - from) * j->v[j->i->din[0]].s.d[1] / n[2];
    const float *dy = rows_of(j->v, j->i->dout, from);
    float *dx = rows_of(j->v, j->i->din[0], from);
    const int add = j->i->acc & BIT(0);
    for (int64_t g = 0; g < groups; g++, dy += n[1], dx += n[2]) {
        if (!add) memset(dx, 0, (size_t)n[2] * sizeof *dx);
        for (int64_t k = 0; k < n[1]; k++) dx[n[0] + k] = add ? dx[n[0] + k] + dy[k] : dy[k];
    }
}

void columns_backward(const run *r, const value *v, const instr *i)
{
    rows_run(r, v, i, &v[i->dout], columns_rows_back);
}
