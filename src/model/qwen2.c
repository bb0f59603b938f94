/* qwen2.c -- Qwen 2 and 2.5 (Yang et al. 2024): Llama with a bias in q, k and v; windows only where the
 * configuration turns them on. */
#include "model/decoder.h"

static void forward(build *b, const model_config *c) { decoder_run(b, c, decoder_block); }

const arch arch_qwen2 = {forward};
