/* trial.h -- one training among several over a shared base: options in, a run folder and numbers out.
 *
 * `lorac train` is one trial over a stock of its own; comparisons and studies run many. A trial opens
 * everything before it touches its folder, can be stopped at any step by the caller or by a signal, and goes
 * on, in this process or another, from its newest checkpoint to the same bits as if it had never stopped:
 *
 *     options o = ...;              command COMMAND_TRAIN, o.out a folder of its own
 *     trial_go_on(&o);              sets o.resume when a checkpoint lies there
 *     trial *t;
 *     code = trial_open(&t, stock, &o, hooks, e);
 *     code = trial_run(t, &watch, &result, e);    E_STOPPED: stopped, with a checkpoint; result is set too
 *     code = trial_judge(t, rows, &judged, e);    losses of any rows under the trained adapter
 *     trial_close(t); */
#ifndef LIB_TRIAL_H
#define LIB_TRIAL_H

#include "lib/job_class.h"
#include "lib/job_folder.h"
#include "lib/stock.h"
#include "train/trainer.h"

/* Read-only for callers. */
typedef struct trial {
    const options *o; /* the caller's, until trial_close() */
    const job_hooks *h;
    stock *s;
    job_model base; /* with the adapter */
    const job_rows *train, *eval; /* eval NULL: no held-out rows, or they are not looked at */
    bool unjudged;
    job_class class; /* of a classifier, whose rows are its own */
    job_rows own[2];
    class_scores scores; /* of its last evaluation; n 0: there was none in this process */
    recipe recipe;
    trainer *trainer;
    char *resume;
    double seconds[2 * OP_COUNT]; /* --profile */
    json_t *data;                 /* what run.json says of the files */
    const struct trial_watch *watch;
} trial;

/* Where the caller looks in. evaluated is called after every evaluation but that before the first step; not
 * 0, unless the last step is done: a checkpoint is saved and trial_run() returns E_STOPPED. */
typedef struct trial_watch {
    const int64_t *evaluate_at; /* steps to evaluate after, besides those of the options */
    int64_t n_evaluate_at;
    int (*evaluated)(void *arg, int64_t step, const evaluation *v);
    void *arg;
} trial_watch;

/* Losses row by row, for statistics over rows: sum of the losses of a row's labels. */
typedef struct trial_judged {
    int64_t n;
    double *loss;             /* (n) sums in nats */
    int64_t *labels, *hits;   /* (n) */
    evaluator_verdict *class; /* (n) of a classifier, else NULL */
    evaluation all;
} trial_judged;

/* o: of COMMAND_TRAIN, checked by options_check(). The folder is made, nothing in it is changed. */
int trial_open(trial **out, stock *s, const options *o, const job_hooks *h, err *e);
/* The same, but the held-out rows are not looked at. */
int trial_open_unjudged(trial **out, stock *s, const options *o, const job_hooks *h, err *e);
void trial_close(trial *t); /* NULL is fine */

/* Trains, and saves adapter, run.json, trainer_state.json and model card. watch may be NULL. *result has the
 * keys of `lorac train --json` and is released by the caller; NULL after a failure other than E_STOPPED. Once
 * a trial. */
int trial_run(trial *t, const trial_watch *watch, json_t **result, err *e);

/* Evaluates rows under the trial's adapter as it now is. */
int trial_judge(const trial *t, const job_rows *rows, trial_judged *out, err *e);
/* The same for any base, with base->adapter or (NULL) without. */
int trial_judge_base(const job_model *base, const job_rows *rows, int64_t batch, const job_hooks *h,
                     trial_judged *out, err *e);
void trial_judged_free(trial_judged *j);

/* What lies in a run folder. */
typedef enum trial_state { TRIAL_NEW, TRIAL_UNFINISHED, TRIAL_DONE } trial_state;
trial_state trial_state_of(const char *folder);
/* The folder's trial is gone on with, or begun anew without a checkpoint: sets resume and overwrite. */
void trial_go_on(options *o);

/* {"weights", "mapped", "adapter", "gradients", "moments", "temporaries", "tokens", "total"} in bytes. */
json_t *trial_memory_json(const trial *t);
/* Tells hooks->banner what is about to be done. */
void trial_tell_plan(const trial *t);

#endif
