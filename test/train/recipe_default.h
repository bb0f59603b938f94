/* recipe_default.h -- a recipe for tests to start from; the program's defaults are in its option table. */
#ifndef TEST_TRAIN_RECIPE_DEFAULT_H
#define TEST_TRAIN_RECIPE_DEFAULT_H

#include "train/recipe.h"

static inline recipe recipe_default(void)
{
    return (recipe){
        .learning_rate = 2e-4,
        .adam_beta1 = 0.9,
        .adam_beta2 = 0.999,
        .adam_epsilon = 1e-8,
        .max_grad_norm = 1,
        .loraplus_lr_ratio = 1,
        .lr_scheduler_type = SCHEDULE_LINEAR,
        .lr_scheduler_kwargs = SCHEDULE_DEFAULTS,
        .warmup_ratio = 0.03,
        .num_train_epochs = 3,
        .max_steps = -1,
        .per_device_train_batch_size = 8,
        .per_device_eval_batch_size = 8,
        .gradient_accumulation_steps = 1,
        .max_length = 1024,
        .seed = 42,
        .logging_steps = 10,
        .save_strategy = WHEN_STEPS,
        .save_steps = 500,
        .output_dir = "lorac-out",
    };
}

#endif
