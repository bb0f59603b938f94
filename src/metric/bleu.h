/* bleu.h -- BLEU (Papineni et al. 2002) of a corpus with any number of references a text, equal to
 * sacrebleu's.
 *
 *   BLEU = BP exp(1/4 sum_n log p_n),  n = 1..4,  in percent
 *
 * p_n: n-grams of all texts that are found in their references, each at most as often as in that reference
 * that has it most often, over all their n-grams. BP = min(1, exp(1 - r/c)): c tokens of all texts, r those
 * of the references, of each text's the one whose length is closest (of two as close the shorter). An order
 * with no match counts as half a match, the next such order as a quarter, and so on (sacrebleu's "exp"
 * smoothing). */
#ifndef METRIC_BLEU_H
#define METRIC_BLEU_H

#include "metric/grams.h"
#include "metric/symbols.h"

enum { BLEU_ORDER = 4 };

/* What BLEU is computed from; sums over texts are those of a corpus. */
typedef struct bleu_counts {
    int64_t correct[BLEU_ORDER], total[BLEU_ORDER];
    int64_t text_tokens, reference_tokens;
} bleu_counts;

typedef struct bleu {
    symbols words;
    grams grams;
    token_ids ids, at;
} bleu;

/* Counts a text against its n > 0 references. */
bleu_counts bleu_count(bleu *b, passage text, const passage *reference, int64_t n);
void bleu_sum(bleu_counts *sum, const bleu_counts *one);
void bleu_free(bleu *b);

/* BLEU_CORPUS: 0 when an order has no n-gram. BLEU_SENTENCE: orders that the text is too short for do not
 * count (sacrebleu's effective order, the default of its sentence_bleu). */
typedef enum bleu_kind { BLEU_CORPUS, BLEU_SENTENCE } bleu_kind;
double bleu_score(const bleu_counts *c, bleu_kind kind);
/* p_1 to p_4 in percent, smoothed; 0 from the first order on that has no n-gram, and where nothing matches at
 * all. Returns how many are not 0. */
int bleu_precisions(const bleu_counts *c, double p[BLEU_ORDER]);
double bleu_brevity(const bleu_counts *c); /* BP */

#endif
