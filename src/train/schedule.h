/* schedule.h -- the learning rate of a step as a share of the one asked for.
 *
 * With s = step from 0, W = warm-up steps, T = all steps, p = (s - W) / max(1, T - W):
 *
 *   warm-up                s / max(1, W) while s < W: the first step of a warm-up has rate 0
 *   linear                 (T - s) / max(1, T - W)
 *   cosine                 (1 + cos(2 pi cycles p)) / 2, cycles 0.5
 *   cosine_with_restarts   (1 + cos(pi (cycles p mod 1))) / 2, 0 from p = 1 on, cycles 1
 *   cosine_with_min_lr     cosine between 1 and the share min_lr_rate
 *   polynomial             ((lr - lr_end) (1 - p)^power + lr_end) / lr, lr_end 1e-7, power 1
 *   constant               1, without warm-up
 *   constant_with_warmup   1
 *   inverse_sqrt           1 / sqrt((s + S - W) / S), S = W, or 10000 without warm-up
 *   warmup_stable_decay    1 until T - D, then cosine to min_lr_rate over the D = num_decay_steps last steps;
 *                          the warm-up starts at min_lr_rate
 *
 * Names, defaults and formulas are those of Hugging Face's transformers. */
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include "base/err.h"

#include <stdint.h>

typedef enum schedule_type {
    SCHEDULE_LINEAR,
    SCHEDULE_COSINE,
    SCHEDULE_COSINE_WITH_RESTARTS,
    SCHEDULE_COSINE_WITH_MIN_LR,
    SCHEDULE_POLYNOMIAL,
    SCHEDULE_CONSTANT,
    SCHEDULE_CONSTANT_WITH_WARMUP,
    SCHEDULE_INVERSE_SQRT,
    SCHEDULE_WARMUP_STABLE_DECAY,
    SCHEDULE_COUNT
} schedule_type;

/* What lr_scheduler_kwargs holds. A negative number stands for the default of the type. */
typedef struct schedule_options {
    double num_cycles, power, lr_end;
    double min_lr, min_lr_rate; /* one of the two: absolute, or as a share of the learning rate */
    int64_t num_decay_steps;
} schedule_options;

#define SCHEDULE_DEFAULTS ((schedule_options){-1, -1, -1, -1, -1, -1})

typedef struct schedule {
    schedule_type type;
    double learning_rate;
    int64_t warmup, steps, decay;
    double cycles, power, lr_end, floor;
} schedule;

const char *schedule_name(schedule_type t);    /* "cosine_with_restarts" */
schedule_type schedule_find(const char *name); /* SCHEDULE_COUNT: there is none */

/* Warm-up steps of a run of `steps`: warmup_steps from 1 on is a number of steps, below it a share;
 * warmup_ratio is a share, used when warmup_steps is 0. A share is rounded up. */
int64_t schedule_warmup(double warmup_steps, double warmup_ratio, int64_t steps);

/* E_USAGE when the options make no sense for the type. */
int schedule_init(schedule *s, schedule_type type, double learning_rate, int64_t warmup, int64_t steps,
                  const schedule_options *options, err *e);

/* The share of the learning rate in optimizer step `step`, counted from 0. */
double schedule_factor(const schedule *s, int64_t step);

#endif
