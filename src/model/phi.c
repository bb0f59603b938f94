/* phi.c -- Phi 1, 1.5 and 2 (Gunasekar et al. 2023): both branches of a block read the same norm, half of each
 * head or less is rotated, and everything has a bias, the head too.
 *
 *     x = x + dense(attend(n)) + fc2(gelu(fc1(n)))      n = input_layernorm(x) */
#include "model/decoder.h"

static void forward(build *b, const model_config *c)
{
    prog *p = build_prog(b);
    val x = build_dropout(b, build_embed(b, "model.embed_tokens"), DROP_EMBEDDING);
    for (int64_t layer = 0; layer < c->layers; layer++) {
        build_layer(b, layer);
        val n = decoder_norm(b, c, layer, x, "input_layernorm");
        val o = decoder_attend(b, c, layer, n, PLAIN_HEADS);
        o = build_project(b, o, layer, "self_attn.dense", c->width, BIAS);
        x = op_add(p, x, build_dropout(b, o, DROP_ATTENTION));
        val up = build_act(b, build_project(b, n, layer, "mlp.fc1", c->ffn, BIAS));
        val down = build_project(b, up, layer, "mlp.fc2", c->width, BIAS);
        x = op_add(p, x, build_dropout(b, down, DROP_FEED_FORWARD));
    }
    build_layer(b, -1);
    x = decoder_norm(b, c, -1, build_label_rows(b, x), "model.final_layernorm");
    build_head(b, x, c->tied ? "model.embed_tokens" : "lm_head");
}

const arch arch_phi = {forward};
