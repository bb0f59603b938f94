/* swiglu.c -- y = g sigma(g) u: the gated activation of the feed-forward block (Shazeer 2020).
 *
 * With s = sigma(g) the slope of g s is s (1 + g (1 - s)). */
#include "op/gated.h"

#include <math.h>

static real activation(real g, real *slope)
{
    const real s = 1 / (1 + exp(-g));
    *slope = s * (1 + g * (1 - s));
    return g * s;
}

GATED_OP(swiglu);
