/* family_encoder.c -- encoders: what their configurations have of their own. Source: configuration_NAME.py of
 * transformers. */
#include "format/config_check.h"
#include "format/family_norm.h"

#include <math.h>
#include <string.h>

const name_pair gguf_bert[] = {{"attn_q", "attention.self.query"},
                               {"attn_k", "attention.self.key"},
                               {"attn_v", "attention.self.value"},
                               {"attn_output", "attention.output.dense"},
                               {"attn_output_norm", "attention.output.LayerNorm"},
                               {"ffn_up", "intermediate.dense"},
                               {"ffn_down", "output.dense"},
                               {"layer_output_norm", "output.LayerNorm"},
                               {0}};
const name_pair gguf_bert_whole[] = {{"token_embd", "bert.embeddings.word_embeddings"},
                                     {"position_embd", "bert.embeddings.position_embeddings"},
                                     {"token_types", "bert.embeddings.token_type_embeddings"},
                                     {"token_embd_norm", "bert.embeddings.LayerNorm"},
                                     {0}};

/* Sets what the family's forward list needs for a learned table of `context` positions, of which the first
 * `offset` rows belong to no position. */
static void learned_positions(model_config *c, int64_t offset)
{
    c->positions = c->context;
    c->position_offset = offset;
    if (offset >= 0 && offset < c->context) c->context -= offset;
}

static void refuse_decoder(const family_source *s)
{
    if (json_flag(s->json, "is_decoder", false, s->where, s->e))
        fail(s->e, E_UNSUPPORTED, "%s: is an encoder used as a decoder, which is not supported", s->where);
}

/* A GGUF file of BERT. Those of RoBERTa and XLM-RoBERTa say that they are BERT's, too, with positions cut to
 * its numbering; their modules have other names, so that an adapter of theirs would have the wrong ones. */
static void read_gguf_bert(model_config *c, const family_source *s)
{
    const gguf_text words = gguf_string(s->gguf, "tokenizer.ggml.model", s->e);
    if (words.p && (words.n != 4 || memcmp(words.p, "bert", 4)))
        fail(s->e, E_UNSUPPORTED,
             "%s: is a RoBERTa in a GGUF file (its tokenizer is \"%.*s\"), which is not supported; give its "
             "Hugging Face folder",
             s->where, words.n > 40 ? 40 : (int)words.n, words.p);
    const tensor *types = gguf_parts_find(s->parts, "token_types.weight");
    c->rms_eps = config_gguf_num(c, s, "attention.layer_norm_epsilon", 1e-12);
    c->types = types ? tensor_rows(types) : 0;
    c->act = CONFIG_GELU;
}

void family_read_bert(model_config *c, const family_source *s)
{
    config_plain_heads(c, s);
    c->attention_bias = c->out_bias = c->mlp_bias = true;
    learned_positions(c, 0);
    if (!s->json) {
        read_gguf_bert(c, s);
        return;
    }
    const char *kind = json_text(s->json, "position_embedding_type", "absolute", s->where, s->e);
    if (strcmp(kind, "absolute"))
        fail(s->e, E_UNSUPPORTED, "%s: positions of type \"%.40s\" are not supported (absolute are)",
             s->where, kind);
    refuse_decoder(s);
    c->rms_eps = json_num(s->json, "layer_norm_eps", 1e-12, s->where, s->e);
    c->types = json_int(s->json, "type_vocab_size", 2, s->where, s->e);
    config_find_act(c, json_text(s->json, "hidden_act", c->family->act, s->where, s->e), s->where, s->e);
}

/* Position 0 stands in the row after that of the padding token. */
void family_read_roberta(model_config *c, const family_source *s)
{
    family_read_bert(c, s);
    c->context = c->positions;
    const int64_t pad = json_int(s->json, "pad_token_id", 1, s->where, s->e);
    learned_positions(c, pad < INT32_MAX ? pad + 1 : -1);
}

void family_read_distilbert(model_config *c, const family_source *s)
{
    c->layers = json_int(s->json, "n_layers", 6, s->where, s->e);
    c->width = json_int(s->json, "dim", 768, s->where, s->e);
    c->heads = json_int(s->json, "n_heads", 12, s->where, s->e);
    config_plain_heads(c, s);
    c->ffn = json_int(s->json, "hidden_dim", 3072, s->where, s->e);
    c->context = json_int(s->json, "max_position_embeddings", 512, s->where, s->e);
    c->rms_eps = 1e-12;
    config_find_act(c, json_text(s->json, "activation", "gelu", s->where, s->e), s->where, s->e);
    learned_positions(c, 0);
}

/* A word or a switch of config.json that asks for something else than what there is. */
static void refuse(const family_source *s, const char *key, const char *has)
{
    fail(s->e, E_UNSUPPORTED, "%s: \"%s\" is %s, which is not supported", s->where, key, has);
}

static void refuse_count(const family_source *s, const char *key, int64_t have, int64_t want)
{
    if (have != want)
        fail(s->e, E_UNSUPPORTED, "%s: \"%s\" is %lld, which is not supported (%lld is)", s->where, key,
             (long long)have, (long long)want);
}

/* The activation of a head, and then that of the blocks. */
static void read_acts(model_config *c, const family_source *s, const char *head_key, const char *key)
{
    config_find_act(c, json_text(s->json, head_key, "gelu", s->where, s->e), s->where, s->e);
    if (c->act == CONFIG_SILU) refuse(s, head_key, "silu");
    c->head_act = c->act;
    config_find_act(c, json_text(s->json, key, "gelu", s->where, s->e), s->where, s->e);
}

static void read_windows(model_config *c, const family_source *s)
{
    const int64_t local = json_int(s->json, "local_attention", 128, s->where, s->e);
    const int64_t every = json_int(s->json, "global_attn_every_n_layers", 3, s->where, s->e);
    if (local < 0 || local > INT32_MAX || every < 1) {
        fail(s->e, E_FORMAT, "%s: a window of %lld positions (local_attention) in all but every %lldth layer makes "
             "no sense", s->where, (long long)local, (long long)every);
        return;
    }
    c->window = local / 2 + 1; /* the row itself, and so many to each side */
    if (config_read_layer_types(c, s->json, s->where, s->e)) return;
    for (int64_t l = 0; l < c->layers && l < CONFIG_MAX_LAYERS; l++)
        if (l % every) config_mark(c->windowed, l);
}

void family_read_modernbert(model_config *c, const family_source *s)
{
    config_plain_heads(c, s);
    c->context = json_int(s->json, "max_position_embeddings", 8192, s->where, s->e);
    c->rms_eps = json_num(s->json, "norm_eps", 1e-5, s->where, s->e);
    c->norm_bias = json_flag(s->json, "norm_bias", false, s->where, s->e);
    c->head_bias = json_flag(s->json, "classifier_bias", false, s->where, s->e);
    c->rope.theta = json_num(s->json, "global_rope_theta", c->rope.theta, s->where, s->e);
    c->local_theta = json_num(s->json, "local_rope_theta", c->local_theta, s->where, s->e);
    const char *pool = json_text(s->json, "classifier_pooling", "cls", s->where, s->e);
    c->mean_pool = !strcmp(pool, "mean");
    if (!c->mean_pool && strcmp(pool, "cls")) refuse(s, "classifier_pooling", pool);
    read_acts(c, s, "classifier_activation", "hidden_activation");
    if (c->act == CONFIG_RELU) refuse(s, "hidden_activation", "relu");
    read_windows(c, s);
}

/* "p2c|c2p", or a list of such words. */
static void read_position_kinds(model_config *c, const family_source *s)
{
    const json_t *list = json_object_get(s->json, "pos_att_type");
    char one[64];
    for (size_t i = 0; i < (json_is_array(list) ? json_array_size(list) : 8); i++) {
        const char *word = json_string_value(json_is_array(list) ? json_array_get(list, i) : list);
        for (size_t k = 0; word && !json_is_array(list) && k < i; k++)
            word = (word = strchr(word, '|')) ? word + 1 : NULL;
        if (!word) return;
        snprintf(one, sizeof one, "%.*s", (int)strcspn(word, "|"), word);
        if (!strcmp(one, "c2p")) c->content_position = true;
        else if (!strcmp(one, "p2c")) c->position_content = true;
        else if (*one) refuse(s, "pos_att_type", one);
    }
}

static void read_distances(model_config *c, const family_source *s)
{
    const int64_t buckets = json_int(s->json, "position_buckets", -1, s->where, s->e);
    const char *norm = json_text(s->json, "norm_rel_ebd", "none", s->where, s->e);
    c->bucket_reach = json_int(s->json, "max_relative_positions", -1, s->where, s->e);
    if (c->bucket_reach < 1) c->bucket_reach = json_int(s->json, "max_position_embeddings", 512, s->where, s->e);
    c->log_buckets = buckets > 0;
    c->buckets = buckets > 0 ? buckets : c->bucket_reach;
    c->shared_positions = json_flag(s->json, "share_att_key", false, s->where, s->e);
    c->normed_positions = !strcmp(norm, "layer_norm");
    if (!c->normed_positions && strcmp(norm, "none")) refuse(s, "norm_rel_ebd", norm);
    if (s->e->code == OK && (c->buckets < 2 || c->buckets > 1 << 16 || c->bucket_reach > 1 << 20 ||
                             (c->log_buckets && c->bucket_reach - 1 <= c->buckets / 2)))
        fail(s->e, E_FORMAT, "%s: %lld buckets of distances that reach %lld tokens make no sense", s->where,
             (long long)c->buckets, (long long)c->bucket_reach);
}

void family_read_deberta_v2(model_config *c, const family_source *s)
{
    config_plain_heads(c, s);
    c->rms_eps = json_num(s->json, "layer_norm_eps", 1e-7, s->where, s->e);
    c->types = json_int(s->json, "type_vocab_size", 0, s->where, s->e);
    c->embed_width = json_int(s->json, "embedding_size", c->width, s->where, s->e);
    if (c->embed_width == c->width) c->embed_width = 0;
    c->context = json_int(s->json, "max_position_embeddings", 512, s->where, s->e);
    if (json_flag(s->json, "position_biased_input", true, s->where, s->e)) learned_positions(c, 0);
    read_acts(c, s, "pooler_hidden_act", "hidden_act");
    if (c->act == CONFIG_SILU) refuse(s, "hidden_act", "silu");
    refuse_count(s, "pooler_hidden_size", json_int(s->json, "pooler_hidden_size", c->width, s->where, s->e),
                 c->width);
    refuse_count(s, "conv_kernel_size", json_int(s->json, "conv_kernel_size", 0, s->where, s->e), 0);
    const int64_t head = config_head_dim(c, s->where, s->e);
    refuse_count(s, "attention_head_size", json_int(s->json, "attention_head_size", head, s->where, s->e), head);
    read_position_kinds(c, s);
    if (s->e->code != OK) return;
    c->attention_scale = 1 / sqrt((double)(head * (1 + c->content_position + c->position_content)));
    if (json_flag(s->json, "relative_attention", false, s->where, s->e)) {
        read_distances(c, s);
        if (!c->content_position && !c->position_content) refuse(s, "pos_att_type", "empty");
    } else
        c->content_position = c->position_content = false;
}

void family_read_electra(model_config *c, const family_source *s)
{
    family_read_bert(c, s);
    c->embed_width = json_int(s->json, "embedding_size", 128, s->where, s->e);
    if (c->embed_width == c->width) c->embed_width = 0;
}

/* Layer l is block l / (layers / groups). */
void family_read_albert(model_config *c, const family_source *s)
{
    family_read_bert(c, s);
    c->embed_width = json_int(s->json, "embedding_size", 128, s->where, s->e);
    c->groups = json_int(s->json, "num_hidden_groups", 1, s->where, s->e);
    refuse_count(s, "inner_group_num", json_int(s->json, "inner_group_num", 1, s->where, s->e), 1);
    if (s->e->code == OK && (c->groups < 1 || c->groups > c->layers))
        fail(s->e, E_FORMAT, "%s: %lld layers cannot share %lld blocks (num_hidden_groups)", s->where,
             (long long)c->layers, (long long)c->groups);
}

/* Its code has numbers where its configuration has none, or another. */
void family_read_mpnet(model_config *c, const family_source *s)
{
    family_read_bert(c, s);
    c->types = 0;
    c->context = c->positions;
    learned_positions(c, 2);
    c->bucket_reach = 128;
    c->buckets = json_int(s->json, "relative_attention_num_buckets", 32, s->where, s->e);
    refuse_count(s, "relative_attention_num_buckets", c->buckets, 32);
}
