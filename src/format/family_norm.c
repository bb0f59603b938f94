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

/* A key of config.json, or its counterpart in GGUF. NULL: the format has none. */
static int64_t whole(const model_config *c, const family_source *s, const char *key, const char *leaf,
                     int64_t otherwise)
{
    if (s->json) return key ? json_int(s->json, key, otherwise, s->where, s->e) : otherwise;
    return leaf ? config_gguf_int(c, s, leaf, otherwise) : otherwise;
}

static double number(const model_config *c, const family_source *s, const char *key, const char *leaf,
                     double otherwise)
{
    if (s->json) return key ? json_num(s->json, key, otherwise, s->where, s->e) : otherwise;
    return leaf ? config_gguf_num(c, s, leaf, otherwise) : otherwise;
}

static bool flag(const family_source *s, const char *key, bool otherwise)
{
    return s->json ? json_flag(s->json, key, otherwise, s->where, s->e) : otherwise;
}

static bool gguf_says(const model_config *c, const family_source *s, const char *leaf, bool otherwise)
{
    char key[96];
    snprintf(key, sizeof key, "%s.%s", c->family->gguf, leaf);
    return gguf_flag(s->gguf, key, otherwise, s->e);
}

static void refuse(const family_source *s, const char *what)
{
    fail(s->e, E_UNSUPPORTED, "%s: %s, which is not supported", s->where, what);
}

/* What config_check() will refuse if it is too much. */
static int64_t four_times(int64_t n) { return n > 0 && n < INT32_MAX ? 4 * n : 0; }

static const char norm_leaf[] = "attention.layer_norm_epsilon";

static void read_act(model_config *c, const family_source *s, const char *key)
{
    const char *name = s->json ? json_text(s->json, key, c->family->act, s->where, s->e) : c->family->act;
    config_find_act(c, name, s->where, s->e);
}

void family_read_gpt2(model_config *c, const family_source *s)
{
    if (s->json) {
        c->layers = json_int(s->json, "n_layer", c->layers, s->where, s->e);
        c->width = json_int(s->json, "n_embd", c->width, s->where, s->e);
        c->heads = json_int(s->json, "n_head", c->heads, s->where, s->e);
        c->context = json_int(s->json, "n_positions", 1024, s->where, s->e);
        c->ffn = json_int(s->json, "n_inner", four_times(c->width), s->where, s->e);
    }
    config_plain_heads(c, s);
    c->positions = c->context;
    c->rms_eps = number(c, s, "layer_norm_epsilon", norm_leaf, 1e-5);
    read_act(c, s, "activation_function");
    if (!flag(s, "scale_attn_weights", true)) refuse(s, "scores are not scaled (scale_attn_weights)");
    if (flag(s, "scale_attn_by_inverse_layer_idx", false))
        refuse(s, "attention scores are scaled layer by layer (scale_attn_by_inverse_layer_idx)");
    if (flag(s, "add_cross_attention", false)) refuse(s, "it has cross attention");
}

void family_read_neox(model_config *c, const family_source *s)
{
    config_plain_heads(c, s);
    c->rms_eps = number(c, s, "layer_norm_eps", norm_leaf, 1e-5);
    c->parallel = s->json ? flag(s, "use_parallel_residual", true)
                          : gguf_says(c, s, "use_parallel_residual", true);
    c->attention_bias = flag(s, "attention_bias", true);
    read_act(c, s, "hidden_act");
    if (!s->json) return;
    c->rotary_part = json_num(s->json, "rotary_pct", 0.25, s->where, s->e);
    if (!(c->rotary_part > 0)) refuse(s, "no part of a head is rotated (rotary_pct)");
    c->rope.theta = json_num(s->json, "rotary_emb_base", 10000, s->where, s->e);
}

void family_read_opt(model_config *c, const family_source *s)
{
    config_plain_heads(c, s);
    c->ffn = whole(c, s, "ffn_dim", NULL, c->ffn);
    c->rms_eps = 1e-5;
    c->position_offset = 2; /* the first rows of the table were meant for padding */
    c->positions = c->context < INT32_MAX ? c->context + c->position_offset : 0;
    c->embed_width = whole(c, s, "word_embed_proj_dim", NULL, c->width);
    c->post_norm = !flag(s, "do_layer_norm_before", true);
    c->no_final_norm = c->post_norm || flag(s, "_remove_final_layer_norm", false);
    c->attention_bias = c->mlp_bias = flag(s, "enable_bias", true);
    read_act(c, s, "activation_function");
    if (!flag(s, "layer_norm_elementwise_affine", true)) refuse(s, "its layer norms have no weights");
}

void family_read_stablelm(model_config *c, const family_source *s)
{
    c->rms_eps = number(c, s, "layer_norm_eps", norm_leaf, 1e-5);
    c->parallel = s->json ? flag(s, "use_parallel_residual", false)
                          : gguf_says(c, s, "use_parallel_residual", false);
    if (!s->json) return;
    c->attention_bias = flag(s, "use_qkv_bias", false);
    c->out_bias = false;
    c->rotary_part = 0.25;
    if (flag(s, "qk_layernorm", false)) refuse(s, "q and k have norms head by head (qk_layernorm)");
}

void family_read_falcon(model_config *c, const family_source *s)
{
    c->rms_eps = number(c, s, "layer_norm_epsilon", norm_leaf, 1e-5);
    c->parallel = flag(s, "parallel_attn", true);
    if (s->json) {
        const bool grouped = flag(s, "new_decoder_architecture", false);
        c->head_dim = -1; /* width / heads, whatever the file says */
        c->kv_heads = flag(s, "multi_query", true) ? 1 : c->heads;
        if (grouped) c->kv_heads = json_int(s->json, "num_kv_heads", c->heads, s->where, s->e);
        c->ffn = json_int(s->json, "ffn_hidden_size", four_times(c->width), s->where, s->e);
        c->two_norms = grouped && json_int(s->json, "num_ln_in_parallel_attn", 2, s->where, s->e) == 2;
    } else
        c->two_norms = gguf_parts_find(s->parts, "blk.0.attn_norm_2.weight") != NULL;
    c->attention_bias = c->mlp_bias = s->json ? flag(s, "bias", false)
                                              : gguf_parts_find(s->parts, "blk.0.attn_qkv.bias") != NULL;
    read_act(c, s, "activation");
    if (flag(s, "alibi", false)) refuse(s, "it has ALiBi positions");
}
