/* geglu_exact.c -- y = gelu(g) u: the gated activation of ModernBERT (Shazeer 2020), gelu(g) = g Phi(g) with the
 * normal distribution Phi itself, phi being its density:
 *
 *     gelu'(g) = Phi(g) + g phi(g) */
#include "op/gated.h"

#include <math.h>

static real activation(real g, real *slope)
{
    const real normal = (real)(0.5 * erfc(-(double)g * M_SQRT1_2));
    *slope = normal + g * exp(-g * g / 2) * (real)NORMAL_PEAK;
    return g * normal;
}

GATED_OP(geglu_exact);
