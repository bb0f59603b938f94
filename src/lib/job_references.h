/* job_references.h -- the rows of a data file as prompts with references, and the attributes they have.
 *
 * Rows with the same prompt are one prompt with as many references: the model writes one text for it. A row
 * whose completion is empty is no reference. */
#ifndef LIB_JOB_REFERENCES_H
#define LIB_JOB_REFERENCES_H

#include "lib/job_prompts.h"
#include "metric/coverage.h"

typedef struct job_references {
    job_prompts prompts; /* different ones, in order of first appearance */
    int64_t *row;        /* (prompts) the first row of each */
    int64_t *first;      /* (prompts + 1) where its references start */
    passage *text;       /* (references) without white space around */
    int64_t n, empty;    /* references; rows without one */
    arena mem;
} job_references;

/* Of a conversation, the last turn of the assistant is the reference and all before it the prompt. */
int job_references_open(job_references *f, const job_rows *r, const tokenizer *t, err *e);
/* Leaves the first n prompts. */
void job_references_limit(job_references *f, int64_t n);
void job_references_close(job_references *f);

/* Attributes are, of the columns that the prompt template has: those of meaning representations, name[The
 * Eagle], when a column holds nothing else; otherwise the columns themselves, less those of the completion.
 * --attribute names columns, or attributes of the representations, instead. */
typedef struct job_slots {
    coverage *coverage; /* NULL: there are no attributes */
    slot *slot;
    int64_t *first; /* (prompts + 1) where a prompt's slots start */
} job_slots;

int job_slots_open(job_slots *s, const job_rows *r, const job_references *f, const options *o, err *e);
void job_slots_close(job_slots *s);

#endif
