/* units.h -- 32 stored weights at a time as bytes, and what makes numbers of them: for integer products that take
 * a type as it is stored.
 *
 *   w = scale code + low       code 0..255, exact for the GGUF types (tensor/block.h)
 *
 * NF4 and FP4 codes name levels, which are put in their place where they are used. */
#ifndef KERNEL_UNITS_H
#define KERNEL_UNITS_H

#include "kernel/cpu/isa/codes.h"
#include "tensor/block.h"

enum { UNIT = 32 };

typedef struct unit {
    codes first, second; /* of 16 weights each */
    float scale, low;
} unit;

/* Unit n of the row that begins at `row`. */
INLINE unit q4_0_unit(const void *row, int64_t n)
{
    const block_q4_0 *b = (const block_q4_0 *)row + n;
    const codes q = codes_load(b->qs);
    const float scale = half_float(b->d);
    return (unit){q & 15, q >> 4, scale, -8 * scale};
}

INLINE unit q4_1_unit(const void *row, int64_t n)
{
    const block_q4_1 *b = (const block_q4_1 *)row + n;
    const codes q = codes_load(b->qs);
    return (unit){q & 15, q >> 4, half_float(b->d), half_float(b->m)};
}

INLINE unit q8_0_unit(const void *row, int64_t n)
{
    const block_q8_0 *b = (const block_q8_0 *)row + n;
    const codes sign = (codes){0} + 128;
    const float scale = half_float(b->d);
    return (unit){codes_load(b->qs) ^ sign, codes_load(b->qs + 16) ^ sign, scale, -128 * scale};
}

INLINE unit q4_k_unit(const void *row, int64_t n)
{
    const block_q4_k *b = (const block_q4_k *)row + n / 8;
    const uint8_t *q = b->qs + n % 8 / 2 * 32;
    const codes first = codes_load(q), second = codes_load(q + 16);
    int scale, min;
    q4_k_scale(b->scales, (int)(n % 8), &scale, &min);
    unit u = {first & 15, second & 15, half_float(b->d) * (float)scale, -half_float(b->dmin) * (float)min};
    if (n % 2) {
        u.first = first >> 4;
        u.second = second >> 4;
    }
    return u;
}

/* Two codes a byte, the first in the high half. `scales`: one for every two units. */
INLINE unit nf4_unit(const void *row, const float *scales, int64_t n)
{
    const codes q = codes_load((const uint8_t *)row + 16 * n), high = q >> 4, low = q & 15;
    return (unit){
        __builtin_shufflevector(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
        __builtin_shufflevector(high, low, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31),
        scales[n / 2], 0};
}

enum { NF4_BLOCK = 2 * UNIT, NF4_ROW = 512 /* blocks of a row that are taken this way at most */ };

/* Whether rows of an NF4 or FP4 tensor are whole blocks of NF4_BLOCK, at most NF4_ROW of them; a plan has no
 * scales yet, and then blocks are what they are by default. */
static inline bool nf4_whole_rows(const tensor *w)
{
    return (!w->q || w->q->block == NF4_BLOCK) && tensor_cols(w) % NF4_BLOCK == 0 &&
           tensor_cols(w) / NF4_BLOCK <= NF4_ROW;
}

/* Where stored row `row` begins, and `by` times the scales of its blocks [first, first + n). */
static inline const void *nf4_row(const tensor *w, int64_t row, int64_t first, int64_t n, float by, float *scales)
{
    const quant *q = w->q;
    const int64_t at = row * (tensor_cols(w) / NF4_BLOCK);
    int64_t b = at + first, group = q->absmax ? 0 : b / q->nested_block, next = (group + 1) * q->nested_block;
    for (const int64_t end = b + n; b < end; b++) {
        if (b == next) {
            group++;
            next += q->nested_block;
        }
        const float absmax =
            q->absmax ? q->absmax[b] : q->nested_map[q->code[b]] * q->nested_absmax[group] + q->nested_offset;
        *scales++ = absmax * by;
    }
    return (const char *)w->data + at * UNIT;
}

#endif
