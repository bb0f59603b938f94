/* helium.c -- Helium 1 (Kyutai 2025): Llama with neighbours as rotary pairs. */
#include "model/decoder.h"

static void forward(build *b, const model_config *c) { decoder_run(b, c, decoder_block); }

const arch arch_helium = {forward};
