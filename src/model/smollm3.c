/* smollm3.c -- SmolLM 3: Llama in which every fourth layer, or those that the configuration lists, has no
 * rotary positions. */
#include "model/decoder.h"

static void forward(build *b, const model_config *c) { decoder_run(b, c, decoder_block); }

const arch arch_smollm3 = {forward};
