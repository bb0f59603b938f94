/* search.c -- see search.h. */
#include "tune/search.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[EARLY_COUNT] = {"none", "median", "halving"};

const char *early_name(early e) { return names[e]; }

early early_find(const char *name)
{
    int e = 0;
    while (e < EARLY_COUNT && strcmp(names[e], name)) e++;
    return (early)e;
}

static int64_t first_in(const history *h, run_state state)
{
    for (int64_t i = 0; i < h->n; i++)
        if (h->run[i].state == state) return i;
    return -1;
}

/* The first of the `last` best runs that has not come to the last rung; -1: they all have. */
static int64_t to_end(const search *s, const history *h)
{
    int64_t *order = xmalloc((size_t)(h->n + 1) * sizeof *order), n = history_order(h, order), found = -1;
    int wanted = s->last;
    for (int64_t i = 0; i < n && wanted > 0 && found < 0; i++, wanted--)
        if (h->run[order[i]].state == RUN_PAUSED) found = order[i];
    free(order);
    return found;
}

move search_next(const search *s, const history *h, beginning may, int64_t *run, point *begin)
{
    bool halving = s->stop == EARLY_HALVING;
    *run = -1;
    if (may != ONLY_END) *run = halving ? halving_next(h, s->eta) : first_in(h, RUN_PAUSED);
    if (*run >= 0) return MOVE_GO_ON;
    if (may == MAY_BEGIN && propose(s->how, h, s->seed, begin) == PROPOSAL_POINT) return MOVE_BEGIN;
    if (first_in(h, RUN_BUSY) >= 0) return MOVE_WAIT;
    *run = halving ? to_end(s, h) : -1;
    return *run >= 0 ? MOVE_GO_ON : MOVE_NOTHING;
}
