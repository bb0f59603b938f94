/* job_recipe.h -- options as the structs that training and the adapter format take. */
#ifndef LIB_JOB_RECIPE_H
#define LIB_JOB_RECIPE_H

#include "lib/options.h"
#include "model/model.h"
#include "train/recipe.h"

/* E_USAGE names the option that makes no sense. resume_from_checkpoint is left to the caller. */
int job_recipe(recipe *r, const options *o, const model *m, err *e);

/* What lora_target_modules is when it is not said and the model has a default of its own (PEFT's), else no names. */
peft_list job_usual_targets(const options *o, const model *m);

/* Strings belong to o. E_USAGE when rank_pattern does not hold whole numbers. */
int job_adapter_config(peft_config *c, const options *o, const model *m, err *e);

#endif
