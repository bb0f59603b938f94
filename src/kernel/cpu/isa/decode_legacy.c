/* decode_legacy.c -- GGUF q4_0, q4_1, q5_0, q5_1, q8_0: blocks of 32, laid out as tensor/block.h says. */
#include "kernel/cpu/isa/codes.h"

#include "tensor/block.h"

/* Bit i of the two bytes at p, moved to bit 4 of code i. */
INLINE codes fifth_bits(const uint8_t *p)
{
    const codes bit = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint64_t spread[2] = {p[0] * 0x0101010101010101u, p[1] * 0x0101010101010101u};
    return (codes)((codes_load(spread) & bit) != 0) & 16;
}

INLINE void q4_0_get(const void *block, int unit, float *dst)
{
    const block_q4_0 *b = block;
    const codes q = codes_load(b->qs);
    const float d = half_float(b->d);
    (void)unit;
    codes_centred(dst, q & 15, 8, d);
    codes_centred(dst + 16, q >> 4, 8, d);
}

INLINE void q4_1_get(const void *block, int unit, float *dst)
{
    const block_q4_1 *b = block;
    const codes q = codes_load(b->qs);
    const float d = half_float(b->d), m = half_float(b->m);
    (void)unit;
    codes_above(dst, q & 15, d, m);
    codes_above(dst + 16, q >> 4, d, m);
}

INLINE void q5_0_get(const void *block, int unit, float *dst)
{
    const block_q5_0 *b = block;
    const codes q = codes_load(b->qs);
    const float d = half_float(b->d);
    (void)unit;
    codes_centred(dst, (q & 15) | fifth_bits(b->qh), 16, d);
    codes_centred(dst + 16, (q >> 4) | fifth_bits(b->qh + 2), 16, d);
}

INLINE void q5_1_get(const void *block, int unit, float *dst)
{
    const block_q5_1 *b = block;
    const codes q = codes_load(b->qs);
    const float d = half_float(b->d), m = half_float(b->m);
    (void)unit;
    codes_above(dst, (q & 15) | fifth_bits(b->qh), d, m);
    codes_above(dst + 16, (q >> 4) | fifth_bits(b->qh + 2), d, m);
}

INLINE void q8_0_get(const void *block, int unit, float *dst)
{
    const block_q8_0 *b = block;
    const codes sign = (codes){0} + 128;
    const float d = half_float(b->d);
    (void)unit;
    codes_centred(dst, codes_load(b->qs) ^ sign, 128, d);
    codes_centred(dst + 16, codes_load(b->qs + 16) ^ sign, 128, d);
}

CODES_DECODER(q4_0, Q_BLOCK, 1, sizeof(block_q4_0))
CODES_DECODER(q4_1, Q_BLOCK, 1, sizeof(block_q4_1))
CODES_DECODER(q5_0, Q_BLOCK, 1, sizeof(block_q5_0))
CODES_DECODER(q5_1, Q_BLOCK, 1, sizeof(block_q5_1))
CODES_DECODER(q8_0, Q_BLOCK, 1, sizeof(block_q8_0))
