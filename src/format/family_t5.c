/* family_t5.c -- T5 and mT5: what their configurations have of their own. Sources: configuration_t5.py and
 * configuration_mt5.py of transformers, gguf-py's tables of names. */
#include "format/config_check.h"
#include "format/family_norm.h"

#include <math.h>
#include <string.h>

#define GGUF_SELF                                                                                            \
    {"attn_norm", "layer.0.layer_norm"}, {"attn_q", "layer.0.SelfAttention.q"},                              \
        {"attn_k", "layer.0.SelfAttention.k"}, {"attn_v", "layer.0.SelfAttention.v"},                        \
        {"attn_o", "layer.0.SelfAttention.o"},                                                               \
        {"attn_rel_b", "layer.0.SelfAttention.relative_attention_bias"}
/* ffn_up is wi where there is no gate (checkpoint.c). */
#define GGUF_FFN(part)                                                                                       \
    {"ffn_norm", part ".layer_norm"}, {"ffn_gate", part ".DenseReluDense.wi_0"},                             \
        {"ffn_up", part ".DenseReluDense.wi_1"}, {"ffn_up", part ".DenseReluDense.wi"},                      \
        {"ffn_down", part ".DenseReluDense.wo"}
const name_pair gguf_t5_encoder[] = {GGUF_SELF, GGUF_FFN("layer.1"), {0}};
const name_pair gguf_t5_decoder[] = {GGUF_SELF,
                                     {"cross_attn_norm", "layer.1.layer_norm"},
                                     {"cross_attn_q", "layer.1.EncDecAttention.q"},
                                     {"cross_attn_k", "layer.1.EncDecAttention.k"},
                                     {"cross_attn_v", "layer.1.EncDecAttention.v"},
                                     {"cross_attn_o", "layer.1.EncDecAttention.o"},
                                     {"cross_attn_rel_b", "layer.1.EncDecAttention.relative_attention_bias"},
                                     GGUF_FFN("layer.2"),
                                     {0}};
const name_pair gguf_t5_whole[] = {{"token_embd", "shared"},
                                   {"enc.output_norm", "encoder.final_layer_norm"},
                                   {"dec.output_norm", "decoder.final_layer_norm"},
                                   {0}};

/* A count of config.json within its bounds. */
static int64_t count(const family_source *s, const char *key, int64_t otherwise, int64_t least, int64_t most)
{
    const int64_t n = json_int(s->json, key, otherwise, s->where, s->e);
    if (n >= least && n <= most) return n;
    fail(s->e, E_FORMAT, "%s: \"%s\" is %lld; it has to be between %lld and %lld", s->where, key, (long long)n,
         (long long)least, (long long)most);
    return least;
}

/* "relu", "gated-gelu": what is said of gelu is always its tanh form. */
static void read_feed_forward(model_config *c, const family_source *s, const char *usual)
{
    const char *name = json_text(s->json, "feed_forward_proj", usual, s->where, s->e);
    c->gated = !strncmp(name, "gated-", 6);
    if (c->gated && (!strcmp(name + 6, "gelu") || !strcmp(name + 6, "gelu_new"))) c->act = CONFIG_GELU_TANH;
    else if (c->gated && !strcmp(name + 6, "silu")) c->act = CONFIG_SILU;
    else if (!strcmp(name, "relu")) c->act = CONFIG_RELU;
    else
        fail(s->e, E_UNSUPPORTED,
             "%s: \"feed_forward_proj\" is \"%.40s\", which is not supported (relu, gated-gelu and gated-silu are)",
             s->where, name);
}

/* Whether the head's input is scaled follows from the head: own ones (T5 1.1, mT5) were trained without.
 * transformers 5 calls all heads tied, and says it by itself. */
static void read_head(model_config *c, const family_source *s, bool mt5)
{
    c->tied = json_flag(s->json, "tie_word_embeddings", !mt5, s->where, s->e);
    if (json_flag(s->json, "scale_decoder_outputs", c->tied, s->where, s->e))
        c->head_scale = 1 / sqrt((double)c->width);
}

static void read_json(model_config *c, const family_source *s)
{
    const bool mt5 = !strcmp(json_text(s->json, "model_type", "t5", s->where, s->e), "mt5");
    c->width = count(s, "d_model", 512, 1, 1 << 20);
    c->encoder_layers = count(s, "num_layers", mt5 ? 8 : 6, 1, CONFIG_MAX_LAYERS / 2);
    c->layers = c->encoder_layers + count(s, "num_decoder_layers", c->encoder_layers, 1, CONFIG_MAX_LAYERS / 2);
    c->heads = c->kv_heads = count(s, "num_heads", mt5 ? 6 : 8, 1, 1 << 16);
    c->head_dim = count(s, "d_kv", 64, 1, 1 << 16);
    c->ffn = count(s, "d_ff", mt5 ? 1024 : 2048, 1, 1 << 22);
    c->rms_eps = json_num(s->json, "layer_norm_epsilon", 1e-6, s->where, s->e);
    c->context = count(s, "n_positions", 512, 1, 1 << 28);
    c->buckets = json_int(s->json, "relative_attention_num_buckets", 32, s->where, s->e);
    c->bucket_reach = json_int(s->json, "relative_attention_max_distance", 128, s->where, s->e);
    read_feed_forward(c, s, mt5 ? "gated-gelu" : "relu");
    read_head(c, s, mt5);
    c->pad = json_int(s->json, "pad_token_id", 0, s->where, s->e);
    c->start = json_int(s->json, "decoder_start_token_id", c->pad, s->where, s->e);
    if (!json_object_get(s->json, "eos_token_id")) config_add_eos(c, 1);
    if (!json_flag(s->json, "is_encoder_decoder", true, s->where, s->e))
        fail(s->e, E_UNSUPPORTED, "%s: an encoder or a decoder alone (is_encoder_decoder) is not supported",
             s->where);
}

static bool same_data(const tensor *a, const tensor *b)
{
    return a && b && a->type == b->type && a->bytes == b->bytes && !memcmp(a->data, b->data, a->bytes);
}

/* The reach of biases is always the usual one there, and a gate means gelu. A head of its own may be the embedding
 * once more. */
static void read_gguf(model_config *c, const family_source *s)
{
    const tensor *head = gguf_parts_find(s->parts, "output.weight");
    c->encoder_layers = c->layers;
    const int64_t decoder = config_gguf_int(c, s, "decoder_block_count", c->layers);
    if (c->layers < 1 || c->layers > CONFIG_MAX_LAYERS / 2 || decoder < 1 || decoder > CONFIG_MAX_LAYERS / 2)
        fail(s->e, E_FORMAT, "%s: %lld layers of an encoder and %lld of a decoder make no sense", s->where,
             (long long)c->layers, (long long)decoder);
    c->layers += c->layers < INT32_MAX && decoder < INT32_MAX ? decoder : 0;
    c->gated = gguf_parts_find(s->parts, "enc.blk.0.ffn_gate.weight") != NULL;
    c->act = c->gated ? CONFIG_GELU_TANH : CONFIG_RELU;
    c->buckets = config_gguf_int(c, s, "attention.relative_buckets_count", 32);
    c->bucket_reach = 128;
    c->tied = !head || same_data(head, gguf_parts_find(s->parts, "token_embd.weight"));
    if (c->tied && c->width > 0) c->head_scale = 1 / sqrt((double)c->width);
    c->start = config_gguf_int(c, s, "decoder_start_token_id", c->pad);
}

/* What the forward list takes for granted. */
static void check(const model_config *c, const family_source *s)
{
    if (c->start < 0 || c->start >= c->vocab)
        fail(s->e, E_FORMAT, "%s: the decoder's first token is %lld, which is none of %lld", s->where,
             (long long)c->start, (long long)c->vocab);
    if (c->buckets < 4 || c->buckets > 1 << 16 || c->buckets % 2)
        fail(s->e, E_FORMAT, "%s: %lld buckets of relative positions make no sense", s->where,
             (long long)c->buckets);
    if (c->bucket_reach <= c->buckets / 2 || c->bucket_reach > 1 << 20)
        fail(s->e, E_FORMAT, "%s: relative positions of %lld buckets that reach %lld tokens make no sense", s->where,
             (long long)c->buckets, (long long)c->bucket_reach);
    if (c->kv_heads != c->heads)
        fail(s->e, E_UNSUPPORTED, "%s: %lld heads with %lld keys are not supported for %s", s->where,
             (long long)c->heads, (long long)c->kv_heads, c->architecture);
}

void family_read_t5(model_config *c, const family_source *s)
{
    c->attention_scale = 1;
    if (s->json) read_json(c, s);
    else read_gguf(c, s);
    if (s->e->code == OK) check(c, s);
}
