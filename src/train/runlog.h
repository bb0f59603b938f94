/* runlog.h -- log.jsonl: one JSON object a line, as the run goes.
 *
 * A training line holds step, epoch, loss (mean over the steps since the line before), grad_norm (of the last
 * step, before clipping), learning_rate, tokens (so far), seconds (of training so far, without evaluations and
 * saving), tokens_per_second and speed_of_light (share of the device's measured peak); an evaluation line step,
 * epoch, eval_loss, eval_token_accuracy, eval_runtime, eval_samples_per_second, tokens and seconds. Numbers have
 * 10 digits.
 *
 * A line is in the file, whole, when runlog_add() returns. The lines are kept in memory too: a checkpoint
 * saves them as the log_history of its trainer_state.json, and a resumed run starts its file with exactly
 * those, which cuts away what came after the checkpoint. */
#ifndef TRAIN_RUNLOG_H
#define TRAIN_RUNLOG_H

#include "base/json.h"

typedef struct runlog {
    char *path;
    int fd;
    size_t size; /* bytes of whole lines in the file */
    str history; /* the same lines */
    int64_t lines;
} runlog;

/* Starts FOLDER/log.jsonl with the objects of the array `history` (NULL: with none). */
int runlog_open(runlog *l, const char *folder, const json_t *history, err *e);
void runlog_close(runlog *l); /* also after a failed open */

/* Appends the object, whose reference it takes. After a failure the file ends with the line before. */
int runlog_add(runlog *l, json_t *line, err *e);

#endif
