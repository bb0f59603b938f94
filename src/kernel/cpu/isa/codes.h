/* codes.h -- sixteen small integers at a time, and what becomes of them: shared by the decode files.
 *
 * Products and sums are rounded one by one, in the order that the codecs in tensor/ use, so that both
 * give the same bits. */
#ifndef KERNEL_CODES_H
#define KERNEL_CODES_H

#include "kernel/cpu/isa/decode.h"

typedef uint8_t codes __attribute__((vector_size(16)));

INLINE codes codes_load(const void *p)
{
    codes c;
    memcpy(&c, p, sizeof c);
    return c;
}

/* Codes j * VL .. j * VL + VL - 1 as 32-bit integers. */
INLINE veci codes_wide(codes c, const int j)
{
#if ISA_ID == 2
    (void)j;
    return (veci)_mm512_cvtepu8_epi32((__m128i)c);
#elif ISA_ID == 1
    return (veci)_mm256_cvtepu8_epi32(j ? _mm_unpackhi_epi64((__m128i)c, (__m128i)c) : (__m128i)c);
#elif ISA_ID == 3
    const uint16x8_t half = j / 2 ? vmovl_high_u8(c) : vmovl_u8(vget_low_u8(c));
    return (veci)(j % 2 ? vmovl_high_u16(half) : vmovl_u16(vget_low_u16(half)));
#else
    return (veci){c[4 * j], c[4 * j + 1], c[4 * j + 2], c[4 * j + 3]};
#endif
}

/* dst[i] = (c[i] - middle) scale */
INLINE void codes_centred(float *dst, codes c, int middle, float scale)
{
#pragma GCC unroll 4
    for (int j = 0; j < 16 / VL; j++)
        v_store(dst + j * VL, v_float(codes_wide(c, j) - middle) * v_set(scale));
}

/* dst[i] = c[i] scale + low */
INLINE void codes_above(float *dst, codes c, float scale, float low)
{
#pragma GCC unroll 4
    for (int j = 0; j < 16 / VL; j++)
        v_store(dst + j * VL, v_float(codes_wide(c, j)) * v_set(scale) + v_set(low));
}

INLINE float half_float(uint16_t h)
{
#if ISA_ID == 3
    __fp16 x;
    memcpy(&x, &h, sizeof x);
    return x;
#elif ISA_ID > 0
    return _cvtsh_ss(h);
#else
    return f16_to_f32(h);
#endif
}

/* q4_k, q5_k: scale and minimum of sub-block s of 8: six bits each in twelve bytes. */
INLINE void q4_k_scale(const uint8_t *p, int s, int *scale, int *min)
{
    if (s < 4) {
        *scale = p[s] & 63;
        *min = p[s + 4] & 63;
    } else {
        *scale = (p[s + 4] & 15) | (p[s - 4] >> 6) << 4;
        *min = p[s + 4] >> 4 | (p[s] >> 6) << 4;
    }
}

/* Elements [first, first + n) of a stored row in units of `per` elements, `units` of them in a block of
 * `size` bytes; a unit at either end that is wanted in part goes through a buffer. */
typedef void codes_get(const void *block, int unit, float *dst);
INLINE void codes_decode(const tensor *t, int64_t row, int64_t first, int64_t n, float *dst, const int per,
                         const int units, const size_t size, codes_get *get)
{
    const uint8_t *blocks =
        (const uint8_t *)t->data + (size_t)(row * (tensor_cols(t) / (per * units))) * size;
    int64_t u = first / per, skip = first % per;
    float part[128];
    for (; n > 0; u++) {
        const uint8_t *b = blocks + (size_t)(u / units) * size;
        int64_t take = per - skip < n ? per - skip : n;
        if (take == per) {
            get(b, (int)(u % units), dst);
        } else {
            get(b, (int)(u % units), part);
            memcpy(dst, part + skip, (size_t)take * sizeof *dst);
        }
        dst += take;
        n -= take;
        skip = 0;
    }
}

#define CODES_DECODER(NAME_, PER, UNITS, SIZE)                                              \
    void decode_##NAME_(const tensor *t, int64_t row, int64_t first, int64_t n, float *dst) \
    {                                                                                       \
        codes_decode(t, row, first, n, dst, PER, UNITS, SIZE, NAME_##_get);                 \
    }

#endif
