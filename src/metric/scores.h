/* scores.h -- all text metrics over pairs of a generated text and its references. */
#ifndef METRIC_SCORES_H
#define METRIC_SCORES_H

#include "metric/rouge.h"
#include "metric/variety.h"

typedef struct scores scores;

/* One text. bleu: sacrebleu's sentence_bleu. copied: equal to a text of scores_learned(), white space aside.
 */
typedef struct text_scores {
    double bleu, chrf;
    rouge_score rouge;
    variety_text variety;
    bool copied;
} text_scores;

typedef struct corpus_scores {
    int64_t texts, references, learned, copied, empty;
    double bleu, brevity, precision[4], chrf; /* percent; brevity 0 to 1 */
    int64_t text_tokens, reference_tokens;    /* of BLEU */
    rouge_score rouge;                        /* means */
    double distinct1, distinct2, repetition;  /* repetition: mean over texts */
    double words, characters;                 /* means */
} corpus_scores;

scores *scores_new(void);
void scores_free(scores *s); /* NULL is fine */

/* A text the model was trained on. */
void scores_learned(scores *s, passage text);
/* n > 0 references. */
text_scores scores_add(scores *s, passage text, const passage *reference, int64_t n);
corpus_scores scores_total(const scores *s);

#endif
