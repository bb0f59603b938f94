/* bootstrap.h -- intervals of a score over held-out rows and seeds, and of the difference of two recipes.
 *
 * A recipe was trained with S seeds and each run judged on the same n rows. Run s scored row i num[s][i]
 * over den[s][i]; its score is the ratio of the sums (loss: nats over labels; coverage: slots said over
 * slots; a mean over rows: den = 1), and the recipe's is the mean over its runs:
 *
 *   score = 1/S sum_s ( sum_i num[s][i] / sum_i den[s][i] )
 *
 * Rows that are no independent witnesses (of one prompt) are to be summed into one before.
 *
 * A replicate draws n rows with replacement and, inside, S seeds with replacement. In a difference both
 * recipes get the same draws: the rows are the same and seed s gave both the same order of rows, so what
 * is common to both cancels. The interval is that of the percentiles (Efron and Tibshirani 1993, 13.3),
 * with linear interpolation. It covers other rows and, as far as S runs can tell, other seeds; S = 1
 * tells nothing of them. */
#ifndef METRIC_BOOTSTRAP_H
#define METRIC_BOOTSTRAP_H

#include <stdbool.h>
#include <stdint.h>

typedef struct bootstrap_scores {
    int64_t rows, seeds;
    const double *num, *den; /* (seeds, rows) */
    const struct bootstrap_labels *labels; /* NULL, or instead of the two: the score is macro F1 */
} bootstrap_scores;

/* One label for each of n rows, which belong to what is drawn: those of draw k are [first[k], first[k + 1]). Macro
 * F1 is the mean of 2 tp / (2 tp + fp + fn) over the classes that are there or said (classify.h). */
typedef struct bootstrap_labels {
    int64_t n, classes;
    const int64_t *first;       /* (rows + 1) */
    const int32_t *truth, *said; /* (n) and (seeds, n) */
} bootstrap_labels;

typedef struct interval {
    double value, low, high;
} interval;

enum { BOOTSTRAP_REPLICATES = 10000 };

double bootstrap_score(const bootstrap_scores *a);
/* level: 0.95 for 95 %. The same seed gives the same interval. */
interval bootstrap_interval(const bootstrap_scores *a, double level, int64_t replicates, uint64_t seed);
/* Of score(a) - score(b), which have the same rows and seeds. */
interval bootstrap_difference(const bootstrap_scores *a, const bootstrap_scores *b, double level,
                              int64_t replicates, uint64_t seed);

/* Does the interval of a difference show one? It has to leave 0 out, and the rows have to be so many that all
 * of them lie on one side by chance less often than the level allows, 2^(1 - rows) (the least p of a sign
 * test): of one row all replicates are the same, and of few the interval is too narrow. */
bool bootstrap_shows(interval difference, int64_t rows, double level);

#endif
