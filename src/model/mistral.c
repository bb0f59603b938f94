/* mistral.c -- Mistral 7B and its kin (Jiang et al. 2023): Llama whose layers see a window of the last
 * positions, where the configuration names one. */
#include "model/decoder.h"

static void forward(build *b, const model_config *c) { decoder_run(b, c, decoder_block); }

const arch arch_mistral = {forward};
