/* divergence.h -- how far the predictions of one base are from those of another, label by label.
 *
 *   KL(p || q) = sum_v p(v) (log p(v) - log q(v)),   p, q: softmax of the logits before a label
 *
 * in nats, mean over the labels of the rows. Zero where both say the same; the loss of q exceeds that of
 * p by as much in the mean when the text is p's own. */
#ifndef LIB_DIVERGENCE_H
#define LIB_DIVERGENCE_H

#include "lib/job_rows.h"

typedef struct divergence {
    int64_t rows, labels;
    double kl, worst; /* mean, and largest of a label */
    double agree;     /* share of labels for which both find the same token likeliest */
} divergence;

/* Of the first `limit` rows (0: all), p without adapter against q without adapter. E_MEMORY, E_STOPPED. */
int divergence_run(divergence *out, const job_model *p, const job_model *q, const job_rows *rows,
                   int64_t limit,
                   const job_hooks *h, err *e);

#endif
