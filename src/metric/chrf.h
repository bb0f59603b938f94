/* chrf.h -- chrF2 (Popovic 2015) of a corpus, equal to sacrebleu's.
 *
 * Over the characters of a text without its white space, for n = 1..6: P_n is the share of the text's n-grams
 * that the reference has, R_n that of the reference's that the text has. P and R are the means over the
 * orders that both are long enough for, and chrF = 100 (1 + 4) P R / (4 P + R). Of several references the one
 * with the highest chrF counts. The counts of a corpus are the sums over its texts. */
#ifndef METRIC_CHRF_H
#define METRIC_CHRF_H

#include "metric/grams.h"
#include "metric/symbols.h"

enum { CHRF_ORDER = 6 };

typedef struct chrf_counts {
    int64_t text[CHRF_ORDER], reference[CHRF_ORDER], match[CHRF_ORDER];
} chrf_counts;

typedef struct chrf {
    grams grams;
    token_ids text, reference, at;
} chrf;

/* Counts a text against the best of its n > 0 references. */
chrf_counts chrf_count(chrf *c, passage text, const passage *reference, int64_t n);
void chrf_sum(chrf_counts *sum, const chrf_counts *one);
double chrf_score(const chrf_counts *c);
void chrf_free(chrf *c);

#endif
