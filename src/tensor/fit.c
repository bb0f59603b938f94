/* fit.c -- the search for scales and codes of the k types.
 *
 * The error to be small is sum w (x - x')^2 with w = rms + |x|: large weights count more.
 *
 *   1. Each sub-block alone, with a real scale (and minimum): for several widths of a step, codes are
 *      x / step rounded; for those codes the best scale (and minimum) is a weighted least-squares
 *      solution in closed form; the width whose solution has the least error wins.
 *   2. d (and dmin) make the scale (and minimum) of largest magnitude meet the largest integer, and
 *      are rounded to half precision. The others become integers: the nearest, or for types with
 *      minima the best of the pairs next to the nearest, by the error of what will be read back.
 *   3. Codes are x / (d scale) rounded. */
#include "tensor/fit.h"

#include "tensor/codec.h"
#include "tensor/lanes.h"

#include <math.h>

/* Widths tried: the largest element at code top + wider * k, k = -WIDTHS .. WIDTHS. */
enum { WIDTHS = 4 };
static const float wider = 0.2f;

static void weigh(const float *x, int size, float *w)
{
    for (int j = 0; j < K_BLOCK; j += size) {
        lanes sum = {0};
        for (int i = j; i < j + size; i += LANES) sum += lanes_at(x + i) * lanes_at(x + i);
        float rms = sqrtf(lanes_sum(sum) / (float)size);
        for (int i = j; i < j + size; i++) w[i] = rms + fabsf(x[i]);
    }
}

/* 1 / s; nothing is coded by a scale of zero. */
static float inverse(float s) { return s != 0 ? 1 / s : 0; }

/* The integer nearest to v in [lo, hi]. */
static int nearest(float v, int lo, int hi) { return (int)lrintf(codec_clamp(v, (float)lo, (float)hi)); }

/* x * inv + add as whole numbers in [lo, hi]. */
static inline lanes codes_at(const float *x, float inv, float add, float lo, float hi)
{
    return lanes_round(lanes_min(lanes_max(lanes_at(x) * inv + add, lo), hi));
}

/* ---- x' = s q - m, m >= 0 ------------------------------------------------------------------- */

/* Sums over a sub-block, each term times w. */
typedef struct sums {
    double w, x, q, qq, xq;
} sums;

/* s and m of least error for given sums; returns how much of sum w x^2 they explain. */
static double solve(const sums *a, double *s, double *m)
{
    double det = a->w * a->qq - a->q * a->q;
    *s = det > 0 ? (a->w * a->xq - a->x * a->q) / det : 0;
    *m = (*s * a->q - a->x) / a->w;
    if (*m < 0) {
        *m = 0;
        *s = a->qq > 0 ? a->xq / a->qq : 0;
    }
    return *s * a->xq - *m * a->x;
}

/* Step 1 for n elements; q in [0, top]. */
static void start_affine(const float *x, const float *w, int n, float top, float *scale, float *min)
{
    float lo = 0, hi = x[0], sw = 0, sx = 0;
    for (int i = 0; i < n; i++) {
        lo = x[i] < lo ? x[i] : lo;
        hi = x[i] > hi ? x[i] : hi;
        sw += w[i];
        sx += w[i] * x[i];
    }
    *scale = 0;
    *min = -lo;
    double best = -HUGE_VAL;
    for (int k = -WIDTHS; k <= WIDTHS && hi > lo; k++) {
        float inv = (top + wider * (float)k) / (hi - lo), add = -lo * inv;
        lanes sq = {0}, sqq = {0}, sxq = {0};
        for (int i = 0; i < n; i += LANES) {
            lanes q = codes_at(x + i, inv, add, 0, top), wq = lanes_at(w + i) * q;
            sq += wq;
            sqq += wq * q;
            sxq += wq * lanes_at(x + i);
        }
        double s, m, gain = solve(&(sums){sw, sx, lanes_sum(sq), lanes_sum(sqq), lanes_sum(sxq)}, &s, &m);
        if (s > 0 && gain > best) {
            best = gain;
            *scale = (float)s;
            *min = (float)m;
        }
    }
}

/* The weighted error of x' = s q - m with the best codes. */
static float miss_of(const float *x, const float *w, int n, float top, float s, float m)
{
    lanes sum = {0};
    float inv = inverse(s), add = m * inv;
    for (int i = 0; i < n; i += LANES) {
        lanes miss = codes_at(x + i, inv, add, 0, top) * s - m - lanes_at(x + i);
        sum += lanes_at(w + i) * miss * miss;
    }
    return lanes_sum(sum);
}

/* Steps 2 and 3 for sub-block j, whose elements and weights these are. */
static void settle_affine(fit_affine *f, int j, const float *x, const float *w, float scale, float min)
{
    const float d = f16_to_f32(f->d), dmin = f16_to_f32(f->dmin), top = (float)f->codes;
    const int s0 = nearest(scale * inverse(d), 0, f->scales), m0 = nearest(min * inverse(dmin), 0, f->scales);
    int s_best = s0, m_best = m0;
    float best = HUGE_VALF;
    for (int s = s0 > 0 ? s0 - 1 : 0; s <= s0 + 1 && s <= f->scales; s++) {
        for (int m = m0 > 0 ? m0 - 1 : 0; m <= m0 + 1 && m <= f->scales; m++) {
            float miss = miss_of(x, w, f->size, top, d * (float)s, dmin * (float)m);
            if (miss >= best) continue;
            best = miss;
            s_best = s;
            m_best = m;
        }
    }
    f->scale[j] = (uint8_t)s_best;
    f->min[j] = (uint8_t)m_best;
    float inv = inverse(d * (float)s_best), add = dmin * (float)m_best * inv;
    for (int i = 0; i < f->size; i++) f->q[j * f->size + i] = (uint8_t)nearest(x[i] * inv + add, 0, f->codes);
}

void fit_affine_block(fit_affine *f, const float *x)
{
    const int size = f->size, subs = K_BLOCK / size;
    float w[K_BLOCK], scale[16], min[16], top_scale = 0, top_min = 0;
    weigh(x, size, w);
    for (int j = 0; j < subs; j++) {
        start_affine(x + j * size, w + j * size, size, (float)f->codes, &scale[j], &min[j]);
        top_scale = fmaxf(top_scale, scale[j]);
        top_min = fmaxf(top_min, min[j]);
    }
    f->d = f32_to_f16(top_scale / (float)f->scales);
    f->dmin = f32_to_f16(top_min / (float)f->scales);
    for (int j = 0; j < subs; j++) settle_affine(f, j, x + j * size, w + j * size, scale[j], min[j]);
}

/* ---- x' = s (q - middle) -------------------------------------------------------------------- */

/* Step 1 for 16 elements; c = q - middle in [-middle, middle). */
static float start_signed(const float *x, const float *w, float middle)
{
    float peak = 0, best = 0, scale = 0;
    for (int i = 0; i < 16; i++) peak = fabsf(x[i]) > fabsf(peak) ? x[i] : peak;
    for (int k = -WIDTHS; k <= WIDTHS && peak != 0; k++) {
        float inv = -(middle + wider * (float)k) / peak;
        lanes cc = {0}, xc = {0};
        for (int i = 0; i < 16; i += LANES) {
            lanes c = codes_at(x + i, inv, 0, -middle, middle - 1), wc = lanes_at(w + i) * c;
            cc += wc * c;
            xc += wc * lanes_at(x + i);
        }
        float scc = lanes_sum(cc), sxc = lanes_sum(xc);
        if (sxc * sxc > best * scc) {
            best = sxc * sxc / scc;
            scale = sxc / scc;
        }
    }
    return scale;
}

void fit_signed_block(fit_signed *f, const float *x)
{
    float w[K_BLOCK], scale[16], top = 0;
    weigh(x, 16, w);
    for (int j = 0; j < 16; j++) {
        scale[j] = start_signed(x + j * 16, w + j * 16, (float)f->middle);
        top = fabsf(scale[j]) > fabsf(top) ? scale[j] : top;
    }
    f->d = f32_to_f16(top / (float)-f->scales);
    const float d = f16_to_f32(f->d);
    for (int j = 0; j < 16; j++) {
        f->scale[j] = (int8_t)nearest(scale[j] * inverse(d), -f->scales, f->scales - 1);
        float inv = inverse(d * (float)f->scale[j]);
        for (int i = j * 16; i < (j + 1) * 16; i++)
            f->q[i] = (uint8_t)(nearest(x[i] * inv, -f->middle, f->middle - 1) + f->middle);
    }
}
