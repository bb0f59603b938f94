/* geglu.c -- y = gelu(g) u: the gated activation of Gemma (Shazeer 2020), with the tanh form of gelu
 * (Hendrycks and Gimpel 2016). As 1/2 (1 + tanh z) = sigma(2 z):
 *
 *     gelu(g) = g s,  s = sigma(2 z),  z = sqrt(2 / pi) (g + 0.044715 g^3)
 *     gelu'(g) = s (1 + 2 g (1 - s) z'),  z' = sqrt(2 / pi) (1 + 3 * 0.044715 g^2) */
#include "op/gated.h"

#include <math.h>

static real activation(real g, real *slope)
{
    static const real root = 0.79788456080286535588, cubic = 0.044715;
    const real s = 1 / (1 + exp(-2 * root * (g + cubic * g * g * g)));
    *slope = s * (1 + 2 * g * (1 - s) * root * (1 + 3 * cubic * g * g));
    return g * s;
}

GATED_OP(geglu);
