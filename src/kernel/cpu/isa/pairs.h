/* pairs.h -- vectors of int16 pairs, and what integer products of both widths share. */
#ifndef KERNEL_PAIRS_H
#define KERNEL_PAIRS_H

#include "kernel/cpu/isa/isa.h"

/* s += x.low w.low + x.high w.high in every lane; NEON: other products in each, all of them in the end. */
INLINE void pairs_add(veci *s, veci x, veci w)
{
#if defined(__AVX512VNNI__)
    __asm__("vpdpwssd %2, %1, %0" : "+v"(*s) : "v"(x), "v"(w)); /* as an intrinsic, gcc 12 copies s */
#elif ISA_ID == 2
    *s += (veci)_mm512_madd_epi16((__m512i)x, (__m512i)w);
#elif ISA_ID == 1
    *s += (veci)_mm256_madd_epi16((__m256i)x, (__m256i)w);
#elif ISA_ID == 3
    *s = vmlal_s16(*s, vget_low_s16((int16x8_t)x), vget_low_s16((int16x8_t)w));
    *s = vmlal_high_s16(*s, (int16x8_t)x, (int16x8_t)w);
#else
    *s += (x << 16 >> 16) * (w << 16 >> 16) + (x >> 16) * (w >> 16);
#endif
}

/* The word at p in every lane. */
INLINE veci word_set(const float *p)
{
    int32_t x;
    memcpy(&x, p, sizeof x);
    return (veci){0} + x;
}

/* As peak_flops(): independent chains of `add` in registers, so many operations a lane. */
typedef void integer_add(veci *s, veci x, veci w);
INLINE double integer_peak(int64_t turns, integer_add *add, const double operations)
{
    enum { CHAINS = ISA_ID >= 2 ? 24 : 12 };
    veci s[CHAINS], x = (veci){0} + 3, y = (veci){0} + 5;
#pragma GCC unroll 24
    for (int i = 0; i < CHAINS; i++) {
        s[i] = (veci){0};
        HIDE(s[i]);
    }
    for (int64_t t = 0; t < turns; t++) {
        HIDE(x);
#pragma GCC unroll 24
        for (int i = 0; i < CHAINS; i++) {
            HIDE(y); /* or one product serves all chains */
            add(&s[i], x, y);
        }
    }
#pragma GCC unroll 24
    for (int i = 1; i < CHAINS; i++) s[0] += s[i];
    volatile int32_t sink = s[0][0];
    (void)sink;
    return operations * VL * CHAINS * (double)turns;
}

#endif
