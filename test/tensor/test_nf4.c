/* test_nf4.c -- NF4, FP4 and INT8 against recordings of bitsandbytes, the published tables, and ties.
 *
 * Decoding has to be equal to the bit. Codes too, but for the two zeros of FP4 and for the 8-bit codes
 * of scales, where the CPU quantizer of bitsandbytes is not exact (test/golden/codec_bnb.py). */
#include "tensor/dynamic.h"
#include "tensors.h"

static float *halves_to_floats(uint16_t *h, int64_t n)
{
    float *x = xmalloc((size_t)n * sizeof *x);
    for (int64_t i = 0; i < n; i++) x[i] = f16_to_f32(h[i]);
    free(h);
    return x;
}

/* Codes compare as levels: FP4 has two zeros. */
static void assert_same_levels(const tensor *t, const uint8_t *want, int64_t bytes)
{
    const uint8_t *got = t->data;
    assert_int_equal(t->bytes, bytes);
    for (int64_t i = 0; i < 2 * bytes; i++) {
        int shift = i % 2 ? 0 : 4;
        if (t->q->map[got[i / 2] >> shift & 15] != t->q->map[want[i / 2] >> shift & 15])
            fail_msg("element %lld: code %d, recorded %d", (long long)i, got[i / 2] >> shift & 15,
                     want[i / 2] >> shift & 15);
    }
}

typedef struct four_bits {
    int32_t *shape;
    float   *x, *absmax, *back;
    uint8_t *packed;
    int64_t  blocks, bytes, tail; /* tail: how many values, the last ones, back holds */
} four_bits;

static four_bits four_bits_read(record *r)
{
    four_bits f;
    int64_t n;
    f.shape = record_next(r, sizeof *f.shape, &n);
    uint16_t *halves = record_next(r, sizeof *halves, &n);
    f.x = halves_to_floats(halves, n);
    f.packed = record_next(r, 1, &f.bytes);
    f.absmax = record_next(r, sizeof(float), &f.blocks);
    f.back = record_next(r, sizeof(float), &f.tail);
    return f;
}

static void four_bits_free(four_bits *f)
{
    free(f->shape);
    free(f->x);
    free(f->packed);
    free(f->absmax);
    free(f->back);
}

static void assert_decodes_to(const tensor *t, const four_bits *f, const char *name)
{
    float *y = decoded(t);
    assert_same_floats(y + tensor_count(t) - f->tail, f->back, f->tail, name);
    free(y);
}

static void four_bits_like_recorded(void **state)
{
    (void)state;
    static const char *const names[] = {"nf4_plain", "nf4_tail", "nf4_odd",
                                        "fp4_plain", "fp4_tail", "fp4_odd"};
    for (int i = 0; i < 6; i++) {
        record r = record_open(names[i]);
        four_bits f = four_bits_read(&r);
        tensor t = allocated(i < 3 ? DT_NF4 : DT_FP4, f.shape[0], f.shape[1], ABSMAX_PLAIN);
        dtype_table[t.type]->encode(&t, f.x);
        assert_same_levels(&t, f.packed, f.bytes);
        assert_memory_equal(t.q->absmax, f.absmax, (size_t)f.blocks * sizeof(float));
        memcpy((void *)t.data, f.packed, t.bytes);
        assert_decodes_to(&t, &f, names[i]);
        record_close(&r);
        tensor_release(&t);
        four_bits_free(&f);
    }
}

static void nested_like_recorded(void **state)
{
    (void)state;
    static const char *const names[] = {"nf4_nested", "fp4_nested", "nf4_nested_long"};
    for (int i = 0; i < 3; i++) {
        record r = record_open(names[i]);
        four_bits f = four_bits_read(&r);
        int64_t n, nested;
        uint8_t *theirs = record_next(&r, 1, &n);
        float *nested_absmax = record_next(&r, sizeof(float), &nested);
        float *map = record_next(&r, sizeof(float), &n); /* after the offset */
        uint8_t *exact = record_next(&r, 1, &n);
        float *level = record_next(&r, sizeof(float), &n);
        record_close(&r);

        tensor t = allocated(i == 1 ? DT_FP4 : DT_NF4, f.shape[0], f.shape[1], ABSMAX_DOUBLE);
        quant *q = (quant *)t.q;
        dtype_table[t.type]->encode(&t, f.x);
        assert_same_levels(&t, f.packed, f.bytes);
        assert_memory_equal(q->nested_map, level, sizeof q->nested_map);
        assert_memory_equal(q->code, exact, (size_t)f.blocks);
        /* Means of a few hundred floats, added in another order: an ulp of the sum, not more. */
        assert_true(fabsf(q->nested_offset - map[0]) <= 1e-6f * map[0]);
        int64_t differ = 0;
        for (int64_t b = 0; b < f.blocks; b++) differ += q->code[b] != theirs[b];
        assert_true(differ <= f.blocks / 100);
        for (int64_t k = 0; k < nested; k++)
            assert_true(fabsf(q->nested_absmax[k] - nested_absmax[k]) <= 2e-6f * map[0]);
        for (int64_t b = 0; b < f.blocks; b++) { /* within half of the widest gap between levels */
            float scale = q->nested_map[q->code[b]] * q->nested_absmax[b / 256] + q->nested_offset;
            assert_true(fabsf(scale - f.absmax[b]) <= 0.00704f * q->nested_absmax[b / 256] + 1e-8f);
        }

        q->nested_offset = map[0];
        memcpy(q->nested_map, map + 1, sizeof q->nested_map);
        memcpy(q->code, theirs, (size_t)f.blocks);
        memcpy(q->nested_absmax, nested_absmax, (size_t)nested * sizeof(float));
        assert_decodes_to(&t, &f, names[i]);
        tensor_release(&t);
        four_bits_free(&f);
        free(theirs);
        free(nested_absmax);
        free(map);
        free(exact);
        free(level);
    }
}

/* Codes of x = ((37 i mod 101) - 50) / 40, the second block a quarter of it, computed by hand from the
 * published rules. */
static void golden_vector(void **state)
{
    (void)state;
    static const char *const want[2] = {
        "04c16e29f3b05d17e29f3c05d18e2af4c16e18e3b05d17e29f3b05d18e2af4c1"
        "6d18e3b04c17e29f3b05d17e2af4c06d18e2a04c16e29f3b05d17e29f3c05d18",
        "bf5a92a63c4be5a02d63c4be2a12d73f5a92a63d4bf5a92d63c4be5a12d73c5b"
        "e2a63d4bf5a92d63c4be5a12d73c5be2a12d7bf5a92a63c4be5a02d63c4be2a1"};
    static const double sum[2] = {-0.8151141, -0.6819661}, rmse[2] = {0.0488432, 0.0587654};
    float x[128];
    for (int i = 0; i < 128; i++) x[i] = (float)(37 * i % 101 - 50) / 40.0f * (i < 64 ? 1.0f : 0.25f);
    for (int k = 0; k < 2; k++) {
        tensor t = allocated(k ? DT_FP4 : DT_NF4, 2, 64, ABSMAX_PLAIN);
        char hex[129];
        double total = 0, miss = 0;
        dtype_table[t.type]->encode(&t, x);
        for (int i = 0; i < 64; i++) snprintf(hex + 2 * i, 3, "%02x", ((const uint8_t *)t.data)[i]);
        assert_string_equal(hex, want[k]);
        assert_true(t.q->absmax[0] == 1.25f && t.q->absmax[1] == 0.3125f);
        float *y = decoded(&t);
        for (int i = 0; i < 128; i++) {
            total += (double)y[i];
            miss += pow((double)(y[i] - x[i]), 2);
        }
        assert_true(fabs(total - sum[k]) < 1e-6 && fabs(sqrt(miss / 128) - rmse[k]) < 1e-7);
        free(y);
        tensor_release(&t);
    }
}

static int code_of_one(dtype t, float v)
{
    float x[2] = {v, 1}; /* the 1 makes the scale 1 */
    tensor q = allocated(t, 1, 2, ABSMAX_PLAIN);
    dtype_table[t]->encode(&q, x);
    int code = *(const uint8_t *)q.data >> 4;
    tensor_release(&q);
    return code;
}

static void thresholds(void **state)
{
    (void)state;
    tensor nf4 = allocated(DT_NF4, 1, 64, ABSMAX_PLAIN);
    tensor fp4 = allocated(DT_FP4, 1, 64, ABSMAX_PLAIN);
    const float *map = nf4.q->map, *fp = fp4.q->map;
    for (int c = 0; c < 16; c++) {
        assert_int_equal(code_of_one(DT_NF4, map[c]), c);
        if (c != 8) assert_int_equal(code_of_one(DT_FP4, fp[c]), c); /* -0 is stored as 0 */
        if (c == 15) break;
        float middle = (map[c] + map[c + 1]) * 0.5f;
        assert_int_equal(code_of_one(DT_NF4, middle), c);
        assert_int_equal(code_of_one(DT_NF4, nextafterf(middle, 2)), c + 1);
    }
    static const float at[7] = {0.00260417f, 0.0859375f, 0.20833333f, 0.29166667f,
                                0.4166667f,  0.583333f,  0.8333333f};
    static const int below[8] = {0, 1, 6, 7, 4, 5, 2, 3};
    for (int c = 0; c < 7; c++) {
        assert_int_equal(code_of_one(DT_FP4, at[c]), below[c]);
        assert_int_equal(code_of_one(DT_FP4, -at[c]), below[c] | 8);
        assert_int_equal(code_of_one(DT_FP4, nextafterf(at[c], 2)), below[c + 1]);
        assert_int_equal(code_of_one(DT_FP4, -nextafterf(at[c], 2)), below[c + 1] | 8);
    }
    static const uint32_t nf4_bits[16] = {
        0xBF800000, 0xBF3239B1, 0xBF066B30, 0xBECA32A0, 0xBE91A24D, 0xBE3D353F, 0xBDBA7871, 0,
        0x3DA2FAFF, 0x3E24CAE3, 0x3E7C04DD, 0x3EAD033A, 0x3EE1A4B8, 0x3F1007AB, 0x3F3913B3, 0x3F800000};
    static const uint32_t fp4_bits[8] = {0,          0x3BAAAAAB, 0x3F2AAAAB, 0x3F800000,
                                         0x3EAAAAAB, 0x3F000000, 0x3E2AAAAB, 0x3E800000};
    for (int c = 0; c < 16; c++) {
        assert_int_equal(float_bits(map[c]), nf4_bits[c]);
        assert_int_equal(float_bits(fp[c]), fp4_bits[c & 7] | (c & 8 ? 0x80000000 : 0));
    }
    tensor_release(&nf4);
    tensor_release(&fp4);
}

static void dynamic_levels(void **state)
{
    (void)state;
    static const double anchors[][2] = {
        {0, -0.992968738}, {1, -0.978906274}, {7, -0.89453125}, {124, -7.75e-6},  {125, -3.25e-6},
        {126, -5.5e-7},    {127, 0},          {128, 5.5e-7},    {131, 2.125e-5},  {190, 0.0985937},
        {191, 0.1070313},  {254, 0.9929687},  {255, 1}};
    float map[256];
    double sum = 0, magnitudes = 0;
    dynamic_map(map);
    for (size_t i = 0; i < sizeof anchors / sizeof *anchors; i++) {
        double want = anchors[i][1];
        assert_true(fabs((double)map[(int)anchors[i][0]] - want) <= 6e-8 * fmax(fabs(want), 1));
    }
    for (int c = 0; c < 256; c++) {
        sum += (double)map[c];
        magnitudes += fabs((double)map[c]);
        assert_int_equal(dynamic_code(map, map[c]), c);
        if (c == 255) break;
        assert_true(map[c] < map[c + 1]);
        float middle = (map[c] + map[c + 1]) / 2;
        assert_int_equal(dynamic_code(map, middle), c);
        assert_int_equal(dynamic_code(map, nextafterf(middle, 2)), c + 1);
    }
    assert_true(fabs(sum - 1) < 1e-6 && fabs(magnitudes - 75.1052630) < 1e-5);
    assert_int_equal(dynamic_code(map, -1), 0);
    assert_int_equal(dynamic_code(map, 2), 255);
}

/* A tensor of zeros stays one, whatever the scales of its blocks become. */
static void zeros_stay(void **state)
{
    (void)state;
    float x[300] = {0};
    x[0] = 3; /* one block is not zero, so the nested scales of the others are not exact */
    for (dtype t = DT_NF4; t <= DT_INT8; t++) {
        tensor q = allocated(t, 3, 100, ABSMAX_DOUBLE);
        dtype_table[t]->encode(&q, x);
        float *y = decoded(&q);
        for (int i = 1; i < 300; i++) assert_true(y[i] == 0);
        if (t == DT_INT8) assert_true(((const int8_t *)q.data)[299] == 0 && q.q->scb[2] == 0);
        free(y);
        tensor_release(&q);
    }
}

static void int8_like_recorded(void **state)
{
    (void)state;
    int64_t n, rows;
    record r = record_open("int8");
    int32_t *shape = record_next(&r, sizeof *shape, &n);
    uint16_t *halves = record_next(&r, sizeof *halves, &n);
    float *x = halves_to_floats(halves, n);
    int8_t *codes = record_next(&r, 1, &n);
    float *scb = record_next(&r, sizeof(float), &rows), *back = record_next(&r, sizeof(float), &n);
    record_close(&r);
    tensor t = allocated(DT_INT8, shape[0], shape[1], ABSMAX_PLAIN);
    dtype_table[t.type]->encode(&t, x);
    assert_memory_equal(t.data, codes, (size_t)n);
    assert_memory_equal(t.q->scb, scb, (size_t)rows * sizeof *scb);
    float *y = decoded(&t);
    assert_same_floats(y, back, n, "int8");
    tensor_release(&t);
    free(shape);
    free(x);
    free(codes);
    free(scb);
    free(back);
    free(y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_bits_like_recorded),
        cmocka_unit_test(nested_like_recorded),
        cmocka_unit_test(golden_vector),
        cmocka_unit_test(thresholds),
        cmocka_unit_test(dynamic_levels),
        cmocka_unit_test(zeros_stay),
        cmocka_unit_test(int8_like_recorded),
    };
    return cmocka_run_group_tests_name("nf4", tests, NULL, NULL);
}
