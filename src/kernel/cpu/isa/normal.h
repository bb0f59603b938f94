/* normal.h -- the normal distribution, which gelu is made of.
 *
 * Its tail: Phi(-a) = exp(-a^2 / 2) t (c0 + c1 t + ... + c8 t^8), a >= 0, with t = 1 / (1 + 0.35 a); the
 * coefficients are the minimax fit over a in [0, 13.5], relative error below 4e-8. So one exponential gives both
 * Phi and its density. */
#ifndef KERNEL_NORMAL_H
#define KERNEL_NORMAL_H

#include "kernel/cpu/isa/isa.h"

static const float tail_c[] = {0.139621569f, 0.139859105f,  0.119852258f,  0.105433701f, -0.0229390632f,
                               0.158932236f, -0.255507255f, 0.143873584f, -0.0291261506f};

/* Phi(x), and e = exp(-x^2 / 2). */
INLINE vec normal(vec x, vec *e)
{
    const vec one = v_set(1), t = one / (one + v_set(0.35f) * v_abs(x));
    vec p = v_set(tail_c[8]);
    for (int k = 7; k >= 0; k--) p = v_fma(p, t, v_set(tail_c[k]));
    *e = v_exp(v_set(-0.5f) * x * x);
    p = p * t * *e;
    return v_select(x < v_zero(), p, one - p);
}

#endif
