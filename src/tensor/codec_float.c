/* codec_float.c -- plain elements: f32, f16, bf16, f64 and integers, one after the other.
 *
 * Files may hold them at any address, so elements are copied out before they are read. Integers and
 * doubles become the nearest float; they are only read. */
#include "tensor/codec.h"

#include <string.h>

#define ELEMENTS(NAME, TYPE, FLOAT)                                                                          \
    CODEC_DECODE(NAME)                                                                                       \
    {                                                                                                        \
        const char *at = (const char *)t->data + (size_t)(row * tensor_cols(t) + first) * sizeof(TYPE);      \
        for (int64_t i = 0; i < n; i++) {                                                                    \
            TYPE v;                                                                                          \
            memcpy(&v, at + (size_t)i * sizeof v, sizeof v);                                                 \
            dst[i] = FLOAT(v);                                                                               \
        }                                                                                                    \
    }

ELEMENTS(f32, float, )
ELEMENTS(f16, uint16_t, f16_to_f32)
ELEMENTS(bf16, uint16_t, bf16_to_f32)
ELEMENTS(f64, double, (float))
ELEMENTS(i8, int8_t, (float))
ELEMENTS(u8, uint8_t, (float))
ELEMENTS(i16, int16_t, (float))
ELEMENTS(i32, int32_t, (float))
ELEMENTS(i64, int64_t, (float))

CODEC_ENCODE(f32) { memcpy((void *)dst->data, src, dst->bytes); }

CODEC_ENCODE(f16)
{
    uint16_t *to = (uint16_t *)dst->data;
    for (int64_t i = 0, n = tensor_count(dst); i < n; i++) to[i] = f32_to_f16(src[i]);
}

CODEC_ENCODE(bf16)
{
    uint16_t *to = (uint16_t *)dst->data;
    for (int64_t i = 0, n = tensor_count(dst); i < n; i++) to[i] = f32_to_bf16(src[i]);
}

#define PLAIN(NAME, SIZE, ...)                                                                               \
    const dtype_info dtype_def_##NAME = {.name = #NAME, .per_block = 1, .block_bytes = SIZE, __VA_ARGS__};

PLAIN(f32, 4, .is_weight = true, .decode = f32_decode, .encode = f32_encode)
PLAIN(f16, 2, .is_weight = true, .decode = f16_decode, .encode = f16_encode)
PLAIN(bf16, 2, .is_weight = true, .decode = bf16_decode, .encode = bf16_encode)
PLAIN(f64, 8, .is_weight = true, .decode = f64_decode)
PLAIN(i8, 1, .decode = i8_decode)
PLAIN(u8, 1, .decode = u8_decode)
PLAIN(i16, 2, .decode = i16_decode)
PLAIN(i32, 4, .decode = i32_decode)
PLAIN(i64, 8, .decode = i64_decode)
const dtype_info dtype_def_bool = {.name = "bool", .per_block = 1, .block_bytes = 1};
