/* encoder.h -- what BERT and RoBERTa have in common. */
#ifndef MODEL_ENCODER_H
#define MODEL_ENCODER_H

#include "model/arch.h"

/* The rows of the labels after all blocks of a model whose modules begin with `prefix`, "bert". */
val encoder_run(build *b, const model_config *c, const char *prefix);

#endif
