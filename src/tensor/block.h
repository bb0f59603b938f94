/* block.h -- the bytes of the GGUF block types, as structs that may lie at any address.
 *
 * A row is a run of blocks; all numbers are little-endian and `d`, `m`, `dmin` are IEEE half floats.
 * Types *_0 are x = d q, types *_1 are x = d q + m, over 32 elements:
 *
 *   q4_0  d qs[16]            q - 8    qs[i]: element i in the low nibble, element i + 16 in the high
 *   q4_1  d m qs[16]
 *   q5_0  d qh[4] qs[16]      q - 16   bit i of the 32-bit word qh is the fifth bit of element i
 *   q5_1  d m qh[4] qs[16]
 *   q8_0  d qs[32]            signed bytes
 *
 * Types *_k hold 256 elements in sub-blocks whose integer scales share d (and their minima dmin):
 *
 *   q2_k  scales[16] qs[64] d dmin           sub-blocks of 16: x = (d sc) q - (dmin mn)
 *   q3_k  hmask[32] qs[64] scales[12] d      sub-blocks of 16: x = (d sc) q
 *   q4_k  d dmin scales[12] qs[128]          sub-blocks of 32: x = (d sc) q - (dmin mn)
 *   q5_k  d dmin scales[12] qh[32] qs[128]   likewise
 *   q6_k  ql[128] qh[64] scales[16] d        sub-blocks of 16: x = (d sc) q
 *
 * codec_k.c draws how the k types pack their bits. Layouts: ggml's quantized types, as GGUF files
 * hold them. */
#ifndef TENSOR_BLOCK_H
#define TENSOR_BLOCK_H

#include <assert.h>
#include <stdint.h>

enum { Q_BLOCK = 32, K_BLOCK = 256 };

#define BLOCK struct __attribute__((packed))

typedef BLOCK block_q4_0 { uint16_t d; uint8_t qs[16]; } block_q4_0;
typedef BLOCK block_q4_1 { uint16_t d, m; uint8_t qs[16]; } block_q4_1;
typedef BLOCK block_q5_0 { uint16_t d; uint8_t qh[4], qs[16]; } block_q5_0;
typedef BLOCK block_q5_1 { uint16_t d, m; uint8_t qh[4], qs[16]; } block_q5_1;
typedef BLOCK block_q8_0 { uint16_t d; int8_t qs[32]; } block_q8_0;

typedef BLOCK block_q2_k { uint8_t scales[16], qs[64]; uint16_t d, dmin; } block_q2_k;
typedef BLOCK block_q3_k { uint8_t hmask[32], qs[64], scales[12]; uint16_t d; } block_q3_k;
typedef BLOCK block_q4_k { uint16_t d, dmin; uint8_t scales[12], qs[128]; } block_q4_k;
typedef BLOCK block_q5_k { uint16_t d, dmin; uint8_t scales[12], qh[32], qs[128]; } block_q5_k;
typedef BLOCK block_q6_k { uint8_t ql[128], qh[64]; int8_t scales[16]; uint16_t d; } block_q6_k;

#undef BLOCK

static_assert(sizeof(block_q4_0) == 18, "q4_0");
static_assert(sizeof(block_q4_1) == 20, "q4_1");
static_assert(sizeof(block_q5_0) == 22, "q5_0");
static_assert(sizeof(block_q5_1) == 24, "q5_1");
static_assert(sizeof(block_q8_0) == 34, "q8_0");
static_assert(sizeof(block_q2_k) == 84, "q2_k");
static_assert(sizeof(block_q3_k) == 110, "q3_k");
static_assert(sizeof(block_q4_k) == 144, "q4_k");
static_assert(sizeof(block_q5_k) == 176, "q5_k");
static_assert(sizeof(block_q6_k) == 210, "q6_k");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are read in place");

#endif
