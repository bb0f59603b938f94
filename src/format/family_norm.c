/* family_norm.c -- decoders with layer norms: how their configurations spell what they share with others,
 * and what they have of their own. Sources: configuration_NAME.py of transformers, gguf-py's tables of
 * names. */
#include "format/family_norm.h"

#include "format/config_check.h"

#include <string.h>

const name_pair gguf_gpt2[] = {{"attn_norm", "ln_1"},         {"attn_qkv", "attn.c_attn"},
                               {"attn_output", "attn.c_proj"}, {"ffn_norm", "ln_2"},
                               {"ffn_up", "mlp.c_fc"},         {"ffn_down", "mlp.c_proj"},
                               {0}};
const name_pair gguf_gpt2_whole[] = {{"token_embd", "transformer.wte"},
                                     {"position_embd", "transformer.wpe"},
                                     {"output_norm", "transformer.ln_f"},
                                     {0}};
const name_pair gguf_neox[] = {{"attn_qkv", "attention.query_key_value"},
                               {"attn_output", "attention.dense"},
                               {"ffn_norm", "post_attention_layernorm"},
                               {"ffn_up", "mlp.dense_h_to_4h"},
                               {"ffn_down", "mlp.dense_4h_to_h"},
                               {0}};
const name_pair gguf_neox_whole[] = {{"token_embd", "gpt_neox.embed_in"},
                                     {"output_norm", "gpt_neox.final_layer_norm"},
                                     {"output", "embed_out"},
                                     {0}};
/* With two norms a block attn_norm is the feed-forward block's (checkpoint.c knows which of the two it is). */
const name_pair gguf_falcon[] = {{"attn_norm", "input_layernorm"},
                                 {"attn_norm", "ln_mlp"},
                                 {"attn_norm_2", "ln_attn"},
                                 {"attn_qkv", "self_attention.query_key_value"},
                                 {"attn_output", "self_attention.dense"},
                                 {"ffn_up", "mlp.dense_h_to_4h"},
                                 {"ffn_down", "mlp.dense_4h_to_h"},
                                 {0}};
const name_pair gguf_falcon_whole[] = {{"token_embd", "transformer.word_embeddings"},
                                       {"output_norm", "transformer.ln_f"},
                                       {0}};

static bool gguf_says(const model_config *c, const family_source *s, const char *leaf, bool otherwise)
{
    char key[96];
    snprintf(key, sizeof key, "%s.%s", c->family->gguf, leaf);
    return gguf_flag(s->gguf, key, otherwise, s->e);
}

static const char norm_leaf[] = "attention.layer_norm_epsilon";

/* What GPT-2 and those after it call things. */
static void read_gpt2_counts(model_config *c, const family_source *s)
{
    if (s->json) {
        c->layers = json_int(s->json, "n_layer", c->layers, s->where, s->e);
        c->width = json_int(s->json, "n_embd", c->width, s->where, s->e);
        c->heads = json_int(s->json, "n_head", c->heads, s->where, s->e);
        c->context = json_int(s->json, "n_positions", 1024, s->where, s->e);
        c->ffn = json_int(s->json, "n_inner", config_four_times(c->width), s->where, s->e);
    }
    c->rms_eps = config_number(c, s, "layer_norm_epsilon", norm_leaf, 1e-5);
    config_read_act(c, s, "activation_function");
}

void family_read_gptj(model_config *c, const family_source *s)
{
    read_gpt2_counts(c, s);
    config_plain_heads(c, s);
    c->context = json_int(s->json, "n_positions", 2048, s->where, s->e);
    c->head_bias = true;
    const json_t *turned = json_object_get(s->json, "rotary_dim");
    if (turned && json_is_null(turned)) config_refuse(s, "it rotates more than a head (rotary_dim)");
    const double dim = c->heads > 0 ? (double)c->width / (double)c->heads : 0;
    c->rotary_part = dim > 0 ? (double)json_int(s->json, "rotary_dim", 64, s->where, s->e) / dim : 0;
}

void family_read_gpt_bigcode(model_config *c, const family_source *s)
{
    read_gpt2_counts(c, s);
    c->positions = c->context;
    if (s->json) {
        c->kv_heads = 1;
        c->head_dim = -1;
    }
    if (c->kv_heads != 1) config_refuse(s, "heads have keys of their own (head_count_kv)");
    if (!config_flag(s, "multi_query", true)) config_refuse(s, "heads have keys of their own (multi_query)");
    if (!config_flag(s, "scale_attn_weights", true)) config_refuse(s, "scores are not scaled (scale_attn_weights)");
    if (config_flag(s, "add_cross_attention", false))
        config_refuse(s, "it has cross attention (add_cross_attention)");
}

void family_read_gpt2(model_config *c, const family_source *s)
{
    read_gpt2_counts(c, s);
    config_plain_heads(c, s);
    c->positions = c->context;
    if (!config_flag(s, "scale_attn_weights", true)) config_refuse(s, "scores are not scaled (scale_attn_weights)");
    if (config_flag(s, "scale_attn_by_inverse_layer_idx", false))
        config_refuse(s, "attention scores are scaled layer by layer (scale_attn_by_inverse_layer_idx)");
    if (config_flag(s, "add_cross_attention", false)) config_refuse(s, "it has cross attention");
}

void family_read_neox(model_config *c, const family_source *s)
{
    config_plain_heads(c, s);
    c->rms_eps = config_number(c, s, "layer_norm_eps", norm_leaf, 1e-5);
    c->parallel = s->json ? config_flag(s, "use_parallel_residual", true)
                          : gguf_says(c, s, "use_parallel_residual", true);
    c->attention_bias = config_flag(s, "attention_bias", true);
    config_read_act(c, s, "hidden_act");
    if (!s->json) return;
    c->rotary_part = json_num(s->json, "rotary_pct", 0.25, s->where, s->e);
    if (!(c->rotary_part > 0)) config_refuse(s, "no part of a head is rotated (rotary_pct)");
    c->rope.theta = json_num(s->json, "rotary_emb_base", 10000, s->where, s->e);
}

void family_read_opt(model_config *c, const family_source *s)
{
    config_plain_heads(c, s);
    c->ffn = config_whole(c, s, "ffn_dim", NULL, c->ffn);
    c->rms_eps = 1e-5;
    c->position_offset = 2; /* the first rows of the table were meant for padding */
    c->positions = c->context < INT32_MAX ? c->context + c->position_offset : 0;
    c->embed_width = config_whole(c, s, "word_embed_proj_dim", NULL, c->width);
    c->post_norm = !config_flag(s, "do_layer_norm_before", true);
    c->no_final_norm = c->post_norm || config_flag(s, "_remove_final_layer_norm", false);
    c->attention_bias = c->mlp_bias = config_flag(s, "enable_bias", true);
    config_read_act(c, s, "activation_function");
    if (!config_flag(s, "layer_norm_elementwise_affine", true)) config_refuse(s, "its layer norms have no weights");
}

void family_read_stablelm(model_config *c, const family_source *s)
{
    c->rms_eps = config_number(c, s, "layer_norm_eps", norm_leaf, 1e-5);
    c->parallel = s->json ? config_flag(s, "use_parallel_residual", false)
                          : gguf_says(c, s, "use_parallel_residual", false);
    if (!s->json) return;
    c->attention_bias = config_flag(s, "use_qkv_bias", false);
    c->out_bias = false;
    c->rotary_part = 0.25;
    if (config_flag(s, "qk_layernorm", false)) config_refuse(s, "q and k have norms head by head (qk_layernorm)");
}

void family_read_falcon(model_config *c, const family_source *s)
{
    c->rms_eps = config_number(c, s, "layer_norm_epsilon", norm_leaf, 1e-5);
    c->parallel = config_flag(s, "parallel_attn", true);
    if (s->json) {
        const bool grouped = config_flag(s, "new_decoder_architecture", false);
        c->head_dim = -1; /* width / heads, whatever the file says */
        c->kv_heads = config_flag(s, "multi_query", true) ? 1 : c->heads;
        if (grouped) c->kv_heads = json_int(s->json, "num_kv_heads", c->heads, s->where, s->e);
        c->ffn = json_int(s->json, "ffn_hidden_size", config_four_times(c->width), s->where, s->e);
        c->two_norms = grouped && json_int(s->json, "num_ln_in_parallel_attn", 2, s->where, s->e) == 2;
    } else
        c->two_norms = gguf_parts_find(s->parts, "blk.0.attn_norm_2.weight") != NULL;
    c->attention_bias = c->mlp_bias = s->json ? config_flag(s, "bias", false)
                                              : gguf_parts_find(s->parts, "blk.0.attn_qkv.bias") != NULL;
    config_read_act(c, s, "activation");
    if (!config_flag(s, "alibi", false)) return;
    c->alibi = 8;
    c->alibi_scaled = true;
}
