/* decoder.h -- what decoders with rotary positions have in common: parts that their files are written with. Norms
 * are of the family's kind. Windows, layers without rotary positions, soft caps, scales and biases are the
 * configuration's. */
#ifndef MODEL_DECODER_H
#define MODEL_DECODER_H

#include "model/arch.h"

/* NORMED_HEADS: q_norm and k_norm before the rotation; NORMED_TURNED: query_layernorm and key_layernorm after it. */
typedef enum decoder_heads { PLAIN_HEADS, NORMED_HEADS, NORMED_TURNED } decoder_heads;

/* The family's norm over rows of x. */
val decoder_norm(build *b, const model_config *c, int64_t layer, val x, const char *name);
/* attend(rope(q_proj(h)), rope(k_proj(h)), v_proj(h)); q, k and v within the configuration's bound. */
val decoder_attend(build *b, const model_config *c, int64_t layer, val h, decoder_heads heads);
/* o_proj(attend(rope(q_proj(h)), rope(k_proj(h)), v_proj(h))); NORMED_HEADS: q_norm and k_norm before
 * rope. */
val decoder_attention(build *b, const model_config *c, int64_t layer, val h, decoder_heads heads);
/* down_proj(silu(gate_proj(h)) * up_proj(h)) */
val decoder_swiglu(build *b, const model_config *c, int64_t layer, val h);
/* The same with gate and up in one gate_up_proj. */
val decoder_swiglu_fused(build *b, const model_config *c, int64_t layer, val h);
/* down_proj(act(up_proj(h))), with the configuration's activation */
val decoder_plain(build *b, const model_config *c, int64_t layer, val h);
/* down_proj(gelu(gate_proj(h)) * up_proj(h)) */
val decoder_geglu(build *b, const model_config *c, int64_t layer, val h);
/* x + attention(input_layernorm(x)), then x + swiglu(post_attention_layernorm(x)): a block of Llama. */
val decoder_block(build *b, const model_config *c, int64_t layer, val x);
/* The same with normed heads. */
val decoder_block_normed(build *b, const model_config *c, int64_t layer, val x);
/* And with heads normed after the rotation. */
val decoder_block_turned(build *b, const model_config *c, int64_t layer, val x);
/* A block of Gemma 2 and 3, with norms before and behind both parts:
 *     x = x + post_attention_layernorm(attention(input_layernorm(x)))
 *     x = x + post_feedforward_layernorm(geglu(pre_feedforward_layernorm(x))) */
val decoder_sandwich(build *b, const model_config *c, int64_t layer, val x, decoder_heads heads);
/* x = embedding; every block; norm and head over the label rows. */
void decoder_run(build *b, const model_config *c,
                 val (*block)(build *b, const model_config *c, int64_t layer, val x));

#endif
