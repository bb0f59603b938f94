/* classify.h -- how right a classifier is.
 *
 *   one label     accuracy; F1 = 2 tp / (2 tp + fp + fn) of each class, macro: the mean over the classes
 * that occur in
 *                 the data or among the predictions; micro: of the sums
 *   several       accuracy: rows whose labels are all right; F1 likewise
 *   a value       mean squared error, and Pearson's correlation of values and predictions
 *
 * The same as scikit-learn's accuracy_score and f1_score, and scipy's pearsonr. */
#ifndef METRIC_CLASSIFY_H
#define METRIC_CLASSIFY_H

#include <stdbool.h>
#include <stdint.h>

typedef struct class_tally {
    int64_t classes, n, right;
    int64_t *hit, *wrong, *missed;                 /* (classes) tp, fp, fn */
    double squares, x, y, xx, yy, xy;              /* sums of a value's */
} class_tally;

typedef struct class_scores {
    int64_t n;
    double accuracy, macro_f1, micro_f1; /* NAN of values */
    double mse, pearson;                 /* NAN of classes; pearson also where one side does not vary */
    bool entities;                       /* the labels are those of entities (entity.h): */
    double entity_precision, entity_recall, entity_f1;
} class_scores;

void class_tally_init(class_tally *t, int64_t classes);
void class_tally_clear(class_tally *t);
void class_tally_release(class_tally *t);

void class_tally_one(class_tally *t, int64_t truth, int64_t predicted);
/* (classes) each: 1 where the label is, logits above 0 where it is predicted. */
void class_tally_several(class_tally *t, const float *truth, const float *logits);
void class_tally_value(class_tally *t, double truth, double predicted);

class_scores class_tally_scores(const class_tally *t);

#endif
