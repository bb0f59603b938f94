/* job_class.h -- classifiers: what the task is, which labels there are, rows with labels, and the files that
 * tell others of them. */
#ifndef LIB_JOB_CLASS_H
#define LIB_JOB_CLASS_H

#include "lib/job_rows.h"
#include "text/classify.h"

/* Stays where it is. */
typedef struct job_class {
    model_head head; /* TASK_CAUSAL_LM: no classifier, and nothing below is set */
    label_set labels;
    table table; /* of --data, read before the model is opened, to know the labels */
    bool has_table;
} job_class;

typedef enum class_use { CLASS_LEARN, CLASS_JUDGE } class_use;

/* E_USAGE when --task_type says that an encoder and a decoder are one decoder, or the other way round. */
int job_class_check_task(const options *o, const model *m, err *e);

/* --task_type, or what the adapter was trained for. For classifiers reads --data, finds its labels among
 * those that the adapter's folder (or the base) names in config.json, or where there are none and it is to
 * be learned, collects them. */
int job_class_open(job_class *c, const options *o, class_use use, err *e);
void job_class_close(job_class *c);

/* E_UNSUPPORTED when the adapter is a classifier's, which writes no text. */
int job_class_refuse_text(const options *o, err *e);

/* The rows of --data, or of another file, or a part of them. */
int job_class_rows(job_class *c, job_rows *r, const char *path, rows_part part, const options *o,
                   const job_model *j, const job_hooks *h, err *e);

/* config.json beside the adapter: the base's, with id2label, label2id and problem_type. */
int job_class_write(const job_class *c, const options *o, err *e);

/* One line of --predictions: row, the label (of words: one for each), its probability or the value. */
void job_class_prediction(const job_class *c, str *out, int64_t row, const float *logits, int64_t n);

#endif
