/* tune_qlora.h -- the ready space of `lorac tune --space qlora`. */
#ifndef LIB_TUNE_QLORA_H
#define LIB_TUNE_QLORA_H

#include "base/json.h"

struct model;

/* A definition as tune/space.h reads it, to be released. What lora_target_modules may be follows from the
 * projections that the model has; without a model (NULL) it is all-linear alone. */
json_t *tune_qlora(const struct model *m);

#endif
