/* codec_k.c -- GGUF q2_k to q6_k: 256 elements in sub-blocks (block.h has the formulas; fit.c chooses
 * scales and codes; here are the bits).
 *
 * Codes. Element e of the block; "plane j of w bytes" is bits from b j up in w consecutive bytes:
 *   2 bits  q2_k, q3_k  qs: 128 elements in 32 bytes: plane (e / 32) % 4, byte 32 (e / 128) + e % 32
 *   2 bits  q6_k        qh: the same; the upper two of six bits
 *   4 bits  q4_k, q5_k  qs: 64 elements in 32 bytes: nibble (e / 32) % 2, byte 32 (e / 64) + e % 32
 *   4 bits  q6_k        ql: 128 elements in 64 bytes: nibble (e / 64) % 2, byte 64 (e / 128) + e % 64
 *   1 bit   q3_k, q5_k  hmask, qh: bit e / 32 of byte e % 32
 * q3_k means q - 4 and q6_k q - 32, q being all bits of a code together.
 *
 * Scales.
 *   q2_k    scales[j]: sc in the low nibble, mn in the high one
 *   q3_k    6 bits, sc - 32: the low four in nibble j / 8 of byte j % 8, the upper two in
 *           plane j / 4 of byte 8 + j % 4
 *   q4_k,   6 bits each, j < 4: sc in byte j, mn in byte j + 4 (low six bits); j >= 4: the low four
 *   q5_k    bits in the nibbles of byte j + 4, the upper two on top of sc and mn of j - 4
 *   q6_k    signed bytes */
#include "tensor/codec.h"
#include "tensor/fit.h"

#include <string.h>

/* Fields of `bits` bits of q, from bit `low` of q up: `run` elements a plane, run bytes together. */
static void planes_get(const uint8_t *from, int bits, int run, int low, uint8_t *q)
{
    const int planes = 8 / bits, mask = (1 << bits) - 1;
    for (int e = 0; e < K_BLOCK; e++) {
        int byte = e / (run * planes) * run + e % run;
        q[e] |= (uint8_t)((from[byte] >> bits * (e / run % planes) & mask) << low);
    }
}

static void planes_put(uint8_t *to, int bits, int run, int low, const uint8_t *q)
{
    const int planes = 8 / bits, mask = (1 << bits) - 1;
    memset(to, 0, (size_t)(K_BLOCK / planes));
    for (int e = 0; e < K_BLOCK; e++) {
        int byte = e / (run * planes) * run + e % run;
        to[byte] |= (uint8_t)((q[e] >> low & mask) << bits * (e / run % planes));
    }
}

/* The twelve bytes of eight 6-bit scales and minima of q4_k and q5_k. */
static void pairs_get(const uint8_t *s, uint8_t *scale, uint8_t *min)
{
    for (int j = 0; j < 4; j++) {
        scale[j] = s[j] & 63;
        min[j] = s[j + 4] & 63;
        scale[j + 4] = (uint8_t)((s[j + 8] & 15) | s[j] >> 6 << 4);
        min[j + 4] = (uint8_t)(s[j + 8] >> 4 | s[j + 4] >> 6 << 4);
    }
}

static void pairs_put(uint8_t *s, const uint8_t *scale, const uint8_t *min)
{
    for (int j = 0; j < 4; j++) {
        s[j] = (uint8_t)(scale[j] | scale[j + 4] >> 4 << 6);
        s[j + 4] = (uint8_t)(min[j] | min[j + 4] >> 4 << 6);
        s[j + 8] = (uint8_t)((scale[j + 4] & 15) | (min[j + 4] & 15) << 4);
    }
}

static void values_affine(float d, float dmin, int size, const uint8_t *scale, const uint8_t *min,
                          const uint8_t *q, float *x)
{
    for (int j = 0; j < K_BLOCK / size; j++) {
        float s = d * (float)scale[j], m = dmin * (float)min[j];
        for (int i = j * size; i < (j + 1) * size; i++) x[i] = s * (float)q[i] - m;
    }
}

/* q less `middle`, 16 elements a scale. */
static void values_signed(float d, const int8_t *scale, int middle, const uint8_t *q, float *x)
{
    for (int j = 0; j < 16; j++) {
        float s = d * (float)scale[j];
        for (int i = j * 16; i < (j + 1) * 16; i++) x[i] = s * (float)(q[i] - middle);
    }
}

static void q2_k_get(const void *block, float *x)
{
    const block_q2_k *b = block;
    uint8_t scale[16], min[16], q[K_BLOCK] = {0};
    for (int j = 0; j < 16; j++) {
        scale[j] = b->scales[j] & 15;
        min[j] = b->scales[j] >> 4;
    }
    planes_get(b->qs, 2, 32, 0, q);
    values_affine(f16_to_f32(b->d), f16_to_f32(b->dmin), 16, scale, min, q, x);
}

static void q2_k_put(void *block, const float *x)
{
    block_q2_k *b = block;
    fit_affine f = {.size = 16, .codes = 3, .scales = 15};
    fit_affine_block(&f, x);
    b->d = f.d;
    b->dmin = f.dmin;
    for (int j = 0; j < 16; j++) b->scales[j] = (uint8_t)(f.scale[j] | f.min[j] << 4);
    planes_put(b->qs, 2, 32, 0, f.q);
}

static void q3_k_get(const void *block, float *x)
{
    const block_q3_k *b = block;
    uint8_t q[K_BLOCK] = {0};
    int8_t scale[16];
    for (int j = 0; j < 16; j++) {
        int low = b->scales[j % 8] >> 4 * (j / 8) & 15, high = b->scales[8 + j % 4] >> 2 * (j / 4) & 3;
        scale[j] = (int8_t)((low | high << 4) - 32);
    }
    planes_get(b->qs, 2, 32, 0, q);
    planes_get(b->hmask, 1, 32, 2, q);
    values_signed(f16_to_f32(b->d), scale, 4, q, x);
}

static void q3_k_put(void *block, const float *x)
{
    block_q3_k *b = block;
    fit_signed f = {.middle = 4, .scales = 32};
    fit_signed_block(&f, x);
    b->d = f.d;
    memset(b->scales, 0, sizeof b->scales);
    for (int j = 0; j < 16; j++) {
        int s = f.scale[j] + 32;
        b->scales[j % 8] |= (uint8_t)((s & 15) << 4 * (j / 8));
        b->scales[8 + j % 4] |= (uint8_t)((s >> 4) << 2 * (j / 4));
    }
    planes_put(b->qs, 2, 32, 0, f.q);
    planes_put(b->hmask, 1, 32, 2, f.q);
}

static void q4_k_get(const void *block, float *x)
{
    const block_q4_k *b = block;
    uint8_t scale[8], min[8], q[K_BLOCK] = {0};
    pairs_get(b->scales, scale, min);
    planes_get(b->qs, 4, 32, 0, q);
    values_affine(f16_to_f32(b->d), f16_to_f32(b->dmin), 32, scale, min, q, x);
}

static void q4_k_put(void *block, const float *x)
{
    block_q4_k *b = block;
    fit_affine f = {.size = 32, .codes = 15, .scales = 63};
    fit_affine_block(&f, x);
    b->d = f.d;
    b->dmin = f.dmin;
    pairs_put(b->scales, f.scale, f.min);
    planes_put(b->qs, 4, 32, 0, f.q);
}

static void q5_k_get(const void *block, float *x)
{
    const block_q5_k *b = block;
    uint8_t scale[8], min[8], q[K_BLOCK] = {0};
    pairs_get(b->scales, scale, min);
    planes_get(b->qs, 4, 32, 0, q);
    planes_get(b->qh, 1, 32, 4, q);
    values_affine(f16_to_f32(b->d), f16_to_f32(b->dmin), 32, scale, min, q, x);
}

static void q5_k_put(void *block, const float *x)
{
    block_q5_k *b = block;
    fit_affine f = {.size = 32, .codes = 31, .scales = 63};
    fit_affine_block(&f, x);
    b->d = f.d;
    b->dmin = f.dmin;
    pairs_put(b->scales, f.scale, f.min);
    planes_put(b->qs, 4, 32, 0, f.q);
    planes_put(b->qh, 1, 32, 4, f.q);
}

static void q6_k_get(const void *block, float *x)
{
    const block_q6_k *b = block;
    uint8_t q[K_BLOCK] = {0};
    planes_get(b->ql, 4, 64, 0, q);
    planes_get(b->qh, 2, 32, 4, q);
    values_signed(f16_to_f32(b->d), b->scales, 32, q, x);
}

static void q6_k_put(void *block, const float *x)
{
    block_q6_k *b = block;
    fit_signed f = {.middle = 32, .scales = 128};
    fit_signed_block(&f, x);
    b->d = f.d;
    memcpy(b->scales, f.scale, sizeof b->scales);
    planes_put(b->ql, 4, 64, 0, f.q);
    planes_put(b->qh, 2, 32, 4, f.q);
}

CODEC_OF_BLOCKS(q2_k, K_BLOCK)
CODEC_OF_BLOCKS(q3_k, K_BLOCK)
CODEC_OF_BLOCKS(q4_k, K_BLOCK)
CODEC_OF_BLOCKS(q5_k, K_BLOCK)
CODEC_OF_BLOCKS(q6_k, K_BLOCK)
