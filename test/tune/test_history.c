/* test_history.c -- orders, fronts, who goes on, who is stopped, what mattered: worked out by hand. */
#include "tune/search.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RUNS = 64 };

static space one_number(void)
{
    space s;
    json_t *d = json_loads("{\"x\": {\"range\": [0, 1]}, \"y\": [\"a\", \"b\"]}", 0, NULL);
    err e = {0};
    assert_int_equal(space_read(&s, d, NULL, &e), OK);
    json_decref(d);
    return s;
}

static history *history_of(const space *s, int objectives, int rungs)
{
    history *h = calloc(1, sizeof *h);
    *h = (history){.s = s, .objectives = objectives, .rungs = rungs, .run = calloc(RUNS, sizeof *h->run)};
    return h;
}

static void forget(history *h)
{
    free(h->run);
    free(h);
}

/* A run that was judged at the rungs of the values, -1 ending them. */
static attempt *add(history *h, run_state now, const double *value)
{
    attempt *r = &h->run[h->n];
    *r = (attempt){.number = h->n, .state = now, .rung = -1, .at = {{(double)h->n / RUNS, 0}}};
    while (value[r->rung + 1] >= 0) r->rung++, r->value[r->rung][0] = value[r->rung];
    h->n++;
    return r;
}
#define ADD(h, now, ...) add(h, now, (const double[]){__VA_ARGS__, -1})

static void expect_order(const history *h, const int64_t *wanted, int64_t n)
{
    int64_t order[RUNS];
    assert_int_equal(history_order(h, order), n);
    for (int64_t i = 0; i < n; i++) assert_int_equal(order[i], wanted[i]);
}

static void a_long_run_is_not_better_for_its_length(void **state)
{
    (void)state;
    space s = one_number();
    history *h = history_of(&s, 1, 3);
    ADD(h, RUN_DONE, 9, 8, 7);   /* 0: long and bad */
    ADD(h, RUN_PAUSED, 3, 2.5);  /* 1 */
    ADD(h, RUN_PAUSED, 4, 2);    /* 2: overtakes 1 */
    ADD(h, RUN_PAUSED, 5);       /* 3 */
    ADD(h, RUN_DIVERGED, 1);     /* 4 */
    expect_order(h, (const int64_t[]){2, 1, 3, 0, 4}, 5);
    assert_int_equal(history_best(h), 0); /* of the highest rung */
    forget(h);
    space_release(&s);
}

static void halving_picks_the_best_of_each_rung(void **state)
{
    (void)state;
    space s = one_number();
    history *h = history_of(&s, 1, 3);
    search how = {STRATEGY_RANDOM, EARLY_HALVING, 3, 2, 1};
    int64_t who;
    point at;
    assert_int_equal(search_next(&how, h, MAY_BEGIN, &who, &at), MOVE_BEGIN);
    ADD(h, RUN_PAUSED, 5);
    assert_int_equal(halving_next(h, 3), 0); /* the first goes on in any case */
    h->run[0].state = RUN_BUSY;
    ADD(h, RUN_PAUSED, 4);
    assert_int_equal(halving_next(h, 3), -1);
    ADD(h, RUN_PAUSED, 6);
    assert_int_equal(halving_next(h, 3), 1); /* the best third of three */
    h->run[1].state = RUN_BUSY;
    ADD(h, RUN_PAUSED, 3);
    assert_int_equal(halving_next(h, 3), 3); /* 1 is the second best by now */
    ADD(h, RUN_PAUSED, 7);
    ADD(h, RUN_PAUSED, 8);
    assert_int_equal(halving_next(h, 3), 3);
    h->run[3].state = RUN_BUSY;
    assert_int_equal(halving_next(h, 3), -1);
    assert_int_equal(search_next(&how, h, ONLY_GO_ON, &who, &at), MOVE_WAIT);
    for (int i = 0; i < 3; i++) { /* three judged at rung 1: the best of them goes to the end */
        attempt *r = &h->run[(const int[]){0, 1, 3}[i]];
        r->rung = 1, r->state = RUN_PAUSED, r->value[1][0] = (const double[]){4, 2, 2.5}[i];
    }
    assert_int_equal(halving_next(h, 3), 1);
    h->run[1].state = RUN_DONE, h->run[1].rung = 2, h->run[1].value[2][0] = 1;
    h->run[0].state = RUN_DONE, h->run[0].rung = 2, h->run[0].value[2][0] = 3;
    assert_int_equal(halving_next(h, 3), -1);
    /* nothing more may begin: the two best are brought to the end */
    assert_int_equal(search_next(&how, h, ONLY_GO_ON, &who, &at), MOVE_GO_ON);
    assert_int_equal(who, 3);
    h->run[3].state = RUN_DONE, h->run[3].rung = 2, h->run[3].value[2][0] = 2;
    assert_int_equal(search_next(&how, h, ONLY_END, &who, &at), MOVE_NOTHING);
    forget(h);
    space_release(&s);
}

static void the_median_needs_five_others(void **state)
{
    (void)state;
    space s = one_number();
    history *h = history_of(&s, 1, 2);
    for (int i = 0; i < 4; i++) ADD(h, RUN_DONE, i + 1, 1);
    attempt *r = ADD(h, RUN_BUSY, 100);
    assert_false(median_stops(h, r, 0));
    ADD(h, RUN_DONE, 5, 1);
    assert_true(median_stops(h, r, 0));
    r->value[0][0] = 3; /* the median of 1 2 3 4 5 */
    assert_false(median_stops(h, r, 0));
    r->value[0][0] = 3.01;
    assert_true(median_stops(h, r, 0));
    forget(h);
    space_release(&s);
}

static void two_objectives_have_a_front(void **state)
{
    (void)state;
    static const double value[][2] = {{1, 9}, {5, 5}, {9, 1}, {6, 6}, {5, 5.5}, {4, 6}};
    space s = one_number();
    history *h = history_of(&s, 2, 1);
    for (int i = 0; i < 6; i++) {
        attempt *r = ADD(h, RUN_DONE, value[i][0]);
        r->value[0][1] = value[i][1];
    }
    int64_t front[RUNS];
    assert_int_equal(history_front(h, front), 4);
    const int64_t wanted[] = {0, 1, 2, 5};
    for (int i = 0; i < 4; i++) assert_int_equal(front[i], wanted[i]);
    /* the ends first; of the middle the one with more room: 1 has (9-4)/8 + (6-1)/8, 5 has (5-1)/8 +
     * (9-5)/8 */
    expect_order(h, (const int64_t[]){0, 2, 1, 5, 4, 3}, 6);
    forget(h);
    space_release(&s);
}

/* A value that is missing is infinitely bad, and takes the room of nobody: 1 has (2 - 0.5) / 2.5, 2 has 2 / 2.5. */
static void a_missing_value_leaves_the_order(void **state)
{
    (void)state;
    static const double value[][2] = {{0.5, INFINITY}, {1, 9}, {2, 5}, {3, 1}};
    space s = one_number();
    history *h = history_of(&s, 2, 1);
    for (int i = 0; i < 4; i++) {
        attempt *r = ADD(h, RUN_DONE, value[i][0]);
        r->value[0][1] = value[i][1];
    }
    expect_order(h, (const int64_t[]){0, 3, 2, 1}, 4);
    forget(h);
    space_release(&s);
}

/* Cells of a whole number that no value falls into say nothing. */
static void few_values_matter_no_more_for_it(void **state)
{
    (void)state;
    space s;
    json_t *d = json_loads("{\"x\": {\"range\": [0, 1]}, \"k\": {\"int\": [1, 2]}}", 0, NULL);
    err e = {0};
    assert_int_equal(space_read(&s, d, NULL, &e), OK);
    json_decref(d);
    history *h = history_of(&s, 1, 1);
    for (int i = 0; i < 50; i++) {
        double x = (i + 0.5) / 50;
        attempt *r = ADD(h, RUN_DONE, fabs(x - 0.3));
        r->at.v[0] = x;
        r->at.v[1] = 1 + i % 2;
    }
    double share[2];
    history_importance(h, share);
    assert_true(share[0] > 0.95);
    forget(h);
    space_release(&s);
}

static void what_decides_matters(void **state)
{
    (void)state;
    space s = one_number();
    history *h = history_of(&s, 1, 1);
    for (int i = 0; i < 50; i++) {
        double x = (i + 0.5) / 50;
        attempt *r = ADD(h, RUN_DONE, fabs(x - 0.3));
        r->at.v[0] = x;
        r->at.v[1] = i % 2;
    }
    double share[2];
    history_importance(h, share);
    assert_float_equal(share[0] + share[1], 1, 1e-12);
    assert_true(share[0] > 0.95);
    forget(h);
    space_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_run_is_not_better_for_its_length),
        cmocka_unit_test(halving_picks_the_best_of_each_rung),
        cmocka_unit_test(the_median_needs_five_others),
        cmocka_unit_test(two_objectives_have_a_front),
        cmocka_unit_test(a_missing_value_leaves_the_order),
        cmocka_unit_test(what_decides_matters),
        cmocka_unit_test(few_values_matter_no_more_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
