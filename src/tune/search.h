/* search.h -- the next thing to do in a study: go on with a run, or begin one, and where.
 *
 * A run is trained to its first rung and then, by what `early` says: to the last rung at once; to the last
 * rung unless the median rule ends it on the way; or only when asynchronous successive halving picks it. */
#ifndef TUNE_SEARCH_H
#define TUNE_SEARCH_H

#include "tune/propose.h"

typedef enum early { EARLY_NONE, EARLY_MEDIAN, EARLY_HALVING, EARLY_COUNT } early;

const char *early_name(early e);
early early_find(const char *name); /* EARLY_COUNT: there is none */

typedef struct search {
    strategy how;
    early stop;
    int eta; /* halving: one in so many goes on */
    int last; /* halving: so many of the best are trained to the last rung when nothing else is to be done */
    uint64_t seed;
} search;

typedef enum move {
    MOVE_GO_ON, /* with *run, to its next rung */
    MOVE_BEGIN, /* a run at *begin */
    MOVE_WAIT,  /* what others train decides */
    MOVE_NOTHING
} move;

/* ONLY_GO_ON: no run is begun; ONLY_END: and nobody is picked but for `last`. */
typedef enum beginning { ONLY_END, ONLY_GO_ON, MAY_BEGIN } beginning;
move search_next(const search *s, const history *h, beginning may, int64_t *run, point *begin);

#endif
