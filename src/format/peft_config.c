/* peft_config.c -- adapter_config.json read: what PEFT knows of LoRA, and what of it this program does.
 *
 * A key is read, or is harmless, or is refused unless it has its harmless value, or is strange: the
 * last are noted for the user and ignored, as PEFT does. Source: LoraConfig of PEFT 0.21. */
#include "format/peft_config.h"

#include <stdint.h>
#include <string.h>

/* Keys of LoRA that this program reads, or that change nothing at load. */
static const char *const known[] = {
    "peft_type", "task_type", "base_model_name_or_path", "revision", "inference_mode", "auto_mapping",
    "peft_version", "r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern", "target_modules",
    "exclude_modules", "layers_to_transform", "layers_pattern", "lora_dropout", "init_lora_weights",
    "loftq_config", "eva_config", "corda_config", "lora_ga_config", "ensure_weight_tying", "megatron_core",
    "runtime_config", "qalora_group_size",
    "fan_in_fan_out", /* which PEFT itself sets by the kind of layer */
    "modules_to_save",
};

/* Keys that change the model in a way this program does not compute, unless they are null, false,
 * empty or as given. */
static const struct {
    const char *key, *harmless, *what;
} refused[] = {
    {"use_dora", NULL, "DoRA"},
    {"lora_bias", NULL, "adapters with a bias"},
    {"bias", "none", "trained biases"},
    {"layer_replication", NULL, "replicated layers"},
    {"trainable_token_indices", NULL, "trained tokens"},
    {"target_parameters", NULL, "adapters on bare parameters"},
    {"megatron_config", NULL, "Megatron layers"},
    {"use_qalora", NULL, "QALoRA"},
    {"use_bdlora", NULL, "BD-LoRA"},
    {"alora_invocation_tokens", NULL, "activated LoRA"},
    {"velora_config", NULL, "VeLoRA"},
    {"monteclora_config", NULL, "MonteCLoRA"},
    {"kasa_config", NULL, "KaSA"},
    {"arrow_config", NULL, "Arrow routing"},
};

static bool is_known(const char *key)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(key, known[i])) return true;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (!strcmp(key, refused[i].key)) return true;
    return false;
}

static bool is_empty(const json_t *v)
{
    return !v || json_is_null(v) || json_is_false(v) || (json_is_array(v) && !json_array_size(v)) ||
           (json_is_object(v) && !json_object_size(v));
}

static int refuse(const json_t *j, const char *where, err *e)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const json_t *v = json_object_get(j, refused[i].key);
        if (is_empty(v)) continue;
        if (refused[i].harmless && json_is_string(v) && !strcmp(json_string_value(v), refused[i].harmless))
            continue;
        return fail(e, E_UNSUPPORTED, "%s: uses %s (\"%s\"), which is not supported", where, refused[i].what,
                    refused[i].key);
    }
    /* these initializations change the base; only what PEFT converted on saving loads right */
    const json_t *init = json_object_get(j, "init_lora_weights");
    static const char *const changing[] = {"pissa", "olora", "loftq", "corda", "lora_ga"};
    for (size_t i = 0; json_is_string(init) && i < sizeof changing / sizeof *changing; i++)
        if (str_starts(json_string_value(init), changing[i]))
            return fail(e, E_UNSUPPORTED,
                        "%s: init_lora_weights \"%.40s\" changed the base model; save the adapter converted "
                        "to the plain base first",
                        where, json_string_value(init));
    return OK;
}

/* null, one string (an expression), or a list of strings. */
static int read_names(const json_t *j, const char *key, peft_list *list, const char **regex, arena *mem,
                      const char *where, err *e)
{
    const json_t *v = json_object_get(j, key);
    if (!v || json_is_null(v)) return OK;
    if (json_is_string(v) && regex) {
        *regex = json_string_value(v);
        return OK;
    }
    if (json_is_string(v)) {
        const char **one = arena_new(mem, sizeof *one);
        one[0] = json_string_value(v);
        *list = (peft_list){one, 1};
        return OK;
    }
    size_t n = json_array_size(v);
    const char **p = arena_new(mem, (n + 1) * sizeof *p);
    bool good = json_is_array(v);
    for (size_t k = 0; good && k < n; k++) good = (p[k] = json_string_value(json_array_get(v, k))) != NULL;
    if (!good) return fail(e, E_FORMAT, "%s: \"%s\" has to be a list of strings", where, key);
    *list = (peft_list){p, (int64_t)n};
    return OK;
}

static int read_pattern(const json_t *j, const char *key, const peft_pattern **out, int64_t *count,
                        arena *mem, const char *where, err *e)
{
    json_t *o = json_object_get(j, key), *v;
    if (is_empty(o)) return OK;
    if (!json_is_object(o)) return fail(e, E_FORMAT, "%s: \"%s\" has to be an object", where, key);
    peft_pattern *p = arena_new(mem, json_object_size(o) * sizeof *p);
    const char *name;
    json_object_foreach(o, name, v) {
        if (!json_is_number(v))
            return fail(e, E_FORMAT, "%s: \"%s\": \"%.80s\" has to be a number", where, key, name);
        p[(*count)++] = (peft_pattern){name, json_number_value(v)};
    }
    *out = p;
    return OK;
}

/* null, a number, or a list of them. */
static int read_layers(peft_config *c, const json_t *j, arena *mem, const char *where, err *e)
{
    const json_t *v = json_object_get(j, "layers_to_transform");
    if (!v || json_is_null(v)) return OK;
    size_t n = json_is_array(v) ? json_array_size(v) : 1;
    int64_t *p = arena_new(mem, (n ? n : 1) * sizeof *p);
    for (size_t i = 0; i < n; i++) {
        const json_t *k = json_is_array(v) ? json_array_get(v, i) : v;
        if (!json_is_integer(k))
            return fail(e, E_FORMAT, "%s: \"layers_to_transform\" has to be whole numbers", where);
        p[i] = json_integer_value(k);
    }
    c->layers = p;
    c->n_layers = (int64_t)n;
    return OK;
}

static int read_numbers(peft_config *c, const json_t *j, const char *where, err *e)
{
    c->r = json_int(j, "r", 8, where, e);
    c->alpha = json_num(j, "lora_alpha", 8, where, e);
    c->dropout = json_num(j, "lora_dropout", 0, where, e);
    c->rslora = json_flag(j, "use_rslora", false, where, e);
    c->base_model_name = json_text(j, "base_model_name_or_path", NULL, where, e);
    c->revision = json_text(j, "revision", NULL, where, e);
    c->task_type = json_text(j, "task_type", NULL, where, e);
    const json_t *init = json_object_get(j, "init_lora_weights");
    c->init = json_is_string(init) ? json_string_value(init) : json_is_false(init) ? "false" : "true";
    if (e->code) return e->code;
    if (c->r < 1 || c->r > 1 << 20)
        return fail(e, E_FORMAT, "%s: a rank of %lld makes no sense", where, (long long)c->r);
    if (!(c->dropout >= 0 && c->dropout < 1))
        return fail(e, E_FORMAT, "%s: a dropout of %g makes no sense", where, c->dropout);
    return OK;
}

static int read(peft_config *c, const json_t *j, arena *mem, const char *where, err *e)
{
    if (!json_is_object(j)) return fail(e, E_FORMAT, "%s: is not an adapter configuration", where);
    const char *type = json_text(j, "peft_type", "", where, e);
    if (e->code == OK && strcmp(type, "LORA"))
        return fail(e, E_UNSUPPORTED, "%s: holds an adapter of type \"%.40s\"; only LORA is supported", where,
                    type);
    int code = read_numbers(c, j, where, e);
    if (code == OK) code = refuse(j, where, e);
    if (code == OK) code = read_names(j, "target_modules", &c->targets, &c->target_regex, mem, where, e);
    if (code == OK) code = read_names(j, "exclude_modules", &c->exclude, &c->exclude_regex, mem, where, e);
    if (code == OK) code = read_names(j, "layers_pattern", &c->layers_pattern, NULL, mem, where, e);
    if (code == OK) code = read_names(j, "modules_to_save", &c->modules_to_save, NULL, mem, where, e);
    if (code == OK) code = read_layers(c, j, mem, where, e);
    if (code == OK)
        code = read_pattern(j, "rank_pattern", &c->rank_pattern, &c->n_rank_pattern, mem, where, e);
    if (code == OK)
        code = read_pattern(j, "alpha_pattern", &c->alpha_pattern, &c->n_alpha_pattern, mem, where, e);
    return code;
}

int peft_config_read(peft_config *out, const json_t *j, arena *mem, const char *where, err *e)
{
    err mine = {0};
    peft_config c = {0};
    if (read(&c, j, mem, where, &mine) != OK) return fail(e, mine.code, "%s", mine.msg);
    const char **strange = arena_new(mem, (json_object_size(j) + 1) * sizeof *strange), *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)j, key, v)
        if (!is_known(key)) strange[c.unknown.n++] = key;
    c.unknown.p = strange;
    *out = c;
    return OK;
}
