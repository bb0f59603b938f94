/* codec_nf4.c -- NF4 and FP4 as bitsandbytes stores them: 16 levels, one scale a flat block.
 *
 *   data      element 2i in the high nibble of byte i, element 2i + 1 in the low one
 *   absmax    max |x| of elements [64 b, 64 b + 64) of the flat tensor; a block may span rows and the
 *             last one may be short
 *   x'        map[code] * absmax[b]
 *
 * NF4 (QLoRA, Dettmers et al. 2023): x / absmax goes to the nearest level, a tie to the lower one:
 * code = how many midpoints lie below. FP4 (sign, 2 exponent bits, 1 mantissa bit): likewise on |x|,
 * a tie towards zero, with the thresholds that bitsandbytes writes out and the sign in bit 3.
 *
 * Double quantization: offset = mean of absmax; absmax - offset is quantized to 8 bits in blocks of
 * 256 with the levels of dynamic.h: absmax[b]' = nested_map[code[b]] * nested_absmax[b / 256] + offset. */
#include "tensor/codec.h"
#include "tensor/dynamic.h"

#include <math.h>
#include <stdlib.h>

static const float nf4_map[16] = {
    -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f,
    -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0.0f,
    0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,
    0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f};

/* Twelfths: 0, 1/16, 8, 12, 4, 6, 2, 3 over 12. */
static const float fp4_map[16] = {
    0.0f, 0.0625f / 12, 8.0f / 12, 1.0f, 4.0f / 12, 0.5f, 2.0f / 12, 0.25f,
    -0.0f, -0.0625f / 12, -8.0f / 12, -1.0f, -4.0f / 12, -0.5f, -2.0f / 12, -0.25f};

/* (nf4_map[i] + nf4_map[i + 1]) / 2 in float. */
static const float nf4_midpoint[15] = {
    -0.848096371f, -0.610632896f, -0.45999527f, -0.33967942f, -0.234607399f,
    -0.137911737f, -0.0455250181f, 0.0397901498f, 0.120255247f, 0.203521252f,
    0.292013764f, 0.389312536f, 0.501663446f, 0.64278692f, 0.861478448f};

static const float fp4_threshold[7] = {0.00260417f, 0.0859375f, 0.20833333f, 0.29166667f,
                                       0.4166667f,  0.583333f,  0.8333333f};

/* FP4 codes by magnitude. */
static const uint8_t fp4_order[8] = {0, 1, 6, 7, 4, 5, 2, 3};

const float *nf4_levels(dtype t) { return t == DT_NF4 ? nf4_map : fp4_map; }

typedef int code_of(float v);

static inline int nf4_code(float v)
{
    int c = v > nf4_midpoint[7] ? 8 : 0;
    c += v > nf4_midpoint[c + 3] ? 4 : 0;
    c += v > nf4_midpoint[c + 1] ? 2 : 0;
    return c + (v > nf4_midpoint[c]);
}

static inline int fp4_code(float v)
{
    float a = fabsf(v);
    int c = a > fp4_threshold[3] ? 4 : 0;
    c += a > fp4_threshold[c + 1] ? 2 : 0;
    c += a > fp4_threshold[c];
    return fp4_order[c] | (v < 0 ? 8 : 0);
}

static float peak_of(const float *x, int64_t n)
{
    float peak = 0;
    for (int64_t i = 0; i < n; i++) peak = fabsf(x[i]) > peak ? fabsf(x[i]) : peak;
    return peak;
}

/* 1 / peak; a block of zeros keeps zeros. */
static float inverse(float peak) { return 1.0f / (peak > 1e-38f ? peak : 1e-38f); }

/* The codes of one block; an odd tail is filled up with a zero. Returns the block's absmax. */
static inline float put_block(uint8_t *to, const float *x, int64_t n, code_of *code)
{
    float peak = peak_of(x, n), inv = inverse(peak);
    for (int64_t i = 0; i + 1 < n; i += 2) *to++ = (uint8_t)(code(x[i] * inv) << 4 | code(x[i + 1] * inv));
    if (n % 2) *to = (uint8_t)(code(x[n - 1] * inv) << 4 | code(0));
    return peak;
}

void nf4_nest(quant *q, const float *absmax, int64_t blocks)
{
    double sum = 0;
    for (int64_t b = 0; b < blocks; b++) sum += (double)absmax[b];
    q->nested_offset = (float)(sum / (double)blocks);
    for (int64_t b = 0; b < blocks; b += q->nested_block) {
        int64_t end = blocks - b < q->nested_block ? blocks : b + q->nested_block;
        float peak = 0;
        for (int64_t i = b; i < end; i++) peak = fmaxf(peak, fabsf(absmax[i] - q->nested_offset));
        float inv = inverse(peak);
        q->nested_absmax[b / q->nested_block] = peak;
        for (int64_t i = b; i < end; i++)
            q->code[i] = dynamic_code(q->nested_map, (absmax[i] - q->nested_offset) * inv);
    }
}

static inline void put_all(tensor *dst, const float *src, code_of *code)
{
    quant *q = (quant *)dst->q;
    const int64_t n = tensor_count(dst), size = q->block, blocks = (n + size - 1) / size;
    float *absmax = q->absmax ? q->absmax : xmalloc((size_t)blocks * sizeof *absmax);
    for (int64_t b = 0, at = 0; b < blocks; b++, at += size)
        absmax[b] = put_block((uint8_t *)dst->data + at / 2, src + at, n - at < size ? n - at : size, code);
    if (q->absmax) return;
    nf4_nest(q, absmax, blocks);
    free(absmax);
}

CODEC_ENCODE(nf4) { put_all(dst, src, nf4_code); }
CODEC_ENCODE(fp4) { put_all(dst, src, fp4_code); }

static float scale_of(const quant *q, int64_t b)
{
    if (q->absmax) return q->absmax[b];
    return q->nested_map[q->code[b]] * q->nested_absmax[b / q->nested_block] + q->nested_offset;
}

CODEC_DECODE(nf4)
{
    const quant *q = t->q;
    const uint8_t *data = t->data;
    for (int64_t at = row * tensor_cols(t) + first, end = at + n; at < end;) {
        int64_t b = at / q->block, stop = (b + 1) * q->block < end ? (b + 1) * q->block : end;
        float scale = scale_of(q, b);
        for (; at < stop; at++) *dst++ = q->map[data[at / 2] >> (at % 2 ? 0 : 4) & 15] * scale;
    }
}

CODEC_DECODE(fp4) { nf4_decode(t, row, first, n, dst); } /* the levels are in the tensor */

CODEC_DEF(nf4, 2, 1)
CODEC_DEF(fp4, 2, 1)
