/* test_op.c -- what the lists are made of, and every forward against numbers worked out by hand or another
 * way.
 *
 * That gradients fit the forwards is test/grad's business; that the forwards are the right functions is this
 * file's, and in the end that of the models recorded from the reference implementation. An operator whose
 * forward() nobody here runs fails the last test. */
#include "base/rng.h"
#include "op/case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void rows_and_capacities(void **state)
{
    (void)state;
    prog p;
    prog_init(&p, 20, 8);
    val x = prog_value(&p, "x", VALUE_INPUT, ROWS_TOKENS, 99, 6);
    val l = prog_ints(&p, "l", VALUE_INPUT, ROWS_LABELS, 99, 3);
    val f = prog_value(&p, "f", VALUE_STATE, ROWS_FIXED, 5, 4);
    val t = prog_temp_like(&p, "t", x, 7), u = prog_temp_like(&p, "u", f, 2);
    assert_int_equal(value_bytes(&p.v[x]), 20 * 6 * sizeof(real));
    assert_int_equal(value_bytes(&p.v[l]), 8 * 3 * sizeof(int32_t));
    assert_int_equal(value_bytes(&p.v[u]), 5 * 2 * sizeof(real));
    prog_rows(&p, 11, 0);
    assert_int_equal(numel(p.v[x].s), 11 * 6);
    assert_int_equal(numel(p.v[t].s), 11 * 7);
    assert_int_equal(numel(p.v[l].s), 0);
    assert_int_equal(numel(p.v[f].s), 5 * 4);
    assert_int_equal(value_bytes(&p.v[t]), 20 * 7 * sizeof(real)); /* storage stays that of the capacity */
    prog_rows(&p, 20, 8);
    assert_int_equal(numel(p.v[l].s), 8 * 3);
    assert_int_equal(p.v[t].kind, VALUE_TEMP);
    assert_false(p.v[x].wants_grad);
    assert_true(p.v[prog_value(&p, "w", VALUE_PARAM, ROWS_FIXED, 2, 2)].wants_grad);
    prog_release(&p);
    assert_null(p.v);
}

static void long_lists_keep_their_values(void **state)
{
    (void)state;
    prog p;
    prog_init(&p, 4, 0);
    val x = prog_value(&p, "x", VALUE_INPUT, ROWS_TOKENS, 0, 3);
    for (int k = 0; k < 1000; k++) x = op_add(&p, x, x);
    assert_int_equal(p.ni, 1000);
    assert_int_equal(p.nv, 1001);
    for (int k = 0; k < 1000; k++) {
        assert_int_equal(p.i[k].id, k);
        assert_int_equal(p.i[k].in[0], k);
        assert_int_equal(p.i[k].out[0], k + 1);
        assert_int_equal(p.i[k].dout, NONE);
        assert_int_equal(p.i[k].din[MAXIN - 1], NONE);
        assert_int_equal(p.v[k + 1].root, k + 1);
    }
    prog_release(&p);
}

static void frozen_values_read_any_type(void **state)
{
    (void)state;
    const dtype types[] = {DT_F32, DT_F16, DT_BF16, DT_Q8_0, DT_Q4_K, DT_NF4};
    for (int t = 0; t < 6; t++) {
        prog p;
        prog_init(&p, 0, 0);
        val w = case_frozen(&p, "w", types[t], 5, 512, 0, 1);
        assert_int_equal(p.v[w].s.d[0], 5);
        assert_int_equal(p.v[w].s.d[1], 512);
        float want[512];
        real got[512];
        for (int row = 0; row < 5; row++) {
            tensor_decode(p.v[w].w, row, 0, 512, want);
            frozen_row(&p.v[w], row, 0, 512, got);
            for (int k = 0; k < 512; k++) assert_true(got[k] == (real)want[k]);
            frozen_row(&p.v[w], row, 301, 200, got);
            for (int k = 0; k < 200; k++) assert_true(got[k] == (real)want[301 + k]);
            assert_true(frozen_at(&p.v[w], row, 77) == (real)want[77]);
        }
        prog_release(&p);
    }
}

static void dropout_is_a_function_of_its_element(void **state)
{
    (void)state;
    enum { ROWS = 200, COLS = 300 };
    const double p = 0.3;
    int dropped = 0, same = 0;
    for (int64_t r = 0; r < ROWS; r++)
        for (int64_t c = 0; c < COLS; c++) {
            double f = dropout_factor(9, 4, r, c, p);
            assert_true(f == 0 || f == 1 / (1 - p));
            assert_true(f == dropout_factor(9, 4, r, c, p));
            dropped += f == 0;
            same += f == dropout_factor(9, 5, r, c, p);
        }
    double n = ROWS * COLS, sigma = sqrt(n * p * (1 - p));
    assert_true(fabs(dropped - n * p) < 4 * sigma);
    assert_true(fabs(same - n * (p * p + (1 - p) * (1 - p))) <
                4 * sigma); /* other instructions are independent */
    assert_true(dropout_factor(9, 4, 1, 2, 0) == 1);
}

/* A list of one operator over given numbers. */
static val given(prog *p, value_rows rows, int64_t n, int64_t width, const real *x)
{
    val v = prog_value(p, "x", VALUE_INPUT, rows, n, width);
    p->v[v].p = memcpy(arena_new(&p->mem, value_bytes(&p->v[v])), x, (size_t)(n * width) * sizeof *x);
    return v;
}

static val given_ints(prog *p, value_rows rows, int64_t n, const int32_t *x)
{
    val v = prog_ints(p, "n", VALUE_INPUT, rows, n, 1);
    p->v[v].p = memcpy(arena_new(&p->mem, value_bytes(&p->v[v])), x, (size_t)n * sizeof *x);
    return v;
}

static val given_frozen(prog *p, int64_t rows, int64_t cols, const float *x)
{
    tensor *w = arena_new(&p->mem, sizeof *w);
    *w = (tensor){.name = "w", .type = DT_F32, .ndim = cols ? 2 : 1, .dim = {rows, cols ? cols : 1, 1, 1}};
    w->data = x;
    w->bytes = (size_t)(rows * (cols ? cols : 1)) * sizeof *x;
    return prog_frozen(p, w);
}

static bool tried[OP_COUNT];

static real *forward(prog *p, val out)
{
    run r = {.key = 1};
    instr *i = &p->i[p->ni - 1];
    for (int j = 0; j < MAXOUT; j++)
        if (i->out[j] != NONE && p->v[i->out[j]].kind != VALUE_STATE)
            p->v[i->out[j]].p = arena_new(&p->mem, value_bytes(&p->v[i->out[j]]));
    i->op->forward(&r, p->v, i);
    tried[i->op->id] = true;
    return p->v[out].p;
}

/* Within a few roundings of float. */
static void near(const real *got, const double *want, int n)
{
    for (int k = 0; k < n; k++)
        if (!(fabs((double)got[k] - want[k]) <= 4e-7 * (1 + fabs(want[k]))))
            fail_msg("element %d: %.9g, not %.9g", k, (double)got[k], want[k]);
}

static void embed_and_gather_take_rows(void **state)
{
    (void)state;
    static const float table[] = {1, 2, 3, 4, 5, 6, 7, 8};
    prog p;
    prog_init(&p, 3, 2);
    val y = op_embed(&p, given_ints(&p, ROWS_TOKENS, 3, (int32_t[]){3, 0, 2}), given_frozen(&p, 4, 2, table));
    near(forward(&p, y), (double[]){7, 8, 1, 2, 5, 6}, 6);
    val from = op_embed_from(&p, given_ints(&p, ROWS_TOKENS, 3, (int32_t[]){2, 0, 1}),
                             given_frozen(&p, 4, 2, table), 1);
    near(forward(&p, from), (double[]){7, 8, 3, 4, 5, 6}, 6);
    y = op_gather(&p, y, given_ints(&p, ROWS_LABELS, 2, (int32_t[]){0, 2}));
    near(forward(&p, y), (double[]){7, 8, 5, 6}, 4);
    prog_release(&p);
}

static void rmsnorm_by_hand(void **state)
{
    (void)state;
    static const float w[] = {2, -1};
    prog p;
    prog_init(&p, 1, 0);
    val x = given(&p, ROWS_TOKENS, 1, 4, (real[]){3, 4, 1, 7});
    val y = op_rmsnorm(&p, x, given_frozen(&p, 2, 0, w), 0.5);
    double a = 1 / sqrt(12.5 + 0.5), b = 1 / sqrt(25 + 0.5); /* two groups of a row */
    near(forward(&p, y), (double[]){6 * a, -4 * a, 2 * b, -7 * b}, 4);
    prog_release(&p);
}

static void layernorm_by_hand(void **state)
{
    (void)state;
    static const float w[] = {2, -1}, bias[] = {10, 20};
    prog p;
    prog_init(&p, 1, 0);
    val x = given(&p, ROWS_TOKENS, 1, 4, (real[]){3, 5, 7, 1});
    val y = op_layernorm(&p, x, given_frozen(&p, 2, 0, w), given_frozen(&p, 2, 0, bias), 0.5);
    double a = 1 / sqrt(1 + 0.5), b = 3 / sqrt(9 + 0.5); /* two groups of a row */
    near(forward(&p, y), (double[]){10 - 2 * a, 20 - a, 10 + 2 * b, 20 + b}, 4);
    y = op_layernorm(&p, x, given_frozen(&p, 2, 0, w), NONE, 0.5);
    near(forward(&p, y), (double[]){-2 * a, -a, 2 * b, b}, 4);
    prog_release(&p);
}

/* Against tables of the normal distribution, and the formula with tanh. */
static void activations_by_hand(void **state)
{
    (void)state;
    prog p;
    prog_init(&p, 1, 0);
    val x = given(&p, ROWS_TOKENS, 1, 4, (real[]){0, 1, -2, 12});
    near(forward(&p, op_activation(&p, x, ACT_GELU)), (double[]){0, 0.8413447461, -2 * 0.0227501319, 12}, 4);
    double u = 0.7978845608 * 1.044715, w = -0.7978845608 * (2 + 0.044715 * 8);
    near(forward(&p, op_activation(&p, x, ACT_GELU_TANH)),
         (double[]){0, (1 + tanh(u)) / 2, -1 - tanh(w), 12}, 4);
    near(forward(&p, op_activation(&p, x, ACT_RELU)), (double[]){0, 1, 0, 12}, 4);
    near(forward(&p, op_activation(&p, x, ACT_RELU2)), (double[]){0, 1, 0, 144}, 4);
    near(forward(&p, op_activation(&p, x, ACT_TANH)), (double[]){0, 0.7615941560, -0.9640275801, 1}, 4);
    prog_release(&p);
}

static void columns_by_hand(void **state)
{
    (void)state;
    prog p;
    prog_init(&p, 2, 0);
    val x = given(&p, ROWS_TOKENS, 2, 6, (real[]){0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15});
    near(forward(&p, op_columns(&p, x, 2, 2)), (double[]){2, 3, 12, 13}, 4);
    near(forward(&p, op_columns_each(&p, x, 1, 1, 3)), (double[]){1, 4, 11, 14}, 4);
    prog_release(&p);
}

static void dense_by_hand(void **state)
{
    (void)state;
    prog p;
    prog_init(&p, 2, 2);
    val x = given(&p, ROWS_LABELS, 2, 2, (real[]){1, 2, 3, 4});
    val w = prog_value(&p, "w", VALUE_PARAM, ROWS_FIXED, 3, 2);
    val b = prog_value(&p, "b", VALUE_PARAM, ROWS_FIXED, 1, 3);
    p.v[w].p = (real[]){1, 0, 0, 1, 1, -1};
    p.v[b].p = (real[]){0.5, 0, 10};
    near(forward(&p, op_dense(&p, x, w, b)), (double[]){1.5, 2, 9, 3.5, 4, 9}, 6);
    prog_release(&p);
}

static void objectives_by_hand(void **state)
{
    (void)state;
    prog p;
    val each, hit;
    prog_init(&p, 0, 2);
    val z = given(&p, ROWS_LABELS, 2, 3, (real[]){1, 1, 0, -1, 2, 0});
    val weight = given(&p, ROWS_LABELS, 2, 1, (real[]){0.5, 2});
    val target = given_ints(&p, ROWS_LABELS, 2, (int32_t[]){1, 1});
    val loss = op_objective(&p, z, target, weight, OBJECTIVE_CLASS, &each, &hit);
    double a = log(2 * exp(1) + 1) - 1, b = log(exp(-1) + exp(2) + 1) - 2;
    near(forward(&p, loss), (double[]){0.5 * a + 2 * b}, 1);
    near(p.v[each].p, (double[]){a, b}, 2);
    near(p.v[hit].p, (double[]){0, 1}, 2); /* of equals the first is the prediction */
    val y = given(&p, ROWS_LABELS, 2, 3, (real[]){0, 1, 0, 0, 1, 0});
    loss = op_objective(&p, z, y, weight, OBJECTIVE_VALUE, &each, &hit);
    near(forward(&p, loss), (double[]){0.5 / 3 + 4.0 / 3}, 1);
    near(p.v[each].p, (double[]){1.0 / 3, 2.0 / 3}, 2);
    near(p.v[hit].p, (double[]){0, 0}, 2);
    loss = op_objective(&p, z, y, weight, OBJECTIVE_SEVERAL, &each, &hit);
    a = (log(1 + exp(1)) + log(1 + exp(1)) - 1 + log(2)) / 3;
    b = (log(1 + exp(-1)) + log(1 + exp(2)) - 2 + log(2)) / 3;
    near(forward(&p, loss), (double[]){0.5 * a + 2 * b}, 1);
    near(p.v[each].p, (double[]){a, b}, 2);
    near(p.v[hit].p, (double[]){0, 1}, 2);
    prog_release(&p);
}

static void linear_by_hand(void **state)
{
    (void)state;
    static const float w[] = {1, 2, 3, 4, 5, 6}, bias[] = {0.5, -0.5};
    prog p;
    prog_init(&p, 2, 0);
    val x = given(&p, ROWS_TOKENS, 2, 3, (real[]){1, 0, -1, 2, 1, 1});
    lowrank l = {.scale = 10};
    l.a = given(&p, ROWS_FIXED, 1, 3, (real[]){1, 1, 2});
    l.b = given(&p, ROWS_FIXED, 2, 1, (real[]){3, -1});
    val y = op_linear(&p, x, given_frozen(&p, 2, 3, w), given_frozen(&p, 2, 0, bias), &l);
    near(forward(&p, y), (double[]){-2 + 0.5 - 30, -2 - 0.5 + 10, 7 + 0.5 + 150, 19 - 0.5 - 50}, 4);
    prog_release(&p);
}

/* Dropped inputs are as good as zeros for the adapter, and whole for the frozen weight. */
static void dropout_falls_on_the_adapter_alone(void **state)
{
    (void)state;
    static const float w[] = {1, 1, 1, 1, 1, 1, 1, 1};
    real x[16], a[8], sum[2] = {0, 0}, kept[2] = {0, 0};
    prog p;
    prog_init(&p, 2, 0);
    for (int k = 0; k < 16; k++) x[k] = k + 1;
    for (int k = 0; k < 8; k++) a[k] = 1;
    lowrank l = {.scale = 1, .dropout = 0.5};
    val v = given(&p, ROWS_TOKENS, 2, 8, x);
    l.a = given(&p, ROWS_FIXED, 1, 8, a);
    l.b = given(&p, ROWS_FIXED, 1, 1, (real[]){100});
    val y = op_linear(&p, v, given_frozen(&p, 1, 8, w), NONE, &l);
    for (int k = 0; k < 16; k++) {
        sum[k / 8] += x[k];
        kept[k / 8] += x[k] * (real)dropout_factor(1, 0, k / 8, k % 8, 0.5);
    }
    near(forward(&p, y), (double[]){sum[0] + 100 * kept[0], sum[1] + 100 * kept[1]}, 2);
    prog_release(&p);
}

/* Every place, row and column by itself; elements that are kept are larger. */
static void dropout_by_hand(void **state)
{
    (void)state;
    real x[3 * 40];
    double want[3 * 40];
    for (int k = 0; k < 3 * 40; k++) {
        x[k] = k + 1;
        const double u = rng_unit(rng_key(1, DROPOUT_PLACES + 7), (uint64_t)(k / 40) << 32 | (uint64_t)(k % 40));
        want[k] = u < 0.25 ? 0 : (k + 1) / 0.75;
    }
    prog p;
    prog_init(&p, 3, 0);
    val v = given(&p, ROWS_TOKENS, 3, 40, x);
    near(forward(&p, op_dropout(&p, v, 0.25, 7)), want, 3 * 40);
    const real *other = forward(&p, op_dropout(&p, v, 0.25, 8));
    int apart = 0;
    for (int k = 0; k < 3 * 40; k++) apart += (other[k] == 0) != (want[k] == 0);
    assert_true(apart > 10); /* of 120: 45 are to be expected */
    prog_release(&p);
}

static void rope_turns_pairs(void **state)
{
    (void)state;
    static const float freq[] = {1, 0.01f};
    prog p;
    prog_init(&p, 2, 0);
    val at = given_ints(&p, ROWS_TOKENS, 2, (int32_t[]){0, 70000});
    val table = op_rope_table(&p, at, given_frozen(&p, 2, 0, freq), NULL, 2);
    double c = 2 * cos(70000), s = 2 * sin(70000), c2 = 2 * cos((double)(70000 * 0.01f)),
           s2 = 2 * sin((double)(70000 * 0.01f));
    near(forward(&p, table), (double[]){2, 2, 0, 0, c, c2, s, s2}, 8);
    val x = given(&p, ROWS_TOKENS, 2, 5, (real[]){1, 2, 3, 4, 5, 1, 2, 3, 4, 5});
    val y = op_rope(&p, x, table, 1);
    near(forward(&p, y), (double[]){2, 4, 6, 8, 5, c - 3 * s, 2 * c2 - 4 * s2, s + 3 * c, 2 * s2 + 4 * c2, 5},
         10);
    y = op_rope_adjacent(&p, x, table, 1);
    near(forward(&p, y), (double[]){2, 4, 6, 8, 5, c - 2 * s, s + 2 * c, 3 * c2 - 4 * s2, 3 * s2 + 4 * c2, 5},
         10);
    prog_release(&p);
}

static void clamp_and_scale_by_hand(void **state)
{
    (void)state;
    prog p;
    prog_init(&p, 2, 0);
    val x = given(&p, ROWS_TOKENS, 2, 3, (real[]){0, 2, -1, -30, 2.5, 3});
    near(forward(&p, op_clamp(&p, x, 2.5)), (double[]){0, 2, -1, -2.5, 2.5, 2.5}, 6);
    near(forward(&p, op_scale(&p, x, -0.5)), (double[]){0, -1, 0.5, 15, -1.25, -1.5}, 6);
    assert_int_equal(op_scale(&p, x, 1), x);
    prog_release(&p);
}

static void swiglu_and_add_by_hand(void **state)
{
    (void)state;
    prog p;
    prog_init(&p, 1, 0);
    val g = given(&p, ROWS_TOKENS, 1, 3, (real[]){0, 2, -30}),
        u = given(&p, ROWS_TOKENS, 1, 3, (real[]){5, 3, 2});
    near(forward(&p, op_swiglu(&p, g, u)), (double[]){0, 6 / (1 + exp(-2)), -60 / (1 + exp(30))}, 3);
    near(forward(&p, op_add(&p, g, u)), (double[]){5, 5, -28}, 3);
    prog_release(&p);
}

/* gelu(2) and gelu(-1) by the tanh form: 1.9545977, -0.1588080. */
static void geglu_softcap_and_columns_by_hand(void **state)
{
    (void)state;
    prog p;
    prog_init(&p, 2, 0);
    val g = given(&p, ROWS_TOKENS, 2, 3, (real[]){0, 2, -1, -30, 2, 0}),
        u = given(&p, ROWS_TOKENS, 2, 3, (real[]){5, 3, 2, 1, 1, 1});
    const double two = 1.954597694087775, one = -0.158808009391723;
    near(forward(&p, op_geglu(&p, g, u)), (double[]){0, 3 * two, 2 * one, 0, two, 0}, 6);
    near(forward(&p, op_softcap(&p, u, 2)),
         (double[]){2 * tanh(2.5), 2 * tanh(1.5), 2 * tanh(1), 2 * tanh(.5), 2 * tanh(.5), 2 * tanh(.5)}, 6);
    near(forward(&p, op_columns(&p, g, 1, 2)), (double[]){2, -1, 2, 0}, 4);
    prog_release(&p);
}

/* 2 Phi(2) and -Phi(-1), and means over documents of 1, 2 and 3 rows, of which the second has no label. */
static void exact_geglu_and_average_by_hand(void **state)
{
    (void)state;
    prog p;
    prog_init(&p, 6, 2);
    val g = given(&p, ROWS_TOKENS, 6, 1, (real[]){0, 2, -1, -30, 2, 0}),
        u = given(&p, ROWS_TOKENS, 6, 1, (real[]){5, 3, 2, 1, 1, 1});
    const double two = 1.9544997361036416, one = -0.15865525393145707;
    near(forward(&p, op_geglu_exact(&p, g, u)), (double[]){0, 3 * two, 2 * one, 0, two, 0}, 6);
    val index = given_ints(&p, ROWS_LABELS, 2, (int32_t[]){0, 4});
    val start = given_ints(&p, ROWS_TOKENS, 6, (int32_t[]){0, 1, 1, 3, 3, 3});
    near(forward(&p, op_average(&p, u, index, start)), (double[]){5, 1}, 2);
    near(forward(&p, op_average(&p, g, index, start)), (double[]){0, -28. / 3}, 2);
    prog_release(&p);
}

/* Four experts, two a row; logits ln 1, ln 2, ... give weights 1/10, 2/10, ... */
static void experts_by_hand(void **state)
{
    (void)state;
    prog p;
    prog_init(&p, 2, 0);
    val z = given(&p, ROWS_TOKENS, 2, 4,
                  (real[]){log(1), log(2), log(4), log(3), log(7), log(1), log(1), log(1)});
    routing to = op_route(&p, z, 2, false);
    near(forward(&p, to.weight), (double[]){0.4, 0.3, 0.7, 0.1}, 4);
    const int32_t *place = p.v[to.place].p, *offset = p.v[to.offset].p; /* pairs: 2, 3; 0, 1 */
    assert_true(place[0] == 2 && place[1] == 3 && place[2] == 0 && place[3] == 1);
    assert_true(offset[0] == 0 && offset[1] == 1 && offset[2] == 2 && offset[3] == 3 && offset[4] == 4);
    val x = given(&p, ROWS_TOKENS, 2, 1, (real[]){5, 6});
    val spread = op_spread(&p, x, &to);
    near(forward(&p, spread), (double[]){6, 6, 5, 5}, 4);
    tensor w[4];
    static const float numbers[4] = {1, 10, 100, 1000};
    for (int e = 0; e < 4; e++)
        w[e] = (tensor){
            .name = "w", .type = DT_F32, .ndim = 2, .dim = {1, 1, 1, 1}, .data = &numbers[e], .bytes = 4};
    val y = op_experts(&p, spread, prog_frozen(&p, w), &to, NULL);
    near(forward(&p, y), (double[]){6, 60, 500, 5000}, 4);
    near(forward(&p, op_combine(&p, y, &to)), (double[]){0.4 * 500 + 0.3 * 5000, 0.7 * 6 + 0.1 * 60}, 2);
    val g = given(&p, ROWS_TOKENS, 2, 1, (real[]){0, log(3)});
    near(forward(&p, op_rowgate(&p, g, x)), (double[]){2.5, 4.5}, 2);
    near(forward(&p, op_route(&p, z, 2, true).weight), (double[]){4. / 7, 3. / 7, 7. / 8, 1. / 8}, 4);
    prog_release(&p);
}

/* Softmax written out, over the rows that the rules let a row see, and with dropout: of what is multiplied by v,
 * not of the sum. */
static void attention_written_out(void **state)
{
    (void)state;
    enum { ROWS = 9, HEADS = 4, KV = 2, DIM = 3 };
    const int32_t start[ROWS] = {0, 0, 0, 3, 3, 3, 3, 3, 8};
    for (int way = 0; way < 4; way++) {
        const int window = way % 2 ? 3 : 0;
        const double drop = way / 2 ? 0.4 : 0;
        prog p;
        prog_init(&p, ROWS, 0);
        val q = case_reals(&p, "q", VALUE_INPUT, ROWS_TOKENS, 0, HEADS * DIM, 0, 1);
        val k = case_reals(&p, "k", VALUE_INPUT, ROWS_TOKENS, 0, KV * DIM, 0, 1);
        val v = case_reals(&p, "v", VALUE_INPUT, ROWS_TOKENS, 0, KV * DIM, 0, 1);
        val s = given_ints(&p, ROWS_TOKENS, ROWS, start);
        val o = op_attention(&p, q, k, v, s, HEADS, KV, window, 0.7);
        if (drop > 0) op_attention_dropout(&p, o, drop, 2);
        const real *got = forward(&p, o), *qp = p.v[q].p, *kp = p.v[k].p, *vp = p.v[v].p;
        for (int r = 0; r < ROWS; r++)
            for (int h = 0; h < HEADS; h++) {
                double sum = 0, want[DIM] = {0};
                for (int j = 0; j < ROWS; j++) {
                    if (j > r || j < start[r] || (window && r - j >= window)) continue;
                    double dot = 0;
                    for (int e = 0; e < DIM; e++)
                        dot += (double)qp[r * HEADS * DIM + h * DIM + e] * kp[j * KV * DIM + h / 2 * DIM + e];
                    sum += exp(0.7 * dot);
                    const int id = DROPOUT_PLACES + 2, element = r * HEADS + h;
                    const double f = exp(0.7 * dot) * dropout_factor(1, id, element, j - start[r], drop);
                    for (int e = 0; e < DIM; e++) want[e] += f * (double)vp[j * KV * DIM + h / 2 * DIM + e];
                }
                for (int e = 0; e < DIM; e++) want[e] /= sum;
                near(got + r * HEADS * DIM + h * DIM, want, DIM);
            }
        prog_release(&p);
    }
}

/* An encoder's rows see their whole document: the last of it, which sees as much when causal, agrees; and the
 * same document turned around gives the same rows in that order. */
static void attention_both_ways(void **state)
{
    (void)state;
    enum { ROWS = 7, HEADS = 2, DIM = 3, WIDTH = HEADS * DIM };
    const int32_t start[ROWS] = {0, 0, 0, 3, 3, 3, 3};
    prog p;
    prog_init(&p, ROWS, 0);
    val x[3], turned[3];
    for (int k = 0; k < 3; k++) {
        x[k] = case_reals(&p, "x", VALUE_INPUT, ROWS_TOKENS, 0, WIDTH, 0, 1);
        turned[k] = case_reals(&p, "turned", VALUE_INPUT, ROWS_TOKENS, 0, WIDTH, 0, 1);
        const real *from = p.v[x[k]].p;
        for (int r = 0; r < ROWS; r++)
            memcpy((real *)p.v[turned[k]].p + r * WIDTH, from + (r < 3 ? 2 - r : 9 - r) * WIDTH,
                   WIDTH * sizeof *from);
    }
    val s = given_ints(&p, ROWS_TOKENS, ROWS, start);
    const real *causal = forward(&p, op_attention(&p, x[0], x[1], x[2], s, HEADS, HEADS, 0, 0.7));
    const real *both = forward(&p, op_attention_both(&p, x[0], x[1], x[2], s, HEADS, HEADS, 0, 0.7));
    val o = op_attention_both(&p, turned[0], turned[1], turned[2], s, HEADS, HEADS, 0, 0.7);
    const real *back = forward(&p, o);
    for (int r = 0; r < ROWS; r++)
        for (int e = 0; e < WIDTH; e++) {
            near(back + (r < 3 ? 2 - r : 9 - r) * WIDTH + e, (double[]){(double)both[r * WIDTH + e]}, 1);
            if (r == 2 || r == 6) near(both + r * WIDTH + e, (double[]){(double)causal[r * WIDTH + e]}, 1);
        }
    double apart = 0;
    for (int e = 0; e < WIDTH; e++) apart += fabs((double)both[e] - (double)causal[e]);
    assert_true(apart > 0.1); /* the first row of a document sees more than itself */
    prog_release(&p);
}

/* Documents of two rows and of one, a number a row: bucket 0 is that of the key behind, 1 of the row itself, 2 of the
 * key before; and the same without a and c. */
static void disentangled_by_hand(void **state)
{
    (void)state;
    prog p;
    prog_init(&p, 3, 0);
    val q = given(&p, ROWS_TOKENS, 3, 1, (real[]){2, -1, 0}), k = given(&p, ROWS_TOKENS, 3, 1, (real[]){1, 3, 5}),
        v = given(&p, ROWS_TOKENS, 3, 1, (real[]){10, 20, 30});
    val a = given(&p, ROWS_FIXED, 3, 1, (real[]){0.5, -1, 2}), c = given(&p, ROWS_FIXED, 3, 1, (real[]){0.25, 4, -2});
    val s = given_ints(&p, ROWS_TOKENS, 3, (int32_t[]){0, 0, 2});
    val where = given_frozen(&p, 1, 3, (float[]){0, 1, 2}); /* of distances -1, 0, 1 */
    /* row 0: 2 * 1 + 2 * -1 + 1 * 4 = 4 and 2 * 3 + 2 * 0.5 + 3 * 0.25 = 7.75;
     * row 1: -1 - 2 - 2 = -5 and -3 + 1 + 12 */
    const double first = 1 / (1 + exp(0.5 * (7.75 - 4))), second = 1 / (1 + exp(0.5 * (10 + 5)));
    near(forward(&p, op_disentangled(&p, q, k, v, s, where, a, c, 1, 0.5)),
         (double[]){10 * first + 20 * (1 - first), 10 * second + 20 * (1 - second), 30}, 3);
    const double plain = 1 / (1 + exp(0.5 * (6 - 2))), turned = 1 / (1 + exp(0.5 * (-3 + 1)));
    near(forward(&p, op_disentangled(&p, q, k, v, s, where, NONE, NONE, 1, 0.5)),
         (double[]){10 * plain + 20 * (1 - plain), 10 * turned + 20 * (1 - turned), 30}, 3);
    prog_release(&p);
}

/* A window both ways, one row to each side: the softmax of two or three scores. */
static void attention_both_ways_in_a_window(void **state)
{
    (void)state;
    enum { ROWS = 6 };
    const int32_t start[ROWS] = {0, 0, 0, 0, 4, 4};
    const int from[ROWS] = {0, 0, 1, 2, 4, 4}, to[ROWS] = {1, 2, 3, 3, 5, 5};
    prog p;
    prog_init(&p, ROWS, 0);
    val x[3];
    for (int k = 0; k < 3; k++) x[k] = case_reals(&p, "x", VALUE_INPUT, ROWS_TOKENS, 0, 1, 0, 1);
    const real *q = p.v[x[0]].p, *k = p.v[x[1]].p, *v = p.v[x[2]].p;
    val s = given_ints(&p, ROWS_TOKENS, ROWS, start);
    const real *o = forward(&p, op_attention_both(&p, x[0], x[1], x[2], s, 1, 1, 2, 0.7));
    for (int r = 0; r < ROWS; r++) {
        double sum = 0, want = 0;
        for (int j = from[r]; j <= to[r]; j++) {
            const double weight = exp(0.7 * (double)q[r] * (double)k[j]);
            sum += weight;
            want += weight * (double)v[j];
        }
        near(o + r, (double[]){want / sum}, 1);
    }
    prog_release(&p);
}

/* A prompt in one piece, then row after row, in a slot that is not the first: what attention says of the
 * whole. */
static void cached_attention_equals_attention(void **state)
{
    (void)state;
    enum { ROWS = 11, PROMPT = 4, HEADS = 4, KV = 2, DIM = 5, SLOT = 1, CONTEXT = 16 };
    for (int window = 0; window < 4; window += 3) {
        prog p;
        prog_init(&p, ROWS, 0);
        val q = case_reals(&p, "q", VALUE_INPUT, ROWS_TOKENS, 0, HEADS * DIM, 0, 1);
        val k = case_reals(&p, "k", VALUE_INPUT, ROWS_TOKENS, 0, KV * DIM, 0, 1);
        val v = case_reals(&p, "v", VALUE_INPUT, ROWS_TOKENS, 0, KV * DIM, 0, 1);
        val s = given_ints(&p, ROWS_TOKENS, ROWS, (int32_t[ROWS]){0});
        const real *want = forward(&p, op_attention(&p, q, k, v, s, HEADS, KV, window, 0.4));
        prog c;
        prog_init(&c, PROMPT, 0);
        val cq = prog_value(&c, "q", VALUE_INPUT, ROWS_TOKENS, 0, HEADS * DIM);
        val ck = prog_value(&c, "k", VALUE_INPUT, ROWS_TOKENS, 0, KV * DIM);
        val cv = prog_value(&c, "v", VALUE_INPUT, ROWS_TOKENS, 0, KV * DIM);
        val slot = given_ints(&c, ROWS_TOKENS, PROMPT, (int32_t[]){SLOT, SLOT, SLOT, SLOT});
        val at = given_ints(&c, ROWS_TOKENS, PROMPT, (int32_t[]){0, 1, 2, 3});
        val kept_k = case_reals(&c, "kept k", VALUE_STATE, ROWS_FIXED, 3 * CONTEXT, KV * DIM, NAN, 0);
        val kept_v = case_reals(&c, "kept v", VALUE_STATE, ROWS_FIXED, 3 * CONTEXT, KV * DIM, NAN, 0);
        val o =
            op_cached_attention(&c, cq, ck, cv, slot, at, kept_k, kept_v, HEADS, KV, window, CONTEXT, 0.4);
        for (int done = 0; done < ROWS;) {
            int n = done ? 1 : PROMPT;
            prog_rows(&c, n, 0);
            c.v[cq].p = (real *)p.v[q].p + done * HEADS * DIM;
            c.v[ck].p = (real *)p.v[k].p + done * KV * DIM;
            c.v[cv].p = (real *)p.v[v].p + done * KV * DIM;
            if (done) *(int32_t *)c.v[at].p = done;
            const real *got = forward(&c, o);
            for (int e = 0; e < n * HEADS * DIM; e++)
                near(got + e, (double[]){(double)want[done * HEADS * DIM + e]}, 1);
            done += n;
        }
        const real *kept = c.v[kept_k].p; /* other slots are left alone, and positions not reached */
        for (int e = 0; e < 3 * CONTEXT * KV * DIM; e++) {
            int row = e / (KV * DIM);
            assert_true(isnan(kept[e]) == !(row >= SLOT * CONTEXT && row < SLOT * CONTEXT + ROWS));
        }
        prog_release(&c);
        prog_release(&p);
    }
}

/* Scores with the bias of each distance, one way and both ways, or with slopes; and rows that see those of others, as
 * those of one document see each other when they are all given. */
static void attention_with_bias(void **state)
{
    (void)state;
    enum { ROWS = 7, HEADS = 2, DIM = 3, WIDTH = HEADS * DIM, REACH = 2 };
    const int32_t start[ROWS] = {0, 0, 0, 0, 0, 5, 5};
    for (int way = 0; way < 3; way++) {
        const int both = way == 1, columns = way == 2 ? 1 : 2 * REACH + 1; /* 2: slopes */
        prog p;
        prog_init(&p, ROWS, 0);
        val x[3];
        for (int k = 0; k < 3; k++) x[k] = case_reals(&p, "x", VALUE_INPUT, ROWS_TOKENS, 0, WIDTH, 0, 1);
        val s = given_ints(&p, ROWS_TOKENS, ROWS, start);
        val bias = case_frozen(&p, "bias", DT_F32, HEADS, columns, 0, 1);
        val o = op_attention_biased(&p, x[0], x[1], x[2], s, bias, both ? SEES_ALL : SEES_BEFORE, HEADS, 0.7);
        const real *got = forward(&p, o), *q = p.v[x[0]].p, *k = p.v[x[1]].p, *v = p.v[x[2]].p;
        for (int r = 0; r < ROWS; r++)
            for (int h = 0; h < HEADS; h++) {
                double sum = 0, want[DIM] = {0};
                for (int j = start[r]; j <= (both ? r < 5 ? 4 : 6 : r); j++) {
                    int far = r - j > REACH ? REACH : r - j < -REACH ? -REACH : r - j;
                    double score = way == 2 ? -(double)frozen_at(&p.v[bias], h, 0) * (r - j)
                                            : (double)frozen_at(&p.v[bias], h, REACH + far);
                    for (int e = 0; e < DIM; e++)
                        score += 0.7 * (double)q[r * WIDTH + h * DIM + e] * (double)k[j * WIDTH + h * DIM + e];
                    sum += exp(score);
                    for (int e = 0; e < DIM; e++) want[e] += exp(score) * (double)v[j * WIDTH + h * DIM + e];
                }
                for (int e = 0; e < DIM; e++) want[e] /= sum;
                near(got + r * WIDTH + h * DIM, want, DIM);
            }
        prog_release(&p);
    }
}

static void attention_across_rows(void **state)
{
    (void)state;
    enum { ROWS = 5, KEYS = 6, WIDTH = 4 };
    const int32_t start[KEYS] = {0, 0, 2, 2, 2, 2};
    prog p;
    prog_init(&p, KEYS, 0);
    p.cap_source = ROWS;
    val q = case_reals(&p, "q", VALUE_INPUT, ROWS_SOURCE, 0, WIDTH, 0, 1);
    val all = case_reals(&p, "q", VALUE_INPUT, ROWS_TOKENS, 0, WIDTH, 0, 1);
    val k = case_reals(&p, "k", VALUE_INPUT, ROWS_TOKENS, 0, WIDTH, 0, 1);
    val v = case_reals(&p, "v", VALUE_INPUT, ROWS_TOKENS, 0, WIDTH, 0, 1);
    val s = given_ints(&p, ROWS_TOKENS, KEYS, start);
    val seen = prog_ints(&p, "seen", VALUE_INPUT, ROWS_SOURCE, 0, 2);
    p.v[seen].p = (int32_t[]){0, 2, 2, 6, 2, 6, 2, 6, 2, 6};
    memcpy((real *)p.v[all].p + 1 * WIDTH, p.v[q].p, ROWS * WIDTH * sizeof(real)); /* row 1 + r is row r */
    const real *want = forward(&p, op_attention_both(&p, all, k, v, s, 2, 2, 0, 0.5));
    const real *got = forward(&p, op_attention_across(&p, q, k, v, seen, 2, 0.5));
    for (int e = 0; e < ROWS * WIDTH; e++) near(got + e, (double[]){(double)want[WIDTH + e]}, 1);
    prog_rows_source(&p, 2);
    assert_int_equal(numel(p.v[q].s), 2 * WIDTH);
    assert_int_equal(numel(p.v[k].s), KEYS * WIDTH);
    prog_release(&p);
}

static void store_by_hand(void **state)
{
    (void)state;
    prog p;
    prog_init(&p, 2, 0);
    val x = given(&p, ROWS_TOKENS, 2, 2, (real[]){1, 2, 3, 4});
    val place = given_ints(&p, ROWS_TOKENS, 2, (int32_t[]){3, 1});
    val to = case_reals(&p, "to", VALUE_STATE, ROWS_FIXED, 4, 2, 9, 0);
    near(forward(&p, op_store(&p, x, place, to)), (double[]){9, 9, 3, 4, 9, 9, 1, 2}, 8);
    prog_release(&p);
}

static void head_by_hand(void **state)
{
    (void)state;
    static const float w[] = {1, 0, 0, 1, 1, 1, 0, 0};
    prog p;
    val ce, hit;
    prog_init(&p, 0, 3);
    val h = given(&p, ROWS_LABELS, 3, 2, (real[]){0, 0, 2, 1, 1, 2}); /* logits 0 0 0 0; 2 1 3 0; 1 2 3 0 */
    val target = given_ints(&p, ROWS_LABELS, 3, (int32_t[]){0, 2, 1});
    val weight = given(&p, ROWS_LABELS, 3, 1, (real[]){0.5, 0, 2});
    val loss = op_head(&p, h, given_frozen(&p, 4, 2, w), target, weight, 2, &ce, &hit);
    double sum = log(exp(0) + exp(1) + exp(2) + exp(3));
    near(forward(&p, loss), (double[]){0.5 * log(4) + 2 * (sum - 2)}, 1);
    near(p.v[ce].p, (double[]){log(4), sum - 3, sum - 2}, 3);
    near(p.v[hit].p, (double[]){1, 1, 0}, 3); /* of equals the first */
    static const float more[] = {1, 2, 0, 5}; /* logits 1 2 0 5; 3 3 3 5; 2 4 3 5 */
    val biased = op_head_biased(&p, h, given_frozen(&p, 4, 2, w), given_frozen(&p, 4, 0, more), target, weight, 2,
                                &ce, &hit);
    double first = log(exp(1) + exp(2) + exp(0) + exp(5)) - 1, last = log(exp(2) + exp(4) + exp(3) + exp(5)) - 4;
    near(forward(&p, biased), (double[]){0.5 * first + 2 * last}, 1);
    near(p.v[ce].p, (double[]){first, log(3 * exp(3) + exp(5)) - 3, last}, 3);
    assert_int_equal(p.v[loss].kind, VALUE_RESULT);
    assert_int_equal(p.v[ce].kind, VALUE_RESULT);
    prog_release(&p);
}

static void head_survives_large_logits(void **state)
{
    (void)state;
    static const float w[] = {1000, -1000};
    prog p;
    val ce, hit;
    prog_init(&p, 0, 2);
    val h = given(&p, ROWS_LABELS, 2, 1, (real[]){1, -1});
    val target = given_ints(&p, ROWS_LABELS, 2, (int32_t[]){0, 0});
    val weight = given(&p, ROWS_LABELS, 2, 1, (real[]){1, 1});
    val loss = op_head(&p, h, given_frozen(&p, 2, 1, w), target, weight, 2, &ce, &hit);
    near(forward(&p, loss), (double[]){2000}, 1);
    prog_release(&p);
}

static void every_forward_was_tried(void **state)
{
    (void)state;
    for (int k = 0; k < OP_COUNT; k++)
        if (!tried[k]) fail_msg("%s: compare its forward with numbers worked out by hand", op_all[k]->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_capacities),
        cmocka_unit_test(long_lists_keep_their_values),
        cmocka_unit_test(frozen_values_read_any_type),
        cmocka_unit_test(dropout_is_a_function_of_its_element),
        cmocka_unit_test(embed_and_gather_take_rows),
        cmocka_unit_test(rmsnorm_by_hand),
        cmocka_unit_test(layernorm_by_hand),
        cmocka_unit_test(activations_by_hand),
        cmocka_unit_test(columns_by_hand),
        cmocka_unit_test(dense_by_hand),
        cmocka_unit_test(objectives_by_hand),
        cmocka_unit_test(linear_by_hand),
        cmocka_unit_test(dropout_falls_on_the_adapter_alone),
        cmocka_unit_test(dropout_by_hand),
        cmocka_unit_test(rope_turns_pairs),
        cmocka_unit_test(swiglu_and_add_by_hand),
        cmocka_unit_test(geglu_softcap_and_columns_by_hand),
        cmocka_unit_test(clamp_and_scale_by_hand),
        cmocka_unit_test(exact_geglu_and_average_by_hand),
        cmocka_unit_test(experts_by_hand),
        cmocka_unit_test(attention_written_out),
        cmocka_unit_test(attention_both_ways),
        cmocka_unit_test(attention_both_ways_in_a_window),
        cmocka_unit_test(disentangled_by_hand),
        cmocka_unit_test(attention_with_bias),
        cmocka_unit_test(attention_across_rows),
        cmocka_unit_test(store_by_hand),
        cmocka_unit_test(cached_attention_equals_attention),
        cmocka_unit_test(head_by_hand),
        cmocka_unit_test(head_survives_large_logits),
        cmocka_unit_test(every_forward_was_tried),
    };
    return cmocka_run_group_tests_name("lists and forwards", tests, NULL, NULL);
}
