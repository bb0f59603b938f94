/* micro_i8.c -- the register tile of the matrix product over codes of stored weights and 8-bit x.
 *
 *   c[i][j] = sum over units u of  sx[u][i] scale[u][j] (sum_k x[k][i] code[k][j]) + sx[u][i] sum_x[u][i] low[u][j]
 *             + init[i][j]
 *
 * A 32-bit word of a panel holds four bytes of consecutive k; one instruction (VNNI) or two (vpmaddubsw and an
 * addition) multiply them all, four times the multiply-adds of a vector of floats. A unit is 32 k (units.h); its
 * panels begin with a line of scales and one of what goes with `low` (pack_i8.c). Integers are exact: without
 * VNNI the sums of a unit gather in 16 bits, which eight pairs of codes to 15 and x to 127 cannot leave. With it
 * x may have two bytes a number, of which the low ones are multiplied after the high ones. An adapter's extra k
 * follow in floats. */
#include "kernel/cpu/isa/micro.h"
#include "kernel/cpu/isa/pack_i8.h"
#include "kernel/cpu/isa/pairs.h"

enum { QUADS = UNIT / 4 };

/* s gathers the products of four unsigned bytes of w and four signed ones of x. */
INLINE void quads_add(veci *s, veci x, veci w)
{
#if defined(__AVX512VNNI__)
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*s) : "v"(w), "v"(x)); /* as an intrinsic, gcc 12 copies s */
#elif ISA_ID == 1 || ISA_ID == 2
    veci t; /* as intrinsics, gcc 12 moves all products before the sums, and spills those */
    __asm__("vpmaddubsw %2, %3, %1\n\tvpaddw %1, %0, %0" : "+v"(*s), "=&v"(t) : "v"(x), "v"(w));
#else
    *s += (x << 24 >> 24) * (w & 255) + (x << 16 >> 24) * (w >> 8 & 255) + (x << 8 >> 24) * (w >> 16 & 255) +
          (x >> 24) * (w >> 24 & 255);
#endif
}

/* What was gathered, as floats. */
INLINE vec quads_sum(veci s)
{
#if defined(__AVX512VNNI__)
    return v_float(s);
#elif ISA_ID == 2
    return v_float((veci)_mm512_madd_epi16((__m512i)s, _mm512_set1_epi16(1)));
#elif ISA_ID == 1
    return v_float((veci)_mm256_madd_epi16((__m256i)s, _mm256_set1_epi16(1)));
#else
    return v_float(s);
#endif
}

/* sums += a unit of x in `bytes` bytes a number: the products of the high ones count 256. */
INLINE void unit_add(const float *a, const float *b, const int bytes, const int rows, const int vecs,
                     float *sums)
{
    veci s[MR][NV];
    const float *x = a + 2 * MR, *w = b + 2 * NR;
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int j = 0; j < vecs; j++) {
            s[i][j] = (veci){0};
            HIDE(s[i][j]); /* or gcc peels a turn, knowing them to be zero, and spills */
        }
    for (int half = 0; half < bytes; half++) {
        if (half)
#pragma GCC unroll 12
            for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
                for (int j = 0; j < vecs; j++) s[i][j] <<= 8;
#pragma GCC unroll 1
        for (int q = 0; q < QUADS; q++, x += MR, w += NR) {
            veci c[NV];
#pragma GCC unroll 2
            for (int j = 0; j < vecs; j++) c[j] = (veci)v_load(w + j * VL);
#pragma GCC unroll 12
            for (int i = 0; i < rows; i++) {
                const veci y = word_set(x + i);
#pragma GCC unroll 2
                for (int j = 0; j < vecs; j++) quads_add(&s[i][j], y, c[j]);
            }
        }
        w = b + 2 * NR;
    }
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int j = 0; j < vecs; j++) {
            float *to = sums + i * NR + j * VL;
            const vec low = v_fma(v_set(a[MR + i]), v_load(b + NR + j * VL), v_load(to));
            v_store(to, v_fma(quads_sum(s[i][j]), v_set(a[i]) * v_load(b + j * VL), low));
        }
}

INLINE void micro(const tile *t, const int bytes, const int rows, const int vecs)
{
    const int lines = bytes == 1 ? I8_LINES : I8_LINES_WIDE;
    float sums[MR * NR] __attribute__((aligned(64)));
    const float *a = t->a, *b = t->b, *init = t->init;
    for (int i = 0; i < rows; i++) {
        __builtin_prefetch(t->c + i * t->ldc, 1);
        __builtin_prefetch(t->c + i * t->ldc + vecs * VL - 1, 1);
        for (int j = 0; j < vecs; j++) v_store(sums + i * NR + j * VL, v_zero());
    }
    for (int64_t u = 0; u < t->k; u++, a += lines * MR, b += I8_LINES * NR)
        unit_add(a, b, bytes, rows, vecs, sums);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < vecs; j++) {
            const vec y = v_load(sums + i * NR + j * VL);
            v_store(t->c + i * t->ldc + j * VL, init ? y + v_load(init + i * t->ldi + j * VL) : y);
        }
}

#define KERNEL(R)                                                   \
    static void micro_##R##x1(const tile *t) { micro(t, 1, R, 1); } \
    static void micro_##R##x2(const tile *t) { micro(t, 1, R, 2); }
MICRO_ROWS(KERNEL)
static micro_fn *const micro_table[MR][NV] = {MICRO_ROWS(MICRO_BOTH)};

void tile_run_i8(const tile *t, int rows, int cols)
{
    tile_run_any(micro_table, t, rows, cols);
    tile_run_more(t, rows, cols);
}

#if defined(__AVX512VNNI__)
#define WIDE_KERNEL(R)                                              \
    static void wide_##R##x1(const tile *t) { micro(t, 2, R, 1); }  \
    static void wide_##R##x2(const tile *t) { micro(t, 2, R, 2); }
#define WIDE_BOTH(R) {wide_##R##x1, wide_##R##x2},
MICRO_ROWS(WIDE_KERNEL)
static micro_fn *const wide_table[MR][NV] = {MICRO_ROWS(WIDE_BOTH)};

void tile_run_codes(const tile *t, int rows, int cols)
{
    tile_run_any(wide_table, t, rows, cols);
    tile_run_more(t, rows, cols);
}
#endif

double peak_i8(int64_t turns) { return integer_peak(turns, quads_add, 8); }
