/* job_prompts.h -- prompts, and the texts a model writes for them with the options of generation. */
#ifndef LIB_JOB_PROMPTS_H
#define LIB_JOB_PROMPTS_H

#include "gen/generate.h"
#include "lib/job_rows.h"

typedef struct job_prompts {
    str *text; /* (n) */
    token_vec *ids;
    int64_t n;
    row_bos bos; /* AUTO unless set */
} job_prompts;

/* What the options say of choosing tokens. */
sampling job_sampling(const options *o);

/* n empty prompts, to be filled in by the caller. */
void job_prompts_init(job_prompts *p, int64_t n);
void job_prompts_release(job_prompts *p);

/* As the model reads them. */
int job_prompts_encode(job_prompts *p, const job_model *j, err *e);
/* Pieces of text go to h->text, finished rows to h->progress. E_STOPPED: rows left undone have no text; g has
 * to be released then too. */
int job_prompts_run(generate_result *g, const job_prompts *p, const job_model *j, const options *o,
                    const job_hooks *h, err *e);

#endif
