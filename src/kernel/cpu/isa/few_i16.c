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

#if !defined(__AVX512VNNI__) /* that has few_vnni.c */
#include "kernel/cpu/isa/pack_i16.h"
#include "kernel/cpu/isa/pairs.h"
#include "kernel/cpu/isa/units.h"

#include <math.h>

enum { NP = UNIT / (2 * VL), FEW_X = 8191, STRETCH = 64 };

/* 32 weights as int16 in order. */
typedef struct wide {
    veci w[NP];
    float scale, low;
} wide;

/* Codes 0..255. */
INLINE void widen(wide *u, const unit *c)
{
    u->scale = c->scale;
    u->low = c->low;
#if ISA_ID == 2
    u->w[0] = (veci)_mm512_cvtepu8_epi16(_mm256_set_m128i((__m128i)c->second, (__m128i)c->first));
#elif ISA_ID == 1
    u->w[0] = (veci)_mm256_cvtepu8_epi16((__m128i)c->first);
    u->w[1] = (veci)_mm256_cvtepu8_epi16((__m128i)c->second);
#elif ISA_ID == 3
    u->w[0] = (veci)vmovl_u8(vget_low_u8(c->first));
    u->w[1] = (veci)vmovl_high_u8(c->first);
    u->w[2] = (veci)vmovl_u8(vget_low_u8(c->second));
    u->w[3] = (veci)vmovl_high_u8(c->second);
#else
    int16_t q[UNIT];
    for (int k = 0; k < 16; k++) {
        q[k] = c->first[k];
        q[16 + k] = c->second[k];
    }
    memcpy(u->w, q, sizeof q);
#endif
}

/* The levels that codes 0..15 name. */
INLINE void look_up(wide *u, const unit *c, const few_levels *l)
{
#if ISA_ID == 1
    const codes both[2] = {c->first, c->second};
    const __m128i low = (__m128i)codes_load(l->low), high = (__m128i)codes_load(l->high);
    u->scale = c->scale;
    u->low = 0;
#pragma GCC unroll 2
    for (int p = 0; p < 2; p++) {
        const __m128i x = _mm_shuffle_epi8(low, (__m128i)both[p]),
                      y = _mm_shuffle_epi8(high, (__m128i)both[p]);
        u->w[p] = (veci)_mm256_set_m128i(_mm_unpackhi_epi8(x, y), _mm_unpacklo_epi8(x, y));
    }
#elif ISA_ID == 3
    const codes both[2] = {c->first, c->second}, low = codes_load(l->low), high = codes_load(l->high);
    u->scale = c->scale;
    u->low = 0;
#pragma GCC unroll 2
    for (int p = 0; p < 2; p++) {
        const codes x = vqtbl1q_u8(low, both[p]), y = vqtbl1q_u8(high, both[p]);
        u->w[2 * p] = (veci)vzip1q_u8(x, y);
        u->w[2 * p + 1] = (veci)vzip2q_u8(x, y);
    }
#else
    widen(u, c);
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

typedef void wide_get(const row *r, int64_t n, wide *u);
#define WIDE_CODES(TYPE)                                          \
    INLINE void TYPE##_wide(const row *r, int64_t n, wide *u)     \
    {                                                             \
        const unit c = TYPE##_unit(r->blocks, n);                 \
        widen(u, &c);                                             \
    }
WIDE_CODES(q4_0)
WIDE_CODES(q4_1)
WIDE_CODES(q8_0)
WIDE_CODES(q4_k)

INLINE void nf4_wide(const row *r, int64_t n, wide *u)
{
    const unit c = nf4_unit(r->blocks, r->scales, n);
    look_up(u, &c, r->levels);
}

/* to[k] = the row times x_k, for `rows` rows of x. */
INLINE void row_dots(const few_x *x, const row *r, const int rows, wide_get *get, float *to)
{
    vec sums[FEW];
    float low[STRETCH];
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++) sums[k] = v_zero();
    for (int64_t first = 0; first < x->units; first += STRETCH) {
        const int64_t n = x->units - first < STRETCH ? x->units - first : STRETCH;
        for (int64_t i = 0; i < n; i++) {
            wide u;
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
            row_dots(x, r, 1, TYPE##_wide, to);                                    \
            break;                                                                 \
        case 2:                                                                    \
            row_dots(x, r, 2, TYPE##_wide, to);                                    \
            break;                                                                 \
        case 3:                                                                    \
            row_dots(x, r, 3, TYPE##_wide, to);                                    \
            break;                                                                 \
        default:                                                                   \
            row_dots(x, r, 4, TYPE##_wide, to);                                    \
            break;                                                                 \
        }                                                                          \
    }
ROW_DOTS(q4_0)
ROW_DOTS(q4_1)
ROW_DOTS(q8_0)
ROW_DOTS(q4_k)
ROW_DOTS(nf4)

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

static void row_of(const tensor *w, int64_t o, const few_x *x, int64_t rows, const few_levels *levels,
                   float *to)
{
    float scales[NF4_ROW];
    row r = {.levels = levels, .scales = scales};
    if (w->type == DT_NF4 || w->type == DT_FP4) {
        r.blocks = nf4_row(w, tensor_file_row(w, o), 0, tensor_cols(w) / NF4_BLOCK, 1.0f / 32767, scales);
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

void few_i16_dots(const tensor *w, int64_t o, int64_t n, const few_x *x, int64_t rows,
                  const few_levels *levels, float *to)
{
    for (int64_t i = 0; i < n; i++) row_of(w, o + i, x, rows, levels, to + i * rows);
}

static int64_t whole_vectors(int64_t units) { return (units + VL - 1) / VL * VL; }

int64_t few_i16_floats(int64_t in) { return FEW * (in / 2 + whole_vectors(in / UNIT)) + VL; }

void few_i16_round(few_x *x, const tensor *w, const float *from, int64_t rows, int64_t in, float *store)
{
    (void)w;
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
#endif
