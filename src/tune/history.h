/* history.h -- what a study has seen so far, and what follows from it: an order, a front, who goes on.
 *
 * A run is judged at rungs 0, 1, ... of rising length and holds at each a value for every objective, the
 * smaller the better (what should be large is held negated). Strategies see nothing else, so a proposal is
 * a function of the history. Pure arithmetic: no model, no file, no clock. */
#ifndef TUNE_HISTORY_H
#define TUNE_HISTORY_H

#include "tune/space.h"

enum { RUNGS_MAX = 8, OBJECTIVES_MAX = 4 };

typedef enum run_state {
    RUN_BUSY,     /* somebody trains it */
    RUN_PAUSED,   /* judged at its rung; may go on */
    RUN_DONE,     /* judged at the last rung */
    RUN_STOPPED,  /* given up by the median rule */
    RUN_DIVERGED, /* its loss was no number, or above that of the start */
    RUN_REFUSED,  /* would break a constraint: never begun */
    RUN_STATES
} run_state;

typedef struct attempt {
    int64_t number; /* in the order of proposal, from 0 */
    point at;
    run_state state;
    int rung; /* the last one judged; -1: none */
    double value[RUNGS_MAX][OBJECTIVES_MAX];
} attempt;

typedef struct history {
    const space *s;
    int objectives, rungs;
    attempt *run; /* (n) by number; the caller's */
    int64_t n;
} history;

const char *run_state_name(run_state s);    /* "paused" */
run_state run_state_find(const char *name); /* RUN_STATES: there is none */

/* order[0..returned) are all runs that were judged, best first, whatever their rungs: those at rung 0 in
 * order; of the places in it that runs of rung 1 hold, these take each other's by their order at rung 1,
 * and so on. So a long run is never better for its length alone. Diverged runs come last. */
int64_t history_order(const history *h, int64_t *order);

/* The best run of the highest rung that was reached; -1: none yet. */
int64_t history_best(const history *h);

/* front[0..returned): the runs of the highest rung reached that no other of that rung dominates, by number.
 */
int64_t history_front(const history *h, int64_t *front);

/* Asynchronous successive halving (Li et al. 2020, A System for Massively Parallel Hyperparameter Tuning):
 * the run to take to its next rung, -1 when a new one should begin. From the rung below the last downwards:
 * of the n runs judged at a rung the best floor(n / eta) go on, the best that has not yet first. Run 0,
 * where the search begins, goes on whatever it is worth when nothing else does, because results are told
 * against it. */
int64_t halving_next(const history *h, int eta);

/* The median rule (Golovin et al. 2017, Google Vizier): is the value of `r` at `rung` worse than the median
 * of those that other runs had there? Never with fewer than 5 of them. */
bool median_stops(const history *h, const attempt *r, int rung);

/* How much each parameter matters, share[0..s->n) that add up to 1 (or are all 0): PED-ANOVA (Watanabe,
 * Bansal, Hutter 2023) in the version for the whole space. With p the density of a parameter over all runs
 * judged and q that over the best fifth, the weight of the parameter is the Pearson divergence, the mean
 * over p of (q / p - 1)^2. */
void history_importance(const history *h, double *share);

#endif
