/* build_source.h -- what models of an encoder and a decoder are written with besides model/arch.h.
 *
 * The encoder's rows are ROWS_SOURCE, its blocks the first config.encoder_layers of all; the decoder's rows are
 * what the rows of other models are. In a list of generation the keys and values that decoders see of their
 * source stay from step to step, and a step without new sources leaves the encoder out (kernel/device.c). */
#ifndef MODEL_BUILD_SOURCE_H
#define MODEL_BUILD_SOURCE_H

#include "model/arch.h"

/* The embedding of the encoder's tokens. */
val build_embed_source(build *b, const char *name);

/* From here on attention has biases by distance, from the table (buckets, heads) that block `layer` has under
 * that name (layer < 0: outside the blocks): those of an encoder, which looks both ways, or of a decoder. */
void build_biases(build *b, int64_t layer, const char *name);

/* o of q, k and v of the same rows, with those biases. */
val build_attend_biased(build *b, int64_t layer, val q, val k, val v);
/* o of q, k and v of an encoder's rows, without any. */
val build_attend_among_source(build *b, val q, val k, val v);
/* o of a decoder's q over its encoder's k and v. */
val build_attend_source(build *b, int64_t layer, val q, val k, val v);

/* Whether the file has a tensor of that name. */
bool build_has(const build *b, const char *name);

#endif
