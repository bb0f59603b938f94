/* job_open.h -- what several jobs begin with: device, model, tokenizer, adapter, rows. */
#ifndef LIB_JOB_OPEN_H
#define LIB_JOB_OPEN_H

#include "kernel/device.h"
#include "lib/job.h"
#include "model/adapter.h"
#include "text/tokenizer.h"

typedef struct job_model {
    device *device;
    model *model;
    tokenizer *tokenizer;
    adapter *adapter; /* NULL: none was asked for */
} job_model;

/* Opens --model on --device, and --adapter when there is one. A note tells when the adapter was trained on
 * another base. */
int job_model_open(job_model *j, const options *o, const job_hooks *h, err *e);
void job_model_close(job_model *j);

/* E_IO when nothing of that name exists; the line says that nothing is downloaded. */
int job_exists(const char *path, const char *what, err *e);

#endif
