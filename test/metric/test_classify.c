/* test_classify.c -- scores of classifiers against numbers worked out by hand. */
#include "metric/classify.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void near(double have, double want)
{
    if (!(fabs(have - want) < 1e-12)) fail_msg("%.15g, not %.15g", have, want);
}

/* Class 3 occurs nowhere and counts for nothing; class 2 is only predicted. */
static void test_one(void **state)
{
    (void)state;
    static const int truth[] = {0, 0, 0, 1, 1, 0}, said[] = {0, 0, 1, 1, 2, 0};
    class_tally t;
    class_tally_init(&t, 4);
    for (int round = 0; round < 2; round++) {
        class_tally_clear(&t);
        for (int i = 0; i < 6; i++) class_tally_one(&t, truth[i], said[i]);
    }
    class_scores s = class_tally_scores(&t);
    assert_int_equal(s.n, 6);
    near(s.accuracy, 4.0 / 6);
    near(s.macro_f1, (6.0 / 7 + 0.5 + 0) / 3);
    near(s.micro_f1, 4.0 / 6);
    assert_true(isnan(s.mse) && isnan(s.pearson));
    class_tally_release(&t);
}

static void test_several(void **state)
{
    (void)state;
    class_tally t;
    class_tally_init(&t, 3);
    class_tally_several(&t, (float[]){1, 0, 1}, (float[]){2, -1, 0.5f});
    class_tally_several(&t, (float[]){1, 1, 0}, (float[]){2, 0, 1});
    class_scores s = class_tally_scores(&t);
    near(s.accuracy, 0.5);
    near(s.micro_f1, 6.0 / 8);
    near(s.macro_f1, (1 + 0 + 2.0 / 3) / 3);
    class_tally_release(&t);
}

static void test_value(void **state)
{
    (void)state;
    static const double truth[] = {1, 2, 3, 4}, said[] = {1, 3, 2, 5};
    class_tally t;
    class_tally_init(&t, 0);
    assert_true(isnan(class_tally_scores(&t).mse));
    for (int i = 0; i < 4; i++) class_tally_value(&t, truth[i], said[i]);
    class_scores s = class_tally_scores(&t);
    near(s.mse, 0.75);
    near(s.pearson, 5.5 / sqrt(5 * 8.75));
    assert_true(isnan(s.accuracy));
    class_tally_clear(&t);
    for (int i = 0; i < 4; i++) class_tally_value(&t, truth[i], 7);
    assert_true(isnan(class_tally_scores(&t).pearson)); /* predictions that do not vary */
    class_tally_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one), cmocka_unit_test(test_several),
                                       cmocka_unit_test(test_value)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
