/* job_score.h -- lorac eval --generate: a text for every prompt, scored against its references.
 *
 * docs/METRICS.md says what each number is. */
#ifndef LIB_JOB_SCORE_H
#define LIB_JOB_SCORE_H

#include "base/file.h"
#include "lib/job_references.h"
#include "metric/scores.h"

typedef struct job_score {
    job_references references;
    job_slots slots;
    outfile lines; /* eval.jsonl */
    scores *scores;
} job_score;

/* Everything that can fail before hours of work: references, attributes, training texts, the output folder.
 */
int job_score_open(job_score *s, const job_rows *r, const job_model *j, const options *o, const job_hooks *h,
                   err *e);
/* Generates, writes eval.jsonl, and adds the scores to `result`. E_STOPPED: a signal was heeded, nothing is
 * written. */
int job_score_run(job_score *s, const job_model *j, const options *o, const job_hooks *h, json_t *result,
                  err *e);
void job_score_close(job_score *s);

#endif
