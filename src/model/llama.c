/* llama.c -- Llama 1 to 3 and the many models that copy it: RMSNorm, rotary grouped-query attention, SwiGLU.
 *
 *     x = x + o_proj(attend(rope(q_proj(n)), rope(k_proj(n)), v_proj(n)))     n = input_layernorm(x)
 *     x = x + down_proj(silu(gate_proj(m)) * up_proj(m))                      m = post_attention_layernorm(x)
 */
#include "model/decoder.h"

static void forward(build *b, const model_config *c) { decoder_run(b, c, decoder_block); }

const arch arch_llama = {forward};
