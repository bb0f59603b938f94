/* family_decoder.c -- more decoders: how their configurations spell what they share with others, and what they
 * have of their own. Sources: configuration_NAME.py of transformers, gguf-py's tables of names. */
#include "format/config_check.h"
#include "format/family_norm.h"

#include <string.h>

const name_pair gguf_bloom[] = {{"attn_qkv", "self_attention.query_key_value"},
                                {"attn_output", "self_attention.dense"},
                                {"ffn_up", "mlp.dense_h_to_4h"},
                                {"ffn_down", "mlp.dense_4h_to_h"},
                                {0}};
const name_pair gguf_bloom_whole[] = {{"token_embd", "transformer.word_embeddings"},
                                      {"token_embd_norm", "transformer.word_embeddings_layernorm"},
                                      {"output_norm", "transformer.ln_f"},
                                      {0}};
const name_pair gguf_mpt[] = {{"attn_norm", "norm_1"},         {"attn_qkv", "attn.Wqkv"},
                              {"attn_output", "attn.out_proj"}, {"ffn_norm", "norm_2"},
                              {"ffn_up", "ffn.up_proj"},        {"ffn_down", "ffn.down_proj"},
                              {0}};
const name_pair gguf_mpt_whole[] = {
    {"token_embd", "transformer.wte"}, {"output_norm", "transformer.norm_f"}, {0}};
const name_pair gguf_phi[] = {
    {"attn_output", "self_attn.dense"}, {"ffn_up", "mlp.fc1"}, {"ffn_down", "mlp.fc2"}, {0}};
const name_pair gguf_phi_whole[] = {{"output_norm", "model.final_layernorm"}, {0}};
const name_pair gguf_starcoder2[] = {{"ffn_up", "mlp.c_fc"}, {"ffn_down", "mlp.c_proj"}, {0}};

const name_pair gguf_glm4[] = {{"post_attention_norm", "post_self_attn_layernorm"},
                               {"post_ffw_norm", "post_mlp_layernorm"},
                               {"ffn_up", "mlp.gate_up_proj"},
                               {0}};
const name_pair gguf_hunyuan[] = {
    {"attn_q_norm", "self_attn.query_layernorm"}, {"attn_k_norm", "self_attn.key_layernorm"}, {0}};

static const char norm_leaf[] = "attention.layer_norm_epsilon";

void family_read_bloom(model_config *c, const family_source *s)
{
    c->layers = config_whole(c, s, "n_layer", "block_count", c->layers);
    c->width = config_whole(c, s, "n_embed", "embedding_length", c->width);
    c->heads = config_whole(c, s, "n_head", "attention.head_count", c->heads);
    c->context = config_whole(c, s, "seq_length", "context_length", 2048);
    c->ffn = config_whole(c, s, NULL, "feed_forward_length", config_four_times(c->width));
    c->rms_eps = config_number(c, s, "layer_norm_epsilon", norm_leaf, 1e-5);
    c->act = CONFIG_GELU_TANH;
    c->alibi = 8;
    config_plain_heads(c, s);
    if (config_flag(s, "apply_residual_connection_post_layernorm", false))
        config_refuse(s, "it adds to what its norms give (apply_residual_connection_post_layernorm)");
}

/* attn_config of MPT's config.json. */
static void read_mpt_attention(model_config *c, const family_source *s)
{
    const json_t *o = json_object_get(s->json, "attn_config");
    const family_source in = {.json = o, .where = s->where, .e = s->e};
    const char *type = json_text(o, "attn_type", "multihead_attention", s->where, s->e);
    if (strcmp(type, "multihead_attention")) config_refuse(s, "heads share keys (attn_type)");
    if (!config_flag(&in, "alibi", true)) config_refuse(s, "it has no ALiBi positions (alibi)");
    if (config_flag(&in, "qk_ln", false)) config_refuse(s, "q and k have norms (qk_ln)");
    if (config_flag(&in, "prefix_lm", false)) config_refuse(s, "rows see what follows them (prefix_lm)");
    c->alibi = json_num(o, "alibi_bias_max", 8, s->where, s->e);
    c->qkv_most = json_num(o, "clip_qkv", 0, s->where, s->e);
    c->attention_scale = json_num(o, "softmax_scale", 0, s->where, s->e);
}

void family_read_mpt(model_config *c, const family_source *s)
{
    c->layers = config_whole(c, s, "n_layers", "block_count", c->layers);
    c->width = config_whole(c, s, "d_model", "embedding_length", c->width);
    c->heads = config_whole(c, s, "n_heads", "attention.head_count", c->heads);
    c->context = config_whole(c, s, "max_seq_len", "context_length", 2048);
    c->rms_eps = config_number(c, s, "layer_norm_epsilon", norm_leaf, 1e-5);
    c->act = CONFIG_GELU;
    config_plain_heads(c, s);
    if (!s->json) {
        c->alibi = config_gguf_num(c, s, "attention.max_alibi_bias", 0);
        c->qkv_most = config_gguf_num(c, s, "attention.clamp_kqv", 0);
        if (!(c->alibi > 0)) config_refuse(s, "it has no ALiBi positions (attention.max_alibi_bias)");
        return;
    }
    const int64_t times = json_int(s->json, "expansion_ratio", 4, s->where, s->e);
    c->ffn = times > 0 && times < 1024 && c->width < INT32_MAX ? times * c->width : 0;
    read_mpt_attention(c, s);
    const json_t *scale = json_object_get(s->json, "logit_scale");
    if (scale && !json_is_null(scale)) config_refuse(s, "its logits are scaled (logit_scale)");
    if (!config_flag(s, "no_bias", true)) config_refuse(s, "its projections have biases (no_bias)");
}

void family_read_phi(model_config *c, const family_source *s)
{
    c->rms_eps = config_number(c, s, "layer_norm_eps", norm_leaf, 1e-5);
    c->rotary_part = 0.5;
    c->attention_bias = c->out_bias = c->mlp_bias = c->head_bias = true;
    config_read_act(c, s, "hidden_act");
    if (config_flag(s, "qk_layernorm", false)) config_refuse(s, "q and k have norms (qk_layernorm)");
}

void family_read_starcoder2(model_config *c, const family_source *s)
{
    c->rms_eps = config_number(c, s, "norm_epsilon", norm_leaf, 1e-5);
    config_read_act(c, s, "hidden_act");
    c->mlp_bias = s->json ? config_flag(s, "use_bias", true)
                          : gguf_parts_find(s->parts, "blk.0.ffn_up.bias") != NULL;
    if (s->json) c->attention_bias = c->out_bias = c->mlp_bias;
}

void family_read_granite(model_config *c, const family_source *s)
{
    c->embed_scale = config_number(c, s, "embedding_multiplier", "embedding_scale", 1);
    c->residual_scale = config_number(c, s, "residual_multiplier", "residual_scale", 1);
    const double scale = s->json ? 1 : c->attention_scale;
    c->attention_scale = config_number(c, s, "attention_multiplier", "attention.scale", scale);
    c->head_scale = 1 / config_number(c, s, "logits_scaling", "logit_scale", 1);
}

void family_read_cohere(model_config *c, const family_source *s)
{
    c->rms_eps = config_number(c, s, "layer_norm_eps", norm_leaf, 1e-5);
    c->head_scale = config_number(c, s, "logit_scale", "logit_scale", 0.0625);
    if (c->family->window_rope && c->window <= 0) config_refuse(s, "no layer sees a window (sliding_window)");
    if (config_flag(s, "use_qk_norm", false)) config_refuse(s, "q and k have norms (use_qk_norm)");
    else if (!s->json && gguf_parts_find(s->parts, "blk.0.attn_q_norm.weight"))
        config_refuse(s, "q and k have norms (attn_q_norm)");
}

void family_read_olmo(model_config *c, const family_source *s)
{
    c->rms_eps = config_number(c, s, NULL, norm_leaf, 1e-5);
    c->qkv_most = config_number(c, s, "clip_qkv", "attention.clamp_kqv", 0);
}

void family_read_ernie(model_config *c, const family_source *s)
{
    if (s->json) c->attention_bias = c->out_bias = c->mlp_bias = config_flag(s, "use_bias", false);
}

void family_read_seed_oss(model_config *c, const family_source *s)
{
    if (!s->json) return;
    c->attention_bias = config_flag(s, "attention_bias", true);
    c->out_bias = config_flag(s, "attention_out_bias", false);
}

/* Layer by layer "global" or "local": attention_layers, or attention_types, [[["global", "local"], 12]]. */
static void read_neo_layers(model_config *c, const family_source *s)
{
    const json_t *types = json_object_get(s->json, "attention_types"), *part;
    size_t i;
    int64_t l = 0;
    json_t *usual = types && !json_is_null(types) ? NULL : json_pack("[[[ss]i]]", "global", "local", 12);
    json_array_foreach(usual ? usual : types, i, part) {
        const json_t *names = json_array_get(part, 0);
        const int64_t times = json_integer_value(json_array_get(part, 1)), n = (int64_t)json_array_size(names);
        for (int64_t k = 0; n > 0 && k < times && l < CONFIG_MAX_LAYERS; k++)
            for (int64_t name = 0; name < n && l < CONFIG_MAX_LAYERS; name++, l++) {
                const char *type = json_string_value(json_array_get(names, (size_t)name));
                if (type && !strcmp(type, "local")) config_mark(c->windowed, l);
                else if (!type || strcmp(type, "global"))
                    config_refuse(s, "a layer is neither global nor local (attention_types)");
            }
    }
    json_decref(usual);
    if (l != c->layers)
        fail(s->e, E_FORMAT, "%s: \"attention_types\" has %lld entries for %lld layers", s->where, (long long)l,
             (long long)c->layers);
}

void family_read_gpt_neo(model_config *c, const family_source *s)
{
    c->layers = config_whole(c, s, "num_layers", NULL, c->layers);
    c->heads = config_whole(c, s, "num_heads", NULL, c->heads);
    config_plain_heads(c, s);
    c->positions = c->context;
    if (c->ffn == 0) c->ffn = config_four_times(c->width);
    c->rms_eps = config_number(c, s, "layer_norm_epsilon", NULL, 1e-5);
    c->attention_scale = 1;
    c->window = config_whole(c, s, "window_size", NULL, 256);
    config_read_act(c, s, "activation_function");
    read_neo_layers(c, s);
    if (c->window < 1) config_refuse(s, "layers see no position (window_size)");
}

void family_read_glm(model_config *c, const family_source *s)
{
    c->rotary_part = 0.5;
    if (!s->json) return;
    c->rms_eps = config_number(c, s, "rms_norm_eps", NULL, 1.5625e-7);
    c->attention_bias = config_flag(s, "attention_bias", true);
    c->out_bias = false;
}

/* OLMo 3 has windows, and GGUF's name of OLMo 2. */
void family_read_olmo2(model_config *c, const family_source *s)
{
    if (!s->json && config_gguf_int(c, s, "attention.sliding_window", 0) > 0)
        config_refuse(s, "layers see a window (attention.sliding_window: OLMo 3)");
}

void family_read_exaone4(model_config *c, const family_source *s)
{
    if (s->json || config_gguf_int(c, s, "attention.sliding_window", 0) > 0) return;
    c->window = 0; /* a file that does not say */
    memset(c->windowed, 0, sizeof c->windowed);
    memset(c->unrotated, 0, sizeof c->unrotated);
}

void family_read_arcee(model_config *c, const family_source *s)
{
    config_read_act(c, s, "hidden_act");
    if (!s->json) c->mlp_bias = gguf_parts_find(s->parts, "blk.0.ffn_up.bias") != NULL;
}

void family_read_nemotron(model_config *c, const family_source *s)
{
    c->rms_eps = config_number(c, s, "norm_eps", norm_leaf, 1e-5);
    c->rotary_part = 0.5;
    family_read_arcee(c, s);
}
