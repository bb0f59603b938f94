/* encoder.h -- what encoders have in common, in the names of BERT. */
#ifndef MODEL_ENCODER_H
#define MODEL_ENCODER_H

#include "model/arch.h"

/* The sum of a token's rows in the tables of words, positions and types, those of them that the configuration has, of
 * a model whose modules begin with `prefix`, "bert"; and its norm. */
val encoder_embed(build *b, const model_config *c, const char *prefix);
val encoder_embed_norm(build *b, const model_config *c, const char *prefix, val x);

/* What a block of BERT makes of its input x and of o, what its attention made of it. */
val encoder_finish(build *b, const model_config *c, int64_t layer, val x, val o);

/* Blocks of BERT over x, and the rows of the labels. */
val encoder_blocks(build *b, const model_config *c, val x);

/* All of it. */
val encoder_run(build *b, const model_config *c, const char *prefix);

/* Outputs of RoBERTa: sequences classifier.out_proj(act(classifier.dense(x))), tokens classifier(x). */
void encoder_outputs(build *b, const model_config *c, val x, activation_kind act);

#endif
