/* activation.c -- one function of every element (the mathematics: op/activation.c). */
#include "kernel/cpu/isa/normal.h"
#include "kernel/cpu/isa/rows.h"

INLINE vec logistic(vec x) { return v_set(1) / (v_set(1) + v_exp(-x)); }

/* 2u of the approximation by tanh. */
INLINE vec inner(vec x)
{
    return v_set((float)(2 * GELU_SLOPE)) * (x + v_set((float)GELU_CUBE) * x * x * x);
}

INLINE vec apply(vec x, const int kind)
{
    vec e;
    if (kind == ACT_GELU) return x * normal(x, &e);
    if (kind == ACT_GELU_TANH) return x * logistic(inner(x));
    if (kind == ACT_RELU) return v_select(x <= v_zero(), v_zero(), x);
    if (kind == ACT_RELU2) return v_select(x <= v_zero(), v_zero(), x * x);
    return v_set(2) * logistic(v_set(2) * x) - v_set(1);
}

INLINE vec slope(vec x, const int kind)
{
    const vec one = v_set(1);
    if (kind == ACT_GELU) {
        vec e, p = normal(x, &e);
        return p + x * e * v_set((float)NORMAL_PEAK);
    }
    if (kind == ACT_GELU_TANH) {
        vec s = logistic(inner(x));
        vec du = v_set((float)(2 * GELU_SLOPE)) * (one + v_set((float)(3 * GELU_CUBE)) * x * x);
        return s + x * s * (one - s) * du;
    }
    if (kind == ACT_RELU) return v_select(x > v_zero(), one, v_zero());
    if (kind == ACT_RELU2) return v_select(x > v_zero(), v_set(2) * x, v_zero());
    vec t = apply(x, ACT_TANH);
    return one - t * t;
}

INLINE void forward(const job *j, int64_t from, int64_t to, const int kind)
{
    const float *x = rows_of(j->v, j->i->in[0], from);
    float *y = rows_of(j->v, j->i->out[0], from);
    const int64_t n = (to - from) * j->v[j->i->out[0]].s.d[1];
    for (int64_t k = 0; k < n; k += VL) put(y + k, apply(get(x + k, n - k), kind), n - k, 0);
}

INLINE void backward(const job *j, int64_t from, int64_t to, const int kind)
{
    const float *x = rows_of(j->v, j->i->in[0], from), *dy = rows_of(j->v, j->i->dout, from);
    float *dx = rows_of(j->v, j->i->din[0], from);
    const int64_t n = (to - from) * j->v[j->i->dout].s.d[1];
    const int add = j->i->acc & BIT(0);
    for (int64_t k = 0; k < n; k += VL)
        put(dx + k, get(dy + k, n - k) * slope(get(x + k, n - k), kind), n - k, add);
}

/* A loop of its own for each kind. */
#define KIND(name, kind)                                                                                     \
    static void name(const job *j, int64_t from, int64_t to) { forward(j, from, to, kind); }                 \
    static void name##_back(const job *j, int64_t from, int64_t to) { backward(j, from, to, kind); }
KIND(gelu, ACT_GELU)
KIND(gelu_tanh, ACT_GELU_TANH)
KIND(relu, ACT_RELU)
KIND(relu2, ACT_RELU2)
KIND(hyperbolic, ACT_TANH)

void activation_forward(const run *r, const value *v, const instr *i)
{
    static void (*const body[])(const job *, int64_t, int64_t) = {
        [ACT_GELU] = gelu,   [ACT_GELU_TANH] = gelu_tanh,   [ACT_RELU] = relu,
        [ACT_RELU2] = relu2, [ACT_TANH] = hyperbolic};
    rows_run(r, v, i, &v[i->out[0]], body[i->n[0]]);
}

void activation_backward(const run *r, const value *v, const instr *i)
{
    static void (*const body[])(const job *, int64_t, int64_t) = {[ACT_GELU] = gelu_back,
                                                                  [ACT_GELU_TANH] = gelu_tanh_back,
                                                                  [ACT_RELU] = relu_back,
                                                                  [ACT_RELU2] = relu2_back,
                                                                  [ACT_TANH] = hyperbolic_back};
    rows_run(r, v, i, &v[i->dout], body[i->n[0]]);
}
