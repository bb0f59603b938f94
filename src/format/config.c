/* config.c -- see config.h: the Hugging Face reader, and what it shares with GGUF's. */
#include "format/config.h"

#include "base/file.h"
#include "format/config_check.h"

#include <math.h>
#include <string.h>

int config_choose_family(model_config *c, const family *f, const char *name, const char *where, err *e)
{
    if (!name) return fail(e, E_FORMAT, "%s: does not say which architecture the model has", where);
    if (f) {
        c->family = f;
        snprintf(c->architecture, sizeof c->architecture, "%s", f->name);
        return OK;
    }
    str known = {0};
    for (int i = 0; family_at(i); i++) {
        str_fmt(&known, "%s%s", i ? ", " : "", family_at(i)->name);
        for (const char *a = family_at(i)->alias; a && *a; a += strcspn(a, " "), a += *a == ' ')
            str_fmt(&known, ", %.*s", (int)strcspn(a, " "), a);
    }
    for (size_t i = 0; config_wrapper_at(i); i++) str_fmt(&known, ", %s", config_wrapper_at(i)->name);
    int code =
        fail(e, E_UNSUPPORTED, "%s: models of architecture \"%.60s\" are not supported (supported: %s)",
             where, name, str_c(&known));
    str_free(&known);
    return code;
}

void config_defaults(model_config *c)
{
    const family *f = c->family;
    c->rope.theta = f->theta > 0 ? f->theta : 10000;
    c->local_theta = f->local_theta;
    c->forced = -1;
    c->rope.factor = c->rope.magnitude = c->embed_scale = c->head_scale = c->residual_scale = 1;
    c->attention_cap = f->attention_cap;
    c->final_cap = f->final_cap;
}

int64_t config_head_dim(const model_config *c, const char *where, err *e)
{
    if (c->heads > 0 && c->width % c->heads == 0) return c->width / c->heads;
    fail(e, E_FORMAT, "%s: a width of %lld cannot be divided among %lld heads", where, (long long)c->width,
         (long long)c->heads);
    return 0;
}

void config_plain_heads(model_config *c, const family_source *s)
{
    if (s->json) {
        c->kv_heads = c->heads;
        c->head_dim = -1;
    } else if (c->kv_heads != c->heads || c->head_dim != config_head_dim(c, s->where, s->e))
        fail(s->e, E_UNSUPPORTED, "%s: %lld heads of %lld with %lld keys are not supported for %s", s->where,
             (long long)c->heads, (long long)c->head_dim, (long long)c->kv_heads, c->architecture);
}

void config_add_eos(model_config *c, int64_t id)
{
    for (int i = 0; i < c->n_eos; i++)
        if (c->eos[i] == id) return;
    if (id >= 0 && c->n_eos < CONFIG_MAX_EOS) c->eos[c->n_eos++] = id;
}

/* eos_token_id is a number or a list of them. */
static int read_eos(model_config *c, const json_t *o, const char *where, err *e)
{
    const json_t *v = json_object_get(o, "eos_token_id");
    if (!v || json_is_null(v)) return OK;
    if (json_is_integer(v)) {
        config_add_eos(c, json_integer_value(v));
        return OK;
    }
    if (!json_is_array(v))
        return fail(e, E_FORMAT, "%s: \"eos_token_id\" has to be a number or a list", where);
    for (size_t i = 0; i < json_array_size(v); i++) {
        if (!json_is_integer(json_array_get(v, i)))
            return fail(e, E_FORMAT, "%s: \"eos_token_id\" has to be a list of numbers", where);
        config_add_eos(c, json_integer_value(json_array_get(v, i)));
    }
    return OK;
}

/* What a decoder beside an encoder begins with: transformers 5 says it in generation_config.json alone. */
static void read_first_tokens(model_config *c, const json_t *o, const json_t *generation, const char *where, err *e)
{
    static const char start[] = "decoder_start_token_id", forced[] = "forced_bos_token_id";
    if (!c->encoder_layers) return;
    if (!json_object_get(o, start)) c->start = json_int(generation, start, c->start, where, e);
    c->forced = json_int(o, forced, json_int(generation, forced, -1, where, e), where, e);
    if (e->code == OK && (c->start < 0 || c->start >= c->vocab || c->forced < -1 || c->forced >= c->vocab))
        fail(e, E_FORMAT, "%s: the decoder's first tokens are %lld and %lld, which are none of %lld", where,
             (long long)c->start, (long long)c->forced, (long long)c->vocab);
}

/* The class the weights were saved from, when the file tells: a model with another head has other
 * tensors. */
static int check_class(const model_config *c, const json_t *o, const char *where, err *e)
{
    const json_t *list = json_object_get(o, "architectures");
    const char *want = c->wrapper ? c->wrapper->hf_class : c->family->hf_class;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name && family_lists(want, name)) return OK;
    }
    if (!json_array_size(list)) return OK;
    const char *name = json_string_value(json_array_get(list, 0));
    return fail(e, E_UNSUPPORTED, "%s: is a %.80s, only %s is supported", where, name ? name : "(no name)",
                want);
}

int config_find_act(model_config *c, const char *name, const char *where, err *e)
{
    static const struct {
        const char *name;
        config_act  act;
    } all[] = {{"silu", CONFIG_SILU},           {"gelu", CONFIG_GELU},
               {"gelu_new", CONFIG_GELU_TANH},  {"gelu_pytorch_tanh", CONFIG_GELU_TANH},
               {"gelu_fast", CONFIG_GELU_TANH}, {"relu", CONFIG_RELU},
               {"relu2", CONFIG_RELU2}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (name && !strcmp(name, all[i].name)) {
            c->act = all[i].act;
            return OK;
        }
    return fail(e, E_UNSUPPORTED,
                "%s: activation \"%.40s\" is not supported (gelu, gelu_new, gelu_pytorch_tanh, gelu_fast, "
                "relu and relu2 are)",
                where, name ? name : "(none)");
}

/* What the activation is called: hidden_activation where both are there. */
static const char *activation(const json_t *o, const char *want, const char *where, err *e)
{
    return json_text(o, "hidden_activation", json_text(o, "hidden_act", want, where, e), where, e);
}

static int refuse_extras(const model_config *c, const json_t *o, const char *where, err *e)
{
    const family *f = c->family;
    const char *want = f->act ? f->act : "silu", *act = activation(o, want, where, e);
    if (!f->any_act && strcmp(act, want) && (!f->act_too || strcmp(act, f->act_too)))
        return fail(e, E_UNSUPPORTED,
                    "%s: activation \"%.40s\" is not supported for this architecture (%s is)", where, act,
                    want);
    if (!f->encoder && (json_flag(o, "use_bidirectional_attention", false, where, e) ||
                        !json_flag(o, "is_causal", true, where, e)))
        return fail(e, E_UNSUPPORTED,
                    "%s: attention to later positions (use_bidirectional_attention, is_causal) is not "
                    "supported for %s",
                    where, c->architecture);
    const json_t *quantization = json_object_get(o, "quantization_config");
    const char *method = json_text(quantization, "quant_method", "bitsandbytes", where, e);
    if (strcmp(method, "bitsandbytes"))
        return fail(e, E_UNSUPPORTED,
                    "%s: weights quantized by \"%.40s\" are not supported (those of bitsandbytes "
                    "and GGUF are)",
                    where, method);
    return e->code;
}

/* Every so manieth layer sees everything; or written out, "LLLG". */
static int64_t read_pattern(const model_config *c, const json_t *o, const char *where, err *e)
{
    static const char key[] = "sliding_window_pattern";
    const char *text = json_string_value(json_object_get(o, key));
    if (!text) return json_int(o, key, c->family->window_pattern ? c->family->window_pattern : 6, where, e);
    const size_t local = strspn(text, "L");
    if (strcmp(text + local, "G"))
        fail(e, E_UNSUPPORTED, "%s: \"%s\" of \"%.40s\" is not supported (a number, and \"LLLG\", are)", where, key,
             text);
    return (int64_t)local + 1;
}

bool config_read_layer_types(model_config *c, const json_t *o, const char *where, err *e)
{
    const json_t *types = json_object_get(o, "layer_types");
    if (!json_is_array(types)) return false;
    if ((int64_t)json_array_size(types) != c->layers) {
        fail(e, E_FORMAT, "%s: \"layer_types\" has %zu entries for %lld layers", where, json_array_size(types),
             (long long)c->layers);
        return true;
    }
    for (int64_t l = 0; l < c->layers && l < CONFIG_MAX_LAYERS; l++) {
        const char *type = json_string_value(json_array_get(types, (size_t)l));
        if (type && !strcmp(type, "sliding_attention")) config_mark(c->windowed, l);
        else if (!type || strcmp(type, "full_attention"))
            fail(e, E_UNSUPPORTED, "%s: layers of type \"%.40s\" are not supported", where,
                 type ? type : "(none)");
    }
    return true;
}

/* layer_types of transformers 5 says which layers see a window; otherwise the family's rule does. */
static int read_windows(model_config *c, const json_t *o, const char *where, err *e)
{
    const family *f = c->family;
    if (f->no_rope_interval && json_flag(o, "use_sliding_window", false, where, e) &&
        json_int(o, "sliding_window", 0, where, e) > 0)
        return fail(e, E_UNSUPPORTED, "%s: use_sliding_window is not supported for %s", where,
                    c->architecture);
    if (f->window == WINDOW_NONE) return e->code;
    const json_t *size = json_object_get(o, "sliding_window");
    c->window = json_is_null(size) ? 0 : json_int(o, "sliding_window", f->window_size, where, e);
    if (f->window == WINDOW_LATE && !json_flag(o, "use_sliding_window", false, where, e)) c->window = 0;
    int64_t from = json_int(o, "max_window_layers", 28, where, e);
    int64_t pattern = read_pattern(c, o, where, e);
    if (c->window <= 0 || !config_read_layer_types(c, o, where, e)) config_windows(c, from, pattern);
    return e->code;
}

/* A soft cap: null says that there is none, no word that it is the family's. */
static double cap_of(const json_t *o, const char *key, double otherwise, const char *where, err *e)
{
    return json_is_null(json_object_get(o, key)) ? 0 : json_num(o, key, otherwise, where, e);
}

/* no_rope_layers has a 0 for every layer without rotary positions; otherwise it is every so manieth. */
static int read_unrotated(model_config *c, const json_t *o, const char *where, err *e)
{
    config_unrotate(c);
    if (!c->family->no_rope_interval) return OK;
    const json_t *list = json_object_get(o, "no_rope_layers");
    int64_t every = json_int(o, "no_rope_layer_interval", c->family->no_rope_interval, where, e);
    if (json_is_array(list) && (int64_t)json_array_size(list) != c->layers)
        return fail(e, E_FORMAT, "%s: \"no_rope_layers\" has %zu entries for %lld layers", where,
                    json_array_size(list), (long long)c->layers);
    if (e->code == OK && every < 1)
        return fail(e, E_FORMAT, "%s: \"no_rope_layer_interval\" has to be at least 1", where);
    for (int64_t l = 0; e->code == OK && l < c->layers && l < CONFIG_MAX_LAYERS; l++) {
        bool rotated = json_is_array(list) ? json_integer_value(json_array_get(list, (size_t)l)) != 0
                                           : (l + 1) % every != 0;
        if (!rotated) config_mark(c->unrotated, l);
    }
    return e->code;
}

static void read_counts(model_config *c, const json_t *config, const char *where, err *e)
{
    const family *f = c->family;
    c->layers = json_int(config, "num_hidden_layers", 0, where, e);
    c->width = json_int(config, "hidden_size", 0, where, e);
    c->heads = json_int(config, "num_attention_heads", 0, where, e);
    c->kv_heads = json_int(config, "num_key_value_heads", c->heads, where, e);
    c->head_dim = json_int(config, "head_dim", f->head_dim ? f->head_dim : -1, where, e);
    c->ffn = json_int(config, "intermediate_size", 0, where, e);
    c->vocab = json_int(config, "vocab_size", 0, where, e);
    c->context = json_int(config, "max_position_embeddings", 2048, where, e);
    c->rms_eps = json_num(config, "rms_norm_eps", 1e-6, where, e);
    c->tied = json_flag(config, "tie_word_embeddings", f->tied, where, e);
    c->attention_bias = f->qkv_bias || json_flag(config, "attention_bias", false, where, e);
    c->out_bias = !f->qkv_bias && c->attention_bias;
    c->mlp_bias = json_flag(config, "mlp_bias", false, where, e);
    c->norm_offset = f->norm_offset;
    c->bos = json_int(config, "bos_token_id", -1, where, e);
    c->pad = json_int(config, "pad_token_id", -1, where, e);
    if (f->query_scale == 0) return; /* as transformers does, which leaves these keys to the Gemmas */
    c->attention_cap = cap_of(config, "attn_logit_softcapping", c->attention_cap, where, e);
    c->final_cap = cap_of(config, "final_logit_softcapping", c->final_cap, where, e);
    double of = json_num(config, "query_pre_attn_scalar", f->query_scale, where, e);
    if (of > 0) c->attention_scale = 1 / sqrt(of);
}

/* What follows from several keys, once the family has read its own. */
static int derive(model_config *c, const json_t *o, const char *where, err *e)
{
    if (c->head_dim == -1) c->head_dim = config_head_dim(c, where, e);
    c->rotary_dim = c->head_dim;
    if (c->attention_scale == 0) c->attention_scale = 1 / sqrt((double)c->head_dim);
    if (c->family->embed_scale) c->embed_scale = (double)sqrtf((float)c->width);
    if (e->code == OK) config_read_rope(c, o, where, e);
    return e->code;
}

/* Of the model, or of the text model in it. */
static int read_numbers(model_config *c, const json_t *config, const json_t *generation,
                        const json_t *tokenizer, const char *where, err *e)
{
    int code = OK;
    config_defaults(c);
    read_counts(c, config, where, e);
    c->add_bos = json_flag(tokenizer, "add_bos_token", false, where, e);
    c->add_eos = json_flag(tokenizer, "add_eos_token", false, where, e);
    code = e->code;
    if (code == OK) code = read_windows(c, config, where, e);
    if (code == OK) code = read_unrotated(c, config, where, e);
    if (code == OK && c->family->read)
        c->family->read(c, &(family_source){.json = config, .where = where, .e = e});
    code = e->code;
    if (code == OK) code = read_eos(c, config, where, e);
    if (code == OK) code = read_eos(c, generation, where, e);
    if (code == OK) read_first_tokens(c, config, generation, where, e);
    code = e->code;
    if (code == OK) code = derive(c, config, where, e);
    config_read_dropout(c, config);
    if (code == OK) code = refuse_extras(c, config, where, e);
    return code == OK ? config_check(c, where, e) : code;
}

static int read_all(model_config *c, const json_t *config, const json_t *generation, const json_t *tokenizer,
                    const char *where, err *e)
{
    const char *name = json_text(config, "model_type", NULL, where, e);
    c->wrapper = config_wrapper_find(name);
    json_t *text = c->wrapper ? config_of_text(c->wrapper, config, where, e) : NULL;
    if (text) name = json_string_value(json_object_get(text, "model_type"));
    int code = e->code;
    if (code == OK) code = config_choose_family(c, name ? family_find(name) : NULL, name, where, e);
    if (code == OK) code = check_class(c, config, where, e);
    if (code == OK) code = read_numbers(c, text ? text : config, generation, tokenizer, where, e);
    json_decref(text);
    return code;
}

int config_from_json(model_config *out, const json_t *config, const json_t *generation,
                     const json_t *tokenizer, const char *where, err *e)
{
    err mine = {0};
    model_config c = {.bos = -1, .pad = -1, .unk = -1};
    int code = OK;
    if (!json_is_object(config)) code = fail(&mine, E_FORMAT, "%s: is not a model configuration", where);
    if (code == OK) code = read_all(&c, config, generation, tokenizer, where, &mine);
    if (code != OK) return fail(e, mine.code, "%s", mine.msg);
    *out = c;
    return OK;
}

int config_from_folder(model_config *out, const char *folder, err *e)
{
    static const char *const names[3] = {"config.json", "generation_config.json", "tokenizer_config.json"};
    json_t *j[3] = {0};
    arena mem = {0};
    int code = OK;
    for (int i = 0; i < 3 && code == OK; i++) {
        const char *path = arena_fmt(&mem, "%s/%s", folder, names[i]);
        if (file_exists(path)) code = (j[i] = json_parse_file(path, e)) ? OK : E_FORMAT;
        else if (!i && file_exists(arena_fmt(&mem, "%s/adapter_config.json", folder)))
            code =
                fail(e, E_USAGE,
                     "%s: is an adapter, not a model; give it as --adapter and its base as --model", folder);
        else if (!i) code = fail(e, E_IO, "%s: holds no config.json: not a model folder", folder);
    }
    if (code == OK)
        code = config_from_json(out, j[0], j[1], j[2], arena_fmt(&mem, "%s/config.json", folder), e);
    for (int i = 0; i < 3; i++) json_decref(j[i]);
    arena_free(&mem);
    return code;
}
