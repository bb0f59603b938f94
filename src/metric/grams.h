/* grams.h -- n-grams as small numbers, exactly: a gram is the pair (the gram without its last symbol, its
 * last symbol), so that equal numbers mean equal n-grams and no hash is trusted.
 *
 * Orders are walked from 1 up over a sequence of n symbols: grams_step() turns at[i], the gram of order k - 1
 * that begins at i, into that of order k. `grams g = {0};` is an empty one. */
#ifndef METRIC_GRAMS_H
#define METRIC_GRAMS_H

#include <stdint.h>

typedef struct grams {
    uint64_t *key;  /* (n) the pair */
    int64_t *count; /* (n) for the caller, 0 when the gram is new */
    int64_t *limit; /* (n) the same */
    int32_t *slot;  /* (slots) a hash table of numbers + 1; 0 is free */
    int64_t n, cap, slots;
} grams;

/* at (n) becomes the grams of order k, of which there are n - k + 1 or none: returns how many. */
int64_t grams_step(grams *g, const int32_t *symbol, int64_t n, int k, int32_t *at);
/* The gram that is `before` (-1: none) and then a symbol; grams_find: -1 when there is none. A tree of
 * sequences is kept this way. */
int32_t grams_add(grams *g, int32_t before, int32_t symbol);
int32_t grams_find(const grams *g, int32_t before, int32_t symbol);
void grams_clear(grams *g); /* forgets all grams, keeps the storage */
void grams_free(grams *g);

#endif
