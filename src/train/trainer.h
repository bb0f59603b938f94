/* trainer.h -- the training loop: rows to a trained adapter.
 *
 * An optimizer step takes gradient_accumulation_steps micro-batches of an epoch's order, fewer at its end. N
 * being the number of labels in all of them, each label weighs 1 / N, so that the gradient is that of the
 * mean over the labels of the step, however they are spread over micro-batches:
 *
 *   grad = 0;  for each micro-batch: grad += d/dparam sum of ce / N;  clip;  AdamW with lr factor(step)
 *
 * After a step come, where due, a line of the log, an evaluation and a checkpoint, in this order. With an
 * evaluation set the model is evaluated before the first step and after the last one too.
 *
 * Everything is a function of model, data, recipe and device, not of the number of threads; a run that was
 * stopped and resumed from its checkpoint leaves the same bits as one that was not: adapter, moments, and the
 * log but for its times. A NaN or an infinity ends the run before it reaches a parameter or a file. */
#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include "train/evaluator.h"
#include "train/recipe.h"

/* After every optimizer step. Rates count training alone, not evaluations and saving. */
typedef struct trainer_report {
    int64_t step, steps;
    double epoch, loss, grad_norm, learning_rate;
    double tokens_per_second; /* of this process so far */
    double speed_of_light;    /* necessary operations a second over the device's measured peak */
    double seconds, seconds_left;
} trainer_report;

typedef struct trainer_hooks {
    void *arg;
    void (*message)(void *arg, const char *line);
    void (*step)(void *arg, const trainer_report *report);
    void (*logged)(void *arg, const json_t *line); /* what was just added to log.jsonl */
    void (*evaluating)(void *arg, int64_t done, int64_t rows);
    void (*saved)(void *arg, const char *folder);
    const volatile int *stop; /* not 0: save a checkpoint and return E_STOPPED */
    /* Further steps to evaluate after; and what is told of every evaluation that was made. Not 0, unless it was
     * that after the last step: a checkpoint is saved and E_STOPPED comes back. */
    const int64_t *evaluate_at;
    int64_t n_evaluate_at;
    int (*evaluated)(void *arg, int64_t step, const evaluation *v);
    const evaluation *before; /* the evaluation before the first step, when it is known; NULL: it is made */
    double *seconds;          /* NULL, or [2 * OP_COUNT], to which every micro-batch adds: step_profile() */
} trainer_hooks;

typedef struct trainer_result {
    int64_t steps; /* done in all, before a resume too */
    double epochs;
    int64_t examples, tokens, labels;   /* trained on, counted again each epoch */
    double train_loss;                  /* mean over the steps */
    double eval_loss_before, eval_loss; /* NAN without an evaluation set */
    double token_accuracy;              /* of the last evaluation, or NAN */
    int64_t best_step;                  /* of the lowest evaluation loss; -1: none */
    double best_loss;
    double seconds, tokens_per_second, speed_of_light;
} trainer_result;

/* Bytes, by item. */
typedef struct trainer_memory {
    size_t weights, mapped; /* held by the process; views of the model's file */
    size_t adapter, gradients, moments;
    size_t slab, workspace; /* of training and, where there is one, of evaluation */
    size_t tokens;          /* data and micro-batches */
    int redo_blocks;        /* computed twice to stay within recipe.memory_limit, or as the recipe says */
    bool redo_cheap;        /* or norms and activations alone */
} trainer_memory;

typedef struct trainer trainer;

/* Makes everything the run will need; writes nothing yet. eval may be NULL. The rest outlives the trainer.
 * recipe is copied, its strings too. */
int trainer_new(trainer **out, const model *m, adapter *a, const rowset *train, const rowset *eval,
                const recipe *r, device *d, err *e);
void trainer_free(trainer *t); /* NULL is fine */

/* How many optimizer steps the run has, and what it takes. */
int64_t trainer_steps(const trainer *t);
trainer_memory trainer_memory_of(const trainer *t);

/* The same before anything is allocated. */
int trainer_measure(trainer_memory *out, int64_t *steps, const model *m, const adapter *a,
                    const rowset *train, const rowset *eval, const recipe *r, device *d, err *e);

/* Trains; hooks may be NULL. *result is set whatever comes back, as far as the run came. E_STOPPED after a
 * stop, with a checkpoint saved; E_NUMERIC names step and tensor. After OK the adapter is the last one, or
 * the best one with load_best_model_at_end. */
int trainer_run(trainer *t, const trainer_hooks *hooks, trainer_result *result, err *e);

/* Writes the adapter and trainer_state.json into output_dir. */
int trainer_save(const trainer *t, dtype type, err *e);

#endif
