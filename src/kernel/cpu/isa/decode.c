/* decode.c -- which decoder a type has, and those of plain elements and of the bitsandbytes types.
 *
 * A type without a decoder here goes through its codec: correct, slower. Elements may lie at any
 * address. The formulas are those of the codecs, rounding for rounding. */
#include "kernel/cpu/isa/decode.h"

#include "kernel/cpu/isa/codes.h"

static decode_fn *const decoders[DT_COUNT] = {
    [DT_F32] = decode_f32,   [DT_F16] = decode_f16,   [DT_BF16] = decode_bf16, [DT_NF4] = decode_nf4,
    [DT_FP4] = decode_nf4,   [DT_INT8] = decode_int8, [DT_Q4_0] = decode_q4_0, [DT_Q4_1] = decode_q4_1,
    [DT_Q5_0] = decode_q5_0, [DT_Q5_1] = decode_q5_1, [DT_Q8_0] = decode_q8_0, [DT_Q2_K] = decode_q2_k,
    [DT_Q3_K] = decode_q3_k, [DT_Q4_K] = decode_q4_k, [DT_Q5_K] = decode_q5_k, [DT_Q6_K] = decode_q6_k,
};

void row_decode(const tensor *t, int64_t row, int64_t first, int64_t n, float *dst)
{
    decode_fn *fn = decoders[t->type];
    (fn ? fn : dtype_table[t->type]->decode)(t, tensor_file_row(t, row), first, n, dst);
}

static const void *element(const tensor *t, int64_t row, int64_t first, size_t size)
{
    return (const char *)t->data + (size_t)(row * tensor_cols(t) + first) * size;
}

void decode_f32(const tensor *t, int64_t row, int64_t first, int64_t n, float *dst)
{
    memcpy(dst, element(t, row, first, sizeof *dst), (size_t)n * sizeof *dst);
}

void decode_f16(const tensor *t, int64_t row, int64_t first, int64_t n, float *dst)
{
    const char *p = element(t, row, first, 2);
    int64_t i = 0;
#if ISA_ID == 2
    for (; i + VL <= n; i += VL)
        v_store(dst + i, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(p + 2 * i))));
#elif ISA_ID == 1
    for (; i + VL <= n; i += VL)
        v_store(dst + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 2 * i))));
#elif ISA_ID == 3
    for (; i + VL <= n; i += VL) {
        float16x4_t v;
        memcpy(&v, p + 2 * i, sizeof v);
        v_store(dst + i, vcvt_f32_f16(v));
    }
#endif
    for (; i < n; i++) {
        uint16_t h;
        memcpy(&h, p + 2 * i, sizeof h);
        dst[i] = half_float(h);
    }
}

void decode_bf16(const tensor *t, int64_t row, int64_t first, int64_t n, float *dst)
{
    const char *p = element(t, row, first, 2);
    int64_t i = 0;
#if ISA_ID == 2
    for (; i + VL <= n; i += VL) {
        __m512i v = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(p + 2 * i)));
        v_store(dst + i, (vec)_mm512_slli_epi32(v, 16));
    }
#elif ISA_ID == 1
    for (; i + VL <= n; i += VL) {
        __m256i v = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(p + 2 * i)));
        v_store(dst + i, (vec)_mm256_slli_epi32(v, 16));
    }
#elif ISA_ID == 3
    for (; i + VL <= n; i += VL) {
        uint16x4_t v;
        memcpy(&v, p + 2 * i, sizeof v);
        v_store(dst + i, (vec)vshlq_n_u32(vmovl_u16(v), 16));
    }
#endif
    for (; i < n; i++) {
        uint16_t h;
        memcpy(&h, p + 2 * i, sizeof h);
        dst[i] = bf16_to_f32(h);
    }
}

void decode_int8(const tensor *t, int64_t row, int64_t first, int64_t n, float *dst)
{
    const int8_t *q = element(t, row, first, 1);
    const float scb = t->q->scb[row], unit = 7.874015718698502e-3f; /* 1 / 127 */
    const codes sign = (codes){0} + 128;
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) {
        codes c = codes_load(q + i) ^ sign;
        for (int j = 0; j < 16 / VL; j++)
            v_store(dst + i + j * VL, v_float(codes_wide(c, j) - 128) * v_set(scb) * v_set(unit));
    }
    for (; i < n; i++) dst[i] = (float)q[i] * scb * unit;
}

/* The levels of sixteen codes 0..15, scaled. */
INLINE void levels(float *dst, codes c, const float *map, float scale)
{
#if ISA_ID == 2
    v_store(dst, _mm512_permutexvar_ps((__m512i)codes_wide(c, 0), v_load(map)) * v_set(scale));
#elif ISA_ID == 1
    const vec lo = v_load(map), hi = v_load(map + 8);
    for (int j = 0; j < 2; j++) {
        __m256i i = (__m256i)codes_wide(c, j);
        vec v = _mm256_blendv_ps(_mm256_permutevar8x32_ps(lo, i), _mm256_permutevar8x32_ps(hi, i),
                                 _mm256_castsi256_ps(_mm256_slli_epi32(i, 28)));
        v_store(dst + j * VL, v * v_set(scale));
    }
#elif ISA_ID == 3
    /* Bytes out of a table of 64: byte b of level c lies at 4 c + b. */
    const uint8x16x4_t table = {
        {codes_load(map), codes_load(map + 4), codes_load(map + 8), codes_load(map + 12)}};
    const codes first = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
    const codes byte = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3};
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        const codes at = (vqtbl1q_u8(c, first + (uint8_t)(4 * j)) << 2) + byte;
        v_store(dst + j * VL, (vec)vqtbl4q_u8(table, at) * v_set(scale));
    }
#else
    for (int j = 0; j < 16; j++) dst[j] = map[c[j]] * scale;
#endif
}

typedef uint64_t words __attribute__((vector_size(16)));

/* Elements [at, stop) of the flat tensor, within one block. */
INLINE float *nf4_run(const quant *q, const uint8_t *data, int64_t at, int64_t stop, float scale, float *dst)
{
    if (at % 2 && at < stop) *dst++ = q->map[data[at++ / 2] & 15] * scale;
    for (; at + 16 <= stop; at += 16, dst += 16) {
        uint64_t word; /* not straight into half a vector: the load after that store would stall */
        memcpy(&word, data + at / 2, sizeof word);
        const codes b = (codes)(words){word, 0}, high = b >> 4, low = b & 15;
        levels(dst,
               __builtin_shufflevector(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
               q->map, scale);
    }
    for (; at < stop; at++) *dst++ = q->map[data[at / 2] >> (at % 2 ? 0 : 4) & 15] * scale;
    return dst;
}

void decode_nf4(const tensor *t, int64_t row, int64_t first, int64_t n, float *dst)
{
    const quant *q = t->q;
    int64_t at = row * tensor_cols(t) + first, end = at + n, b = at / q->block, stop = (b + 1) * q->block;
    int64_t group = q->absmax ? 0 : b / q->nested_block,
            next = (group + 1) * q->nested_block; /* divided once */
    for (; at < end; at = stop, stop += q->block, b++) {
        if (stop > end) stop = end;
        if (b == next) {
            group++;
            next += q->nested_block;
        }
        float scale =
            q->absmax ? q->absmax[b] : q->nested_map[q->code[b]] * q->nested_absmax[group] + q->nested_offset;
        dst = nf4_run(q, t->data, at, stop, scale, dst);
    }
}
