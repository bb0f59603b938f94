/* olmo.c -- OLMo 1 (Groeneveld et al. 2024): Llama with norms that have no weights, and in some sizes q, k and v kept
 * within a bound. */
#include "model/decoder.h"

static void forward(build *b, const model_config *c) { decoder_run(b, c, decoder_block); }

const arch arch_olmo = {forward};
