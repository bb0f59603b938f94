/* config.c -- see config.h: the table of architectures, the checks that every configuration goes
 * through, and the Hugging Face reader. */
#include "format/config.h"

#include "base/file.h"
#include "format/config_check.h"

#include <math.h>
#include <string.h>

/* The name is model_type in config.json and general.architecture in GGUF. */
static const struct {
    const char *name, *hf_class;
} architectures[] = {
    {"llama", "LlamaForCausalLM"},
};
enum { ARCHITECTURES = sizeof architectures / sizeof *architectures };

const char *config_architecture(int i) { return i >= 0 && i < ARCHITECTURES ? architectures[i].name : NULL; }

int config_choose_architecture(model_config *c, const char *name, const char *where, err *e)
{
    if (!name) return fail(e, E_FORMAT, "%s: does not say which architecture the model has", where);
    str known = {0};
    for (int i = 0; i < ARCHITECTURES; i++) {
        if (!strcmp(name, architectures[i].name)) {
            snprintf(c->architecture, sizeof c->architecture, "%s", architectures[i].name);
            str_free(&known);
            return OK;
        }
        str_fmt(&known, "%s%s", i ? ", " : "", architectures[i].name);
    }
    int code =
        fail(e, E_UNSUPPORTED, "%s: models of architecture \"%.60s\" are not supported (supported: %s)",
             where, name, str_c(&known));
    str_free(&known);
    return code;
}

/* A count that has to be at least 1 and at most `most`. */
static int bounded(const char *what, int64_t n, int64_t most, const char *where, err *e)
{
    if (n >= 1 && n <= most) return OK;
    return fail(e, E_FORMAT, "%s: %s is %lld; it has to be between 1 and %lld", where, what, (long long)n,
                (long long)most);
}

int config_check(const model_config *c, const char *where, err *e)
{
    enum { LAYERS = 4096, WIDTH = 1 << 20, HEADS = 1 << 16, VOCAB = 1 << 26, CONTEXT = 1 << 28 };
    int code = bounded("the number of layers", c->layers, LAYERS, where, e);
    if (code == OK) code = bounded("the width", c->width, WIDTH, where, e);
    if (code == OK) code = bounded("the number of heads", c->heads, HEADS, where, e);
    if (code == OK) code = bounded("the number of key and value heads", c->kv_heads, HEADS, where, e);
    if (code == OK) code = bounded("the size of a head", c->head_dim, HEADS, where, e);
    if (code == OK) code = bounded("the width of the feed-forward block", c->ffn, 1 << 22, where, e);
    if (code == OK) code = bounded("the vocabulary", c->vocab, VOCAB, where, e);
    if (code == OK) code = bounded("the context", c->context, CONTEXT, where, e);
    if (code != OK) return code;
    if (c->heads % c->kv_heads)
        return fail(e, E_FORMAT, "%s: %lld heads cannot share %lld key and value heads", where,
                    (long long)c->heads, (long long)c->kv_heads);
    if (c->head_dim % 2)
        return fail(e, E_FORMAT, "%s: heads of %lld numbers cannot be rotated in pairs", where,
                    (long long)c->head_dim);
    if (!(c->rope_theta > 0 && isfinite(c->rope_theta)))
        return fail(e, E_FORMAT, "%s: a rope base of %g makes no sense", where, c->rope_theta);
    if (!(c->rms_eps >= 0 && c->rms_eps < 1))
        return fail(e, E_FORMAT, "%s: a norm epsilon of %g makes no sense", where, c->rms_eps);
    return OK;
}

int64_t config_head_dim(const model_config *c, const char *where, err *e)
{
    if (c->heads > 0 && c->width % c->heads == 0) return c->width / c->heads;
    fail(e, E_FORMAT, "%s: a width of %lld cannot be divided among %lld heads", where, (long long)c->width,
         (long long)c->heads);
    return 0;
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

static int refuse_partial(const json_t *o, const char *where, err *e)
{
    if (json_num(o, "partial_rotary_factor", 1, where, e) == 1) return e->code;
    return fail(e, E_UNSUPPORTED, "%s: partial rotary positions are not supported", where);
}

/* The base of the rotary positions: at the top (transformers 4) or in rope_parameters (5). A scaling
 * of any kind is refused, whichever key carries it. */
static int read_rope(model_config *c, const json_t *o, const char *where, err *e)
{
    static const char *const holders[] = {"rope_scaling", "rope_parameters"};
    c->rope_theta = json_num(o, "rope_theta", 10000, where, e);
    int code = refuse_partial(o, where, e);
    for (int i = 0; i < 2 && code == OK; i++) {
        const json_t *r = json_object_get(o, holders[i]);
        if (!r || json_is_null(r)) continue;
        if (!json_is_object(r)) return fail(e, E_FORMAT, "%s: \"%s\" has to be an object", where, holders[i]);
        const char *type = json_text(r, "rope_type", json_text(r, "type", "default", where, e), where, e);
        if (strcmp(type, "default"))
            return fail(e, E_UNSUPPORTED, "%s: rotary positions scaled by \"%.40s\" are not supported", where,
                        type);
        c->rope_theta = json_num(r, "rope_theta", c->rope_theta, where, e);
        code = refuse_partial(r, where, e);
    }
    return e->code;
}

/* The class the weights were saved from, when the file tells: a model with another head has other
 * tensors. */
static int check_class(const model_config *c, const json_t *o, const char *where, err *e)
{
    const json_t *list = json_object_get(o, "architectures");
    const char *want = NULL;
    for (int i = 0; i < ARCHITECTURES; i++)
        if (!strcmp(c->architecture, architectures[i].name)) want = architectures[i].hf_class;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name && !strcmp(name, want)) return OK;
    }
    if (!json_array_size(list)) return OK;
    const char *name = json_string_value(json_array_get(list, 0));
    return fail(e, E_UNSUPPORTED, "%s: is a %.80s, only %s is supported", where, name ? name : "(no name)",
                want);
}

static int refuse_extras(const json_t *o, const char *where, err *e)
{
    const char *act = json_text(o, "hidden_act", "silu", where, e);
    if (strcmp(act, "silu"))
        return fail(e, E_UNSUPPORTED,
                    "%s: activation \"%.40s\" is not supported for this architecture (silu is)", where, act);
    const json_t *quantization = json_object_get(o, "quantization_config");
    const char *method = json_text(quantization, "quant_method", "bitsandbytes", where, e);
    if (strcmp(method, "bitsandbytes"))
        return fail(e, E_UNSUPPORTED,
                    "%s: weights quantized by \"%.40s\" are not supported (those of bitsandbytes "
                    "and GGUF are)",
                    where, method);
    return e->code;
}

static void read_counts(model_config *c, const json_t *config, const char *where, err *e)
{
    c->layers = json_int(config, "num_hidden_layers", 0, where, e);
    c->width = json_int(config, "hidden_size", 0, where, e);
    c->heads = json_int(config, "num_attention_heads", 0, where, e);
    c->kv_heads = json_int(config, "num_key_value_heads", c->heads, where, e);
    c->head_dim = json_int(config, "head_dim", -1, where, e);
    if (c->head_dim == -1) c->head_dim = config_head_dim(c, where, e);
    c->ffn = json_int(config, "intermediate_size", 0, where, e);
    c->vocab = json_int(config, "vocab_size", 0, where, e);
    c->context = json_int(config, "max_position_embeddings", 2048, where, e);
    c->rms_eps = json_num(config, "rms_norm_eps", 1e-6, where, e);
    c->tied = json_flag(config, "tie_word_embeddings", false, where, e);
    c->attention_bias = json_flag(config, "attention_bias", false, where, e);
    c->mlp_bias = json_flag(config, "mlp_bias", false, where, e);
    c->bos = json_int(config, "bos_token_id", -1, where, e);
    c->pad = json_int(config, "pad_token_id", -1, where, e);
}

int config_from_json(model_config *out, const json_t *config, const json_t *generation,
                     const json_t *tokenizer, const char *where, err *e)
{
    err mine = {0};
    model_config c = {.bos = -1, .pad = -1, .unk = -1};
    int code = OK;
    if (!json_is_object(config)) code = fail(&mine, E_FORMAT, "%s: is not a model configuration", where);
    if (code == OK)
        code =
            config_choose_architecture(&c, json_text(config, "model_type", NULL, where, &mine), where, &mine);
    if (code == OK) code = check_class(&c, config, where, &mine);
    if (code == OK) {
        read_counts(&c, config, where, &mine);
        c.add_bos = json_flag(tokenizer, "add_bos_token", false, where, &mine);
        c.add_eos = json_flag(tokenizer, "add_eos_token", false, where, &mine);
        code = mine.code;
    }
    if (code == OK) code = read_eos(&c, config, where, &mine);
    if (code == OK) code = read_eos(&c, generation, where, &mine);
    if (code == OK) code = read_rope(&c, config, where, &mine);
    if (code == OK) code = refuse_extras(config, where, &mine);
    if (code == OK) code = config_check(&c, where, &mine);
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
