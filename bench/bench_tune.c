/* bench_tune.c -- strategies of the search, replayed on a recorded table: see docs/TUNE.md.
 *
 *   bench_tune [TABLE.tsv] [SEEDS]
 *
 * Prints a line for each strategy and budget between tabs: strategy, full runs spent, and over the seeds
 * the mean excess over the table's best loss of what the study would name best, its median, and the share
 * of seeds in which a run trained to the end is within 1 % of the best. */
#include "../test/tune/replay.h"

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void tell(const char *name, const table *t, const replay *r, int seeds)
{
    static const double shares[] = {1 / 240.0, 1.5 / 240, 2 / 240.0, 3 / 240.0, 4 / 240.0, 6 / 240.0, 0.03,
                                    0.04,      0.05,      0.075,     0.1,       0.15,      0.2,       0.25};
    double *excess = calloc((size_t)seeds, sizeof *excess);
    for (size_t k = 0; k < sizeof shares / sizeof *shares; k++) {
        double at = shares[k] * (double)t->n, mean = 0, within = 0;
        for (int i = 0; i < seeds; i++) {
            replay_note n = replay_at(&r[i], at);
            excess[i] = 100 * (n.named / t->best - 1);
            mean += excess[i] / seeds;
            within += (n.found <= 1.01 * t->best) / (double)seeds;
        }
        qsort(excess, (size_t)seeds, sizeof *excess, by_size);
        printf("%s\t%.4g\t%.3f\t%.3f\t%.3f\n", name, at, mean, excess[seeds / 2],
               within);
    }
    free(excess);
}

int main(int argc, char **argv)
{
    static table t;
    const char *path = argc > 1 ? argv[1] : "test/data/tune/e2e.tsv";
    int seeds = argc > 2 ? atoi(argv[2]) : 200;
    if (seeds < 1 || !table_read(&t, path)) {
        fprintf(stderr, "bench_tune: %s is no table of runs\n", path);
        return 1;
    }
    replay *r = calloc((size_t)seeds, sizeof *r);
    printf("strategy\tfull_runs\tmean_excess\tmedian_excess\twithin_1_percent\n");
    for (int how = STRATEGY_RANDOM; how <= STRATEGY_TPE; how++)
        for (int stop = EARLY_NONE; stop <= EARLY_HALVING; stop += EARLY_HALVING) {
            char name[64];
            snprintf(name, sizeof name, "%s%s", strategy_name((strategy)how), stop ? "+halving" : "");
            for (int i = 0; i < seeds; i++) {
                search s = {(strategy)how, (early)stop, 3, 0, (uint64_t)i};
                replay_run(&t, &s, (double)t.n / 3, &r[i]);
            }
            tell(name, &t, r, seeds);
        }
    free(r);
    space_release(&t.s);
    return 0;
}
