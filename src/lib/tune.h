/* tune.h -- a search of hyperparameters at work, for the files it is spread over:
 *
 *   job_tune.c    the command: what is opened, what a study is bound to, the loop over its runs
 *   tune_plan.c   budget, objectives, rungs: what the options say
 *   tune_run.c    one run to its next rung
 *   tune_trial.c  one training of it, watched
 *   tune_parallel.c  runs side by side
 *   tune_final.c  the judging at the end
 *   tune_json.c   a study as JSON
 *
 * With halving, a run is a trunk with a constant learning rate after its warm-up, in runs/N/trunk, and at
 * each rung a branch from the trunk's checkpoint, in runs/N/rung-K, whose learning rate falls to zero: the
 * adapter there is to the bit that of `lorac train --lr_scheduler_type warmup_stable_decay` over the rung's
 * length (Hu et al. 2024, MiniCPM, for the schedule; Hagele et al. 2024 for judging lengths by branches).
 * So no step of a trunk is ever made twice, and rungs of different lengths are comparable. Without halving
 * a run is `lorac train` with the schedule that the options say, in runs/N/run. */
#ifndef LIB_TUNE_H
#define LIB_TUNE_H

#include "lib/trial.h"
#include "lib/tune_space.h"
#include "tune/study.h"

#include <pthread.h>

enum { TUNE_TYPES = 32, TUNE_TYPE = 48 };

typedef struct tune {
    options own; /* the caller's, with what was left to us; strings are shared */
    const options *o;
    const job_hooks *h;
    stock *stock;
    study *study;
    json_t *definition; /* of the space */
    space space;
    tune_base base;
    search how;
    objective objective[OBJECTIVES_MAX];
    study_rules rules;
    double rows[RUNGS_MAX]; /* a run's length at each rung, in rows */
    job_class class; /* of classifiers, whose rows are the study's own */
    job_rows rows_of[4]; /* train, eval; eval parted: guides, judges */
    const job_rows *train, *eval, *judges; /* judges: eval too, where nothing was left for them alone */
    bool texts;   /* the data has references for generated texts */

    pthread_mutex_t lock; /* of what follows */
    struct {
        char type[TUNE_TYPE];
        double loss; /* of the bare base on held-out rows */
    } start[TUNE_TYPES];
    int starts;
    int workers; /* runs side by side */
    int refused; /* runs, one after the other */
} tune;

/* A line for people, from any thread. */
void tune_note(tune *t, const char *line);

/* The options of a run are from now on those of the judging at the end. */
void tune_judge_apart(const tune *t, options *run);

/* ---- tune_plan.c */

/* An objective by its name; E_USAGE when there is no such metric. */
int tune_objective(objective *out, const char *name, err *e);
bool tune_is_text_metric(const char *name); /* of generated texts */
/* "60min", "2h", "90s", "40runs", "2e6tokens" into the rules. */
int tune_budget(study_rules *r, const char *text, err *e);
/* Strategy, early stopping, objectives, budget and the rungs' lengths, once rows are known. */
int tune_plan(tune *t, err *e);

/* A run at a rung: optimizer steps in all, and those of its trunk. */
typedef struct rung_shape {
    int64_t steps, trunk;
} rung_shape;
rung_shape tune_shape(const tune *t, const options *run, int rung);

/* The options of the whole of a run, at rung `rung`, with `seed` and `folder`: what `lorac train` would be
 * given. It is judged on the rows that guide the search. */
int tune_whole(options *out, const tune *t, const point *at, int rung, int64_t seed, const char *folder,
               err *e);

/* ---- tune_run.c */

/* A trunk is not judged on held-out rows. */
typedef enum tune_part { PART_TRUNK, PART_JUDGED } tune_part;

typedef struct tune_verdict {
    run_state state; /* RUN_PAUSED, RUN_DONE, RUN_STOPPED, RUN_DIVERGED, RUN_REFUSED */
    json_t *metrics; /* NULL unless it was judged */
    str why;
} tune_verdict;

/* Trains a claimed run to its rung and reports it. E_STOPPED: a signal was heeded, and the run given back. */
int tune_train(tune *t, const study_task *task, err *e);

/* One `lorac train` after `o`, watched for divergence; verdict->state is RUN_DONE when it came to its end. */
int tune_trial(tune *t, const options *o, tune_part part, const trial_watch *watch, tune_verdict *v, err *e);

/* RUN_REFUSED for a failure that lies in the run's options, which is then none of the study; else the
 * failure. */
int tune_refuse(tune_verdict *v, int bad, const err *why, err *e);

/* The folder of a run's part: "OUT/runs/N/PART", on the heap. */
char *tune_folder(const tune *t, int64_t run, const char *part);
char *tune_rung_folder(const tune *t, int64_t run, int rung);

/* Adds the scores of generated texts under the adapter in `folder` to metrics, for the rows that `run` is
 * judged on. */
int tune_texts(tune *t, const options *run, const char *folder, json_t *metrics, err *e);

/* ---- tune_parallel.c */

/* Sets how many runs go side by side, and the threads of each, by what was measured; tells it. */
int tune_side_by_side(tune *t, err *e);

/* ---- tune_final.c */

/* Judges the best runs on the task's metric and the winner against the first run on further seeds, as far as
 * nobody has yet; MOVE_WAIT in *left: another process is at it. */
int tune_finish(tune *t, move *left, err *e);

/* ---- tune_json.c */

/* What `lorac tune --json` prints. */
int tune_json(tune *t, json_t **out, err *e);
/* study.json, and best.yaml, which `lorac train --config` takes: the options of the winner. */
int tune_write(tune *t, const json_t *result, err *e);
/* The same of the study in a folder, without model or data. */
int tune_show(const char *folder, json_t **out, err *e);

#endif
