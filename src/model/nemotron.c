/* nemotron.c -- Nemotron 3 and 4, Minitron (NVIDIA 2024), and AFM (arcee, Arcee 2025): Llama with a
 * feed-forward block of two projections, down_proj(relu(up_proj(h))^2). Nemotron has layer norms, and half of
 * each head rotated. */
#include "model/decoder.h"

static val block(build *b, const model_config *c, int64_t layer, val x)
{
    prog *p = build_prog(b);
    val h = decoder_norm(b, c, layer, x, "input_layernorm");
    x = op_add(p, x, decoder_attention(b, c, layer, h, PLAIN_HEADS));
    h = decoder_norm(b, c, layer, x, "post_attention_layernorm");
    return op_add(p, x, decoder_plain(b, c, layer, h));
}

static void forward(build *b, const model_config *c) { decoder_run(b, c, block); }

const arch arch_nemotron = {forward};
const arch arch_arcee = {forward};
