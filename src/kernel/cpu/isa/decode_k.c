/* decode_k.c -- GGUF q2_k .. q6_k: blocks of 256, decoded by halves of 128 elements (`unit`).
 *
 *   q2_k  half h: qs[32h ..], bits 2j of byte l are element 128h + 32j + l; sub-block s of 16 has
 *         scale (scales[s] & 15) d and minimum (scales[s] >> 4) dmin
 *   q3_k  the same two bits of qs; bit 4h + j of hmask[l] unset: minus 4; 16 scales of 6 bits, minus 32
 *   q4_k  chunk c of 64: low nibbles of qs[32c ..] are its first half, high ones the second; sub-block
 *         s of 32 has a 6-bit scale and a 6-bit minimum
 *   q5_k  q4_k, and bit s of qh[l] is the fifth bit of element l of sub-block s
 *   q6_k  half h: ql[64h ..] nibbles, qh[32h ..] two bits each, signed 8-bit scales of 16 elements */
#include "kernel/cpu/isa/codes.h"

#include "tensor/block.h"

enum { HALF_K = K_BLOCK / 2 };

INLINE void q2_k_get(const void *block, int unit, float *dst)
{
    const block_q2_k *b = block;
    const float d = half_float(b->d), dmin = half_float(b->dmin);
    const uint8_t *s = b->scales + 8 * unit;
    for (int half = 0; half < 2; half++) {
        codes q = codes_load(b->qs + 32 * unit + 16 * half);
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            int sc = s[2 * j + half];
            codes_above(dst + 32 * j + 16 * half, q & 3, d * (float)(sc & 15), -(dmin * (float)(sc >> 4)));
            q >>= 2;
        }
    }
}

/* Scale s of 16: four low bits in bytes 0..7, two high bits in bytes 8..11. */
INLINE int q3_k_scale(const uint8_t *p, int s)
{
    int low = s < 8 ? p[s] & 15 : p[s - 8] >> 4;
    return (low | (p[8 + s % 4] >> (2 * (s / 4)) & 3) << 4) - 32;
}

INLINE void q3_k_get(const void *block, int unit, float *dst)
{
    const block_q3_k *b = block;
    const float d = half_float(b->d);
    for (int half = 0; half < 2; half++) {
        codes q = codes_load(b->qs + 32 * unit + 16 * half);
        codes high = codes_load(b->hmask + 16 * half) >> (uint8_t)(4 * unit);
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            float scale = d * (float)q3_k_scale(b->scales, 8 * unit + 2 * j + half);
            codes_centred(dst + 32 * j + 16 * half, (q & 3) | (high & 1) << 2, 4, scale);
            q >>= 2;
            high >>= 1;
        }
    }
}

INLINE void q4_k_get(const void *block, int unit, float *dst)
{
    const block_q4_k *b = block;
    const float d = half_float(b->d), dmin = half_float(b->dmin);
    for (int s = 4 * unit; s < 4 * unit + 4; s++, dst += 32) {
        int sc, mn;
        q4_k_scale(b->scales, s, &sc, &mn);
        for (int half = 0; half < 2; half++) {
            codes q = codes_load(b->qs + 32 * (s / 2) + 16 * half);
            codes_above(dst + 16 * half, s % 2 ? q >> 4 : q & 15, d * (float)sc, -(dmin * (float)mn));
        }
    }
}

INLINE void q5_k_get(const void *block, int unit, float *dst)
{
    const block_q5_k *b = block;
    const float d = half_float(b->d), dmin = half_float(b->dmin);
    for (int s = 4 * unit; s < 4 * unit + 4; s++, dst += 32) {
        int sc, mn;
        q4_k_scale(b->scales, s, &sc, &mn);
        for (int half = 0; half < 2; half++) {
            codes q = codes_load(b->qs + 32 * (s / 2) + 16 * half);
            codes fifth = (codes_load(b->qh + 16 * half) >> (uint8_t)s & 1) << 4;
            codes_above(dst + 16 * half, (s % 2 ? q >> 4 : q & 15) | fifth, d * (float)sc,
                        -(dmin * (float)mn));
        }
    }
}

INLINE void q6_k_get(const void *block, int unit, float *dst)
{
    const block_q6_k *b = block;
    const float d = half_float(b->d);
    const int8_t *s = b->scales + 8 * unit;
    for (int half = 0; half < 2; half++) {
        const codes even = codes_load(b->ql + 64 * unit + 16 * half);
        const codes odd = codes_load(b->ql + 64 * unit + 32 + 16 * half);
        const codes high = codes_load(b->qh + 32 * unit + 16 * half);
        float *to = dst + 16 * half;
        codes_centred(to, (even & 15) | (high & 3) << 4, 32, d * (float)s[half]);
        codes_centred(to + 32, (odd & 15) | (high >> 2 & 3) << 4, 32, d * (float)s[2 + half]);
        codes_centred(to + 64, even >> 4 | (high >> 4 & 3) << 4, 32, d * (float)s[4 + half]);
        codes_centred(to + 96, odd >> 4 | high >> 6 << 4, 32, d * (float)s[6 + half]);
    }
}

CODES_DECODER(q2_k, HALF_K, 2, sizeof(block_q2_k))
CODES_DECODER(q3_k, HALF_K, 2, sizeof(block_q3_k))
CODES_DECODER(q4_k, HALF_K, 2, sizeof(block_q4_k))
CODES_DECODER(q5_k, HALF_K, 2, sizeof(block_q5_k))
CODES_DECODER(q6_k, HALF_K, 2, sizeof(block_q6_k))
