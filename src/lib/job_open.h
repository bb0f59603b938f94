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

/* Opens --device with --threads, computing as --compute says. */
int job_device_open(device **out, const options *o, err *e);

/* What every operator took, as a list of {operator, forward_seconds, backward_seconds, share}, from the
 * seconds of step_profile() in `total` seconds; WITH_REST, what no operator took as "everything else". */
typedef enum job_rest { NO_REST, WITH_REST } job_rest;
json_t *job_profile(const double *seconds, double total, job_rest rest);

/* Opens --model on --device, and --adapter when there is one. A note tells when the adapter was trained on
 * another base. */
int job_model_open(job_model *j, const options *o, const job_hooks *h, err *e);
/* The same as a classifier; an encoder's head is not checked yet where no adapter is asked for. */
int job_model_open_for(job_model *j, const options *o, const model_head *head, const job_hooks *h, err *e);
void job_model_close(job_model *j);

/* The base alone, quantized weights being kept where the options `keeping` say (NULL: nowhere). */
int job_base_open(model **out, const options *o, const options *keeping, const model_head *head, pool *team,
                  const job_hooks *h, err *e);
/* The parts of it: a tokenizer that fits its model, and --adapter on j->model. */
int job_tokenizer_open(tokenizer **out, const char *path, const checkpoint *c, err *e);
int job_adapter_open(job_model *j, const options *o, const job_hooks *h, err *e);

/* Ends the line of an E_MEMORY with how to need less; returns bad. */
int job_advise(int bad, const char *how, err *e);

/* E_IO when nothing of that name exists; the line says that nothing is downloaded. */
int job_exists(const char *path, const char *what, err *e);

#endif
