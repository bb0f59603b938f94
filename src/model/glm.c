/* glm.c -- GLM-4 (Zhipu 2024), and GLM-4-0414 (glm4): neighbours as rotary pairs in half of each head, gate and
 * up in one projection; in glm4 with norms behind both halves of a block too.
 *
 *     x = x + [post_self_attn_layernorm](attention(input_layernorm(x)))
 *     x = x + [post_mlp_layernorm](swiglu(post_attention_layernorm(x))) */
#include "model/decoder.h"

static val half(build *b, const model_config *c, int64_t layer, val h, const char *behind)
{
    return behind ? decoder_norm(b, c, layer, h, behind) : h;
}

static val block(build *b, const model_config *c, int64_t layer, val x, const char *first, const char *second)
{
    prog *p = build_prog(b);
    val h = decoder_norm(b, c, layer, x, "input_layernorm");
    x = op_add(p, x, half(b, c, layer, decoder_attention(b, c, layer, h, PLAIN_HEADS), first));
    h = decoder_norm(b, c, layer, x, "post_attention_layernorm");
    return op_add(p, x, half(b, c, layer, decoder_swiglu_fused(b, c, layer, h), second));
}

static val block_plain(build *b, const model_config *c, int64_t layer, val x)
{
    return block(b, c, layer, x, NULL, NULL);
}

static val block_behind(build *b, const model_config *c, int64_t layer, val x)
{
    return block(b, c, layer, x, "post_self_attn_layernorm", "post_mlp_layernorm");
}

static void forward(build *b, const model_config *c) { decoder_run(b, c, block_plain); }
static void forward4(build *b, const model_config *c) { decoder_run(b, c, block_behind); }

const arch arch_glm = {forward};
const arch arch_glm4 = {forward4};
