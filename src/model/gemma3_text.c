/* gemma3_text.c -- Gemma 3, the text model (2025): Gemma 2 with norms of each head of q and k instead of soft
 * caps, five layers that see a window to one that sees everything, and a rotary base for each of the two
 * kinds.
 */
#include "model/decoder.h"

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    return decoder_sandwich(b, c, layer, x, NORMED_HEADS);
}

static void forward(build *b, const model_config *c) { decoder_run(b, c, block); }

const arch arch_gemma3_text = {forward};
