/* isa.h -- one vector of floats, whatever the instruction set.
 *
 * Files of this folder are compiled once for each instruction set (ISA, ISA_ID: see the Makefile).
 * `vec` is a GNU vector of VL floats, so + - * and comparisons are written as such; what the compiler
 * cannot be asked for in C is here. NAME(f) is f with the instruction set appended: every function
 * that another file calls is named so, all others are static.
 *
 * A register tile of the matrix product is MR rows by NR = NV * VL columns. */
#ifndef KERNEL_ISA_H
#define KERNEL_ISA_H

#include <stdint.h>
#include <string.h>

#if ISA_ID == 3
#include <arm_neon.h>
#elif ISA_ID > 0
#include <immintrin.h>
#endif

#define ISA_JOIN2(a, b) a##_##b
#define ISA_JOIN(a, b) ISA_JOIN2(a, b)
#define NAME(f) ISA_JOIN(f, ISA)
#define INLINE static inline __attribute__((always_inline))

/* The sums of a tile leave few registers for the operands: 12 x 2 of 32, 6 x 2 of 16. */
#if ISA_ID == 3
enum { VL = 4, NV = 2, MR = 12 };
#elif ISA_ID == 2
enum { VL = 16, NV = 2, MR = 12 };
#elif ISA_ID == 1
enum { VL = 8, NV = 2, MR = 6 };
#else
enum { VL = 4, NV = 2, MR = 4 };
#endif
enum { NR = NV * VL };

typedef float vec __attribute__((vector_size(4 * VL)));
typedef int32_t veci __attribute__((vector_size(4 * VL)));
typedef float vec_any __attribute__((vector_size(4 * VL), aligned(4), may_alias)); /* at any address */
typedef float quad __attribute__((vector_size(16)));
typedef float quad_any __attribute__((vector_size(16), aligned(4), may_alias));

INLINE vec v_load(const float *p) { return *(const vec_any *)p; }
INLINE void v_store(float *p, vec v) { *(vec_any *)p = v; }

#if ISA_ID == 2
INLINE vec v_set(float x) { return _mm512_set1_ps(x); }
INLINE vec v_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vec v_max(vec a, vec b) { return _mm512_max_ps(a, b); }
INLINE vec v_min(vec a, vec b) { return _mm512_min_ps(a, b); }
INLINE veci v_round(vec a) { return (veci)_mm512_cvtps_epi32(a); }
INLINE vec v_float(veci a) { return _mm512_cvtepi32_ps((__m512i)a); }
#define HIDE(v) __asm__("" : "+v"(v))
#elif ISA_ID == 1
INLINE vec v_set(float x) { return _mm256_set1_ps(x); }
INLINE vec v_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vec v_max(vec a, vec b) { return _mm256_max_ps(a, b); }
INLINE vec v_min(vec a, vec b) { return _mm256_min_ps(a, b); }
INLINE veci v_round(vec a) { return (veci)_mm256_cvtps_epi32(a); }
INLINE vec v_float(veci a) { return _mm256_cvtepi32_ps((__m256i)a); }
#define HIDE(v) __asm__("" : "+x"(v))
#elif ISA_ID == 3
INLINE vec v_set(float x) { return vdupq_n_f32(x); }
INLINE vec v_fma(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }
INLINE vec v_max(vec a, vec b) { return vmaxq_f32(a, b); } /* NaN where one is: the others give b then */
INLINE vec v_min(vec a, vec b) { return vminq_f32(a, b); }
INLINE veci v_round(vec a) { return vcvtnq_s32_f32(a); }
INLINE vec v_float(veci a) { return vcvtq_f32_s32(a); }
#define HIDE(v) __asm__("" : "+w"(v))
#else
/* No fused multiply-add in the lowest common set: a product rounded, then a sum. */
INLINE vec v_set(float x) { return (vec){x, x, x, x}; }
INLINE vec v_fma(vec a, vec b, vec c) { return a * b + c; }
INLINE vec v_max(vec a, vec b)
{
    veci m = a > b;
    return (vec)((m & (veci)a) | (~m & (veci)b));
}
INLINE vec v_min(vec a, vec b)
{
    veci m = a < b;
    return (vec)((m & (veci)a) | (~m & (veci)b));
}
INLINE vec v_float(veci a) { return __builtin_convertvector(a, vec); }
/* Nearest, ties to even, for |a| < 2^22. */
INLINE veci v_round(vec a) { return (veci)(a + v_set(0x1.8p23f)) - (veci)v_set(0x1.8p23f); }
#define HIDE(v) (void)(v)
#endif

INLINE vec v_zero(void) { return (vec){0}; }
INLINE vec v_abs(vec x) { return (vec)((veci)x & 0x7fffffff); }
INLINE vec v_select(veci mask, vec yes, vec no) { return (vec)((mask & (veci)yes) | (~mask & (veci)no)); }

/* The first n < VL floats at p, zeros after them. */
INLINE vec v_load_part(const float *p, int64_t n)
{
    float t[VL] __attribute__((aligned(4 * VL))) = {0};
    for (int64_t i = 0; i < n; i++) t[i] = p[i];
    return v_load(t);
}

INLINE void v_store_part(float *p, vec v, int64_t n)
{
    float t[VL] __attribute__((aligned(4 * VL)));
    v_store(t, v);
    for (int64_t i = 0; i < n; i++) p[i] = t[i];
}

/* The sum of all lanes, halves added to halves; and the largest. */
#if ISA_ID == 3
INLINE float v_sum(vec v) { return vaddv_f32(vadd_f32(vget_low_f32(v), vget_high_f32(v))); }
INLINE float v_largest(vec v) { return vmaxvq_f32(v); }
#elif ISA_ID > 0
#define V_FOLD(v, OP)                                                                                   \
    __m128 q = OP##_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));                         \
    q = OP##_ps(q, _mm_movehl_ps(q, q));                                                                \
    return _mm_cvtss_f32(OP##_ss(q, _mm_movehdup_ps(q)))
#if ISA_ID == 2
#define V_HALF(v, OP) OP##_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1))
#else
#define V_HALF(v, OP) v
#endif
INLINE float v_sum(vec v)
{
    const __m256 h = V_HALF(v, _mm256_add);
    V_FOLD(h, _mm_add);
}

INLINE float v_largest(vec v)
{
    const __m256 h = V_HALF(v, _mm256_max);
    V_FOLD(h, _mm_max);
}
#else
INLINE float v_sum(vec v)
{
    float t[VL] __attribute__((aligned(4 * VL)));
    v_store(t, v);
    for (int n = VL / 2; n > 0; n /= 2)
        for (int i = 0; i < n; i++) t[i] += t[i + n];
    return t[0];
}

INLINE float v_largest(vec v)
{
    float t[VL] __attribute__((aligned(4 * VL)));
    v_store(t, v);
    for (int i = 1; i < VL; i++) t[0] = t[i] > t[0] ? t[i] : t[0];
    return t[0];
}
#endif

/* exp(x): x = n ln 2 + f, |f| <= ln 2 / 2, exp(f) by a polynomial of degree 7 (Taylor: the rest is below
 * f^8 / 8! < 6e-9), times 2^n. Error below 1.5 units in the last place; 0 below -87.33, where the
 * result leaves the normal numbers, and infinity above 88.72. A NaN stays one. */
INLINE vec v_exp(vec x)
{
    const vec lo = v_set(-87.33654f), hi = v_set(88.72283f);
    vec y = v_min(hi, v_max(lo, x)); /* a NaN becomes a bound; put back at the end */
    veci n = v_round(y * v_set(1.44269504f));
    vec k = v_float(n);
    vec f = v_fma(k, v_set(-0.693359375f), y);
    f = v_fma(k, v_set(2.12194440e-4f), f);
    vec p = v_set(1.0f / 5040);
    p = v_fma(p, f, v_set(1.0f / 720));
    p = v_fma(p, f, v_set(1.0f / 120));
    p = v_fma(p, f, v_set(1.0f / 24));
    p = v_fma(p, f, v_set(1.0f / 6));
    p = v_fma(p, f, v_set(0.5f));
    p = v_fma(p, f * f, f) + v_set(1);
    veci half = n >> 1; /* in two factors: 2^128 is no float */
    p *= (vec)((half + 127) << 23);
    p *= (vec)((n - half + 127) << 23);
    p = v_select(x < lo, v_zero(), p);
    p = v_select(x > hi, v_set(__builtin_inff()), p);
    return v_select(x == x, p, x);
}

/* tanh(x): (1 - e) / (1 + e) with e = exp(-2 |x|), and below 0.35, where 1 - e would lose digits, its power
 * series up to x^11 (the rest is below 2e-8 of it). Error below 2 units in the last place. */
INLINE vec v_tanh(vec x)
{
    const vec a = v_abs(x), e = v_exp(a * v_set(-2)), y = x * x;
    const veci sign = (veci)x & (veci)v_set(-0.0f);
    vec p = v_set(-1382.0f / 155925);
    p = v_fma(p, y, v_set(62.0f / 2835));
    p = v_fma(p, y, v_set(-17.0f / 315));
    p = v_fma(p, y, v_set(2.0f / 15));
    p = v_fma(p, y, v_set(-1.0f / 3));
    p = v_fma(p * y, x, x);
    const vec far = (v_set(1) - e) / (v_set(1) + e);
    return v_select(a < v_set(0.35f), p, (vec)((veci)far | sign));
}

/* Four floats each of VL rows, `stride` floats apart, come out transposed: out[k] holds element k of
 * every row, in order. Lane group g of a loaded vector is four floats of row 4g + i. */
INLINE quad q_load(const float *p) { return *(const quad_any *)p; }
INLINE vec v_quads(const float *p, int64_t stride)
{
#if ISA_ID == 2
    __m512 v = _mm512_castps128_ps512((__m128)q_load(p));
    v = _mm512_insertf32x4(v, (__m128)q_load(p + 4 * stride), 1);
    v = _mm512_insertf32x4(v, (__m128)q_load(p + 8 * stride), 2);
    return _mm512_insertf32x4(v, (__m128)q_load(p + 12 * stride), 3);
#elif ISA_ID == 1
    return _mm256_insertf128_ps(_mm256_castps128_ps256((__m128)q_load(p)), (__m128)q_load(p + 4 * stride), 1);
#else
    (void)stride;
    return q_load(p);
#endif
}

#if ISA_ID == 2
#define V_LOW(a, b) _mm512_unpacklo_ps(a, b)
#define V_HIGH(a, b) _mm512_unpackhi_ps(a, b)
#define V_LOW2(a, b) (vec) _mm512_unpacklo_pd((__m512d)(a), (__m512d)(b))
#define V_HIGH2(a, b) (vec) _mm512_unpackhi_pd((__m512d)(a), (__m512d)(b))
#elif ISA_ID == 1
#define V_LOW(a, b) _mm256_unpacklo_ps(a, b)
#define V_HIGH(a, b) _mm256_unpackhi_ps(a, b)
#define V_LOW2(a, b) (vec) _mm256_unpacklo_pd((__m256d)(a), (__m256d)(b))
#define V_HIGH2(a, b) (vec) _mm256_unpackhi_pd((__m256d)(a), (__m256d)(b))
#else
#define V_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define V_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define V_LOW2(a, b) __builtin_shufflevector(a, b, 0, 1, 4, 5)
#define V_HIGH2(a, b) __builtin_shufflevector(a, b, 2, 3, 6, 7)
#endif

INLINE void v_transpose(const float *p, int64_t stride, vec out[4])
{
    vec a = v_quads(p, stride), b = v_quads(p + stride, stride);
    vec c = v_quads(p + 2 * stride, stride), d = v_quads(p + 3 * stride, stride);
    vec ab = V_LOW(a, b), AB = V_HIGH(a, b), cd = V_LOW(c, d), CD = V_HIGH(c, d);
    out[0] = V_LOW2(ab, cd);
    out[1] = V_HIGH2(ab, cd);
    out[2] = V_LOW2(AB, CD);
    out[3] = V_HIGH2(AB, CD);
}

#endif
