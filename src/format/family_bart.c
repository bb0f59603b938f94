/* family_bart.c -- BART and Pegasus: what their configurations have of their own. Sources: configuration_bart.py and
 * configuration_pegasus.py of transformers. */
#include "format/config_check.h"
#include "format/family_norm.h"

#include <math.h>

/* A count that the encoder and the decoder have each, and that has to be one for both. */
static int64_t both(const family_source *s, const char *encoder, const char *decoder)
{
    const int64_t n = json_int(s->json, encoder, 0, s->where, s->e);
    const int64_t other = json_int(s->json, decoder, n, s->where, s->e);
    if (n != other)
        fail(s->e, E_UNSUPPORTED, "%s: \"%s\" is %lld and \"%s\" %lld; they have to be the same", s->where, encoder,
             (long long)n, decoder, (long long)other);
    return n;
}

static void read(model_config *c, const family_source *s, int64_t start)
{
    const json_t *o = s->json;
    c->width = json_int(o, "d_model", 1024, s->where, s->e);
    c->encoder_layers = json_int(o, "encoder_layers", 12, s->where, s->e);
    const int64_t decoder = json_int(o, "decoder_layers", 12, s->where, s->e);
    if (c->encoder_layers < 1 || c->encoder_layers > CONFIG_MAX_LAYERS / 2 || decoder < 1 ||
        decoder > CONFIG_MAX_LAYERS / 2) {
        fail(s->e, E_FORMAT, "%s: %lld layers of an encoder and %lld of a decoder make no sense", s->where,
             (long long)c->encoder_layers, (long long)decoder);
        return;
    }
    c->layers = c->encoder_layers + decoder;
    c->heads = both(s, "encoder_attention_heads", "decoder_attention_heads");
    c->ffn = both(s, "encoder_ffn_dim", "decoder_ffn_dim");
    config_plain_heads(c, s);
    c->context = json_int(o, "max_position_embeddings", 1024, s->where, s->e);
    c->positions = c->context;
    c->rms_eps = 1e-5;
    c->attention_bias = c->out_bias = c->mlp_bias = true;
    if (json_flag(o, "scale_embedding", false, s->where, s->e)) c->embed_scale = sqrt((double)c->width);
    config_find_act(c, json_text(o, "activation_function", "gelu", s->where, s->e), s->where, s->e);
    if (c->act == CONFIG_SILU)
        fail(s->e, E_UNSUPPORTED, "%s: \"activation_function\" is silu, which is not supported", s->where);
    c->start = json_int(o, "decoder_start_token_id", start, s->where, s->e);
    if (!json_flag(o, "is_encoder_decoder", true, s->where, s->e))
        fail(s->e, E_UNSUPPORTED, "%s: an encoder or a decoder alone (is_encoder_decoder) is not supported",
             s->where);
}

/* The first two rows of the table of positions are no position's. */
void family_read_bart(model_config *c, const family_source *s)
{
    read(c, s, 2);
    c->position_offset = 2;
    if (c->positions < INT32_MAX) c->positions += 2;
    c->post_norm = c->no_final_norm = c->embed_norm = c->begins = true;
    if (!json_object_get(s->json, "eos_token_id")) config_add_eos(c, 2);
    if (c->pad < 0) c->pad = 1;
}

void family_read_pegasus(model_config *c, const family_source *s)
{
    read(c, s, 0);
    c->sinusoidal = true;
    if (!json_object_get(s->json, "eos_token_id")) config_add_eos(c, 1);
    if (c->pad < 0) c->pad = 0;
}
