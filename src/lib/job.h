/* job.h -- what the commands do, without printing: options in, a JSON value out, progress through hooks.
 *
 * Each job opens what it needs, works, and leaves its result in *out, whose keys are those of `--json`; the
 * caller releases it with json_decref(). Nothing is printed and nothing exits. E_STOPPED: a signal was heeded
 * and everything was saved; *out is set then too. */
#ifndef LIB_JOB_H
#define LIB_JOB_H

#include "lib/options.h"

/* Where long work stands. Rates and times are negative while they are not known. */
typedef struct job_progress {
    const char *what; /* "train", "eval", "generate", "bench" */
    int64_t step, steps;
    double loss, learning_rate, grad_norm, tokens_per_second, speed_of_light, seconds_left;
} job_progress;

/* Any of the functions may be NULL. */
typedef struct job_hooks {
    void *arg;
    void (*note)(void *arg, const char *line);          /* one line for people */
    void (*banner)(void *arg, const json_t *plan);      /* train: what is about to be done */
    void (*progress)(void *arg, const job_progress *p); /* every step; the caller thins them out */
    void (*logged)(void *arg, const json_t *line);      /* train: a line of log.jsonl */
    void (*text)(void *arg, int64_t row, const char *piece, size_t n); /* generate: text as it is made */
    const volatile int *stop;                                          /* not 0: save and stop */
} job_hooks;

int job_train(const options *o, const job_hooks *h, json_t **out, err *e);
int job_eval(const options *o, const job_hooks *h, json_t **out, err *e);
/* `input` (n) is the prompt when the options hold neither a prompt nor data; NULL otherwise. */
int job_generate(const options *o, const char *input, size_t n, const job_hooks *h, json_t **out, err *e);
int job_info(const options *o, json_t **out, err *e);
/* "view": an array of rows, each an array of tokens {"text", "id", "label"}, of those asked for. */
int job_data(const options *o, const job_hooks *h, json_t **out, err *e);
/* "show": what a study has found, without model or data. */
int job_tune(const options *o, const job_hooks *h, json_t **out, err *e);
/* The keys of compare.json, which lies in output_dir with the runs and report.html. */
int job_compare(const options *o, const job_hooks *h, json_t **out, err *e);
/* What report.html shows of the folders: lib/report/report.h. It goes into output_dir, else into the first. */
int job_report(const options *o, json_t **out, err *e);
int job_bench(const options *o, const job_hooks *h, json_t **out, err *e);

void job_note(const job_hooks *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
