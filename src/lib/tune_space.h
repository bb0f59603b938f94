/* tune_space.h -- a search space over the options of `lorac train`, and a run's options from a point of it.
 *
 * A space file is YAML (or JSON) with an option's name on each line and what tune/space.h says as its
 * value. Two names are none of train's:
 *
 *   alpha_ratio    lora_alpha = alpha_ratio * lora_r. When a space has neither it nor lora_alpha, alpha
 *                  follows r in
 *                  the proportion that the options have: under Adam, alpha and the learning rate do much
 *                  the same, and
 *                  searching both wastes runs
 *   batch_tokens   rows of an optimizer step = batch_tokens / mean tokens of a row, cut into micro-batches
 *                  of at most
 *                  per_device_train_batch_size rows
 *
 * Options that would make runs incomparable (data, seed, what is held out, the length) are no part of a
 * space. */
#ifndef LIB_TUNE_SPACE_H
#define LIB_TUNE_SPACE_H

#include "format/peft.h"
#include "lib/options.h"
#include "tune/space.h"

struct model;

/* What a space and a run's options are made from. */
typedef struct tune_base {
    const options *o;  /* of COMMAND_TUNE */
    double row_tokens; /* mean of the rows trained on */
    double eval_split; /* what is held out where o names no eval_data */
    int64_t threads;   /* of a run; 0: all */
    peft_list targets; /* what lora_target_modules is unless said, where that is not all-linear */
} tune_base;

/* The definition that o->space names: a file, or "qlora", for that model (NULL: for a look at the words). An object,
 * to be released. */
int tune_definition(json_t **out, const options *o, const struct model *m, err *e);

/* Reads the definition as a space over train's options: every name is an option's full name, and every
 * value one that the option takes. */
int tune_space(space *s, const json_t *definition, const tune_base *b, err *e);

/* The options of `lorac train` for a point, out to be set; released by the caller whatever comes back. The
 * schedule's length and the folder are left to the caller. */
int tune_options(options *out, const tune_base *b, const space *s, const point *at, err *e);

#endif
