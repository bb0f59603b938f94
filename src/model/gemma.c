/* gemma.c -- Gemma 1 (2024): Llama with gelu for silu, embeddings multiplied by sqrt(width), and norms whose
 * stored weights count from 1. */
#include "model/decoder.h"

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    prog *p = build_prog(b);
    val n = build_norm(b, x, layer, "input_layernorm", c->rms_eps);
    x = op_add(p, x, decoder_attention(b, c, layer, n, PLAIN_HEADS));
    val m = build_norm(b, x, layer, "post_attention_layernorm", c->rms_eps);
    return op_add(p, x, decoder_geglu(b, c, layer, m));
}

static void forward(build *b, const model_config *c) { decoder_run(b, c, block); }

const arch arch_gemma = {forward};
