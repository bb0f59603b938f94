/* fit.h -- scales and codes of one block of 256 elements of the k types.
 *
 * The result is what the block will hold: half-precision d and dmin, integer scales (and minima) of
 * the sub-blocks, integer codes. */
#ifndef TENSOR_FIT_H
#define TENSOR_FIT_H

#include "tensor/block.h"

/* x' = d scale[j] q - dmin min[j] over sub-blocks j of `size` elements. */
typedef struct fit_affine {
    int      size, codes, scales; /* in: 16 or 32; q lies in [0, codes], scale and min in [0, scales] */
    uint16_t d, dmin;
    uint8_t  scale[16], min[16], q[K_BLOCK];
} fit_affine;

/* x' = d scale[j] (q - middle) over sub-blocks of 16 elements. */
typedef struct fit_signed {
    int      middle, scales; /* in: q lies in [0, 2 middle), scale in [-scales, scales) */
    uint16_t d;
    int8_t   scale[16];
    uint8_t  q[K_BLOCK];
} fit_signed;

void fit_affine_block(fit_affine *f, const float *x);
void fit_signed_block(fit_signed *f, const float *x);

#endif
