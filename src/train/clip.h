/* clip.h -- the global norm of the gradient, and how much of it a step may take.
 *
 *   norm = sqrt(sum g^2)      coefficient = min(1, max_norm / (norm + 1e-6))
 *
 * The sum is taken in double over tiles of CLIP_TILE elements, the tiles then in order, so that its bits do
 * not depend on the number of threads. The coefficient is folded into the optimizer's pass: the gradient
 * itself is only read. The formula is torch.nn.utils.clip_grad_norm_'s. */
#ifndef TRAIN_CLIP_H
#define TRAIN_CLIP_H

#include "base/pool.h"

#include <stddef.h>

enum { CLIP_TILE = 4096 };

/* How many doubles the tile sums of n elements take: the caller keeps them, a step allocates nothing. */
size_t clip_tiles(size_t n);

/* The L2 norm of g (n), before any clipping. Not finite exactly when an element is not. */
double clip_norm(const float *g, size_t n, double *tile, pool *team);

/* What to multiply the gradient by; max_norm <= 0 clips nothing. */
double clip_coefficient(double norm, double max_norm);

/* The first element that is NaN or infinite, n when there is none. */
size_t clip_not_finite(const float *g, size_t n);

#endif
