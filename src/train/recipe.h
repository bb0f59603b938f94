/* recipe.h -- how to train: everything that decides the numbers of a run besides model, adapter and data.
 *
 * Names and meanings are those of Hugging Face's TrainingArguments. Two differences, on purpose:
 *
 * - A label's weight is 1 / (labels that are predicted in the optimizer step), where transformers also counts
 *   labels at the first position of a row, which nothing predicts. With a prompt the two are equal.
 * - load_best_model_at_end saves every evaluation that is the best so far, whatever save_strategy says,
 *   instead of asking for strategies that agree. */
#ifndef TRAIN_RECIPE_H
#define TRAIN_RECIPE_H

#include "plan/plan.h"
#include "train/schedule.h"

#include <stdbool.h>

typedef enum recipe_when { WHEN_NO, WHEN_STEPS, WHEN_EPOCH } recipe_when;
typedef enum recipe_sampling { SAMPLING_RANDOM, SAMPLING_SEQUENTIAL, SAMPLING_BY_LENGTH } recipe_sampling;

typedef struct recipe {
    double learning_rate, weight_decay;
    double adam_beta1, adam_beta2, adam_epsilon;
    double max_grad_norm;     /* 0: no clipping */
    double loraplus_lr_ratio; /* learning rate of B over that of A */

    schedule_type lr_scheduler_type;
    schedule_options lr_scheduler_kwargs;
    double warmup_ratio, warmup_steps; /* see schedule_warmup() */

    double num_train_epochs;
    int64_t max_steps; /* -1: as many as the epochs take */
    int64_t per_device_train_batch_size, per_device_eval_batch_size;
    int64_t gradient_accumulation_steps;

    recipe_sampling train_sampling_strategy;
    bool packing;
    int64_t max_length; /* tokens of a packed micro-batch */
    uint64_t seed;
    bool base_dropout; /* train with the dropout of the base that its configuration names */

    plan_keep keep; /* what the backward computes again; KEEP_ALL: no more than memory_limit asks for */
    int redo_blocks;
    size_t memory_limit; /* bytes of all that trainer_memory counts; 0: no limit */

    int64_t logging_steps;
    bool logging_first_step;
    recipe_when eval_strategy, save_strategy;
    int64_t eval_steps; /* 0: logging_steps */
    int64_t save_steps;
    int64_t save_total_limit; /* 0: no limit */
    bool load_best_model_at_end;

    const char *output_dir;
    const char *resume_from_checkpoint; /* a checkpoint folder, or NULL */
} recipe;

/* E_USAGE names the value that makes no sense. */
int recipe_check(const recipe *r, err *e);

#endif
