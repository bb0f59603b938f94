/* codec_int8.c -- the weights of LLM.int8 (Dettmers et al. 2022) as bitsandbytes stores them.
 *
 *   data   signed bytes, one an element, row after row
 *   scb    max |x| of each row
 *   q      x * (127 / scb) rounded, halves to even
 *   x'     (q * scb) * (1 / 127), in that order */
#include "tensor/codec.h"

#include <math.h>

CODEC_DECODE(int8)
{
    const int8_t *q = (const int8_t *)t->data + row * tensor_cols(t) + first;
    const float scb = t->q->scb[row];
    for (int64_t i = 0; i < n; i++) dst[i] = (float)q[i] * scb * 7.874015718698502e-3f;
}

CODEC_ENCODE(int8)
{
    const int64_t rows = tensor_rows(dst), cols = tensor_cols(dst);
    const float to_whole = 0x1.8p23f; /* adding it leaves a whole number, rounded as the unit rounds */
    int8_t *q = (int8_t *)dst->data;
    for (int64_t r = 0; r < rows; r++, src += cols, q += cols) {
        float peak = 0;
        for (int64_t i = 0; i < cols; i++) peak = fabsf(src[i]) > peak ? fabsf(src[i]) : peak;
        float inv = peak > 0 ? 127 / peak : 0;
        dst->q->scb[r] = peak;
        for (int64_t i = 0; i < cols; i++)
            q[i] = (int8_t)(codec_clamp(src[i] * inv, -127, 127) + to_whole - to_whole);
    }
}

CODEC_DEF(int8, 1, 1)
