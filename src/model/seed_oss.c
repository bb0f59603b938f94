/* seed_oss.c -- Seed-OSS (ByteDance 2025): Llama with biases of q, k and v. */
#include "model/decoder.h"

static void forward(build *b, const model_config *c) { decoder_run(b, c, decoder_block); }

const arch arch_seed_oss = {forward};
