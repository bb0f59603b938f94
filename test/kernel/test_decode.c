/* The fast row decoders against the codecs, bit for bit: every weight type, ranges that start and end
 * anywhere, rows in the file's order and in the rotary pairs' order, on every instruction set.
 *
 * Stored bytes are random, so every code occurs; scales are kept finite, because a NaN may change its payload
 * on the way through the processor's half-float instructions. */
#include "base/cpu.h"
#include "base/rng.h"
#include "kernel/device.h"
#include "tensor/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef void decode_fn(const tensor *t, int64_t row, int64_t first, int64_t n, float *dst);
decode_fn row_decode_generic;
#if defined(__x86_64__)
decode_fn row_decode_avx2, row_decode_avx512, row_decode_avx512vnni;
#elif defined(__aarch64__)
decode_fn row_decode_neon;
#endif

static decode_fn *const decoders[ISA_COUNT] = {
    [ISA_GENERIC] = row_decode_generic,
#if defined(__x86_64__)
    [ISA_AVX2] = row_decode_avx2,
    [ISA_AVX512] = row_decode_avx512,
    [ISA_AVX512VNNI] = row_decode_avx512vnni,
#elif defined(__aarch64__)
    [ISA_NEON] = row_decode_neon,
#endif
};

/* A half float that is not NaN or infinite: the exponent's top bit clear. */
static void tame_half(uint16_t *h) { *h &= 0xbfff; }

static void random_bytes(void *p, size_t n, uint64_t stream)
{
    unsigned char *b = p;
    for (size_t k = 0; k < n; k++) b[k] = (unsigned char)rng_of(rng_key(5, stream), k);
}

#define TAME(TYPE, FIELD)                                               \
    for (size_t b = 0; b < t->bytes / sizeof(TYPE); b++) {              \
        uint16_t h;                                                     \
        memcpy(&h, data + b * sizeof(TYPE) + offsetof(TYPE, FIELD), 2); \
        tame_half(&h);                                                  \
        memcpy(data + b * sizeof(TYPE) + offsetof(TYPE, FIELD), &h, 2); \
    }

static void tame(const tensor *t)
{
    char *data = (char *)t->data;
    switch (t->type) {
    case DT_F16:
        for (size_t k = 0; k < t->bytes; k += 2) tame_half((uint16_t *)(data + k));
        break;
    case DT_BF16:
        for (size_t k = 0; k < t->bytes; k += 2) tame_half((uint16_t *)(data + k));
        break;
    case DT_F32:
        for (size_t k = 3; k < t->bytes; k += 4) data[k] = (char)(data[k] & 0xbf);
        break;
    case DT_Q4_0:
        TAME(block_q4_0, d) break;
    case DT_Q4_1:
        TAME(block_q4_1, d) TAME(block_q4_1, m) break;
    case DT_Q5_0:
        TAME(block_q5_0, d) break;
    case DT_Q5_1:
        TAME(block_q5_1, d) TAME(block_q5_1, m) break;
    case DT_Q8_0:
        TAME(block_q8_0, d) break;
    case DT_Q2_K:
        TAME(block_q2_k, d) TAME(block_q2_k, dmin) break;
    case DT_Q3_K:
        TAME(block_q3_k, d) break;
    case DT_Q4_K:
        TAME(block_q4_k, d) TAME(block_q4_k, dmin) break;
    case DT_Q5_K:
        TAME(block_q5_k, d) TAME(block_q5_k, dmin) break;
    case DT_Q6_K:
        TAME(block_q6_k, d) break;
    default:
        break;
    }
}

static void random_scales(const tensor *t)
{
    quant *q = (quant *)t->q;
    int64_t blocks = q->block ? (tensor_count(t) + q->block - 1) / q->block : 0;
    for (int64_t b = 0; q->absmax && b < blocks; b++) q->absmax[b] = (float)rng_normal(3, (uint64_t)b);
    for (int64_t b = 0; q->code && b < blocks; b++) {
        q->code[b] = (uint8_t)rng_of(4, (uint64_t)b);
        q->nested_absmax[b / q->nested_block] = (float)rng_unit(5, (uint64_t)(b / q->nested_block));
    }
    q->nested_offset = 0.7f;
    for (int64_t r = 0; q->scb && r < t->dim[0]; r++) q->scb[r] = (float)rng_normal(6, (uint64_t)r);
}

static void check_ranges(decode_fn *decode, const tensor *t, const char *isa)
{
    enum { GUARD = 16 };
    const int64_t cols = tensor_cols(t);
    float *want = malloc((size_t)cols * sizeof *want),
          *got = malloc((size_t)(cols + 2 * GUARD) * sizeof *got);
    for (int trial = 0; trial < 300; trial++) {
        uint64_t key = rng_key(8, (uint64_t)trial);
        int64_t row = (int64_t)(rng_of(key, 0) % (uint64_t)t->dim[0]);
        int64_t first = (int64_t)(rng_of(key, 1) % (uint64_t)cols);
        int64_t n = (int64_t)(rng_of(key, 2) % (uint64_t)(cols - first + 1));
        if (trial < 20) first = 0, n = cols;
        tensor_decode(t, row, first, n, want);
        memset(got, 0xa5, (size_t)(cols + 2 * GUARD) * sizeof *got);
        decode(t, row, first, n, got + GUARD);
        if (memcmp(want, got + GUARD, (size_t)n * sizeof *want))
            fail_msg("%s, %s: row %lld [%lld, +%lld) differs", isa, dtype_name(t->type), (long long)row,
                     (long long)first, (long long)n);
        for (int k = 0; k < GUARD; k++) {
            const unsigned char *a = (const unsigned char *)(got + k),
                                *b = (const unsigned char *)(got + GUARD + n + k);
            if (*a != 0xa5 || *b != 0xa5)
                fail_msg("%s, %s: written outside the range", isa, dtype_name(t->type));
        }
    }
    free(want);
    free(got);
}

static void check_type(dtype type, int64_t cols, tensor_absmax absmax)
{
    tensor t;
    err e = {0};
    if (tensor_alloc(&t, type, 24, cols, absmax, &e)) fail_msg("%s", e.msg);
    random_bytes((void *)t.data, t.bytes, (uint64_t)type);
    tame(&t);
    if (t.q) random_scales(&t);
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!cpu_has((cpu_isa)isa)) continue;
        t.pair_dim = 0;
        check_ranges(decoders[isa], &t, cpu_isa_name((cpu_isa)isa));
        t.pair_dim = 8;
        check_ranges(decoders[isa], &t, cpu_isa_name((cpu_isa)isa));
    }
    tensor_release(&t);
}

static void every_type(void **state)
{
    (void)state;
    int types = 0;
    for (int type = 0; type < DT_COUNT; type++) {
        const dtype_info *d = dtype_table[type];
        if (!d->is_weight) continue;
        types++;
        check_type((dtype)type, 512, ABSMAX_DOUBLE);
        if (512 % d->per_block == 0 && d->per_block < 256) check_type((dtype)type, 3 * 32, ABSMAX_DOUBLE);
        if (d->per_block == 1 || type == DT_NF4 || type == DT_FP4) check_type((dtype)type, 37, ABSMAX_DOUBLE);
    }
    assert_true(types >= 16);
}

static void plain_absmax(void **state)
{
    (void)state;
    check_type(DT_NF4, 96, ABSMAX_PLAIN);
    check_type(DT_FP4, 96, ABSMAX_PLAIN);
}

/* Rows that cross a group of nested scales. */
static void long_rows(void **state)
{
    (void)state;
    check_type(DT_NF4, 64 * 300, ABSMAX_DOUBLE);
    check_type(DT_FP4, 64 * 100 + 32, ABSMAX_DOUBLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_type), cmocka_unit_test(plain_absmax),
                                       cmocka_unit_test(long_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
