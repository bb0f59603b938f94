/* pack_i16.c -- operands of the integer product as panels (the tile: micro_i16.c).
 *
 *   a block of k: (1, MR or NR) scales, then (k / 2, MR or NR) words of two int16, k even in the low half
 *
 * Every row of x and every column of the result has its own scale in every block of k, as fine as 32-bit sums
 * allow: by Cauchy and Schwarz no sum of a block, whole or partial, exceeds the product of the two norms, so
 * each row is scaled to the norm I16_NORM, below sqrt(2^31) by more than rounding adds (sqrt(k) / 2), or, where
 * one number stands out, to the largest magnitude I16_LARGEST. Nothing saturates or overflows. A NaN or an
 * infinity makes its scale a NaN, so that what is computed from it is NaN, as it would be in floats. */
#include "kernel/cpu/isa/pack_i16.h"

#include "kernel/cpu/isa/decode.h"

#include <math.h>

enum { PAIR = 2 * VL, /* int16 in a vector */ ROW = I16_DEEP / 2 /* words */ };

/* PAIR integers that fit 16 bits, as int16 in order. */
INLINE void narrow(float *words, veci a, veci b)
{
#if ISA_ID == 2
    _mm256_storeu_si256((__m256i *)words, _mm512_cvtepi32_epi16((__m512i)a));
    _mm256_storeu_si256((__m256i *)words + 1, _mm512_cvtepi32_epi16((__m512i)b));
#elif ISA_ID == 1
    __m256i ab = _mm256_packs_epi32((__m256i)a, (__m256i)b); /* within halves */
    _mm256_storeu_si256((__m256i *)words, _mm256_permute4x64_epi64(ab, 0xd8));
#elif ISA_ID == 3
    v_store(words, (vec)vqmovn_high_s32(vqmovn_s32(a), b));
#else
    int16_t q[PAIR];
    for (int i = 0; i < VL; i++) {
        q[i] = (int16_t)a[i];
        q[VL + i] = (int16_t)b[i];
    }
    memcpy(words, q, sizeof q);
#endif
}

/* What the numbers of a row or column allow. */
typedef struct extent {
    float largest, squares;
} extent;

/* The scale of k numbers that are `stride` apart and whose squares floats do not hold: NaN where one is NaN or
 * infinite, zero where all are below 1e-30 (the inverse has to stay finite). */
static float scale_of_extremes(const float *x, int64_t k, int64_t stride, float limit, float norm)
{
    float large = 0, spoiled = 0;
    double squares = 0;
    for (int64_t i = 0; i < k; i++) {
        const float a = fabsf(x[i * stride]);
        large = a > large ? a : large;
        spoiled += a * 0;
        squares += (double)a * (double)a;
    }
    if (spoiled != 0) return spoiled;
    if (large < 1e-30f) return 0;
    return fmaxf(large / limit, (float)sqrt(squares) / norm);
}

/* The scale of numbers of this extent, and what to multiply with instead of dividing by it. */
INLINE float scale_of(extent e, const float *x, int64_t k, int64_t stride, float limit, float norm,
                      float *inverse)
{
    float scale;
    if (e.squares > 1e-30f && e.squares < 1e30f) {
        const float by_largest = e.largest / limit, by_norm = sqrtf(e.squares) / norm;
        scale = by_largest > by_norm ? by_largest : by_norm;
    } else {
        scale = scale_of_extremes(x, k, stride, limit, norm);
    }
    *inverse = scale > 0 ? 1 / scale : 0;
    return scale;
}

INLINE extent extent_of(const float *x, int64_t whole, vec tail)
{
    vec large = v_abs(tail), squares = tail * tail;
    for (int64_t i = 0; i < whole; i += VL) {
        const vec v = v_load(x + i);
        large = v_max(large, v_abs(v));
        squares = v_fma(v, v, squares);
    }
    return (extent){v_largest(large), v_sum(squares)};
}

float quantize_i16(const float *x, int64_t k, float largest, float norm, float *words)
{
    const int64_t whole = k / VL * VL;
    const vec tail = k > whole ? v_load_part(x + whole, k - whole) : v_zero();
    float inverse;
    const float scale = scale_of(extent_of(x, whole, tail), x, k, 1, largest, norm, &inverse);
    const vec by = v_set(inverse);
    int64_t i = 0;
    for (; i + PAIR <= k; i += PAIR, words += VL)
        narrow(words, v_round(v_load(x + i) * by), v_round(v_load(x + i + VL) * by));
    if (i < whole)
        narrow(words, v_round(v_load(x + i) * by), v_round(tail * by));
    else if (i < k)
        narrow(words, v_round(tail * by), (veci){0});
    return scale;
}

void pack_x_i16(const float *x, int64_t ldx, int rows, int64_t k, float *panel, float *scratch)
{
    for (int i = 0; i < MR; i++)
        if (i < rows)
            panel[i] = quantize_i16(x + i * ldx, k, I16_LARGEST, I16_NORM, scratch + i * ROW);
        else
            panel[i] = 0;
    pack_x(scratch, ROW, rows, (k + 1) / 2, panel + MR); /* words move as floats do */
}

void pack_forward_i16(const tensor *w, int64_t n0, int cols, int64_t k0, int64_t k, float *panel,
                      float *scratch)
{
    float *row = scratch + NR * ROW;
    for (int i = 0; i < NR; i++)
        if (i < cols) {
            row_decode(w, n0 + i, k0, k, row);
            panel[i] = quantize_i16(row, k, I16_LARGEST, I16_NORM, scratch + i * ROW);
        } else {
            memset(scratch + i * ROW, 0, ROW * sizeof *scratch);
            panel[i] = 0;
        }
    pack_turn(scratch, ROW, (k + 1) / 2, panel + NR);
}

/* One panel out of columns (k, PACK_SEGMENT) of known extent. */
static void gradient_panel(const float *columns, int64_t k, const float *large, const float *squares,
                           float *panel)
{
    float inverse[NR];
    vec by[NV];
    for (int j = 0; j < NR; j++)
        panel[j] = scale_of((extent){large[j], squares[j]}, columns + j, k, PACK_SEGMENT, I16_LARGEST,
                            I16_NORM, &inverse[j]);
#pragma GCC unroll 2
    for (int j = 0; j < NV; j++) by[j] = v_load(inverse + j * VL);
    panel += NR;
    for (int64_t r = 0; r < k; r += 2, panel += NR, columns += 2 * PACK_SEGMENT)
#pragma GCC unroll 2
        for (int j = 0; j < NV; j++) {
            const veci even = v_round(v_load(columns + j * VL) * by[j]);
            veci odd = {0};
            if (r + 1 < k) odd = v_round(v_load(columns + PACK_SEGMENT + j * VL) * by[j]);
            v_store(panel + j * VL, (vec)((even & 0xffff) | odd << 16));
        }
}

void pack_gradient_i16(const tensor *w, int64_t k0, int64_t k, int64_t n0, int64_t cols, float *panels,
                       int64_t apart, float *scratch)
{
    float *columns = scratch, *large = scratch + I16_DEEP * PACK_SEGMENT, *squares = large + PACK_SEGMENT;
    for (int64_t c = 0; c < cols; c += PACK_SEGMENT) {
        const int64_t n = cols - c < PACK_SEGMENT ? cols - c : PACK_SEGMENT, whole = (n + NR - 1) / NR;
        memset(large, 0, 2 * PACK_SEGMENT * sizeof *large);
        for (int64_t r = 0; r < k; r++) {
            float *row = columns + r * PACK_SEGMENT;
            row_decode(w, k0 + r, n0 + c, n, row);
            memset(row + n, 0, (size_t)(whole * NR - n) * sizeof *row);
            for (int64_t j = 0; j < whole * NR; j += VL) {
                const vec v = v_load(row + j);
                v_store(large + j, v_max(v_load(large + j), v_abs(v)));
                v_store(squares + j, v_fma(v, v, v_load(squares + j)));
            }
        }
        for (int64_t p = 0; p < whole; p++, panels += apart)
            gradient_panel(columns + p * NR, k, large + p * NR, squares + p * NR, panels);
    }
}
