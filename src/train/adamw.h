/* adamw.h -- the optimizer: Adam with decoupled weight decay, over one flat array of parameters.
 *
 *   g = c grad                            c: the clip coefficient
 *   p = p (1 - lr decay)
 *   m = m + (1 - beta1) (g - m)
 *   v = beta2 v + (1 - beta2) g g
 *   p = p - lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
 *
 * Loshchilov and Hutter, Decoupled Weight Decay Regularization (2019); float arithmetic in the order of
 * torch.optim.AdamW, scalars formed in double and rounded to float once. Every element stands for itself, so
 * the bits do not depend on the number of threads.
 *
 * Groups are runs of elements with a learning rate of their own: LoRA+ (Hayou et al. 2024) trains B with a
 * multiple of A's. */
#ifndef TRAIN_ADAMW_H
#define TRAIN_ADAMW_H

#include "base/pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct adamw_group {
    size_t first, count;
    double lr_ratio; /* 1: the learning rate as it is */
    bool undecayed;  /* no weight decay: biases */
} adamw_group;

typedef struct adamw {
    double beta1, beta2, epsilon, weight_decay;
    float *m, *v; /* moments, (all elements), zero before the first step; the caller's */
} adamw;

/* Step t, counted from 1, on the elements of the groups, which do not overlap. */
void adamw_step(const adamw *a, float *param, const float *grad, const adamw_group *group, int64_t groups,
                int64_t t, double lr, double clip, pool *team);

#endif
