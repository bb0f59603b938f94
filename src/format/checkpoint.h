/* checkpoint.h -- a model on disk, whatever its format: its configuration and its weights.
 *
 * Opens a GGUF file, or all parts of a split one; a Hugging Face folder (config.json with
 * model.safetensors, or with the shards of model.safetensors.index.json), quantized by bitsandbytes or
 * not, or in older ones pytorch_model.bin and its index; or a folder that holds exactly one GGUF file.
 * Everything is a view of the mapped files, so opening takes no time and no memory that grows with the
 * model. */
#ifndef FORMAT_CHECKPOINT_H
#define FORMAT_CHECKPOINT_H

#include "format/config.h"
#include "format/gguf.h"
#include "tensor/weights.h"

typedef struct checkpoint checkpoint;

int  checkpoint_open(checkpoint **out, const char *path, err *e);
void checkpoint_close(checkpoint *c); /* NULL is fine; every view goes with it */

const model_config *checkpoint_config(const checkpoint *c);
/* Hugging Face names. q and k of a GGUF file carry pair_dim (tensor/tensor.h). Not const: a caller
 * may weights_adopt() requantized tensors. */
weights    *checkpoint_weights(const checkpoint *c);
/* How many tensors were left out because they are not of the text model (vision tower, projector). */
int64_t     checkpoint_outside(const checkpoint *c);
const gguf *checkpoint_gguf(const checkpoint *c);   /* NULL for a folder of safetensors */
const char *checkpoint_path(const checkpoint *c);   /* as it was given */
const char *checkpoint_folder(const checkpoint *c); /* where tokenizer files lie beside it */

/* Tells one base model from another in a few milliseconds: a 64-bit hash of the configuration's numbers (of what
 * scales rotary positions, windows, experts and soft caps too, where there are any) and, over the tensors sorted
 * by name, of name, type, shape and 8 windows of 64 bytes spread evenly over the data (all of it when it is
 * shorter). The same tensors give the same value however they are spread over files, and whatever was adopted
 * since into the weights. */
uint64_t checkpoint_fingerprint(const checkpoint *c);
/* The same as 16 hexadecimal digits in out, which is returned. */
const char *checkpoint_fingerprint_text(const checkpoint *c, char out[17]);

#endif
