/* ministral.c -- Ministral 8B (Mistral AI 2024): Mistral where some layers see a window and others all. */
#include "model/decoder.h"

static void forward(build *b, const model_config *c) { decoder_run(b, c, decoder_block); }

const arch arch_ministral = {forward};
