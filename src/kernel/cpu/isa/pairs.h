/* pairs.h -- vectors of int16 pairs: what integer products are made of. */
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

#endif
