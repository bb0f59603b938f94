/* weights.h -- what everything above the file formats knows of a checkpoint: tensors by name.
 *
 * `format/` fills one from a GGUF file or a Hugging Face folder; names are always Hugging Face's
 * ("model.layers.0.self_attn.q_proj.weight"). */
#ifndef TENSOR_WEIGHTS_H
#define TENSOR_WEIGHTS_H

#include "tensor/tensor.h"

typedef struct weights weights;

weights *weights_new(void);
void     weights_free(weights *w); /* also releases what weights_adopt() gave it */

/* Adds a view; the name is copied. A second tensor of the same name is an error. */
int weights_add(weights *w, const tensor *t, err *e);
/* Replaces the view of that name by one whose storage the set now owns (requantized at load). */
void weights_adopt(weights *w, const tensor *t);
/* The same with storage that is the caller's and outlives the set. */
void weights_replace(weights *w, const tensor *t);

const tensor *weights_find(const weights *w, const char *name); /* NULL: not there */
/* Bytes of what was adopted, scales included: memory of this process, not of the mapped file. */
size_t        weights_owned_bytes(const weights *w);
int64_t       weights_count(const weights *w);
const tensor *weights_at(const weights *w, int64_t i);          /* in the order they were added */
/* Numbers in all tensors, those of a storage that several share (tied weights of a torch file) once. */
int64_t       weights_parameters(const weights *w);

#endif
