/* config.c -- see config.h: the checks that every configuration goes through, and the Hugging Face reader. */
#include "format/config.h"

#include "base/file.h"
#include "format/config_check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const architectures[] = {"llama", NULL};

const char *config_architecture(int i)
{
    return i >= 0 && i < (int)(sizeof architectures / sizeof *architectures) ? architectures[i] : NULL;
}

int config_choose_architecture(model_config *c, const char *name, const char *where, err *e)
{
    str known = {0};
    for (int i = 0; architectures[i]; i++) {
        if (name && !strcmp(name, architectures[i])) {
            snprintf(c->architecture, sizeof c->architecture, "%s", architectures[i]);
            str_free(&known);
            return OK;
        }
        str_fmt(&known, "%s%s", i ? ", " : "", architectures[i]);
    }
    int code = name ? fail(e, E_UNSUPPORTED, "%s: models of architecture \"%.60s\" are not supported (supported: %s)",
                           where, name, str_c(&known))
                    : fail(e, E_FORMAT, "%s: does not say which architecture the model has", where);
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
        return fail(e, E_FORMAT, "%s: %lld heads cannot share %lld key and value heads", where, (long long)c->heads,
                    (long long)c->kv_heads);
    if (c->head_dim % 2)
        return fail(e, E_FORMAT, "%s: heads of %lld numbers cannot be rotated in pairs", where, (long long)c->head_dim);
    if (!(c->rope_theta > 0 && isfinite(c->rope_theta)) || !(c->rms_eps >= 0 && c->rms_eps < 1))
        return fail(e, E_FORMAT, "%s: rope base %g or norm epsilon %g makes no sense", where, c->rope_theta, c->rms_eps);
    return OK;
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
    if (!json_is_array(v)) return fail(e, E_FORMAT, "%s: \"eos_token_id\" has to be a number or a list", where);
    for (size_t i = 0; i < json_array_size(v); i++) {
        if (!json_is_integer(json_array_get(v, i)))
            return fail(e, E_FORMAT, "%s: \"eos_token_id\" has to be a list of numbers", where);
        config_add_eos(c, json_integer_value(json_array_get(v, i)));
    }
    return OK;
}

/* The base of the rotary positions: at the top (transformers 4) or in rope_parameters (5). A scaling of any kind is
 * refused, whichever key carries it. */
static int read_rope(model_config *c, const json_t *o, const char *where, err *e)
{
    c->rope_theta = json_num(o, "rope_theta", 10000, where, e);
    static const char *const holders[] = {"rope_scaling", "rope_parameters"};
    for (int i = 0; i < 2; i++) {
        const json_t *r = json_object_get(o, holders[i]);
        if (!r || json_is_null(r)) continue;
        if (!json_is_object(r)) return fail(e, E_FORMAT, "%s: \"%s\" has to be an object", where, holders[i]);
        const char *type = json_text(r, "rope_type", json_text(r, "type", "default", where, e), where, e);
        if (strcmp(type, "default"))
            return fail(e, E_UNSUPPORTED, "%s: rotary positions scaled by \"%.40s\" are not supported", where, type);
        c->rope_theta = json_num(r, "rope_theta", c->rope_theta, where, e);
    }
    return e->code;
}

static int refuse_extras(const json_t *o, const char *where, err *e)
{
    const char *act = json_text(o, "hidden_act", "silu", where, e);
    if (strcmp(act, "silu"))
        return fail(e, E_UNSUPPORTED, "%s: activation \"%.40s\" is not supported for this architecture (silu is)", where,
                    act);
    if (json_num(o, "partial_rotary_factor", 1, where, e) != 1)
        return fail(e, E_UNSUPPORTED, "%s: partial rotary positions are not supported", where);
    return e->code;
}

int config_from_json(model_config *out, const json_t *config, const json_t *generation, const json_t *tokenizer,
                     const char *where, err *e)
{
    err local = {0};
    if (!e) e = &local;
    model_config c = {.bos = -1, .pad = -1, .unk = -1};
    if (!json_is_object(config)) return fail(e, E_FORMAT, "%s: is not a model configuration", where);
    int code = config_choose_architecture(&c, json_text(config, "model_type", NULL, where, e), where, e);
    if (code != OK) return code;
    c.layers = json_int(config, "num_hidden_layers", 0, where, e);
    c.width = json_int(config, "hidden_size", 0, where, e);
    c.heads = json_int(config, "num_attention_heads", 0, where, e);
    c.kv_heads = json_int(config, "num_key_value_heads", c.heads, where, e);
    c.head_dim = json_int(config, "head_dim", c.heads > 0 ? c.width / c.heads : 0, where, e);
    c.ffn = json_int(config, "intermediate_size", 0, where, e);
    c.vocab = json_int(config, "vocab_size", 0, where, e);
    c.context = json_int(config, "max_position_embeddings", 2048, where, e);
    c.rms_eps = json_num(config, "rms_norm_eps", 1e-6, where, e);
    c.tied = json_flag(config, "tie_word_embeddings", false, where, e);
    c.attention_bias = json_flag(config, "attention_bias", false, where, e);
    c.mlp_bias = json_flag(config, "mlp_bias", false, where, e);
    c.bos = json_int(config, "bos_token_id", -1, where, e);
    c.pad = json_int(config, "pad_token_id", -1, where, e);
    if (tokenizer) {
        c.add_bos = json_flag(tokenizer, "add_bos_token", false, where, e);
        c.add_eos = json_flag(tokenizer, "add_eos_token", false, where, e);
    }
    code = e->code;
    if (code == OK) code = read_eos(&c, config, where, e);
    if (code == OK && generation) code = read_eos(&c, generation, where, e);
    if (code == OK) code = read_rope(&c, config, where, e);
    if (code == OK) code = refuse_extras(config, where, e);
    if (code == OK) code = config_check(&c, where, e);
    if (code == OK) *out = c;
    return code;
}

int config_from_folder(model_config *out, const char *folder, err *e)
{
    err local = {0};
    if (!e) e = &local;
    static const char *const names[3] = {"config.json", "generation_config.json", "tokenizer_config.json"};
    json_t *j[3] = {0};
    str path = {0};
    for (int i = 0; i < 3 && e->code == OK; i++) {
        str_clear(&path);
        str_fmt(&path, "%s/%s", folder, names[i]);
        if (i == 0 && !file_exists(path.p)) fail(e, E_IO, "%s: holds no config.json: not a model folder", folder);
        else if (i == 0 || file_exists(path.p)) j[i] = json_parse_file(path.p, e);
    }
    str_clear(&path);
    str_fmt(&path, "%s/config.json", folder);
    int code = e->code;
    if (code == OK) code = config_from_json(out, j[0], j[1], j[2], path.p, e);
    for (int i = 0; i < 3; i++) json_decref(j[i]);
    str_free(&path);
    return code;
}
