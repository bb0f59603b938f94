/* hunyuan_v1_dense.c -- HunYuan dense (Tencent 2025): Llama with norms over each head of q and k, after the
 * rotation. */
#include "model/decoder.h"

static void forward(build *b, const model_config *c) { decoder_run(b, c, decoder_block_turned); }

const arch arch_hunyuan_v1_dense = {forward};
