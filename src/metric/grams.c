/* grams.c -- see grams.h. */
#include "metric/grams.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

static int64_t place(const grams *g, uint64_t key)
{
    uint64_t mask = (uint64_t)g->slots - 1, h = key * 0x9e3779b97f4a7c15u;
    for (uint64_t i = (h ^ h >> 29) & mask;; i = (i + 1) & mask) {
        int32_t k = g->slot[i] - 1;
        if (k < 0 || g->key[k] == key) return (int64_t)i;
    }
}

static void grow(grams *g)
{
    g->slots = g->slots ? 2 * g->slots : 1024;
    g->cap = g->slots / 2;
    free(g->slot);
    g->slot = xcalloc((size_t)g->slots, sizeof *g->slot);
    g->key = xrealloc(g->key, (size_t)g->cap * sizeof *g->key);
    g->count = xrealloc(g->count, (size_t)g->cap * sizeof *g->count);
    g->limit = xrealloc(g->limit, (size_t)g->cap * sizeof *g->limit);
    for (int64_t k = 0; k < g->n; k++) g->slot[place(g, g->key[k])] = (int32_t)k + 1;
}

static uint64_t key_of(int32_t before, int32_t symbol)
{
    return (uint64_t)(uint32_t)(before + 1) << 32 | (uint32_t)symbol;
}

int32_t grams_add(grams *g, int32_t before, int32_t symbol)
{
    uint64_t key = key_of(before, symbol);
    if (g->n == g->cap) grow(g);
    int64_t at = place(g, key);
    if (g->slot[at]) return g->slot[at] - 1;
    BUG_IF(g->n >= INT32_MAX - 1);
    g->key[g->n] = key;
    g->count[g->n] = g->limit[g->n] = 0;
    g->slot[at] = (int32_t)++g->n;
    return (int32_t)g->n - 1;
}

int32_t grams_find(const grams *g, int32_t before, int32_t symbol)
{
    return g->slots ? g->slot[place(g, key_of(before, symbol))] - 1 : -1;
}

int64_t grams_step(grams *g, const int32_t *symbol, int64_t n, int k, int32_t *at)
{
    int64_t m = n - k + 1;
    for (int64_t i = 0; i < m; i++) at[i] = grams_add(g, k == 1 ? -1 : at[i], symbol[i + k - 1]);
    return m > 0 ? m : 0;
}

void grams_clear(grams *g)
{
    if (g->n > g->slots / 16) {
        memset(g->slot, 0, (size_t)g->slots * sizeof *g->slot);
    } else {
        /* Freed from the last to the first, so that each is still found behind those it had to pass. */
        for (int64_t k = g->n - 1; k >= 0; k--) g->slot[place(g, g->key[k])] = 0;
    }
    g->n = 0;
}

void grams_free(grams *g)
{
    free(g->key);
    free(g->count);
    free(g->limit);
    free(g->slot);
    *g = (grams){0};
}
