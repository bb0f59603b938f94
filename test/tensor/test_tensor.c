/* test_tensor.c -- the table of types, the half precisions, row order, storage, and conversion. */
#include "tensors.h"

#include <stdint.h>

/* ---- the table ------------------------------------------------------------------------------ */

static void table_is_whole(void **state)
{
    (void)state;
    for (dtype t = 0; t < DT_COUNT; t++) {
        const dtype_info *d = dtype_table[t];
        assert_non_null(d->name);
        assert_int_equal(dtype_find(d->name), t);
        assert_string_equal(dtype_name(t), d->name);
        assert_true(d->per_block > 0 && d->block_bytes > 0);
        assert_true(!d->is_weight || d->decode);
        assert_true(!d->is_quantized || (d->is_weight && d->encode));
    }
    assert_int_equal(dtype_find("Q4_K"), DT_Q4_K);
    assert_int_equal(dtype_find("q4_k_m"), DT_COUNT);
    assert_int_equal(dtype_find(""), DT_COUNT);
    assert_false(dtype_table[DT_I64]->is_weight || dtype_table[DT_BOOL]->is_weight);
}

static void bytes_of_rows(void **state)
{
    (void)state;
    assert_int_equal(dtype_bytes(DT_F32, 10), 40);
    assert_int_equal(dtype_bytes(DT_F64, 3), 24);
    assert_int_equal(dtype_bytes(DT_BOOL, 3), 3);
    assert_int_equal(dtype_bytes(DT_Q4_0, 64), 36);
    assert_int_equal(dtype_bytes(DT_Q4_0, 63), 0);
    assert_int_equal(dtype_bytes(DT_Q6_K, 512), 420);
    assert_int_equal(dtype_bytes(DT_Q6_K, 128), 0);
    assert_int_equal(dtype_bytes(DT_NF4, 64), 32);
    assert_int_equal(dtype_bytes(DT_FP4, 65), 33);
    assert_int_equal(dtype_bytes(DT_INT8, 7), 7);
    assert_int_equal(dtype_bytes(DT_F32, -4), 0);
    assert_int_equal(dtype_bytes(DT_F64, INT64_MAX), 0);
    assert_int_equal(dtype_bytes(DT_NF4, INT64_MAX), INT64_MAX / 2 + 1);
}

/* ---- half precisions ------------------------------------------------------------------------ */

static float from_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* The value of a half from its fields, by the definition. */
static double half_value(uint16_t h)
{
    int e = h >> 10 & 31, m = h & 1023;
    double v = e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);
    return h & 0x8000 ? -v : v;
}

static void every_half_there_and_back(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float f = f16_to_f32((uint16_t)h);
        if ((h & 0x7c00) == 0x7c00) {
            if (h & 0x3ff) {
                assert_true(isnan(f) && float_bits(f) & 0x400000 && !!signbit(f) == h >> 15);
                assert_int_equal(f32_to_f16(f), h | 0x200);
            } else {
                assert_true(isinf(f) && f32_to_f16(f) == h);
            }
            continue;
        }
        assert_true((double)f == half_value((uint16_t)h) && !!signbit(f) == h >> 15);
        assert_int_equal(f32_to_f16(f), h);
    }
    /* A NaN whose payload would be cut off stays a NaN. */
    assert_int_equal(f32_to_f16(from_bits(0x7f800001)), 0x7e00);
    assert_int_equal(f32_to_f16(from_bits(0xff802000)), 0xfe01);
    assert_int_equal(f32_to_bf16(from_bits(0x7f800001)), 0x7fc0);
    assert_int_equal(f32_to_bf16(from_bits(0xff800001)), 0xffc0);
}

/* Between each half and the next: a quarter, half, three quarters of the way, and beside half. */
static void halves_round_to_even(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x7c00; h++) {
        double a = half_value((uint16_t)h), b = h < 0x7bff ? half_value((uint16_t)(h + 1)) : 65536;
        float middle = (float)((a + b) / 2); /* exact: floats have 13 more bits */
        uint16_t even = (uint16_t)(h & 1 ? h + 1 : h);
        const struct { float v; uint32_t want; } cases[] = {
            {(float)(a + (b - a) / 4), h}, {nextafterf(middle, 0), h}, {middle, even},
            {nextafterf(middle, 1e9f), h + 1}, {(float)(a + (b - a) * 3 / 4), h + 1}};
        for (int i = 0; i < 5; i++) {
            assert_int_equal(f32_to_f16(cases[i].v), cases[i].want);
            assert_int_equal(f32_to_f16(-cases[i].v), cases[i].want | 0x8000);
        }
    }
    assert_int_equal(f32_to_f16(1e30f), 0x7c00);
    assert_int_equal(f32_to_f16(-1e-30f), 0x8000);
}

static void every_bf16_there_and_back(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float f = bf16_to_f32((uint16_t)h);
        bool nan = (h & 0x7fff) > 0x7f80;
        assert_int_equal(float_bits(f), h << 16);
        assert_int_equal(f32_to_bf16(f), nan ? h | 0x40 : h);
        if (nan || (h & 0x7fff) == 0x7f80) continue;
        assert_int_equal(f32_to_bf16(from_bits(h << 16 | 0x7fff)), h);
        assert_int_equal(f32_to_bf16(from_bits(h << 16 | 0x8000)), h + (h & 1));
        assert_int_equal(f32_to_bf16(from_bits(h << 16 | 0x8001)), h + 1);
    }
}

/* ---- rows ----------------------------------------------------------------------------------- */

static void shapes(void **state)
{
    (void)state;
    tensor t = {.type = DT_F32, .ndim = 3, .dim = {2, 3, 5, 1}};
    assert_int_equal(tensor_rows(&t), 6);
    assert_int_equal(tensor_cols(&t), 5);
    assert_int_equal(tensor_count(&t), 30);
    tensor v = {.type = DT_F32, .ndim = 1, .dim = {7, 1, 1, 1}};
    assert_int_equal(tensor_rows(&v), 1);
    assert_int_equal(tensor_cols(&v), 7);
    tensor scalar = {.type = DT_F32, .dim = {1, 1, 1, 1}};
    assert_int_equal(tensor_count(&scalar), 1);
}

/* Two heads of six rows; row r of the head holds r's own number, laid out as pairs. */
static void rotary_pairs_are_undone(void **state)
{
    (void)state;
    static const float file[12] = {0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11};
    tensor t = view_of(DT_F32, 12, 1, file);
    t.pair_dim = 6;
    for (int r = 0; r < 12; r++) {
        float v;
        tensor_decode(&t, r, 0, 1, &v);
        assert_true(v == (float)r);
        assert_true(*(const float *)tensor_row(&t, r) == (float)r);
    }
    tensor q = view_of(DT_Q8_0, 12, 32, file);
    q.pair_dim = 6;
    assert_ptr_equal(tensor_row(&q, 3), (const char *)file + 34);
    tensor n = view_of(DT_NF4, 12, 2, file);
    n.pair_dim = 6;
    assert_ptr_equal(tensor_row(&n, 7), (const char *)file + 8);
}

static void plain_elements(void **state)
{
    (void)state;
    static const struct { _Alignas(8) char gap; double f64[2]; } __attribute__((packed)) d = {0, {1.1, -2}};
    static const int64_t i64[2] = {-5, (1LL << 40) + 1};
    static const int32_t i32[2] = {-7, 1 << 30};
    static const int16_t i16[2] = {-300, 12};
    static const int8_t i8[2] = {-128, 127};
    static const uint8_t u8[2] = {255, 1};
    const struct { dtype type; const void *data; float a, b; } cases[] = {
        {DT_F64, (const char *)&d + 1, 1.1f, -2}, {DT_I64, i64, -5, 0x1p40f}, {DT_I32, i32, -7, 0x1p30f},
        {DT_I16, i16, -300, 12}, {DT_I8, i8, -128, 127}, {DT_U8, u8, 255, 1}};
    for (int i = 0; i < 6; i++) {
        tensor t = view_of(cases[i].type, 1, 2, cases[i].data);
        float v[2];
        tensor_decode(&t, 0, 0, 2, v);
        assert_true(v[0] == cases[i].a && v[1] == cases[i].b);
    }
}

/* Any range of a row is the same as that part of the whole row. */
static void ranges_agree_with_rows(void **state)
{
    (void)state;
    const int64_t rows = 3, cols = 768;
    float *x = normals(rows * cols, 1, 3), part[768];
    for (dtype t = 0; t < DT_COUNT; t++) {
        if (!dtype_table[t]->encode) continue;
        tensor q = allocated(t, rows, cols, ABSMAX_DOUBLE);
        dtype_table[t]->encode(&q, x);
        float *y = decoded(&q);
        for (uint64_t i = 0; i < 60; i++) {
            uint64_t key = rng_key(5, i);
            int64_t r = (int64_t)(rng_of(key, 0) % 3), first = (int64_t)(rng_of(key, 1) % (uint64_t)cols);
            int64_t n = (int64_t)(rng_of(key, 2) % (uint64_t)(cols - first + 1));
            tensor_decode(&q, r, first, n, part);
            assert_memory_equal(part, y + r * cols + first, (size_t)n * sizeof *part);
        }
        free(y);
        tensor_release(&q);
    }
    free(x);
}

/* ---- storage -------------------------------------------------------------------------------- */

static void sizes_are_as_promised(void **state)
{
    (void)state;
    tensor t = allocated(DT_NF4, 300, 100, ABSMAX_DOUBLE); /* 469 blocks */
    assert_int_equal(t.bytes, 15000);
    assert_int_equal(tensor_bytes(&t), 15000 + 469 + 2 * 4);
    assert_true(t.q->code && !t.q->absmax && t.q->block == 64 && t.q->nested_block == 256);
    tensor_release(&t);
    assert_null(t.data);
    tensor_release(&t); /* once more does nothing */
    t = allocated(DT_FP4, 300, 100, ABSMAX_PLAIN);
    assert_int_equal(tensor_bytes(&t), 15000 + 469 * 4);
    assert_true(!t.q->code && t.q->absmax);
    tensor_release(&t);
    t = allocated(DT_INT8, 5, 7, ABSMAX_DOUBLE);
    assert_int_equal(tensor_bytes(&t), 35 + 5 * 4);
    tensor_release(&t);
    t = allocated(DT_Q6_K, 3, 512, ABSMAX_DOUBLE);
    assert_int_equal(tensor_bytes(&t), 3 * 420);
    assert_true(!t.q && (uintptr_t)t.data % 64 == 0);
    tensor_release(&t);
}

static void refuses_what_cannot_be(void **state)
{
    (void)state;
    const struct { dtype t; int64_t rows, cols; int code; const char *says; } cases[] = {
        {DT_Q4_K, 4, 128, E_USAGE, "q4_k needs rows of a multiple of 256"},
        {DT_Q8_0, 4, 33, E_USAGE, "q8_0 needs rows of a multiple of 32"},
        {DT_F32, 0, 5, E_USAGE, "empty"},
        {DT_F32, 5, -1, E_USAGE, "empty"},
        {DT_F32, INT64_MAX / 2, 16, E_MEMORY, "memory"},
        {DT_F32, 1LL << 45, 1LL << 10, E_MEMORY, "memory"},
        {DT_F32, 1LL << 31, 1LL << 31, E_MEMORY, "memory"}}; /* its 2^64 bytes are 0 in a size_t */
    for (int i = 0; i < 7; i++) {
        tensor t;
        err e = {0};
        assert_int_equal(tensor_alloc(&t, cases[i].t, cases[i].rows, cases[i].cols, ABSMAX_DOUBLE, &e),
                         cases[i].code);
        assert_non_null(strstr(e.msg, cases[i].says));
        assert_null(t.data);
    }
}

/* ---- conversion ----------------------------------------------------------------------------- */

/* What the reader of a converted tensor sees of its scales must be the same too. */
static void assert_same_tensor(const tensor *a, const tensor *b)
{
    assert_int_equal(a->bytes, b->bytes);
    assert_memory_equal(a->data, b->data, a->bytes);
    if (!a->q) return;
    int64_t blocks = a->q->block ? (tensor_count(a) + a->q->block - 1) / a->q->block : 0;
    if (a->q->absmax) assert_memory_equal(a->q->absmax, b->q->absmax, (size_t)blocks * sizeof(float));
    if (a->q->scb) assert_memory_equal(a->q->scb, b->q->scb, (size_t)tensor_rows(a) * sizeof(float));
    if (!a->q->code) return;
    assert_memory_equal(a->q->code, b->q->code, (size_t)blocks);
    size_t nested = (size_t)(blocks + 255) / 256 * sizeof(float);
    assert_memory_equal(a->q->nested_absmax, b->q->nested_absmax, nested);
    assert_true(a->q->nested_offset == b->q->nested_offset);
}

static void convert_case(dtype to, int64_t rows, int64_t cols, tensor_absmax absmax, int64_t pair_dim)
{
    float *x = normals(rows * cols, 0.05, 11);
    uint16_t *half = xmalloc((size_t)(rows * cols) * sizeof *half);
    for (int64_t i = 0; i < rows * cols; i++) half[i] = f32_to_f16(x[i]);
    tensor src = view_of(DT_F16, rows, cols, half);
    src.pair_dim = pair_dim;
    float *whole = decoded(&src); /* in the order of rows, so pairs are undone */

    tensor a = allocated(to, rows, cols, absmax), b = allocated(to, rows, cols, absmax);
    err e = {0};
    assert_int_equal(tensor_convert(&a, &src, &e), OK);
    dtype_table[to]->encode(&b, whole);
    assert_same_tensor(&a, &b);
    tensor_release(&a);
    tensor_release(&b);
    free(whole);
    free(half);
    free(x);
}

static void conversion_equals_encoding_the_whole(void **state)
{
    (void)state;
    for (dtype t = 0; t < DT_COUNT; t++) {
        if (!dtype_table[t]->encode) continue;
        convert_case(t, 96, 1024, ABSMAX_DOUBLE, 0); /* more than one piece */
        convert_case(t, 96, 1024, ABSMAX_PLAIN, 32);
        convert_case(t, 4, 256, ABSMAX_DOUBLE, 2);
    }
    /* Rows that are no whole blocks of 64, or no whole bytes; pieces then end inside rows. */
    for (dtype t = DT_NF4; t <= DT_INT8; t++) {
        convert_case(t, 777, 175, ABSMAX_DOUBLE, 0);
        convert_case(t, 778, 175, ABSMAX_PLAIN, 2);
        convert_case(t, 1, 1, ABSMAX_DOUBLE, 0);
    }
    convert_case(DT_INT8, 2, 70000, ABSMAX_PLAIN, 0); /* a row larger than a piece */
}

static void conversion_from_quantized(void **state)
{
    (void)state;
    float *x = normals(8 * 512, 1, 12);
    tensor q4 = allocated(DT_Q4_K, 8, 512, ABSMAX_PLAIN), nf4 = allocated(DT_NF4, 8, 512, ABSMAX_DOUBLE);
    tensor f32 = allocated(DT_F32, 8, 512, ABSMAX_PLAIN);
    err e = {0};
    dtype_table[DT_Q4_K]->encode(&q4, x);
    assert_int_equal(tensor_convert(&f32, &q4, &e), OK);
    float *y = decoded(&q4);
    assert_memory_equal(f32.data, y, f32.bytes);
    assert_int_equal(tensor_convert(&nf4, &q4, &e), OK);
    float *z = decoded(&nf4);
    assert_true(relative_rmse(y, z, 8 * 512) < 0.1);
    free(x);
    free(y);
    free(z);
    tensor_release(&q4);
    tensor_release(&nf4);
    tensor_release(&f32);
}

static void conversion_refuses(void **state)
{
    (void)state;
    static const int64_t numbers[4];
    tensor src = view_of(DT_I64, 1, 4, numbers), dst = allocated(DT_F32, 1, 4, ABSMAX_PLAIN);
    err e = {0};
    assert_int_equal(tensor_convert(&dst, &src, &e), E_UNSUPPORTED);
    assert_string_equal(e.msg, "i64 cannot be converted to f32");
    tensor d64 = allocated(DT_F64, 1, 4, ABSMAX_PLAIN);
    e = (err){0};
    assert_int_equal(tensor_convert(&d64, &dst, &e), E_UNSUPPORTED);
    tensor_release(&dst);
    tensor_release(&d64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_whole),
        cmocka_unit_test(bytes_of_rows),
        cmocka_unit_test(every_half_there_and_back),
        cmocka_unit_test(halves_round_to_even),
        cmocka_unit_test(every_bf16_there_and_back),
        cmocka_unit_test(shapes),
        cmocka_unit_test(rotary_pairs_are_undone),
        cmocka_unit_test(plain_elements),
        cmocka_unit_test(ranges_agree_with_rows),
        cmocka_unit_test(sizes_are_as_promised),
        cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(conversion_equals_encoding_the_whole),
        cmocka_unit_test(conversion_from_quantized),
        cmocka_unit_test(conversion_refuses),
    };
    return cmocka_run_group_tests_name("tensor", tests, NULL, NULL);
}
