/* codec_legacy.c -- GGUF q4_0, q4_1, q5_0, q5_1, q8_0: 32 elements, one scale (block.h has the bytes).
 *
 *   q4_0, q5_0  d = the element of largest magnitude / -8 (-16), so that it is met exactly by the
 *               lowest code; q = floor(x / d + 8.5) (16.5), at most 15 (31); x' = (q - 8) d
 *   q4_1, q5_1  m = min, d = (max - min) / 15 (31); q = floor((x - m) / d + 0.5); x' = q d + m
 *   q8_0        d = max |x| / 127; q = x / d rounded, halves away from zero; x' = q d
 *
 * Codes come from the float d and its reciprocal, before d is rounded to half precision: the rule of
 * ggml, which this reproduces bit for bit. A block of zeros has d = 0. */
#include "tensor/block.h"
#include "tensor/codec.h"

#include <math.h>

enum { HALF = Q_BLOCK / 2 };

static float reciprocal(float d) { return d != 0 ? 1 / d : 0; }

/* Codes of four bits from and to nibbles; the fifth bits from and to a word. */
static void nibbles_get(const uint8_t *qs, int *q)
{
    for (int i = 0; i < HALF; i++) {
        q[i] = qs[i] & 15;
        q[i + HALF] = qs[i] >> 4;
    }
}

static void nibbles_put(uint8_t *qs, const int *q)
{
    for (int i = 0; i < HALF; i++) qs[i] = (uint8_t)((q[i] & 15) | (q[i + HALF] & 15) << 4);
}

static void fifth_get(const uint8_t *qh, int *q)
{
    for (int i = 0; i < Q_BLOCK; i++) q[i] |= (qh[i / 8] >> i % 8 & 1) << 4;
}

static void fifth_put(uint8_t *qh, const int *q)
{
    for (int i = 0; i < Q_BLOCK / 8; i++) qh[i] = 0;
    for (int i = 0; i < Q_BLOCK; i++) qh[i / 8] |= (uint8_t)((q[i] >> 4) << i % 8);
}

/* Codes of x with q = middle standing for zero; returns d. */
static float codes_centred(const float *x, int middle, int *q)
{
    float peak = 0;
    for (int i = 0; i < Q_BLOCK; i++)
        if (fabsf(x[i]) > fabsf(peak)) peak = x[i];
    float d = peak / (float)-middle, inv = reciprocal(d);
    for (int i = 0; i < Q_BLOCK; i++)
        q[i] = (int)codec_clamp(x[i] * inv + ((float)middle + 0.5f), 0, (float)(2 * middle - 1));
    return d;
}

/* Codes of x from its minimum up to `top`; returns d, and the minimum in m. */
static float codes_above(const float *x, int top, int *q, float *m)
{
    float lo = x[0], hi = x[0];
    for (int i = 1; i < Q_BLOCK; i++) {
        lo = x[i] < lo ? x[i] : lo;
        hi = x[i] > hi ? x[i] : hi;
    }
    float d = (hi - lo) / (float)top, inv = reciprocal(d);
    for (int i = 0; i < Q_BLOCK; i++) q[i] = (int)codec_clamp((x[i] - lo) * inv + 0.5f, 0, (float)top);
    *m = lo;
    return d;
}

static void values_centred(float d, int middle, const int *q, float *x)
{
    for (int i = 0; i < Q_BLOCK; i++) x[i] = (float)(q[i] - middle) * d;
}

static void values_above(float d, float m, const int *q, float *x)
{
    for (int i = 0; i < Q_BLOCK; i++) x[i] = (float)q[i] * d + m;
}

static void q4_0_get(const void *block, float *x)
{
    const block_q4_0 *b = block;
    int q[Q_BLOCK];
    nibbles_get(b->qs, q);
    values_centred(f16_to_f32(b->d), 8, q, x);
}

static void q4_0_put(void *block, const float *x)
{
    block_q4_0 *b = block;
    int q[Q_BLOCK];
    b->d = f32_to_f16(codes_centred(x, 8, q));
    nibbles_put(b->qs, q);
}

static void q4_1_get(const void *block, float *x)
{
    const block_q4_1 *b = block;
    int q[Q_BLOCK];
    nibbles_get(b->qs, q);
    values_above(f16_to_f32(b->d), f16_to_f32(b->m), q, x);
}

static void q4_1_put(void *block, const float *x)
{
    block_q4_1 *b = block;
    int q[Q_BLOCK];
    float m;
    b->d = f32_to_f16(codes_above(x, 15, q, &m));
    b->m = f32_to_f16(m);
    nibbles_put(b->qs, q);
}

static void q5_0_get(const void *block, float *x)
{
    const block_q5_0 *b = block;
    int q[Q_BLOCK];
    nibbles_get(b->qs, q);
    fifth_get(b->qh, q);
    values_centred(f16_to_f32(b->d), 16, q, x);
}

static void q5_0_put(void *block, const float *x)
{
    block_q5_0 *b = block;
    int q[Q_BLOCK];
    b->d = f32_to_f16(codes_centred(x, 16, q));
    nibbles_put(b->qs, q);
    fifth_put(b->qh, q);
}

static void q5_1_get(const void *block, float *x)
{
    const block_q5_1 *b = block;
    int q[Q_BLOCK];
    nibbles_get(b->qs, q);
    fifth_get(b->qh, q);
    values_above(f16_to_f32(b->d), f16_to_f32(b->m), q, x);
}

static void q5_1_put(void *block, const float *x)
{
    block_q5_1 *b = block;
    int q[Q_BLOCK];
    float m;
    b->d = f32_to_f16(codes_above(x, 31, q, &m));
    b->m = f32_to_f16(m);
    nibbles_put(b->qs, q);
    fifth_put(b->qh, q);
}

static void q8_0_get(const void *block, float *x)
{
    const block_q8_0 *b = block;
    float d = f16_to_f32(b->d);
    for (int i = 0; i < Q_BLOCK; i++) x[i] = (float)b->qs[i] * d;
}

static void q8_0_put(void *block, const float *x)
{
    block_q8_0 *b = block;
    float peak = 0;
    for (int i = 0; i < Q_BLOCK; i++) peak = fabsf(x[i]) > peak ? fabsf(x[i]) : peak;
    float d = peak / 127, inv = reciprocal(d);
    b->d = f32_to_f16(d);
    for (int i = 0; i < Q_BLOCK; i++) {
        float v = codec_clamp(x[i] * inv, -127, 127);
        int whole = (int)v;
        float rest = v - (float)whole; /* exact, so halves are seen as halves */
        b->qs[i] = (int8_t)(whole + (rest >= 0.5f) - (rest <= -0.5f));
    }
}

CODEC_OF_BLOCKS(q4_0, Q_BLOCK)
CODEC_OF_BLOCKS(q4_1, Q_BLOCK)
CODEC_OF_BLOCKS(q5_0, Q_BLOCK)
CODEC_OF_BLOCKS(q5_1, Q_BLOCK)
CODEC_OF_BLOCKS(q8_0, Q_BLOCK)
