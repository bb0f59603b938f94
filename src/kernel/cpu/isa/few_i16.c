/* few_i16.c -- dot products of a stored row with a few rows of x in 16-bit integers, without decoding it to
 * floats: the codes of 32 weights are widened to int16, multiplied with x and summed in 32 bits, and only the
 * sum is scaled.
 *
 *   w = scale code + low in a unit of 32:    w . x = scale (code . x) + low sum(x)
 *
 * x is rounded to +-FEW_X of its row's largest magnitude and its sums are those of the rounded numbers; codes
 * are exact but for NF4's and FP4's levels, which are rounded to 1/32767 of the largest. 8 products of 32767
 * and FEW_X, the most that meet in one lane, stay below 2^31. */
#include "kernel/cpu/isa/few.h"

#include "kernel/cpu/isa/codes.h"
#include "kernel/cpu/isa/pack_i16.h"
#include "kernel/cpu/isa/pairs.h"
#include "tensor/block.h"

#include <math.h>

enum { UNIT = 32, NP = UNIT / (2 * VL), FEW_X = 8191, STRETCH = 64 };

/* 32 weights: the codes as int16 in order, and what makes numbers of them. */
typedef struct unit {
    veci w[NP];
    float scale, low;
} unit;

/* Codes 0..255 of the first and second 16 weights. */
INLINE void widen(unit *u, codes a, codes b)
{
#if ISA_ID == 2
    u->w[0] = (veci)_mm512_cvtepu8_epi16(_mm256_set_m128i((__m128i)b, (__m128i)a));
#elif ISA_ID == 1
    u->w[0] = (veci)_mm256_cvtepu8_epi16((__m128i)a);
    u->w[1] = (veci)_mm256_cvtepu8_epi16((__m128i)b);
#else
    int16_t q[UNIT];
    for (int k = 0; k < 16; k++) {
        q[k] = a[k];
        q[16 + k] = b[k];
    }
    memcpy(u->w, q, sizeof q);
#endif
}

/* The levels that the codes 0..15 of the first and second 16 weights name. */
INLINE void look_up(unit *u, codes a, codes b, const few_levels *l)
{
#if ISA_ID == 1
    const codes both[2] = {a, b};
    const __m128i low = (__m128i)codes_load(l->low), high = (__m128i)codes_load(l->high);
#pragma GCC unroll 2
    for (int p = 0; p < 2; p++) {
        const __m128i x = _mm_shuffle_epi8(low, (__m128i)both[p]),
                      y = _mm_shuffle_epi8(high, (__m128i)both[p]);
        u->w[p] = (veci)_mm256_set_m128i(_mm_unpackhi_epi8(x, y), _mm_unpacklo_epi8(x, y));
    }
#else
    widen(u, a, b);
#if ISA_ID == 2
    u->w[0] = (veci)_mm512_permutexvar_epi16((__m512i)u->w[0], _mm512_loadu_si512(l->whole));
#else
    int16_t q[UNIT];
    memcpy(q, u->w, sizeof q);
    for (int k = 0; k < UNIT; k++) q[k] = l->whole[q[k]];
    memcpy(u->w, q, sizeof q);
#endif
#endif
}

/* What all units of a row share: its first block, and the scales of its NF4 blocks. */
typedef struct row {
    const void *blocks;
    const float *scales;
    const few_levels *levels;
} row;

typedef void unit_get(const row *r, int64_t n, unit *u);

INLINE void q4_0_unit(const row *r, int64_t n, unit *u)
{
    const block_q4_0 *b = (const block_q4_0 *)r->blocks + n;
    const codes q = codes_load(b->qs);
    widen(u, q & 15, q >> 4);
    u->scale = half_float(b->d);
    u->low = -8 * u->scale;
}

INLINE void q4_1_unit(const row *r, int64_t n, unit *u)
{
    const block_q4_1 *b = (const block_q4_1 *)r->blocks + n;
    const codes q = codes_load(b->qs);
    widen(u, q & 15, q >> 4);
    u->scale = half_float(b->d);
    u->low = half_float(b->m);
}

INLINE void q8_0_unit(const row *r, int64_t n, unit *u)
{
    const block_q8_0 *b = (const block_q8_0 *)r->blocks + n;
    const codes sign = (codes){0} + 128;
    widen(u, codes_load(b->qs) ^ sign, codes_load(b->qs + 16) ^ sign);
    u->scale = half_float(b->d);
    u->low = -128 * u->scale;
}

INLINE void q4_k_unit(const row *r, int64_t n, unit *u)
{
    const block_q4_k *b = (const block_q4_k *)r->blocks + n / 8;
    const uint8_t *q = b->qs + n % 8 / 2 * 32;
    const codes first = codes_load(q), second = codes_load(q + 16);
    int scale, min;
    q4_k_scale(b->scales, (int)(n % 8), &scale, &min);
    if (n % 2)
        widen(u, first >> 4, second >> 4);
    else
        widen(u, first & 15, second & 15);
    u->scale = half_float(b->d) * (float)scale;
    u->low = -half_float(b->dmin) * (float)min;
}

/* Two codes a byte, the first in the high half; blocks of 64. */
INLINE void nf4_unit(const row *r, int64_t n, unit *u)
{
    const codes q = codes_load((const uint8_t *)r->blocks + 16 * n), high = q >> 4, low = q & 15;
    look_up(u, __builtin_shufflevector(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
            __builtin_shufflevector(high, low, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31),
            r->levels);
    u->scale = r->scales[n / 2];
    u->low = 0;
}

/* to[k] = the row times x_k, for `rows` rows of x. */
INLINE void row_dots(const few_x *x, const row *r, const int rows, unit_get *get, float *to)
{
    vec sums[FEW];
    float low[STRETCH];
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++) sums[k] = v_zero();
    for (int64_t first = 0; first < x->units; first += STRETCH) {
        const int64_t n = x->units - first < STRETCH ? x->units - first : STRETCH;
        for (int64_t i = 0; i < n; i++) {
            unit u;
            get(r, first + i, &u);
            low[i] = u.low;
            const float *q = x->q + (first + i) * (UNIT / 2);
#pragma GCC unroll 4
            for (int k = 0; k < rows; k++, q += x->stride) {
                veci s = {0};
#pragma GCC unroll 4
                for (int p = 0; p < NP; p++) pairs_add(&s, (veci)v_load(q + p * VL), u.w[p]);
                sums[k] = v_fma(v_float(s), v_set(u.scale), sums[k]);
            }
        }
        for (int64_t i = n; i % VL; i++) low[i] = 0; /* and so are the sums there */
        const float *sum = x->sums + first;
#pragma GCC unroll 4
        for (int k = 0; k < rows; k++, sum += x->sums_stride)
            for (int64_t i = 0; i < n; i += VL) sums[k] = v_fma(v_load(low + i), v_load(sum + i), sums[k]);
    }
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++) to[k] = x->scale[k] * v_sum(sums[k]);
}

#define ROW_DOTS(TYPE)                                                             \
    static void TYPE##_dots(const few_x *x, const row *r, int64_t rows, float *to) \
    {                                                                              \
        switch (rows) {                                                            \
        case 1:                                                                    \
            row_dots(x, r, 1, TYPE##_unit, to);                                    \
            break;                                                                 \
        case 2:                                                                    \
            row_dots(x, r, 2, TYPE##_unit, to);                                    \
            break;                                                                 \
        case 3:                                                                    \
            row_dots(x, r, 3, TYPE##_unit, to);                                    \
            break;                                                                 \
        default:                                                                   \
            row_dots(x, r, 4, TYPE##_unit, to);                                    \
            break;                                                                 \
        }                                                                          \
    }
ROW_DOTS(q4_0)
ROW_DOTS(q4_1)
ROW_DOTS(q8_0)
ROW_DOTS(q4_k)
ROW_DOTS(nf4)

bool few_i16_can(const tensor *w)
{
    switch (w->type) {
    case DT_Q4_0:
    case DT_Q4_1:
    case DT_Q8_0:
    case DT_Q4_K:
        return true;
    case DT_NF4:
    case DT_FP4: /* whole blocks in every row */
        return w->q->block == 2 * UNIT && tensor_cols(w) % (2 * UNIT) == 0 &&
               tensor_cols(w) / (2 * UNIT) <= FEW_BLOCKS;
    default:
        return false;
    }
}

void few_i16_levels(const tensor *w, few_levels *l)
{
    if (w->type != DT_NF4 && w->type != DT_FP4) return;
    for (int k = 0; k < 16; k++) {
        const int16_t level = (int16_t)lrintf(32767 * w->q->map[k]);
        l->whole[k] = l->whole[16 + k] = level;
        l->low[k] = (uint8_t)level;
        l->high[k] = (uint8_t)(level >> 8);
    }
}

/* The scales of the blocks of a stored row, over 32767. */
static void block_scales(const quant *q, int64_t first, int64_t n, float *scales)
{
    int64_t group = q->absmax ? 0 : first / q->nested_block, next = (group + 1) * q->nested_block;
    for (int64_t b = first; b < first + n; b++) {
        if (b == next) {
            group++;
            next += q->nested_block;
        }
        float absmax =
            q->absmax ? q->absmax[b] : q->nested_map[q->code[b]] * q->nested_absmax[group] + q->nested_offset;
        *scales++ = absmax / 32767;
    }
}

void few_i16_dots(const tensor *w, int64_t o, const few_x *x, int64_t rows, const few_levels *levels,
                  float *to)
{
    const int64_t stored = tensor_file_row(w, o), n = tensor_cols(w) / (2 * UNIT);
    float scales[FEW_BLOCKS];
    row r = {.levels = levels, .scales = scales};
    if (w->type == DT_NF4 || w->type == DT_FP4) {
        r.blocks = (const char *)w->data + stored * n * UNIT;
        block_scales(w->q, stored * n, n, scales);
        nf4_dots(x, &r, rows, to);
        return;
    }
    r.blocks = tensor_row(w, o);
    switch (w->type) {
    case DT_Q4_0:
        q4_0_dots(x, &r, rows, to);
        break;
    case DT_Q4_1:
        q4_1_dots(x, &r, rows, to);
        break;
    case DT_Q8_0:
        q8_0_dots(x, &r, rows, to);
        break;
    default:
        q4_k_dots(x, &r, rows, to);
        break;
    }
}

static int64_t whole_vectors(int64_t units) { return (units + VL - 1) / VL * VL; }

int64_t few_i16_floats(int64_t in) { return FEW * (in / 2 + whole_vectors(in / UNIT)) + VL; }

void few_i16_round(few_x *x, const float *from, int64_t rows, int64_t in, float *store)
{
    x->units = in / UNIT;
    x->stride = in / 2;
    x->sums_stride = whole_vectors(x->units);
    x->q = store;
    x->sums = store + rows * x->stride;
    for (int64_t k = 0; k < rows; k++) {
        float *words = store + k * x->stride, *sums = store + rows * x->stride + k * x->sums_stride;
        x->scale[k] = quantize_i16(from + k * in, in, FEW_X, INFINITY, words);
        for (int64_t u = 0; u < x->units; u++) {
            int16_t q[UNIT];
            int32_t sum = 0;
            memcpy(q, words + u * (UNIT / 2), sizeof q);
            for (int i = 0; i < UNIT; i++) sum += q[i];
            sums[u] = (float)sum;
        }
        for (int64_t u = x->units; u < x->sums_stride; u++) sums[u] = 0;
    }
}
