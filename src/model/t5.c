/* t5.c -- T5 (Raffel et al. 2020), T5 1.1, Flan-T5 and mT5: an encoder, and a decoder that reads it. RMSNorm
 * before every part, scores neither scaled nor rotated but biased by distance:
 *
 *     encoder   x = x + o(attend(q(n), k(n), v(n)))      x = x + ffn(n)
 *     decoder   x = x + o(attend(q(n), k(n), v(n)))      x = x + o(attend(q(n), k(e), v(e)))      x = x + ffn(n)
 *
 * n being the norm of x in each, e the encoder's last norm, and ffn(n) = wo(act(wi(n))), or gated wo(act(wi_0(n))
 * * wi_1(n)). Each stack has one table of biases, in its first block, and reads it in all. */
#include "model/build_source.h"

typedef enum part { OWN, SOURCE } part;

static val project(build *b, val x, int64_t layer, const char *name, const char *leaf, int64_t out)
{
    return build_project(b, x, layer, arena_fmt(&build_prog(b)->mem, "%s.%s", name, leaf), out, NO_BIAS);
}

/* Rows of x look at those of `at`: themselves, or a decoder's at the encoder's. */
static val attention(build *b, const model_config *c, int64_t layer, const char *name, val x, val at, part p)
{
    const int64_t width = c->heads * c->head_dim;
    val q = project(b, x, layer, name, "q", width);
    val k = project(b, at, layer, name, "k", width), v = project(b, at, layer, name, "v", width);
    val o = p == SOURCE ? build_attend_source(b, layer, q, k, v) : build_attend_biased(b, layer, q, k, v);
    return build_dropout(b, project(b, o, layer, name, "o", c->width), DROP_ATTENTION);
}

static val feed_forward(build *b, const model_config *c, int64_t layer, const char *name, val x)
{
    val h = project(b, x, layer, name, c->gated ? "wi_0" : "wi", c->ffn);
    if (c->gated) {
        val up = project(b, x, layer, name, "wi_1", c->ffn);
        h = c->act == CONFIG_SILU ? op_swiglu(build_prog(b), h, up) : op_geglu(build_prog(b), h, up);
    } else
        h = build_act(b, h);
    h = project(b, build_dropout(b, h, DROP_ACTIVATION), layer, name, "wo", c->width);
    return build_dropout(b, h, DROP_FEED_FORWARD);
}

/* All blocks from `first` on; source NONE: they are the encoder's. */
static val stack(build *b, const model_config *c, int64_t first, int64_t end, val x, val source)
{
    prog *p = build_prog(b);
    const bool decoder = source != NONE;
    x = build_dropout(b, x, DROP_EMBEDDING);
    for (int64_t layer = first; layer < end; layer++) {
        build_layer(b, layer);
        val n = build_norm(b, x, layer, "layer.0.layer_norm", c->rms_eps);
        x = op_add(p, x, attention(b, c, layer, "layer.0.SelfAttention", n, n, OWN));
        if (decoder) {
            n = build_norm(b, x, layer, "layer.1.layer_norm", c->rms_eps);
            x = op_add(p, x, attention(b, c, layer, "layer.1.EncDecAttention", n, source, SOURCE));
        }
        n = build_norm(b, x, layer, decoder ? "layer.2.layer_norm" : "layer.1.layer_norm", c->rms_eps);
        const char *name = decoder ? "layer.2.DenseReluDense" : "layer.1.DenseReluDense";
        x = op_add(p, x, feed_forward(b, c, layer, name, n));
    }
    build_layer(b, -1);
    return x;
}

static void forward(build *b, const model_config *c)
{
    build_biases(b, 0, "layer.0.SelfAttention.relative_attention_bias");
    val source = stack(b, c, 0, c->encoder_layers, build_embed_source(b, "shared"), NONE);
    source = build_dropout(b, build_norm(b, source, -1, "encoder.final_layer_norm", c->rms_eps), DROP_HEAD);
    build_biases(b, c->encoder_layers, "layer.0.SelfAttention.relative_attention_bias");
    val x = stack(b, c, c->encoder_layers, c->layers, build_embed(b, "shared"), source);
    x = build_norm(b, build_label_rows(b, x), -1, "decoder.final_layer_norm", c->rms_eps);
    x = build_dropout(b, x, DROP_HEAD);
    build_head(b, x, build_has(b, "lm_head.weight") || !c->tied ? "lm_head" : "shared");
}

const arch arch_t5 = {forward};
