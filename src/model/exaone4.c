/* exaone4.c -- EXAONE 4 (LG 2025): norms behind both halves of a block, and over each head of q and k; in the
 * large size windows, with rotary positions in those layers alone.
 *
 *     x = x + post_attention_layernorm(attention(x))      x = x + post_feedforward_layernorm(swiglu(x)) */
#include "model/decoder.h"

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    prog *p = build_prog(b);
    val h = decoder_attention(b, c, layer, x, NORMED_HEADS);
    x = op_add(p, x, decoder_norm(b, c, layer, h, "post_attention_layernorm"));
    h = decoder_swiglu(b, c, layer, x);
    return op_add(p, x, decoder_norm(b, c, layer, h, "post_feedforward_layernorm"));
}

static void forward(build *b, const model_config *c) { decoder_run(b, c, block); }

const arch arch_exaone4 = {forward};
