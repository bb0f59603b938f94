/* gemma2.c -- Gemma 2 (2024): Gemma with norms behind attention and feed-forward block as well as before
 * them, soft caps on scores and logits, and a window in every other layer.
 */
#include "model/decoder.h"

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    return decoder_sandwich(b, c, layer, x, PLAIN_HEADS);
}

static void forward(build *b, const model_config *c) { decoder_run(b, c, block); }

const arch arch_gemma2 = {forward};
