/* bart.h -- the forward list of BART, which others share. */
#ifndef MODEL_BART_H
#define MODEL_BART_H

#include "model/arch.h"

void bart_forward(build *b, const model_config *c);

#endif
