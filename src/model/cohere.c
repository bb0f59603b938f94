/* cohere.c -- Command R, Aya (Cohere 2024), and Command R7B and later (cohere2): Llama with one layer norm, without a
 * bias, for both branches of a block. What else differs is the configuration's: neighbours as rotary pairs, scaled
 * logits, and in cohere2 windows, with rotary positions in those layers alone. */
#include "model/decoder.h"

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    prog *p = build_prog(b);
    val n = decoder_norm(b, c, layer, x, "input_layernorm");
    x = op_add(p, x, decoder_attention(b, c, layer, n, PLAIN_HEADS));
    return op_add(p, x, decoder_swiglu(b, c, layer, n));
}

static void forward(build *b, const model_config *c) { decoder_run(b, c, block); }

const arch arch_cohere = {forward};
const arch arch_cohere2 = {forward};
