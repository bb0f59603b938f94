/* pack_i8.c -- operands of the product over stored codes as panels (the tile: micro_i8.c).
 *
 *   a unit of 32 k of x:  (1, MR) scales s, (1, MR) s times the sum of the bytes, (8, MR) words of four int8
 *      in two bytes:     the same, and (8, MR) words of the low bytes after those of the high ones
 *   a unit of 32 k of W:  (1, NR) scales,   (1, NR) what `low` is,                (8, NR) words of four codes
 *
 * Every row of x has its own scale in every unit, its largest magnitude over 127: a number that stands out costs
 * 31 others their precision, and no more. Codes of W are taken as they are stored: the type's own error is all
 * there is, but for NF4 and FP4, whose levels are rounded to 1/127 of the largest. A NaN or an infinity in x
 * makes its scale a NaN, and so all that is computed from it. */
#include "kernel/cpu/isa/pack_i8.h"

#include <math.h>

enum { ROW = I8_DEEP / 4 /* words of a row of a block */, WORDS = UNIT / 4, NU = UNIT / VL };
enum { AHEAD = 8 /* rows */ };
enum { LARGEST = 127, LARGEST_WIDE = 127 * 256 + 127 };

/* Vectors of integers that fit a byte, as a unit's bytes in order. */
INLINE void narrow(float *words, const veci *q)
{
#if ISA_ID == 2
    _mm_storeu_si128((__m128i *)words, _mm512_cvtepi32_epi8((__m512i)q[0]));
    _mm_storeu_si128((__m128i *)words + 1, _mm512_cvtepi32_epi8((__m512i)q[1]));
#elif ISA_ID == 1
    const __m256i a = _mm256_packs_epi32((__m256i)q[0], (__m256i)q[1]), /* within halves, twice */
        b = _mm256_packs_epi32((__m256i)q[2], (__m256i)q[3]);
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    _mm256_storeu_si256((__m256i *)words, _mm256_permutevar8x32_epi32(_mm256_packs_epi16(a, b), order));
#else
    int8_t b[UNIT];
    for (int i = 0; i < UNIT; i++) b[i] = (int8_t)q[i / VL][i % VL];
    memcpy(words, b, sizeof b);
#endif
}

/* A unit of x in `bytes` bytes a number: words, and the low ones of two as low_words. Its scale, and the scale
 * times the sum of the numbers. */
INLINE void unit_round(const float *x, const int bytes, float *words, float *low_words, float *scale,
                       float *sum)
{
    vec v[NU], large = v_zero(), spoiled = v_zero(), total = v_zero();
    veci q[NU];
#pragma GCC unroll 8
    for (int i = 0; i < NU; i++) {
        v[i] = v_load(x + i * VL);
        large = v_max(large, v_abs(v[i]));
        spoiled += v[i] * v_zero();
    }
    const float s = v_largest(large) / (bytes == 1 ? LARGEST : LARGEST_WIDE);
    const vec by = v_set(s > 1e-30f ? 1 / s : 0);
#pragma GCC unroll 8
    for (int i = 0; i < NU; i++) {
        q[i] = v_round(v[i] * by);
        total += v_float(q[i]);
    }
    if (bytes == 2) {
        veci low[NU];
#pragma GCC unroll 8
        for (int i = 0; i < NU; i++) {
            const veci high = (q[i] + 128) >> 8;
            low[i] = q[i] - high * 256;
            q[i] = high;
        }
        narrow(low_words, low);
    }
    narrow(words, q);
    *scale = (s > 1e-30f ? s : 0) + v_sum(spoiled);
    *sum = *scale * v_sum(total);
}

INLINE void pack_rows(const float *x, int64_t ldx, int rows, int64_t k, const int bytes, float *panel,
                      float *scratch)
{
    const int64_t units = k / UNIT, lines = bytes == 1 ? I8_LINES : I8_LINES_WIDE;
    float *low = scratch + MR * ROW;
    for (int i = 0; i < MR; i++)
        for (int64_t u = 0; u < units; u++) {
            float *line = panel + u * lines * MR + i;
            const int64_t at = i * ROW + u * WORDS;
            if (i < rows)
                unit_round(x + i * ldx + u * UNIT, bytes, scratch + at, low + at, line, line + MR);
            else
                line[0] = line[MR] = 0;
        }
    for (int64_t u = 0; u < units; u++) {
        float *to = panel + (u * lines + 2) * MR;
        pack_x(scratch + u * WORDS, ROW, rows, WORDS, to);
        if (bytes == 2) pack_x(low + u * WORDS, ROW, rows, WORDS, to + WORDS * MR);
    }
}

void pack_x_i8(const float *x, int64_t ldx, int rows, int64_t k, int bytes, float *panel, float *scratch)
{
    if (bytes == 1)
        pack_rows(x, ldx, rows, k, 1, panel, scratch);
    else
        pack_rows(x, ldx, rows, k, 2, panel, scratch);
}

bool pack_i8_exact(const tensor *w)
{
    return w->type == DT_Q4_0 || w->type == DT_Q4_1 || w->type == DT_Q4_K || w->type == DT_Q8_0;
}

bool pack_i8_can(const tensor *w)
{
    switch (w->type) {
    case DT_Q4_0:
    case DT_Q4_1:
    case DT_Q4_K:
        return true;
#if ISA_ID == 0 || ISA_ID == 3 || defined(__AVX512VNNI__) /* codes above 15 would leave 16 bits elsewhere */
    case DT_Q8_0:
        return true;
    case DT_NF4:
    case DT_FP4:
        return nf4_whole_rows(w);
#endif
    default:
        return false;
    }
}

/* Units [first, first + n) of a stored row: their bytes, and their two numbers in the panel's lines. */
#define ROW_UNITS(TYPE)                                                                                  \
    static void TYPE##_units(const void *row, int64_t first, int64_t n, float *words, float *line)       \
    {                                                                                                    \
        for (int64_t u = first; u < first + n; u++, words += WORDS, line += I8_LINES * NR) {             \
            const unit c = TYPE##_unit(row, u);                                                          \
            memcpy(words, &c.first, sizeof c.first);                                                     \
            memcpy(words + WORDS / 2, &c.second, sizeof c.second);                                       \
            line[0] = c.scale;                                                                           \
            line[NR] = c.low;                                                                            \
        }                                                                                                \
    }
ROW_UNITS(q4_0)
ROW_UNITS(q4_1)
ROW_UNITS(q8_0)
ROW_UNITS(q4_k)

/* Sixteen entries of a table of bytes. */
INLINE codes look_up(codes table, codes c)
{
#if ISA_ID == 3
    return vqtbl1q_u8(table, c);
#elif ISA_ID > 0
    return (codes)_mm_shuffle_epi8((__m128i)table, (__m128i)c);
#else
    for (int i = 0; i < 16; i++) c[i] = table[c[i]];
    return c;
#endif
}

/* The same for NF4 and FP4, from the unit at `row` on: codes become levels above 128. */
static void nf4_units(const void *row, const float *scales, codes levels, int64_t n, float *words, float *line)
{
    for (int64_t u = 0; u < n; u++, words += WORDS, line += I8_LINES * NR) {
        const unit c = nf4_unit(row, scales, u);
        const codes first = look_up(levels, c.first), second = look_up(levels, c.second);
        memcpy(words, &first, sizeof first);
        memcpy(words + WORDS / 2, &second, sizeof second);
        line[0] = c.scale;
        line[NR] = -128 * c.scale;
    }
}

static codes levels_of(const tensor *w)
{
    codes levels = {0};
    if (w->type == DT_NF4 || w->type == DT_FP4)
        for (int i = 0; i < 16; i++) levels[i] = (uint8_t)(128 + lrintf(LARGEST * w->q->map[i]));
    return levels;
}

static void row_units(const tensor *w, int64_t row, codes levels, int64_t first, int64_t n, float *words,
                      float *line)
{
    float scales[NF4_ROW];
    const char *at;
    switch (w->type) {
    case DT_Q4_0:
        q4_0_units(tensor_row(w, row), first, n, words, line);
        break;
    case DT_Q4_1:
        q4_1_units(tensor_row(w, row), first, n, words, line);
        break;
    case DT_Q8_0:
        q8_0_units(tensor_row(w, row), first, n, words, line);
        break;
    case DT_Q4_K:
        q4_k_units(tensor_row(w, row), first, n, words, line);
        break;
    default:
        at = nf4_row(w, tensor_file_row(w, row), first / 2, n / 2, 1.0f / LARGEST, scales);
        nf4_units(at + first * (UNIT / 2), scales, levels, n, words, line);
        break;
    }
}

/* Asks for a stretch of a row that is packed soon: reading W is what a product of few rows waits for. */
static void ask_for(const tensor *w, int64_t row, int64_t k0, int64_t k)
{
    if (row >= tensor_rows(w)) return;
    const char *at = (const char *)tensor_row(w, row) + dtype_bytes(w->type, k0);
    for (int64_t b = 0, bytes = (int64_t)dtype_bytes(w->type, k); b < bytes + 63; b += 64)
        __builtin_prefetch(at + b);
}

void pack_forward_i8(const tensor *w, int64_t n0, int cols, int64_t k0, int64_t k, float *panel, float *scratch)
{
    const int64_t units = k / UNIT;
    const codes levels = levels_of(w);
    for (int i = 0; i < NR; i++)
        if (i < cols) {
            ask_for(w, n0 + i + AHEAD, k0, k);
            row_units(w, n0 + i, levels, k0 / UNIT, units, scratch + i * ROW, panel + i);
        } else {
            memset(scratch + i * ROW, 0, ROW * sizeof *scratch);
            for (int64_t u = 0; u < units; u++)
                panel[u * I8_LINES * NR + i] = panel[(u * I8_LINES + 1) * NR + i] = 0;
        }
    for (int64_t u = 0; u < units; u++)
        pack_turn(scratch + u * WORDS, ROW, WORDS, panel + (u * I8_LINES + 2) * NR);
}
