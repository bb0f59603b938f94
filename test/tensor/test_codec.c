/* test_codec.c -- the GGUF codecs against recordings of gguf, and every encoder against bounds.
 *
 * Decoding has to be equal to the bit. Encoding too, where a reference encoder exists; where ours is
 * its own (k types), the error is bounded by that of simpler types and by a uniform quantizer's. */
#include "tensor/block.h"
#include "tensors.h"

static void gguf_like_recorded(void **state)
{
    (void)state;
    for (dtype t = DT_Q4_0; t <= DT_Q6_K; t++) {
        const dtype_info *d = dtype_table[t];
        int64_t bytes, n, values, same;
        record r = record_open(d->name);
        uint8_t *blocks = record_next(&r, 1, &bytes);
        float *want = record_next(&r, sizeof(float), &n);
        assert_int_equal(bytes / d->block_bytes * d->per_block, n);

        tensor whole = view_of(t, 1, n, blocks);
        tensor rows = view_of(t, n / d->per_block / 2, 2 * d->per_block, blocks);
        float *got = decoded(&whole);
        assert_memory_equal(got, want, (size_t)n * sizeof *got);
        free(got);
        got = decoded(&rows);
        assert_memory_equal(got, want, (size_t)n * sizeof *got);
        free(got);

        if (t <= DT_Q8_0) {
            float *x = record_next(&r, sizeof(float), &values);
            uint8_t *packed = record_next(&r, 1, &same);
            tensor mine = allocated(t, 2, values / 2, ABSMAX_PLAIN);
            d->encode(&mine, x);
            assert_int_equal(mine.bytes, same);
            for (int64_t i = 0; i < same; i++)
                if (((const uint8_t *)mine.data)[i] != packed[i])
                    fail_msg("%s: byte %lld of block %lld", d->name, (long long)(i % d->block_bytes),
                             (long long)(i / d->block_bytes));
            tensor_release(&mine);
            free(x);
            free(packed);
        }
        record_close(&r);
        free(blocks);
        free(want);
    }
}

/* Relative error on normal numbers. The upper limits are what a type reaches and a little: 5 % for the
 * types whose rule is given, half a percent for the k types, so that a worse search is seen. Note that
 * q4_k with 4.5 bits beats q4_1 with 5, and q5_k with 5.5 bits q5_1 with 6. */
static const struct {
    dtype  type;
    double least, most;
} errors[] = {
    {DT_F32, 0, 0},         {DT_F16, 1e-4, 2.5e-4}, {DT_BF16, 1e-3, 2e-3},  {DT_Q4_0, .08, .089},
    {DT_Q4_1, .07, .082},   {DT_Q5_0, .04, .0445},  {DT_Q5_1, .034, .0395}, {DT_Q8_0, .005, .0055},
    {DT_Q2_K, .24, .2695},  {DT_Q3_K, .13, .145},   {DT_Q4_K, .06, .0708},  {DT_Q5_K, .03, .0349},
    {DT_Q6_K, .015, .0175}, {DT_NF4, .088, .0945},  {DT_FP4, .117, .126},   {DT_INT8, .006, .008},
};

static void error_within_bounds(void **state)
{
    (void)state;
    const int64_t rows = 64, cols = 512;
    float *x = normals(rows * cols, 0.02, 1);
    for (dtype type = 0; type < DT_COUNT; type++) {
        if (!dtype_table[type]->encode) continue;
        tensor t = allocated(type, rows, cols, ABSMAX_DOUBLE);
        double least = 0, most = 0.3; /* what any type reaches that reads what it wrote */
        for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
            if (errors[i].type == type) least = errors[i].least, most = errors[i].most;
        dtype_table[t.type]->encode(&t, x);
        float *y = decoded(&t);
        double miss = relative_rmse(x, y, rows * cols);
        if (!(miss >= least && miss <= most))
            fail_msg("%s: relative error %.6f", dtype_name(t.type), miss);
        free(y);
        tensor_release(&t);
    }
    free(x);
}

/* Blocks that leave a search little to choose from: no element is off by much of the largest. */
static void k_types_meet_odd_blocks(void **state)
{
    (void)state;
    float x[8][K_BLOCK] = {{0}}, y[8 * K_BLOCK];
    for (int i = 0; i < K_BLOCK; i++) {
        x[1][i] = 0.75f;
        x[2][i] = -0.75f;
        x[3][i] = i == 100 ? 5.0f : 0;
        x[4][i] = i % 2 ? 1e-9f : -1e-9f; /* below what half-precision scales can hold */
        x[5][i] = (float)(i - 128) / 128;
        x[6][i] = i < 128 ? 1e-3f : 1.0f;
        x[7][i] = 1e6f * (float)(i % 3);
    }
    for (dtype t = DT_Q2_K; t <= DT_Q6_K; t++) {
        tensor q = allocated(t, 8, K_BLOCK, ABSMAX_PLAIN);
        dtype_table[t]->encode(&q, x[0]);
        for (int r = 0; r < 8; r++) tensor_decode(&q, r, 0, K_BLOCK, y + r * K_BLOCK);
        for (int r = 0; r < 8; r++) {
            float peak = 0, off = 0;
            for (int i = 0; i < K_BLOCK; i++) {
                peak = fmaxf(peak, fabsf(x[r][i]));
                off = fmaxf(off, fabsf(y[r * K_BLOCK + i] - x[r][i]));
            }
            static const float share[5] = {.2f, .2f, .05f, .03f, .03f};
            if (off > (r == 4 ? 1.1e-9f : share[t - DT_Q2_K] * peak))
                fail_msg("%s, block %d: off by %g of %g", dtype_name(t), r, (double)off, (double)peak);
        }
        tensor_release(&q);
    }
}

/* NaN and infinity in weights must not break anything; what they become does not matter. */
static void nothing_breaks_on_infinity(void **state)
{
    (void)state;
    float *x = normals(4 * K_BLOCK, 1, 2), part[K_BLOCK];
    x[3] = NAN;
    x[K_BLOCK] = INFINITY;
    x[2 * K_BLOCK + 9] = -INFINITY;
    for (dtype t = 0; t < DT_COUNT; t++) {
        if (!dtype_table[t]->encode) continue;
        tensor q = allocated(t, 4, K_BLOCK, ABSMAX_DOUBLE);
        dtype_table[t]->encode(&q, x);
        for (int r = 0; r < 4; r++) tensor_decode(&q, r, 0, K_BLOCK, part);
        tensor_release(&q);
    }
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gguf_like_recorded),
        cmocka_unit_test(error_within_bounds),
        cmocka_unit_test(k_types_meet_odd_blocks),
        cmocka_unit_test(nothing_breaks_on_infinity),
    };
    return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
