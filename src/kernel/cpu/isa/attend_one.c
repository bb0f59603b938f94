/* attend_one.c -- attention of one row, as when tokens are generated one by one: bound by reading keys and
 * values, so nothing is packed.
 *
 * For a head, AT_ONCE keys at a time: their scores as dot products, four keys side by side; the softmax as
 * far as it goes (m the largest score, l the sum of the weights); then o = exp(m - m') o + p v, four vectors
 * of it side by side. The order of all sums is that of the keys, whoever computes them. */
#include "kernel/cpu/isa/attend.h"

#include <math.h>

enum { AT_ONCE = 128, SIDE = 4 };

bool attend_one_can(const span *s)
{
    return s->rows == 1 && s->dim % (SIDE * VL) == 0 && s->dim <= ATTEND_ONE_DIM && !s->lse;
}

/* to[i] = q . k_i for i of `keys`. */
INLINE void dots(const float *q, const float *k, int64_t stride, int64_t dim, const int keys, float *to)
{
    vec sums[SIDE];
#pragma GCC unroll 4
    for (int i = 0; i < keys; i++) sums[i] = v_zero();
    for (int64_t e = 0; e < dim; e += VL) {
        const vec x = v_load(q + e);
#pragma GCC unroll 4
        for (int i = 0; i < keys; i++) sums[i] = v_fma(x, v_load(k + i * stride + e), sums[i]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < keys; i++) to[i] = v_sum(sums[i]);
}

/* o = shrink o + sum_k p[k] v_k */
static void add_values(const span *s, const float *p, int64_t k0, int64_t n, float shrink, float *o)
{
    for (int64_t e = 0; e < s->dim; e += SIDE * VL) {
        const float *v = s->v + k0 * s->kv_stride + e;
        vec sums[SIDE];
#pragma GCC unroll 4
        for (int i = 0; i < SIDE; i++) sums[i] = v_load(o + e + i * VL) * v_set(shrink);
        for (int64_t k = 0; k < n; k++, v += s->kv_stride) {
            const vec w = v_set(p[k]);
#pragma GCC unroll 4
            for (int i = 0; i < SIDE; i++) sums[i] = v_fma(w, v_load(v + i * VL), sums[i]);
        }
#pragma GCC unroll 4
        for (int i = 0; i < SIDE; i++) v_store(o + e + i * VL, sums[i]);
    }
}

/* p = exp(p - m'), zeros up to a whole vector; m and l go on. Returns exp(m - m'). */
static float soften(float *p, int64_t n, float *m, float *l)
{
    vec large = v_set(*m), sum = v_zero();
    int64_t whole = (n + VL - 1) / VL * VL;
    for (int64_t k = n; k < whole; k++) p[k] = HIDDEN;
    for (int64_t k = 0; k < whole; k += VL) large = v_max(large, v_load(p + k));
    const vec top = v_set(v_largest(large));
    for (int64_t k = 0; k < whole; k += VL) {
        const vec e = v_exp(v_load(p + k) - top);
        v_store(p + k, e);
        sum += e;
    }
    const float shrink = v_exp(v_set(*m) - top)[0];
    *l = *l * shrink + v_sum(sum);
    *m = top[0];
    return shrink;
}

static void one_head(const span *s, const float *from, float *to)
{
    const int64_t first = span_first(s), end = span_end(s);
    float q[ATTEND_ONE_DIM], o[ATTEND_ONE_DIM], p[AT_ONCE] = {0}, m = HIDDEN, l = 0;
    for (int64_t e = 0; e < s->dim; e++) {
        q[e] = s->scale * from[e];
        o[e] = 0;
    }
    for (int64_t k0 = first; k0 < end; k0 += AT_ONCE) {
        const int64_t n = least(AT_ONCE, end - k0);
        const float *k = s->k + k0 * s->kv_stride;
        int64_t i = 0;
        for (; i + SIDE <= n; i += SIDE) dots(q, k + i * s->kv_stride, s->kv_stride, s->dim, SIDE, p + i);
        for (; i < n; i++) dots(q, k + i * s->kv_stride, s->kv_stride, s->dim, 1, p + i);
        for (i = 0; is_biased(s) && i < n; i++) p[i] += bias_of(s, s->position - k0 - i);
        if (s->cap > 0)
            for (i = 0; i < n; i += VL)
                v_store(p + i, v_set(s->cap) * v_tanh(v_load(p + i) * v_set(1 / s->cap)));
        const float shrink = soften(p, n, &m, &l);
        add_values(s, p, k0, n, shrink, o);
    }
    for (int64_t e = 0; e < s->dim; e++) to[e] = o[e] * (1 / l);
}

void attend_one(const span *s)
{
    for (int64_t h = 0; h < s->heads; h++) one_head(s, s->q + h * s->dim, s->o + h * s->dim);
}
