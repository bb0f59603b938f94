/* rouge.h -- ROUGE-1, ROUGE-2 and ROUGE-L (Lin 2004) of a text, equal to rouge-score's without a stemmer.
 *
 * Tokens are runs of a-z and 0-9 of the text in lower case; any other character parts them. F = 2 P R / (P +
 * R) of the n-grams that text and reference share, each as often as both have it, or of their longest common
 * subsequence. Of several references the highest F counts, for each of the three alone. A corpus has the
 * mean. */
#ifndef METRIC_ROUGE_H
#define METRIC_ROUGE_H

#include "metric/grams.h"
#include "metric/symbols.h"

typedef struct rouge_score {
    double one, two, l; /* F, 0 to 1 */
} rouge_score;

typedef struct rouge {
    symbols words;
    grams grams;
    token_ids text, reference, at;
    token_ids head, next; /* where each word of the reference stands: lists of positions */
    uint64_t *masks;      /* (66, cap) 64 positions of the reference each; the first is the row */
    int64_t cap;
} rouge;

rouge_score rouge_text(rouge *r, passage text, const passage *reference, int64_t n);
void rouge_free(rouge *r);

#endif
