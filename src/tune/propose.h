/* propose.h -- where to look next: one strategy a file, each a function of (space, history, seed, number).
 *
 * The first point of every study is where the options already stand (run 0), so that a search never does
 * worse than not having searched. Random numbers come from (seed, number of the run, element), so that a
 * study that was broken off and goes on proposes what it would have proposed. */
#ifndef TUNE_PROPOSE_H
#define TUNE_PROPOSE_H

#include "tune/history.h"

typedef enum strategy { STRATEGY_GRID, STRATEGY_RANDOM, STRATEGY_TPE, STRATEGY_COUNT } strategy;

const char *strategy_name(strategy s);
strategy strategy_find(const char *name); /* STRATEGY_COUNT: there is none */

typedef enum proposal { PROPOSAL_POINT, PROPOSAL_NONE } proposal;

/* A point that no run of h has; PROPOSAL_NONE when the strategy knows of no more. */
proposal propose(strategy how, const history *h, uint64_t seed, point *out);

/* Does a run of h have this point? */
bool history_has(const history *h, const point *at);

/* Every value of the choices and whole numbers, and `points` of each range (7 where it does not say), in
 * order, the last parameter fastest; a point that a condition makes equal to an earlier one is not
 * repeated. */
proposal propose_grid(const history *h, point *out);
/* All points of the grid, INT64_MAX when they are more. */
int64_t grid_size(const space *s);

/* Every parameter for itself, evenly over its scale. */
proposal propose_random(const history *h, uint64_t seed, point *out);

/* The tree-structured Parzen estimator over all parameters together: see tpe.c. */
proposal propose_tpe(const history *h, uint64_t seed, point *out);

#endif
