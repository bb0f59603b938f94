/* propose.c -- the strategies by name, and random search: see propose.h. */
#include "tune/propose.h"

#include "base/rng.h"

#include <string.h>

enum { RANDOM_STREAM = 0x72616e64, RANDOM_TRIES = 1000 };

static const char *const names[STRATEGY_COUNT] = {"grid", "random", "tpe"};

const char *strategy_name(strategy s) { return names[s]; }

strategy strategy_find(const char *name)
{
    int s = 0;
    while (s < STRATEGY_COUNT && strcmp(names[s], name)) s++;
    return (strategy)s;
}

bool history_has(const history *h, const point *at)
{
    for (int64_t i = 0; i < h->n; i++)
        if (space_same(h->s, &h->run[i].at, at)) return true;
    return false;
}

static point random_point(const space *s, uint64_t key)
{
    point at = {{0}};
    for (int i = 0; i < s->n; i++) at.v[i] = space_value(&s->param[i], rng_unit(key, (uint64_t)i));
    space_settle(s, &at);
    return at;
}

proposal propose_random(const history *h, uint64_t seed, point *out)
{
    uint64_t key = rng_key(rng_key(seed, RANDOM_STREAM), (uint64_t)h->n);
    for (uint64_t k = 0; k < RANDOM_TRIES; k++) {
        *out = random_point(h->s, rng_key(key, k));
        if (!history_has(h, out)) return PROPOSAL_POINT;
    }
    return propose_grid(h, out); /* next to nothing is left */
}

proposal propose(strategy how, const history *h, uint64_t seed, point *out)
{
    *out = space_standard(h->s);
    if (!history_has(h, out)) return PROPOSAL_POINT;
    if (how == STRATEGY_GRID) return propose_grid(h, out);
    return how == STRATEGY_TPE ? propose_tpe(h, seed, out) : propose_random(h, seed, out);
}
