/* bootstrap.c -- see bootstrap.h. */
#include "metric/bootstrap.h"

#include "base/arena.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>

/* Macro F1 of the drawn rows. */
static double macro_f1(const bootstrap_scores *a, int64_t seed, const int64_t *row)
{
    const bootstrap_labels *l = a->labels;
    const int32_t *said = l->said + seed * l->n;
    int64_t *hit = xcalloc((size_t)(2 * l->classes + 1), sizeof *hit), *all = hit + l->classes, seen = 0;
    double sum = 0;
    for (int64_t i = 0; i < a->rows; i++)
        for (int64_t k = row ? row[i] : i, n = l->first[k]; n < l->first[k + 1]; n++) {
            hit[said[n]] += said[n] == l->truth[n];
            all[said[n]]++; /* 2 tp + fp + fn is how often it is said, and how often there */
            all[l->truth[n]]++;
        }
    for (int64_t c = 0; c < l->classes; c++) {
        if (!all[c]) continue;
        seen++;
        sum += 2 * (double)hit[c] / (double)all[c];
    }
    free(hit);
    return seen ? sum / (double)seen : 0;
}

static double ratio(const bootstrap_scores *a, int64_t seed, const int64_t *row)
{
    if (a->labels) return macro_f1(a, seed, row);
    const double *num = a->num + seed * a->rows, *den = a->den + seed * a->rows;
    double n = 0, d = 0;
    for (int64_t i = 0; i < a->rows; i++) {
        int64_t k = row ? row[i] : i;
        n += num[k];
        d += den[k];
    }
    return d > 0 ? n / d : 0;
}

double bootstrap_score(const bootstrap_scores *a)
{
    double sum = 0;
    for (int64_t s = 0; s < a->seeds; s++) sum += ratio(a, s, NULL);
    return sum / (double)a->seeds;
}

static int by_value(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

/* The p quantile of sorted numbers, between two of them in proportion. */
static double quantile(const double *sorted, int64_t n, double p)
{
    double at = p * (double)(n - 1);
    int64_t k = (int64_t)floor(at);
    if (k >= n - 1) return sorted[n - 1];
    return sorted[k] + (at - (double)k) * (sorted[k + 1] - sorted[k]);
}

/* Element i of replicate k's stream: first the seeds, then the rows. */
static double replicate(const bootstrap_scores *a, const bootstrap_scores *b, uint64_t key, int64_t *row)
{
    double sum = 0;
    for (int64_t i = 0; i < a->rows; i++)
        row[i] = (int64_t)(rng_unit(key, (uint64_t)(a->seeds + i)) * (double)a->rows);
    for (int64_t s = 0; s < a->seeds; s++) {
        int64_t drawn = (int64_t)(rng_unit(key, (uint64_t)s) * (double)a->seeds);
        sum += ratio(a, drawn, row) - (b ? ratio(b, drawn, row) : 0);
    }
    return sum / (double)a->seeds;
}

static interval estimate(const bootstrap_scores *a, const bootstrap_scores *b, double level, int64_t n,
                         uint64_t seed)
{
    interval out = {.value = bootstrap_score(a) - (b ? bootstrap_score(b) : 0)};
    int64_t *row = xcalloc((size_t)a->rows + 1, sizeof *row);
    double *score = xcalloc((size_t)n, sizeof *score);
    for (int64_t k = 0; k < n; k++) score[k] = replicate(a, b, rng_key(seed, (uint64_t)k), row);
    qsort(score, (size_t)n, sizeof *score, by_value);
    out.low = quantile(score, n, (1 - level) / 2);
    out.high = quantile(score, n, (1 + level) / 2);
    free(score);
    free(row);
    return out;
}

interval bootstrap_interval(const bootstrap_scores *a, double level, int64_t replicates, uint64_t seed)
{
    return estimate(a, NULL, level, replicates, seed);
}

interval bootstrap_difference(const bootstrap_scores *a, const bootstrap_scores *b, double level,
                              int64_t replicates, uint64_t seed)
{
    BUG_IF(a->rows != b->rows || a->seeds != b->seeds);
    return estimate(a, b, level, replicates, seed);
}

bool bootstrap_shows(interval v, int64_t rows, double level)
{
    return (v.low > 0 || v.high < 0) && pow(2, 1 - (double)rows) <= 1 - level;
}
