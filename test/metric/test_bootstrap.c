/* test_bootstrap.c -- intervals equal to those of numpy from the same draws, and as near to those of
 * scipy as drawing allows. The recorded numbers: test/golden/bootstrap.py. */
#include "metric/bootstrap.h"

#include "base/arena.h"
#include "base/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static json_t *cases;

static int begin(void **state)
{
    (void)state;
    err e = {0};
    cases = json_parse_file("test/data/metric/bootstrap.json", &e);
    if (!cases) print_error("%s\n", e.msg);
    return cases ? 0 : 1;
}

static int end(void **state)
{
    (void)state;
    json_decref(cases);
    return 0;
}

static double *numbers(const json_t *o, const char *key)
{
    const json_t *list = json_object_get(o, key);
    size_t n = json_array_size(list);
    double *out = xcalloc(n, sizeof *out);
    for (size_t i = 0; i < n; i++) out[i] = json_number_value(json_array_get(list, i));
    return out;
}

static double number(const json_t *o, const char *key) { return json_number_value(json_object_get(o, key)); }

/* Both sides add the same numbers in double, in another order: a sum over n rows differs by about n ulps. */
static void near(double x, double y,
                 double rows) { assert_true(fabs(x - y) <= rows * 4 * 0x1p-52 * fabs(y) + 1e-15); }

static void check(interval got, double value, const double *ends, double rows)
{
    near(got.value, value, rows);
    assert_true(fabs(got.low - ends[0]) < rows * 1e-14);
    assert_true(fabs(got.high - ends[1]) < rows * 1e-14);
}

static void equal_to_numpy(void **state)
{
    (void)state;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i);
        double *x = numbers(c, "a"), *y = numbers(c, "b"), *den = numbers(c, "den");
        double *alone = numbers(c, "interval"), *paired = numbers(c, "paired");
        bootstrap_scores a = {(int64_t)number(c, "rows"), (int64_t)number(c, "seeds"), x, den, NULL}, b = a;
        b.num = y;
        double level = number(c, "level"), rows = number(c, "rows");
        int64_t n = (int64_t)number(c, "replicates");
        near(bootstrap_score(&a), number(c, "score"), rows);
        check(bootstrap_interval(&a, level, n, 5), number(c, "score"), alone, rows);
        interval d = bootstrap_difference(&a, &b, level, n, 5);
        assert_true(fabs(d.value - number(c, "difference")) < rows * 1e-14);
        assert_true(fabs(d.low - paired[0]) < rows * 1e-14 && fabs(d.high - paired[1]) < rows * 1e-14);
        free(x), free(y), free(den), free(alone), free(paired);
    }
}

/* The ends of an interval from n draws scatter by about 2.7 standard errors over sqrt(n): sqrt(p (1 - p))
 * over the normal density at the quantile. Five times that, and scipy's own. */
static void as_near_to_scipy_as_drawing_allows(void **state)
{
    (void)state;
    const json_t *c = json_array_get(cases, 0);
    double *x = numbers(c, "a"), *y = numbers(c, "b"), *den = numbers(c, "den");
    double *alone = numbers(c, "scipy_interval"), *paired = numbers(c, "scipy_paired");
    bootstrap_scores a = {(int64_t)number(c, "rows"), 1, x, den, NULL}, b = a;
    b.num = y;
    double scatter = 2.7 * (1 / sqrt(BOOTSTRAP_REPLICATES) + 1 / sqrt(200000)) * 5;
    interval one = bootstrap_interval(&a, 0.95, BOOTSTRAP_REPLICATES, 1),
             two = bootstrap_difference(&a, &b, 0.95, BOOTSTRAP_REPLICATES, 1);
    double e = scatter * number(c, "scipy_error"), f = scatter * number(c, "scipy_paired_error");
    assert_true(fabs(one.low - alone[0]) < e && fabs(one.high - alone[1]) < e);
    assert_true(fabs(two.low - paired[0]) < f && fabs(two.high - paired[1]) < f);
    assert_true(two.high - two.low < (one.high - one.low) / 2); /* pairing is what it is for */
    free(x), free(y), free(den), free(alone), free(paired);
}

static void nothing_to_differ(void **state)
{
    (void)state;
    double x[6] = {1, 2, 3, 4, 5, 6}, one[6] = {1, 1, 1, 1, 1, 1};
    bootstrap_scores a = {3, 2, x, one, NULL};
    interval d = bootstrap_difference(&a, &a, 0.95, 100, 1);
    assert_true(d.value == 0 && d.low == 0 && d.high == 0);
    assert_true(bootstrap_score(&a) == 3.5);
}

/* With 5 rows that all say the same, chance does so in 2 of 32 cases. */
static void few_rows_show_nothing(void **state)
{
    (void)state;
    interval above = {2, 1, 3}, below = {-2, -3, -1}, around = {1, -1, 3};
    assert_true(bootstrap_shows(above, 6, 0.95) && bootstrap_shows(below, 6, 0.95));
    assert_false(bootstrap_shows(above, 5, 0.95) || bootstrap_shows(below, 1, 0.95));
    assert_false(bootstrap_shows(above, 6, 0.975));
    assert_false(bootstrap_shows(around, 1000, 0.95));
}

/* Macro F1 of labels: of all rows that of classify.h, and of every draw of two by hand. A draw with both rows of
 * the first unit and the second has classes 0 and 1 at 2/3 and 0. */
static void test_labels(void **state)
{
    (void)state;
    const int64_t first[] = {0, 1, 2}, together[] = {0, 2, 3};
    const int32_t truth[] = {0, 1, 1}, said[] = {0, 0, 1}, wrong[] = {1, 0, 0}, both[] = {0, 0, 1, 1, 0, 0};
    bootstrap_labels l = {2, 3, first, truth, said};
    bootstrap_scores a = {.rows = 2, .seeds = 1, .labels = &l};
    interval v = bootstrap_interval(&a, 0.95, 1000, 1);
    assert_true(fabs(v.value - 1.0 / 3) < 1e-12 && v.low == 0 && v.high == 1);
    v = bootstrap_interval(&a, 0, 1001, 1); /* the median: one of each row */
    assert_true(fabs(v.low - 1.0 / 3) < 1e-12);
    l = (bootstrap_labels){3, 2, together, truth, said};
    assert_true(fabs(bootstrap_score(&a) - 2.0 / 3) < 1e-12);
    bootstrap_labels m = {3, 2, together, truth, wrong}, n = {3, 2, together, truth, both};
    bootstrap_scores b = {.rows = 2, .seeds = 1, .labels = &m}, c = {.rows = 2, .seeds = 2, .labels = &n};
    assert_true(bootstrap_score(&b) == 0 && fabs(bootstrap_score(&c) - 1.0 / 3) < 1e-12);
    v = bootstrap_difference(&a, &b, 0.95, 1000, 1);
    assert_true(fabs(v.value - 2.0 / 3) < 1e-12 && fabs(v.low - 1.0 / 3) < 1e-12 && v.high == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_labels), 
        cmocka_unit_test(equal_to_numpy),
        cmocka_unit_test(as_near_to_scipy_as_drawing_allows),
        cmocka_unit_test(nothing_to_differ),
        cmocka_unit_test(few_rows_show_nothing),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
