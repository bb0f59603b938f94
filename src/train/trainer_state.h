/* trainer_state.h -- trainer_state.json, with the keys of Hugging Face's Trainer, so that scripts that plot
 * its runs plot these. */
#ifndef TRAIN_TRAINER_STATE_H
#define TRAIN_TRAINER_STATE_H

#include "base/str.h"
#include "train/recipe.h"

typedef struct trainer_state {
    int64_t step, steps; /* done, in all */
    double epoch;
    int64_t tokens;    /* seen so far */
    double operations; /* floating-point operations so far */
    int64_t best_step; /* -1: no evaluation yet */
    double best_loss;
    bool best_saved;    /* there is a checkpoint of the best step */
    const str *history; /* lines of log.jsonl */
} trainer_state;

/* Writes FOLDER/trainer_state.json, whole or not at all. */
int trainer_state_write(const char *folder, const trainer_state *s, const recipe *r, err *e);

#endif
