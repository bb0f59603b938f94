/* trainer_impl.h -- the trainer, for the files that it is spread over:
 *
 *   trainer_new.c     making it, and what it takes
 *   trainer.c         the loop, what follows a step, the end
 *   trainer_step.c    one optimizer step
 *   trainer_facts.c   what a checkpoint has to agree with
 *   trainer_report.c  lines of the log, reports, the result */
#ifndef TRAIN_TRAINER_IMPL_H
#define TRAIN_TRAINER_IMPL_H

#include "train/adamw.h"
#include "train/runlog.h"
#include "train/snapshot.h"
#include "train/trainer.h"

enum { MAX_FACTS = 32 };

struct trainer {
    arena mem; /* strings, facts, small arrays */
    const model *m;
    adapter *a;
    const rowset *train, *eval;
    device *d;
    recipe r;

    sampler *s;
    micro_batch batch;
    step *run;
    evaluator *judge; /* NULL without an evaluation set */
    trainer_memory memory;

    adamw opt;
    float *moments; /* m, then v */
    adamw_group *group;
    int64_t groups;
    double *tile;
    schedule schedule;
    int64_t steps; /* in all */

    progress at;
    runlog log;
    fact facts[MAX_FACTS];
    int64_t n_facts;
    int64_t saved_step; /* of the newest whole checkpoint of this state; -1: none */

    double peak; /* operations a second */
    struct {     /* of this process, and (but for steps) since the last line of the log */
        int64_t steps, tokens;
        double seconds, operations;
    } here, window;
    const trainer_hooks *hooks; /* never NULL while running */
};

/* One optimizer step: t->at moves on. E_STOPPED when asked to stop before it was complete; then nothing
 * moved. *loss is the mean over the labels. */
int trainer_step(trainer *t, double *loss, err *e);

/* The share of epochs that is done. */
double trainer_epoch(const trainer *t);

void trainer_collect_facts(trainer *t);

void trainer_tell(trainer *t, double loss);
int trainer_log_step(trainer *t, err *e);
int trainer_log_evaluation(trainer *t, const evaluation *v, err *e);
int trainer_log_end(trainer *t, err *e);
void trainer_fill_result(const trainer *t, trainer_result *out);
trainer_state trainer_state_of(const trainer *t);

#endif
