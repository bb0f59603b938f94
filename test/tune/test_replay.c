/* test_replay.c -- is the search good? Played against a recorded table (test/data/tune/README.md) over many
 * seeds. */
#include "replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SEEDS = 40 };
static table the_table;
static replay chance[SEEDS], chance_halved[SEEDS], estimator[SEEDS];

static int begin(void **state)
{
    (void)state;
    if (!table_read(&the_table, "test/data/tune/e2e.tsv")) return -1;
    double fifth = (double)the_table.n / 5;
    for (int i = 0; i < SEEDS; i++) {
        uint64_t seed = (uint64_t)i;
        replay_run(&the_table, &(search){STRATEGY_RANDOM, EARLY_NONE, 3, 0, seed}, fifth, &chance[i]);
        replay_run(&the_table, &(search){STRATEGY_RANDOM, EARLY_HALVING, 3, 0, seed}, fifth,
                   &chance_halved[i]);
        replay_run(&the_table, &(search){STRATEGY_TPE, EARLY_HALVING, 3, 0, seed}, fifth, &estimator[i]);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    space_release(&the_table.s);
    return 0;
}

static double mean_excess(const replay *r, double cost)
{
    double sum = 0;
    for (int i = 0; i < SEEDS; i++) sum += replay_at(&r[i], cost).named / the_table.best - 1;
    return sum / SEEDS;
}

static int within_one_percent(const replay *r, double cost)
{
    int n = 0;
    for (int i = 0; i < SEEDS; i++) n += replay_at(&r[i], cost).found <= 1.01 * the_table.best;
    return n;
}

static void the_table_holds_a_grid(void **state)
{
    (void)state;
    assert_true(the_table.n >= 150);
    assert_true(the_table.n > grid_size(&the_table.s) * 9 / 10);
    for (int k = 1; k < TABLE_RUNGS; k++) assert_true(the_table.rows[k] == 3 * the_table.rows[k - 1]);
}

static void finds_the_best_at_a_fifth_of_the_grid(void **state)
{
    (void)state;
    int n = within_one_percent(estimator, (double)the_table.n / 5);
    print_message("within 1 %% of the best at a fifth of the grid's cost: %d of %d seeds\n", n, SEEDS);
    assert_true(n >= SEEDS * 95 / 100);
}

/* From the moment on when more than the first run is paid for. */
static void beats_chance_at_every_budget(void **state)
{
    (void)state;
    for (double cost = 2; cost <= (double)the_table.n / 5; cost *= 1.5)
        assert_true(mean_excess(estimator, cost) < mean_excess(chance, cost));
    for (double cost = 9; cost <= (double)the_table.n / 8; cost *= 1.5)
        assert_true(mean_excess(estimator, cost) < mean_excess(chance_halved, cost));
}

/* What a seed proposes is part of a study's record: the same for ever. */
static void a_seed_always_plays_the_same_game(void **state)
{
    (void)state;
    static replay again;
    replay_run(&the_table, &(search){STRATEGY_TPE, EARLY_HALVING, 3, 0, 3}, (double)the_table.n / 5, &again);
    assert_int_equal(again.n, estimator[3].n);
    for (int64_t i = 0; i < again.n; i++) assert_true(again.note[i].named == estimator[3].note[i].named);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_holds_a_grid),
        cmocka_unit_test(finds_the_best_at_a_fifth_of_the_grid),
        cmocka_unit_test(beats_chance_at_every_budget),
        cmocka_unit_test(a_seed_always_plays_the_same_game),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
