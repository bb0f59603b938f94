/* quantity.h -- numbers with what makes them comparable: a unit, a currency, a scale, bounds.
 *
 *   £20-25, 20 to 25 pounds, between £20 and £25      20 to 25 GBP
 *   less than £20, under 20 pounds                    up to 20 GBP
 *   more than £30, £30+, at least 30 pounds           from 30 GBP
 *   3 out of 5, 3/5, three stars                      3 of 5
 *   15.6", 15.6 inches, 396.24mm                      one length
 *   1,024                                             a bare number */
#ifndef METRIC_QUANTITY_H
#define METRIC_QUANTITY_H

#include "metric/normal.h"

typedef struct quantity {
    double low, high; /* as written; equal when there are no bounds, else -INFINITY or INFINITY where open */
    double factor;    /* to the unit that stands for its kind */
    double of;        /* the highest of a scale: 5 */
    int unit;         /* 0: none */
    int64_t first, last; /* words [first, last) of the text */
} quantity;

enum { QUANTITY_BARE = 0, QUANTITY_SCALE = 1 };

typedef struct quantities {
    quantity *p;
    int64_t n, cap;
} quantities;

/* Replaces *out by the quantities of a text, in order; none overlap. */
void quantities_read(quantities *out, const symbols *s, const normal *text);
void quantities_free(quantities *q);

/* The same amount; a bare number is the same as one with any unit. */
bool quantity_same(const quantity *a, const quantity *b);
bool quantity_is_money(const quantity *q);

#endif
