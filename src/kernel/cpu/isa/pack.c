/* pack.c -- operands of the matrix product as panels that the register tiles read in order.
 *
 *   x panel  (k, MR): element k of MR rows, side by side
 *   W panel  (k, NR): element k of NR columns of the result
 *
 * The weight is decoded here, on its way into the cache, a row segment at a time into scratch that
 * stays in the first cache: a type costs its row decoder and nothing else. FORWARD needs the rows of W
 * as columns and transposes in registers; GRADIENT takes them as they are. */
#include "kernel/cpu/isa/pack.h"

#include "kernel/cpu/isa/decode.h"

/* Panels are written in order but to memory that the caches hold no more, so lines are asked for this many
 * elements of k before they are written. */
enum { AHEAD = 64, LINE = 64 / sizeof(float) };

/* Four elements of four rows, transposed: row k of the panel gets one quad. */
INLINE void quad_transpose(const float *x, int64_t ldx, float *d)
{
    quad a = q_load(x), b = q_load(x + ldx), c = q_load(x + 2 * ldx), e = q_load(x + 3 * ldx);
    quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), AB = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    quad ce = __builtin_shufflevector(c, e, 0, 4, 1, 5), CE = __builtin_shufflevector(c, e, 2, 6, 3, 7);
    *(quad_any *)d = __builtin_shufflevector(ab, ce, 0, 1, 4, 5);
    *(quad_any *)(d + MR) = __builtin_shufflevector(ab, ce, 2, 3, 6, 7);
    *(quad_any *)(d + 2 * MR) = __builtin_shufflevector(AB, CE, 0, 1, 4, 5);
    *(quad_any *)(d + 3 * MR) = __builtin_shufflevector(AB, CE, 2, 3, 6, 7);
}

/* The two rows that are left of six. */
INLINE void pair_transpose(const float *x, int64_t ldx, float *d)
{
    quad a = q_load(x), b = q_load(x + ldx);
    quad lo = __builtin_shufflevector(a, b, 0, 4, 1, 5), hi = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    memcpy(d, &lo, 8);
    memcpy(d + MR, (const float *)&lo + 2, 8);
    memcpy(d + 2 * MR, &hi, 8);
    memcpy(d + 3 * MR, (const float *)&hi + 2, 8);
}

void pack_x(const float *x, int64_t ldx, int rows, int64_t k, float *panel)
{
    int64_t done = 0;
    if (rows == MR)
        for (; done + 4 <= k; done += 4) {
            float *d = panel + done * MR;
#pragma GCC unroll 3
            for (int i = 0; i < 4 * MR; i += LINE) __builtin_prefetch(d + AHEAD * MR + i, 1);
#pragma GCC unroll 3
            for (int i = 0; i + 4 <= MR; i += 4) quad_transpose(x + i * ldx + done, ldx, d + i);
            if (MR % 4) pair_transpose(x + (MR - 2) * ldx + done, ldx, d + MR - 2);
        }
    for (; done < k; done++)
        for (int i = 0; i < MR; i++) panel[done * MR + i] = i < rows ? x[i * ldx + done] : 0;
}

void pack_turn(const float *rows, int64_t stride, int64_t k, float *panel)
{
    for (int64_t c = 0; c < k; c += 4)
#pragma GCC unroll 2
        for (int j = 0; j < NV; j++) {
            vec out[4];
            v_transpose(rows + j * VL * stride + c, stride, out);
            for (int64_t i = 0; i < 4 && c + i < k; i++) v_store(panel + (c + i) * NR + j * VL, out[i]);
        }
}

void pack_forward(const tensor *w, int64_t n0, int cols, int64_t k0, int64_t k, float *panel, float *scratch)
{
    for (int64_t c = 0; c < k; c += PACK_SEGMENT) {
        int64_t n = k - c < PACK_SEGMENT ? k - c : PACK_SEGMENT;
        for (int i = 0; i < NR; i++)
            if (i < cols)
                row_decode(w, n0 + i, k0 + c, n, scratch + i * PACK_SEGMENT);
            else
                memset(scratch + i * PACK_SEGMENT, 0, (size_t)n * sizeof *scratch);
        pack_turn(scratch, PACK_SEGMENT, n, panel + c * NR);
    }
}

void pack_gradient(const tensor *w, int64_t k0, int64_t k, int64_t n0, int64_t cols, float *panels,
                   int64_t apart, float *scratch)
{
    /* Few panels at a time: their rows are k * NR floats apart, often all in one set of the cache. */
    for (int64_t c = 0; c < cols; c += PACK_SEGMENT, panels += PACK_SEGMENT / NR * apart) {
        int64_t n = cols - c < PACK_SEGMENT ? cols - c : PACK_SEGMENT;
        int64_t whole = (n + NR - 1) / NR;
        memset(scratch + n, 0, (size_t)(whole * NR - n) * sizeof *scratch);
        for (int64_t r = 0; r < k; r++) {
            row_decode(w, k0 + r, n0 + c, n, scratch);
            for (int64_t p = 0; p < whole; p++)
#pragma GCC unroll 2
                for (int j = 0; j < NV; j++)
                    v_store(panels + p * apart + r * NR + j * VL, v_load(scratch + p * NR + j * VL));
        }
    }
}
