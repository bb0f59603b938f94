/* granite.c -- Granite 3 (IBM 2024): Llama with embeddings, scores, halves of blocks and logits scaled by the
 * configuration. */
#include "model/decoder.h"

static void forward(build *b, const model_config *c) { decoder_run(b, c, decoder_block); }

const arch arch_granite = {forward};
