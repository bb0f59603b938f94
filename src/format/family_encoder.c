/* family_encoder.c -- encoders: what their configurations have of their own. Source: configuration_NAME.py of
 * transformers. */
#include "format/config_check.h"
#include "format/family_norm.h"

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
    config_find_act(c, json_text(s->json, "hidden_act", "gelu", s->where, s->e), s->where, s->e);
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
