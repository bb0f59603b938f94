/* snapshot.h -- checkpoint-N/: everything a run needs to go on as if it had never stopped.
 *
 *   adapter_config.json, adapter_model.safetensors   the adapter, always in f32; loads in PEFT
 *   optimizer.safetensors                            exp_avg.NAME and exp_avg_sq.NAME for each of its tensors
 *   state.json                                       progress, and the facts of the run it belongs to
 *   trainer_state.json                               the log so far, as Hugging Face's Trainer writes it
 *
 * A snapshot is written into checkpoint-N.tmp, synced, and then renamed, so that checkpoint-N is whole
 * whenever it is there. Numbers in state.json have 17 digits and come back to the bit. There is no generator
 * to save: every random number is a function of seed, epoch and micro-batch. */
#ifndef TRAIN_SNAPSHOT_H
#define TRAIN_SNAPSHOT_H

#include "model/adapter.h"
#include "train/trainer_state.h"

/* How far a run is. */
typedef struct progress {
    int64_t step;                     /* optimizer steps done */
    int64_t epoch, batch;             /* of the next micro-batch: its epoch, and its number in there */
    int64_t micro;                    /* micro-batches done in all: the stream of dropout */
    int64_t examples, tokens, labels; /* trained on so far */
    int64_t logged_step,
        evaluated_step;              /* the last step with a line in the log, with an evaluation; -1: none */
    int64_t window_steps;            /* steps since the last line ... */
    double window_loss;              /* ... and the sum of their losses */
    double total_loss;               /* the sum of the losses of all steps */
    double grad_norm, learning_rate; /* of the last step */
    double operations, seconds;      /* of training alone */
    double eval_before, eval_last, eval_accuracy; /* NAN: none yet */
    int64_t best_step;                            /* -1: none yet */
    double best_loss;
} progress;

progress progress_start(void);

/* What a run is made of, by name: two runs may share a snapshot when all facts that have to agree do. */
typedef struct fact {
    const char *name, *value;
    bool has_to_agree; /* otherwise a difference is only told */
} fact;

typedef struct snapshot {
    adapter *a;
    float *m, *v; /* moments, laid out as a->param */
    progress *at;
    const fact *facts;
    int64_t n_facts;
} snapshot;

/* Writes FOLDER/checkpoint-STEP in place of one that is there. Until it is whole, and after a failure,
 * whatever was there is untouched. */
int snapshot_save(const char *folder, const snapshot *s, const trainer_state *state, const recipe *r, err *e);

/* Fills adapter, moments and progress from a checkpoint folder. E_FORMAT when it is not whole, E_USAGE when
 * it belongs to another run. `differs` is given a line on every other fact that differs. *history, an array,
 * is the log so far; the caller releases it. */
int snapshot_load(const char *path, const snapshot *s, const model *m, json_t **history, str *differs,
                  err *e);

/* The adapter alone. */
int snapshot_load_adapter(const char *path, adapter *a, const model *m, err *e);

/* Deletes the oldest checkpoints up to `step` until `limit` of them are left, never that of best_step nor the
 * newest. limit 0 keeps all. */
int snapshot_rotate(const char *folder, int64_t limit, int64_t step, int64_t best_step, err *e);

/* N of the name "checkpoint-N", -1 for any other name. */
int64_t snapshot_number(const char *name);

/* The path of FOLDER's newest checkpoint, on the heap; NULL when there is none. */
char *snapshot_newest(const char *folder);

#endif
