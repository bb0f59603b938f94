/* qwen3.c -- Qwen 3 (Yang et al. 2025): Llama with a norm of each head of q and k before the rotation. */
#include "model/decoder.h"

static void forward(build *b, const model_config *c) { decoder_run(b, c, decoder_block_normed); }

const arch arch_qwen3 = {forward};
