/* activation.c -- y = f(x), one element at a time: what stands between the two projections of a feed-forward
 * block, and after a pooler. With Phi the normal distribution, phi its density, s the logistic function:
 *
 *     gelu        x Phi(x)                                   f' = Phi(x) + x phi(x)
 *     gelu_tanh   x s(2u), u = sqrt(2/pi) (x + 0.044715 x^3) f' = s + x s (1 - s) 2 u'
 *     relu        x where x > 0, else 0                      f' = 1 where x > 0, else 0
 *     relu2       x^2 where x > 0, else 0                    f' = 2x where x > 0, else 0
 *     tanh                                                   f' = 1 - tanh(x)^2
 *
 * gelu and its approximation: Hendrycks and Gimpel 2016. The approximation is usually written with
 * (1 + tanh u) / 2, which is s(2u). */
#include "op/case.h"

#include <math.h>

static real apply(int64_t kind, real x)
{
    real u = (real)GELU_SLOPE * (x + (real)GELU_CUBE * x * x * x);
    switch (kind) {
    case ACT_GELU:
        return x * (real)(0.5 * erfc(-(double)x * M_SQRT1_2));
    case ACT_GELU_TANH:
        return x / (1 + exp(-2 * u));
    case ACT_RELU:
        return x <= 0 ? 0 : x;
    case ACT_RELU2:
        return x <= 0 ? 0 : x * x;
    default:
        return tanh(x);
    }
}

static real slope(int64_t kind, real x)
{
    real u = (real)GELU_SLOPE * (x + (real)GELU_CUBE * x * x * x), s = 1 / (1 + exp(-2 * u));
    real t = tanh(x);
    switch (kind) {
    case ACT_GELU:
        return (real)(0.5 * erfc(-(double)x * M_SQRT1_2)) + x * exp(-x * x / 2) * (real)NORMAL_PEAK;
    case ACT_GELU_TANH:
        return s + x * s * (1 - s) * 2 * (real)GELU_SLOPE * (1 + 3 * (real)GELU_CUBE * x * x);
    case ACT_RELU:
        return x > 0;
    case ACT_RELU2:
        return x > 0 ? 2 * x : 0;
    default:
        return 1 - t * t;
    }
}

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const real *x = v[i->in[0]].p;
    real *y = v[i->out[0]].p;
    for (int64_t k = 0, n = numel(v[i->out[0]].s); k < n; k++) y[k] = apply(i->n[0], x[k]);
}

static void backward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const real *x = v[i->in[0]].p, *dy = v[i->dout].p;
    real *dx = v[i->din[0]].p;
    for (int64_t k = 0, n = numel(v[i->dout].s); k < n; k++) {
        real d = dy[k] * slope(i->n[0], x[k]);
        dx[k] = i->acc & BIT(0) ? dx[k] + d : d;
    }
}

val op_activation(prog *p, val x, activation_kind kind)
{
    BUG_IF(p->v[x].is_int || kind < 0 || kind >= ACT_COUNT);
    instr *i = op_emit_on(p, &op_def_activation, x);
    i->n[0] = kind;
    return i->out[0];
}

/* n: rows, width, kind */
static val build(prog *p, const op_case *c)
{
    case_begin(p, c->n[0], 0);
    val x = case_param(p, "x", ROWS_TOKENS, 0, c->n[1]);
    return case_end(p, c->n[0], 0, op_activation(p, x, (activation_kind)c->n[2]));
}

static const op_case cases[] = {
    {"gelu", {7, 37, ACT_GELU}, {0}},
    {"gelu, whole vectors", {4, 64, ACT_GELU}, {0}},
    {"gelu, one element", {1, 1, ACT_GELU}, {0}},
    {"gelu by tanh", {7, 37, ACT_GELU_TANH}, {0}},
    {"gelu by tanh, many rows", {70, 300, ACT_GELU_TANH}, {0}},
    {"relu", {7, 37, ACT_RELU}, {0}},
    {"relu, squared", {7, 37, ACT_RELU2}, {0}},
    {"tanh", {7, 37, ACT_TANH}, {0}},
    {"no rows", {0, 8, ACT_GELU}, {0}},
    {0},
};

const op op_def_activation = {.name = "activation",
                              .id = OP_activation,
                              .nin = 1,
                              .nout = 1,
                              .in_for = {[0] = BIT(0)},
                              .inplace = true,
                              .cheap = true,
                              .forward = forward,
                              .backward = backward,
                              .build = build,
                              .cases = cases};
