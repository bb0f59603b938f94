/* few_vnni.c -- few_i16.c's products where bytes are multiplied four at a time: 64 codes against 64 numbers
 * of x, and nothing is widened.
 *
 * x is rounded to 16 bits as x = 256 h + l, both signed bytes, so in every lane
 *
 *     code . x = 256 (code . h) + code . l            codes 0..255
 *
 * is exact in 32 bits. Two units of 32 share a vector of codes, and the lanes of each its scale; so numbers
 * of x lie in whatever order a type's codes come out of their nibbles. The levels of NF4 and FP4, rounded to
 * 16 bits and moved up by 32768, are two bytes as well: four products, in units of 256. */
#include "kernel/cpu/isa/few.h"

#if defined(__AVX512VNNI__)
#include "kernel/cpu/isa/pack_i16.h"
#include "kernel/cpu/isa/units.h"

#include <math.h>

enum { PAIR = 2 * UNIT, FEW_X = 127 * 256 + 127, WORDS = PAIR / 2 /* floats that hold a pair of x */ };

/* Two units: their codes, the scale of each lane, and what multiplies the sums of x: (scale, low) of each. */
typedef struct pair {
    __m512i codes;
    __m512 scale;
    __m128 ends;
} pair;

/* What all pairs of a row share: its first block, and the scales of its NF4 blocks or of the Q4_K block at
 * hand. */
typedef struct row {
    const void *blocks;
    float *scales;
} row;

typedef void pair_get(const row *r, int64_t n, pair *u);

INLINE __m512i join(__m256i low, __m256i high)
{
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

INLINE __m256i nibbles_low(__m256i q) { return _mm256_and_si256(q, _mm256_set1_epi8(15)); }
INLINE __m256i nibbles_high(__m256i q) { return nibbles_low(_mm256_srli_epi16(q, 4)); }

/* The scales stand first and third in `ends`; lanes of four bytes. */
INLINE __m512 scale_apart(__m128 ends)
{
    return _mm512_permutexvar_ps(_mm512_setr_epi32(0, 0, 0, 0, 2, 2, 2, 2, 0, 0, 0, 0, 2, 2, 2, 2),
                                 _mm512_castps128_ps512(ends));
}
INLINE __m512 scale_ordered(__m128 ends)
{
    return _mm512_permutexvar_ps(_mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2),
                                 _mm512_castps128_ps512(ends));
}

/* Two pairs of half floats. */
INLINE __m128 halves(uint32_t first, uint32_t second)
{
    return _mm_cvtph_ps(_mm_insert_epi32(_mm_cvtsi32_si128((int)first), (int)second, 1));
}

INLINE __m256i two(const void *first, const void *second)
{
    return _mm256_set_m128i(_mm_loadu_si128(second), _mm_loadu_si128(first));
}

INLINE void q4_0_pair(const row *r, int64_t n, pair *u)
{
    const block_q4_0 *b = (const block_q4_0 *)r->blocks + 2 * n;
    const __m256i q = two(b[0].qs, b[1].qs);
    u->codes = join(nibbles_low(q), nibbles_high(q));
    u->ends = halves(b[0].d, b[1].d);
    u->scale = scale_apart(u->ends);
}

INLINE void q4_1_pair(const row *r, int64_t n, pair *u)
{
    const block_q4_1 *b = (const block_q4_1 *)r->blocks + 2 * n;
    const __m256i q = two(b[0].qs, b[1].qs);
    uint32_t first, second;
    memcpy(&first, b, sizeof first); /* d and m */
    memcpy(&second, b + 1, sizeof second);
    u->codes = join(nibbles_low(q), nibbles_high(q));
    u->ends = halves(first, second);
    u->scale = scale_apart(u->ends);
}

INLINE void q8_0_pair(const row *r, int64_t n, pair *u)
{
    const block_q8_0 *b = (const block_q8_0 *)r->blocks + 2 * n;
    const __m512i q =
        join(_mm256_loadu_si256((const void *)b[0].qs), _mm256_loadu_si256((const void *)b[1].qs));
    u->codes = _mm512_xor_si512(q, _mm512_set1_epi8(-128));
    u->ends = halves(b[0].d, b[1].d);
    u->scale = scale_ordered(u->ends);
}

/* (scale, low) of the eight units of a block; six bits each in twelve bytes, as q4_k_scale() takes them. */
INLINE void q4_k_scales(const block_q4_k *b, float *scales)
{
    const uint32_t six = 0x3f3f3f3f, four = 0x0f0f0f0f, two = 0x30303030;
    uint32_t p[3];
    memcpy(p, b->scales, sizeof p);
    const uint64_t scale = (p[0] & six) | (uint64_t)((p[2] & four) | (p[0] >> 2 & two)) << 32,
                   low = (p[1] & six) | (uint64_t)((p[2] >> 4 & four) | (p[1] >> 2 & two)) << 32;
    const __m128i both =
        _mm_unpacklo_epi8(_mm_cvtsi64_si128((long long)scale), _mm_cvtsi64_si128((long long)low));
    const __m512 by = _mm512_castpd_ps(_mm512_broadcastsd_pd(
        _mm_castps_pd(_mm_setr_ps(half_float(b->d), -half_float(b->dmin), 0, 0))));
    _mm512_storeu_ps(scales, _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(both)), by));
}

INLINE void q4_k_pair(const row *r, int64_t n, pair *u)
{
    const block_q4_k *b = (const block_q4_k *)r->blocks + n / 4;
    if (n % 4 == 0) q4_k_scales(b, r->scales);
    const __m256i q = _mm256_loadu_si256((const void *)(b->qs + n % 4 * UNIT));
    u->codes = join(nibbles_low(q), nibbles_high(q));
    u->ends = _mm_loadu_ps(r->scales + n % 4 * 4);
    u->scale = scale_ordered(u->ends);
}

INLINE void nf4_pair(const row *r, int64_t n, pair *u)
{
    const __m256i q = _mm256_loadu_si256((const void *)((const uint8_t *)r->blocks + n * UNIT));
    u->codes = join(nibbles_high(q), nibbles_low(q));
    u->ends = _mm_set1_ps(r->scales[n]);
    u->scale = _mm512_set1_ps(r->scales[n]);
}

/* Every lane's sum of codes times x. */
INLINE __m512i products(__m512i w, const float *x)
{
    const __m512i high = _mm512_loadu_si512(x), low = _mm512_loadu_si512(x + WORDS / 2);
    const __m512i s = _mm512_slli_epi32(_mm512_dpbusd_epi32(_mm512_setzero_si512(), w, high), 8);
    return _mm512_dpbusd_epi32(s, w, low);
}

/* A 256th of every lane's sum of levels times x. */
INLINE __m512i level_products(__m512i low_bytes, __m512i high_bytes, const float *x)
{
    const __m512i low = _mm512_loadu_si512(x + WORDS / 2);
    const __m512i least = _mm512_dpbusd_epi32(_mm512_setzero_si512(), low_bytes, low);
    const __m512i s = _mm512_add_epi32(products(high_bytes, x), _mm512_srai_epi32(least, 8));
    return _mm512_dpbusd_epi32(s, low_bytes, _mm512_loadu_si512(x));
}

typedef struct totals {
    __m512 lanes[FEW];
    __m128 ends[FEW];
} totals;

/* Pair n of x, times u. */
INLINE void add_pair(totals *s, const few_x *x, int64_t n, const pair *u, const few_levels *l, const int rows)
{
    __m512i low = u->codes, high = u->codes;
    if (l) {
        low = _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128((const void *)l->low)), u->codes);
        high = _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128((const void *)l->high)), u->codes);
    }
    const float *q = x->q + n * WORDS, *ends = x->sums + 4 * n;
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++, q += x->stride, ends += x->sums_stride) {
        const __m512i p = l ? level_products(low, high, q) : products(low, q);
        s->lanes[k] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(p), u->scale, s->lanes[k]);
        s->ends[k] = _mm_fmadd_ps(u->ends, _mm_loadu_ps(ends), s->ends[k]);
    }
}

/* to[k] = the row times x_k, for `rows` rows of x. `block` > 0: bytes of a unit, which may be the last and
 * alone. */
INLINE void row_dots(const few_x *x, const row *r, const few_levels *l, const int rows, pair_get *get,
                     const size_t block, float *to)
{
    totals s;
    pair u;
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++) {
        s.lanes[k] = _mm512_setzero_ps();
        s.ends[k] = _mm_setzero_ps();
    }
    for (int64_t n = 0; n < x->units / 2; n++) {
        get(r, n, &u);
        add_pair(&s, x, n, &u, l, rows);
    }
    if (block && x->units % 2) {
        uint8_t last[2 * sizeof(block_q8_0)] = {0};
        const row alone = {last, NULL};
        memcpy(last, (const uint8_t *)r->blocks + (size_t)(x->units - 1) * block, block);
        get(&alone, 0, &u);
        add_pair(&s, x, x->units / 2, &u, l, rows);
    }
#pragma GCC unroll 4
    for (int k = 0; k < rows; k++)
        to[k] = x->scale[k] * v_sum(_mm512_add_ps(s.lanes[k], _mm512_zextps128_ps512(s.ends[k])));
}

/* Rows [o, o + n) of w. */
INLINE void rows_dots(const tensor *w, int64_t o, int64_t n, const few_x *x, const few_levels *l,
                      const int rows, pair_get *get, const size_t block, float *to)
{
    float scales[NF4_ROW];
    row r = {.scales = scales};
    const int64_t cols = tensor_cols(w);
    const size_t bytes = dtype_bytes(w->type, cols);
    for (int64_t i = o; i < o + n; i++, to += rows) {
        const int64_t at = w->pair_dim ? tensor_file_row(w, i) : i;
        if (l)
            r.blocks = nf4_row(w, at, 0, cols / NF4_BLOCK, 256.0f / 32767, scales);
        else
            r.blocks = (const uint8_t *)w->data + (size_t)at * bytes;
        row_dots(x, &r, l, rows, get, block, to);
    }
}

#define DOTS(TYPE, BLOCK, LEVELS)                                                                           \
    static void TYPE##_dots(const tensor *w, int64_t o, int64_t n, const few_x *x, int64_t rows,            \
                            const few_levels *l, float *to)                                                 \
    {                                                                                                       \
        (void)l;                                                                                            \
        switch (rows) {                                                                                     \
        case 1:                                                                                             \
            rows_dots(w, o, n, x, LEVELS, 1, TYPE##_pair, BLOCK, to);                                       \
            break;                                                                                          \
        case 2:                                                                                             \
            rows_dots(w, o, n, x, LEVELS, 2, TYPE##_pair, BLOCK, to);                                       \
            break;                                                                                          \
        case 3:                                                                                             \
            rows_dots(w, o, n, x, LEVELS, 3, TYPE##_pair, BLOCK, to);                                       \
            break;                                                                                          \
        default:                                                                                            \
            rows_dots(w, o, n, x, LEVELS, 4, TYPE##_pair, BLOCK, to);                                       \
            break;                                                                                          \
        }                                                                                                   \
    }
DOTS(q4_0, sizeof(block_q4_0), NULL)
DOTS(q4_1, sizeof(block_q4_1), NULL)
DOTS(q8_0, sizeof(block_q8_0), NULL)
DOTS(q4_k, 0, NULL)
DOTS(nf4, 0, l)

void few_i16_levels(const tensor *w, few_levels *l)
{
    if (w->type != DT_NF4 && w->type != DT_FP4) return;
    for (int k = 0; k < 16; k++) {
        const int level = (int)lrintf(32767 * w->q->map[k]) + 32768;
        l->low[k] = (uint8_t)level;
        l->high[k] = (uint8_t)(level >> 8);
    }
}

void few_i16_dots(const tensor *w, int64_t o, int64_t n, const few_x *x, int64_t rows,
                  const few_levels *levels, float *to)
{
    switch (w->type) {
    case DT_Q4_0:
        q4_0_dots(w, o, n, x, rows, levels, to);
        break;
    case DT_Q4_1:
        q4_1_dots(w, o, n, x, rows, levels, to);
        break;
    case DT_Q8_0:
        q8_0_dots(w, o, n, x, rows, levels, to);
        break;
    case DT_Q4_K:
        q4_k_dots(w, o, n, x, rows, levels, to);
        break;
    default:
        nf4_dots(w, o, n, x, rows, levels, to);
        break;
    }
}

static int64_t pairs_of(int64_t in) { return (in / UNIT + 1) / 2; }

int64_t few_i16_floats(int64_t in) { return FEW * pairs_of(in) * (WORDS + 4); }

/* The order in which a type's codes come out of a pair; and what its scale and its low multiply, in units
 * of the sum of x. */
typedef struct layout {
    enum { ORDERED, APART, EVEN_AND_ODD } order;
    float by_scale, by_low;
} layout;

static layout layout_of(int type)
{
    switch (type) {
    case DT_Q4_0:
        return (layout){APART, -8, 0};
    case DT_Q4_1:
        return (layout){APART, 0, 1};
    case DT_Q8_0:
        return (layout){ORDERED, -128, 0};
    case DT_Q4_K:
        return (layout){ORDERED, 0, 1};
    default: /* levels are moved up by 32768, and the scale is 256 times as large */
        return (layout){EVEN_AND_ODD, -128, 0};
    }
}

INLINE int32_t word_sum(__m512i words)
{
    return _mm512_reduce_add_epi32(_mm512_madd_epi16(words, _mm512_set1_epi16(1)));
}

/* 64 words become their high and their low bytes, in the order asked for. */
INLINE void split_pair(float *words, __m512i first, __m512i second, const int order)
{
    __m512i a = first, b = second;
    if (order == APART) {
        a = _mm512_shuffle_i64x2(first, second, 0x44);
        b = _mm512_shuffle_i64x2(first, second, 0xee);
    } else if (order == EVEN_AND_ODD) {
        /* the even one of two words is the low half of 32 bits */
        a = join(_mm512_cvtepi32_epi16(first), _mm512_cvtepi32_epi16(second));
        b = join(_mm512_cvtepi32_epi16(_mm512_srli_epi32(first, 16)),
                 _mm512_cvtepi32_epi16(_mm512_srli_epi32(second, 16)));
    }
    const __m512i half = _mm512_set1_epi16(128);
    __m256i *to = (__m256i *)words;
    _mm256_storeu_si256(to, _mm512_cvtepi16_epi8(_mm512_srai_epi16(_mm512_add_epi16(a, half), 8)));
    _mm256_storeu_si256(to + 1, _mm512_cvtepi16_epi8(_mm512_srai_epi16(_mm512_add_epi16(b, half), 8)));
    _mm256_storeu_si256(to + 2, _mm512_cvtepi16_epi8(a));
    _mm256_storeu_si256(to + 3, _mm512_cvtepi16_epi8(b));
}

INLINE void split_row(const layout at, float *words, float *sums, int64_t units)
{
    for (int64_t n = 0; n < units; n += 2, words += WORDS, sums += 4) {
        const __m512i first = _mm512_loadu_si512(words),
                      second = n + 1 < units ? _mm512_loadu_si512(words + WORDS / 2) : _mm512_setzero_si512();
        const float s = (float)word_sum(first), t = (float)word_sum(second);
        _mm_storeu_ps(sums, _mm_setr_ps(at.by_scale * s, at.by_low * s, at.by_scale * t, at.by_low * t));
        split_pair(words, first, second, at.order);
    }
}

void few_i16_round(few_x *x, const tensor *w, const float *from, int64_t rows, int64_t in, float *store)
{
    const layout at = layout_of(w->type);
    x->units = in / UNIT;
    x->stride = pairs_of(in) * WORDS;
    x->sums_stride = pairs_of(in) * 4;
    x->q = store;
    x->sums = store + rows * x->stride;
    for (int64_t k = 0; k < rows; k++) {
        float *words = store + k * x->stride;
        x->scale[k] = quantize_i16(from + k * in, in, FEW_X, INFINITY, words);
        split_row(at, words, store + rows * x->stride + k * x->sums_stride, x->units);
    }
}
#endif
