/* variety.h -- how long, how varied and how repetitive texts are.
 *
 * Words are what lies between white space. distinct-n (Li et al. 2016): different n-grams of all texts over
 * all their n-grams. Repetition of a text: 1 - different 4-grams over 4-grams, inside that text; 0 when it
 * has none. */
#ifndef METRIC_VARIETY_H
#define METRIC_VARIETY_H

#include "metric/grams.h"
#include "metric/symbols.h"

typedef struct variety_text {
    int64_t words, characters; /* characters of UTF-8, white space included */
    double repetition;
} variety_text;

typedef struct variety {
    symbols vocabulary;
    grams all, one; /* of all texts, orders 1 and 2; of one text, order 4 */
    token_ids ids, at;
    int64_t texts, words, characters, empty, pairs, distinct_pairs;
    double repetition; /* sum over texts */
} variety;

variety_text variety_add(variety *v, passage text);
double variety_distinct(const variety *v, int n); /* n 1 or 2; 0 when there is no n-gram */
void variety_free(variety *v);

#endif
