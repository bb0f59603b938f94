/* micro.c -- the register tiles of the matrix product.
 *
 *   c[i][j] = sum_k a[k][i] b[k][j] + init[i][j]      i < rows <= MR, j < vecs * VL
 *
 * Every element is one chain of fused multiply-adds over k from zero, to which init is added last: the
 * result does not depend on which tile, row count or width computed it. The chain may go on in a
 * second pair of panels (an adapter's extra k), so that c is touched once.
 *
 * A kernel is compiled for every number of rows and vectors, so that a remainder costs no more than
 * its own work. All accumulators live in registers: look at the disassembly after a change. */
#include "kernel/cpu/isa/micro.h"

#if ISA_ID == 3
/* s += a b, one k. An instruction multiplies a vector with a lane of another, so four rows of x are one load
 * and never spread out. Rows that are left are loaded one by one: what follows them may be nobody's memory. */
INLINE void add_lanes(vec s[MR][NV], const float *a, const float *b, const int rows, const int vecs)
{
    const int whole = rows / 4 * 4;
    vec w[NV], x = v_zero();
    for (int j = 0; j < vecs; j++) w[j] = v_load(b + j * VL);
#define ROW(R)                                                                                             \
    if (R <= whole && R % 4 == 1) x = v_load(a + R - 1);                                                   \
    for (int j = 0; j < vecs && R <= rows; j++)                                                            \
        if (R <= whole)                                                                                    \
            s[R - 1][j] = vfmaq_laneq_f32(s[R - 1][j], w[j], x, (R - 1) % 4);                              \
        else                                                                                               \
            s[R - 1][j] = v_fma(v_set(a[R - 1]), w[j], s[R - 1][j]);
    MICRO_ROWS(ROW)
#undef ROW
}
#endif

INLINE void micro(const tile *t, const int rows, const int vecs)
{
    vec s[MR][NV];
    const float *a = t->a, *b = t->b;
    float *c = t->c;
    int64_t k = t->k;
    const int64_t lda = t->lda, ldb = t->ldb, ldc = t->ldc;
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) {
        __builtin_prefetch(c + i * ldc, 1);
        __builtin_prefetch(c + i * ldc + vecs * VL - 1, 1);
#pragma GCC unroll 2
        for (int j = 0; j < vecs; j++) {
            s[i][j] = v_zero();
            HIDE(s[i][j]); /* or gcc peels a turn, knowing them to be zero, and spills */
        }
    }
    for (int part = 0;; part++) {
        for (; k > 0; k--, a += lda, b += ldb) {
#if ISA_ID == 3
            add_lanes(s, a, b, rows, vecs);
#else
            vec w[NV];
#pragma GCC unroll 2
            for (int j = 0; j < vecs; j++) w[j] = v_load(b + j * VL);
#pragma GCC unroll 12
            for (int i = 0; i < rows; i++) {
                const vec x = v_set(a[i]);
#pragma GCC unroll 2
                for (int j = 0; j < vecs; j++) s[i][j] = v_fma(x, w[j], s[i][j]);
            }
#endif
        }
        if (part || t->more == 0) break;
        a = t->a_more;
        b = t->b_more;
        k = t->more;
    }
    const float *init = t->init;
    const int64_t ldi = t->ldi;
    if (init)
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
            for (int j = 0; j < vecs; j++) s[i][j] += v_load(init + i * ldi + j * VL);
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int j = 0; j < vecs; j++) v_store(c + i * ldc + j * VL, s[i][j]);
}

#define KERNEL(R)                                                \
    static void micro_##R##x1(const tile *t) { micro(t, R, 1); } \
    static void micro_##R##x2(const tile *t) { micro(t, R, 2); }
MICRO_ROWS(KERNEL)
static micro_fn *const micro_table[MR][NV] = {MICRO_ROWS(MICRO_BOTH)};

void tile_run(const tile *t, int rows, int cols) { tile_run_any(micro_table, t, rows, cols); }

void tile_run_more(const tile *t, int rows, int cols)
{
    if (t->more == 0) return;
    tile more = {.a = t->a_more,
                 .b = t->b_more,
                 .k = t->more,
                 .lda = MR,
                 .ldb = NR,
                 .c = t->c,
                 .ldc = t->ldc,
                 .init = t->c,
                 .ldi = t->ldc};
    tile_run(&more, rows, cols);
}

/* Independent chains in registers: two floating-point operations a lane and multiply-add. */
double peak_flops(int64_t turns)
{
    enum { CHAINS = ISA_ID >= 2 ? 24 : 12 };
    vec s[CHAINS], x = v_set(0.5f), y = v_set(0.5f);
#pragma GCC unroll 24
    for (int i = 0; i < CHAINS; i++) {
        s[i] = v_set(0.5f);
        HIDE(s[i]);
    }
    for (int64_t t = 0; t < turns; t++) {
        HIDE(x);
        HIDE(y);
#pragma GCC unroll 24
        for (int i = 0; i < CHAINS; i++)
            s[i] = ISA_ID == 3 ? v_fma(x, y, s[i]) : v_fma(s[i], x, y); /* NEON's adds to its result only */
    }
#pragma GCC unroll 24
    for (int i = 1; i < CHAINS; i++) s[0] += s[i];
    volatile float sink = v_sum(s[0]);
    (void)sink;
    return 2.0 * VL * CHAINS * (double)turns;
}

float peak_read(const float *p, int64_t n)
{
    vec s[4] = {{0}};
    for (int64_t i = 0; i < n; i += 4 * VL)
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) s[j] += v_load(p + i + j * VL);
    return v_sum((s[0] + s[1]) + (s[2] + s[3]));
}
