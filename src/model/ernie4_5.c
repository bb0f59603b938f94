/* ernie4_5.c -- Ernie 4.5 (Baidu 2025), the models without experts: Llama with neighbours as rotary pairs. */
#include "model/decoder.h"

static void forward(build *b, const model_config *c) { decoder_run(b, c, decoder_block); }

const arch arch_ernie4_5 = {forward};
