/* stablelm.c -- StableLM 2 and 3B: Llama with layer norms, a quarter of each head rotated, and in some sizes
 * both branches of a block reading the same norm. */
#include "model/decoder.h"

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    prog *p = build_prog(b);
    val h = decoder_norm(b, c, layer, x, "input_layernorm");
    x = op_add(p, x, decoder_attention(b, c, layer, h, PLAIN_HEADS));
    if (!c->parallel) h = decoder_norm(b, c, layer, x, "post_attention_layernorm");
    return op_add(p, x, decoder_swiglu(b, c, layer, h));
}

static void forward(build *b, const model_config *c) { decoder_run(b, c, block); }

const arch arch_stablelm = {forward};
