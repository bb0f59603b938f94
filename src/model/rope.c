/* rope.c -- the frequencies of rotary positions: f_k = theta^(-2k / dim) for pair k, and their scalings.
 *
 * Rounded as the reference implementations round them: an f32 power, its reciprocal.
 *
 *   linear            f / factor
 *   dynamic           f of a base that grows with a sequence longer than the original context
 *   (op/rope_table.c) factors, long     1 / (factor_k theta^(2k / dim)), with other factors for longer
 *   sequences llama3            with the wave length w = 2 pi / f and the original context L: f / factor
 *                     where w > L / low, f where w < L / high, between the two (1 - s) f / factor + s f, s =
 *                     (L / w - low) / (high - low)
 *   yarn              (f / factor) (1 - e_k) + f e_k, e falling from 1 to 0 between the pairs that turn
 *                     `high` and `low` times within the original context (Peng et al. 2023) */
#include "model/build.h"

#include <math.h>

static float scaled_llama3(const rope_config *c, float f)
{
    const double wave = 2 * M_PI / (double)f, original = (double)c->original;
    if (wave > original / c->low) return f / (float)c->factor;
    if (wave < original / c->high) return f;
    const float s = (float)((original / wave - c->low) / (c->high - c->low));
    return (1 - s) * f / (float)c->factor + s * f;
}

/* The pair that turns that many times within the original context. */
static double turning(const rope_config *c, double theta, int64_t dim, double turns)
{
    return (double)dim * log((double)c->original / (turns * 2 * M_PI)) / (2 * log(theta));
}

static void scale_yarn(const rope_config *c, double theta, int64_t dim, float *f)
{
    double first = turning(c, theta, dim, c->high), last = turning(c, theta, dim, c->low);
    if (c->truncate) {
        first = floor(first);
        last = ceil(last);
    }
    first = fmax(first, 0);
    last = fmin(last, (double)(dim - 1));
    if (first == last) last += 0.001;
    for (int64_t k = 0; k < dim / 2; k++) {
        const float keep = 1 - fminf(fmaxf((float)(((double)k - first) / (last - first)), 0), 1);
        f[k] = f[k] / (float)c->factor * (1 - keep) + f[k] * keep;
    }
}

/* The base that has grown with the sequence, rounded as op/rope_table.c does. */
static double grown(const rope_config *c, double theta, int64_t dim, int64_t length)
{
    const float factor = (float)c->factor, ratio = factor * (float)length / (float)c->original - (factor - 1);
    return (double)((float)theta * (float)pow((double)ratio, (double)dim / (double)(dim - 2)));
}

void rope_frequencies(const rope_config *c, double theta, int64_t dim, int64_t length, float *out)
{
    const bool stretched = length > c->original;
    const float *factor = c->kind == ROPE_LONG && stretched ? c->long_factor : c->short_factor;
    if (c->kind == ROPE_DYNAMIC && stretched) theta = grown(c, theta, dim, length);
    for (int64_t k = 0; k < dim / 2; k++) {
        const float power = (float)pow((float)theta, (float)(2 * k) / (float)dim);
        out[k] = c->factors ? 1 / (factor[k] * power) : 1 / power;
        if (c->kind == ROPE_LINEAR) out[k] /= (float)c->factor;
        if (c->kind == ROPE_LLAMA3) out[k] = scaled_llama3(c, out[k]);
    }
    if (c->kind == ROPE_YARN) scale_yarn(c, theta, dim, out);
}
