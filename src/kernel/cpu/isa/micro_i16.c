/* micro_i16.c -- the register tile of the matrix product in 16-bit integers.
 *
 *   c[i][j] = sa[i] sb[j] sum_k a[k][i] b[k][j] + init[i][j]
 *
 * A 32-bit word of a panel holds two int16 of consecutive k; one instruction multiplies both pairs and adds
 * them in 32 bits, twice the multiply-adds of a vector of floats (NEON takes two, so as many). A block of k
 * starts with its scales, one a row or column (pack_i16.c), and is short enough that 32 bits hold the sum:
 * integers add without rounding, so only the operands are inexact. An adapter's extra k follow in floats. */
#include "kernel/cpu/isa/micro.h"
#include "kernel/cpu/isa/pairs.h"

#if ISA_ID == 3
/* s += a b, one word. Nothing here adds the products of a pair, but one instruction multiplies four int16 with
 * a lane and adds them in 32 bits. So the first and the second k in the words of b are parted, once for all
 * rows. */
INLINE void add_lanes(veci s[MR][NV], const float *a, const float *b, const int rows, const int vecs)
{
    const int16x8_t w = (int16x8_t)v_load(b), more = vecs > 1 ? (int16x8_t)v_load(b + VL) : w;
    const int16x8_t first = vuzp1q_s16(w, more), second = vuzp2q_s16(w, more);
    int16x8_t x = {0};
#define ROW(R)                                                                                       \
    if (R <= rows) {                                                                                 \
        veci *to = s[R - 1];                                                                         \
        if (R % 4 == 1) x = (int16x8_t)v_load(a + R - 1); /* panels are MR wide whatever rows is */  \
        to[0] = vmlal_laneq_s16(to[0], vget_low_s16(first), x, (R - 1) % 4 * 2);                     \
        to[0] = vmlal_laneq_s16(to[0], vget_low_s16(second), x, (R - 1) % 4 * 2 + 1);                \
        if (vecs > 1) to[1] = vmlal_high_laneq_s16(to[1], first, x, (R - 1) % 4 * 2);                \
        if (vecs > 1) to[1] = vmlal_high_laneq_s16(to[1], second, x, (R - 1) % 4 * 2 + 1);           \
    }
    MICRO_ROWS(ROW)
#undef ROW
}
#endif

INLINE void micro(const tile *t, const int rows, const int vecs)
{
    veci s[MR][NV];
    const float *a = t->a + MR, *b = t->b + NR;
    float *c = t->c;
    const int64_t ldc = t->ldc, ldi = t->ldi;
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) {
        __builtin_prefetch(c + i * ldc, 1);
        __builtin_prefetch(c + i * ldc + vecs * VL - 1, 1);
#pragma GCC unroll 2
        for (int j = 0; j < vecs; j++) {
            s[i][j] = (veci){0};
            HIDE(s[i][j]); /* or gcc peels a turn, knowing them to be zero, and spills */
        }
    }
    for (int64_t k = t->k; k > 0; k--, a += MR, b += NR) {
#if ISA_ID == 3
        add_lanes(s, a, b, rows, vecs);
#else
        veci w[NV];
#pragma GCC unroll 2
        for (int j = 0; j < vecs; j++) w[j] = (veci)v_load(b + j * VL);
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            const veci x = word_set(a + i);
#pragma GCC unroll 2
            for (int j = 0; j < vecs; j++) pairs_add(&s[i][j], x, w[j]);
        }
#endif
    }
    const float *init = t->init;
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int j = 0; j < vecs; j++) {
            const vec scale = v_set(t->a[i]) * v_load(t->b + j * VL), sum = v_float(s[i][j]);
            const vec y = init ? v_fma(sum, scale, v_load(init + i * ldi + j * VL)) : sum * scale;
            v_store(c + i * ldc + j * VL, y);
        }
}

#define KERNEL(R)                                                \
    static void micro_##R##x1(const tile *t) { micro(t, R, 1); } \
    static void micro_##R##x2(const tile *t) { micro(t, R, 2); }
MICRO_ROWS(KERNEL)
static micro_fn *const micro_table[MR][NV] = {MICRO_ROWS(MICRO_BOTH)};

void tile_run_i16(const tile *t, int rows, int cols)
{
    tile_run_any(micro_table, t, rows, cols);
    tile_run_more(t, rows, cols);
}

double peak_i16(int64_t turns) { return integer_peak(turns, pairs_add, 4); }
