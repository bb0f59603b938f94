/* evaluator.h -- how well a model predicts the labels of a rowset.
 *
 * Rows go through in their order, `batch_rows` of them together; cross entropies and hits are added up in
 * double, label by label in that order, and whole logits never exist. Everything is allocated when the
 * evaluator is made, so that it can be run between training steps. */
#ifndef TRAIN_EVALUATOR_H
#define TRAIN_EVALUATOR_H

#include "metric/classify.h"
#include "metric/entity.h"
#include "model/step.h"
#include "text/batch.h"

typedef struct evaluation {
    double loss;           /* mean cross entropy of the labels, in nats; exp(loss) is the perplexity */
    double token_accuracy; /* share of labels that are the likeliest token */
    int64_t rows, tokens, labels;
    double seconds;
    class_scores scores; /* of a classifier; else n is 0 */
} evaluation;

/* What a classifier made of a row: its one label (else -1), and F1 as a ratio of sums over rows: of several
 * labels (2 tp over 2 tp + fp + fn), or of the entities of a sequence (2 right over said + there); 0 over 0 of
 * others. */
typedef struct evaluator_verdict {
    int32_t truth, said;
    double f1, f1_of;
} evaluator_verdict;

typedef struct evaluator_hooks {
    void *arg;
    void (*progress)(void *arg, int64_t done, int64_t rows);
    /* Each row's labels in order: cross entropy and 1 or 0 for a hit. */
    void (*row)(void *arg, int64_t row, const float *cross_entropy, const float *hit, int64_t labels);
    const volatile int *stop; /* not 0: give up, between batches */
    /* Classifiers: each row's logits, (labels, outputs). */
    void (*outputs)(void *arg, int64_t row, const float *logits, int64_t labels);
    void (*judged)(void *arg, int64_t row, const evaluator_verdict *v);
} evaluator_hooks;

typedef struct evaluator evaluator;

/* adapter may be NULL; it and the others must outlive the evaluator. */
int evaluator_new(evaluator **out, const model *m, adapter *a, const rowset *rows, int64_t batch_rows,
                  device *d, err *e);
void evaluator_free(evaluator *v); /* NULL is fine */

/* hooks, and each of its members, may be NULL. E_STOPPED when asked to; E_NUMERIC, with the line of the data
 * file, when a loss is not finite. */
int evaluator_run(evaluator *v, const evaluator_hooks *hooks, evaluation *out, err *e);

/* The entities of the last run, type by type; NULL where labels are not those of entities. */
const entity_tally *evaluator_entities(const evaluator *v);

/* E_USAGE when a row is longer than the model has positions for. */
int evaluator_check_length(const model *m, const rowset *rows, err *e);

/* What it takes, known before it is made. */
int evaluator_measure(step_memory *out, const model *m, const adapter *a, const rowset *rows,
                      int64_t batch_rows, device *d, err *e);

#endif
