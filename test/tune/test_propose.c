/* test_propose.c -- proposals: the same history gives the same point, none comes twice, and the estimator
 * finds a minimum that chance does not. */
#include "tune/propose.h"

#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RUNS = 128 };

static const char definition[] =
    "{\"kind\": [\"a\", \"b\", \"c\"], \"lr\": {\"log\": [1e-5, 1e-1]}, \"x\": {\"range\": [-1, 1]},"
    " \"n\": {\"int\": [1, 64], \"log\": \"true\"},"
    " \"extra\": {\"range\": [0, 1], \"when\": {\"kind\": \"b\"}}}";

static space read_space(void)
{
    space s;
    err e = {0};
    json_t *d = json_loads(definition, 0, NULL);
    assert_int_equal(space_read(&s, d, NULL, &e), OK);
    json_decref(d);
    return s;
}

/* Least at kind b, lr 1e-3, x 0.3 - which moves with lr -, n 8, extra 0.7. */
static double worth(const point *at)
{
    double lr = log10(at->v[1]) + 3, x = at->v[2] - 0.3 - 0.2 * lr, n = log2(at->v[3]) - 3;
    double extra = isnan(at->v[4]) ? 0.5 : at->v[4] - 0.7;
    return lr * lr + 4 * x * x + 0.2 * n * n + extra * extra + (at->v[0] == 1 ? 0 : 0.5);
}

static void begin(history *h, const space *s)
{
    *h = (history){.s = s, .objectives = 1, .rungs = 1, .run = calloc(RUNS, sizeof *h->run)};
}

static void add(history *h, const point *at)
{
    h->run[h->n] = (attempt){.number = h->n, .at = *at, .state = RUN_DONE, .rung = 0};
    h->run[h->n++].value[0][0] = worth(at);
}

static double search_for(strategy how, const space *s, uint64_t seed, int runs)
{
    history h;
    point at;
    double best = INFINITY;
    begin(&h, s);
    for (int i = 0; i < runs; i++) {
        assert_int_equal(propose(how, &h, seed, &at), PROPOSAL_POINT);
        assert_false(history_has(&h, &at));
        best = fmin(best, worth(&at));
        add(&h, &at);
    }
    free(h.run);
    return best;
}

static void the_first_is_where_the_options_stand(void **state)
{
    (void)state;
    space s = read_space();
    point wanted = space_standard(&s), at;
    history h = {.s = &s, .objectives = 1, .rungs = 1};
    for (int how = 0; how < STRATEGY_COUNT; how++) {
        assert_int_equal(propose((strategy)how, &h, 7, &at), PROPOSAL_POINT);
        assert_true(space_same(&s, &at, &wanted));
    }
    space_release(&s);
}

static void a_history_decides_what_follows(void **state)
{
    (void)state;
    space s = read_space();
    history h;
    point at, again;
    begin(&h, &s);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(propose_tpe(&h, 5, &at), PROPOSAL_POINT);
        assert_int_equal(propose_tpe(&h, 5, &again), PROPOSAL_POINT);
        assert_true(space_same(&s, &at, &again));
        assert_int_equal(propose_tpe(&h, 6, &again), PROPOSAL_POINT);
        assert_false(space_same(&s, &at, &again));
        add(&h, &at);
    }
    free(h.run);
    space_release(&s);
}

/* Medians over 15 seeds of the best of 60 runs. */
static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median_of(strategy how, const space *s)
{
    double best[15];
    for (int i = 0; i < 15; i++) best[i] = search_for(how, s, (uint64_t)i, 60);
    qsort(best, 15, sizeof *best, by_value);
    return best[7];
}

static void the_estimator_beats_chance(void **state)
{
    (void)state;
    space s = read_space();
    double chance = median_of(STRATEGY_RANDOM, &s), estimator = median_of(STRATEGY_TPE, &s);
    print_message("best of 60: %g by chance, %g by the estimator\n", chance, estimator);
    assert_true(estimator < chance / 3);
    space_release(&s);
}

static void a_grid_has_both_ends_and_then_ends(void **state)
{
    (void)state;
    space s;
    err e = {0};
    json_t *d = json_loads("{\"lr\": {\"log\": [1e-4, 1e-2], \"points\": 3}, \"n\": {\"int\": [2, 4]}}", 0,
                           NULL);
    assert_int_equal(space_read(&s, d, NULL, &e), OK);
    json_decref(d);
    assert_int_equal(grid_size(&s), 9);
    history h;
    begin(&h, &s);
    while (propose_grid(&h, &h.run[h.n].at) == PROPOSAL_POINT) h.n++;
    assert_int_equal(h.n, 9);
    const double lr[] = {1e-4, 1e-3, 1e-2};
    for (int i = 0; i < 9; i++) {
        assert_float_equal(h.run[i].at.v[0], lr[i / 3], 1e-9);
        assert_true(h.run[i].at.v[1] == 2 + i % 3);
    }
    point at;
    for (int how = 0; how < STRATEGY_COUNT; how++)
        assert_int_equal(propose((strategy)how, &h, 1, &at) == PROPOSAL_NONE, how == STRATEGY_GRID);
    free(h.run);
    space_release(&s);
}

/* A space of six points is emptied by every strategy, none of them twice. */
static void a_small_space_is_emptied(void **state)
{
    (void)state;
    space s;
    err e = {0};
    json_t *d = json_loads("{\"a\": [1, 2, 3], \"b\": [\"x\", \"y\"]}", 0, NULL);
    assert_int_equal(space_read(&s, d, NULL, &e), OK);
    json_decref(d);
    for (int how = 0; how < STRATEGY_COUNT; how++) {
        history h;
        point at;
        begin(&h, &s);
        while (propose((strategy)how, &h, 3, &at) == PROPOSAL_POINT) {
            assert_false(history_has(&h, &at));
            h.run[h.n] = (attempt){.number = h.n, .at = at, .state = RUN_DONE, .rung = 0};
            h.run[h.n].value[0][0] = at.v[0] - at.v[1];
            h.n++;
        }
        assert_int_equal(h.n, 6);
        free(h.run);
    }
    space_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_where_the_options_stand),
        cmocka_unit_test(a_history_decides_what_follows),
        cmocka_unit_test(the_estimator_beats_chance),
        cmocka_unit_test(a_grid_has_both_ends_and_then_ends),
        cmocka_unit_test(a_small_space_is_emptied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
