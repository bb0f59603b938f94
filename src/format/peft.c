/* peft.c -- reading an adapter folder: see peft.h. The scales are in peft_scale.c, writing in peft_save.c. */
#include "format/peft.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

struct peft {
    peft_config  config;
    json_t      *json;
    safetensors *file;
    weights     *w;
    arena        mem;
};

/* Keys of LoRA that this program reads, or that change nothing at load. */
static const char *const known[] = {
    "peft_type", "task_type", "base_model_name_or_path", "revision", "inference_mode", "auto_mapping", "peft_version",
    "r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern", "target_modules", "exclude_modules",
    "layers_to_transform", "layers_pattern", "lora_dropout", "init_lora_weights", "loftq_config", "eva_config",
    "corda_config", "lora_ga_config", "ensure_weight_tying", "megatron_config", "megatron_core", "runtime_config",
    "qalora_group_size",
};

/* Keys that change the model in a way this program does not compute unless they are null, false, empty or as given. */
static const struct {
    const char *key, *harmless, *what;
} refused[] = {
    {"use_dora", NULL, "DoRA"}, {"lora_bias", NULL, "adapters with a bias"}, {"bias", "none", "trained biases"},
    {"modules_to_save", NULL, "modules trained and saved whole"}, {"layer_replication", NULL, "replicated layers"},
    {"trainable_token_indices", NULL, "trained tokens"}, {"target_parameters", NULL, "adapters on bare parameters"},
    {"fan_in_fan_out", NULL, "transposed weights"}, {"use_qalora", NULL, "QALoRA"}, {"use_bdlora", NULL, "BD-LoRA"},
    {"alora_invocation_tokens", NULL, "activated LoRA"}, {"velora_config", NULL, "VeLoRA"},
    {"monteclora_config", NULL, "MonteCLoRA"}, {"kasa_config", NULL, "KaSA"}, {"arrow_config", NULL, "Arrow routing"},
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
        if (refused[i].harmless && json_is_string(v) && !strcmp(json_string_value(v), refused[i].harmless)) continue;
        return fail(e, E_UNSUPPORTED, "%s: uses %s (\"%s\"), which is not supported", where, refused[i].what,
                    refused[i].key);
    }
    /* these initializations change the base; only what PEFT converted on saving loads right */
    const json_t *init = json_object_get(j, "init_lora_weights");
    static const char *const changing[] = {"pissa", "olora", "loftq", "corda", "lora_ga"};
    for (size_t i = 0; json_is_string(init) && i < sizeof changing / sizeof *changing; i++)
        if (str_starts(json_string_value(init), changing[i]))
            return fail(e, E_UNSUPPORTED, "%s: init_lora_weights \"%.40s\" changed the base model; save the adapter converted "
                        "to the plain base first", where, json_string_value(init));
    return OK;
}

/* null, one string (an expression), or a list of strings. */
static int read_names(const json_t *j, const char *key, peft_list *list, const char **regex, arena *mem, const char *where,
                      err *e)
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
    const char **p = arena_new(mem, (n ? n : 1) * sizeof *p);
    for (size_t i = 0; i < n; i++) {
        p[i] = json_string_value(json_array_get(v, i));
        if (!p[i]) return fail(e, E_FORMAT, "%s: \"%s\" has to be a list of strings", where, key);
    }
    if (!json_is_array(v)) return fail(e, E_FORMAT, "%s: \"%s\" has to be a list of strings", where, key);
    *list = (peft_list){p, (int64_t)n};
    return OK;
}

static int read_pattern(const json_t *j, const char *key, const peft_pattern **out, int64_t *count, arena *mem,
                        const char *where, err *e)
{
    json_t *o = json_object_get(j, key), *v;
    if (is_empty(o)) return OK;
    if (!json_is_object(o)) return fail(e, E_FORMAT, "%s: \"%s\" has to be an object", where, key);
    peft_pattern *p = arena_new(mem, json_object_size(o) * sizeof *p);
    const char *name;
    json_object_foreach(o, name, v) {
        if (!json_is_number(v)) return fail(e, E_FORMAT, "%s: \"%s\": \"%.80s\" has to be a number", where, key, name);
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
        if (!json_is_integer(k)) return fail(e, E_FORMAT, "%s: \"layers_to_transform\" has to be whole numbers", where);
        p[i] = json_integer_value(k);
    }
    c->layers = p;
    c->n_layers = (int64_t)n;
    return OK;
}

static int read_config(peft *p, const char *where, err *e)
{
    json_t *j = p->json, *v;
    peft_config *c = &p->config;
    if (!json_is_object(j)) return fail(e, E_FORMAT, "%s: is not an adapter configuration", where);
    const char *type = json_text(j, "peft_type", "", where, e);
    if (e->code == OK && strcmp(type, "LORA"))
        return fail(e, E_UNSUPPORTED, "%s: holds an adapter of type \"%.40s\"; only LORA is supported", where, type);
    c->r = json_int(j, "r", 8, where, e);
    c->alpha = json_num(j, "lora_alpha", 8, where, e);
    c->dropout = json_num(j, "lora_dropout", 0, where, e);
    c->rslora = json_flag(j, "use_rslora", false, where, e);
    c->base_model_name = json_text(j, "base_model_name_or_path", NULL, where, e);
    c->revision = json_text(j, "revision", NULL, where, e);
    c->task_type = json_text(j, "task_type", NULL, where, e);
    const json_t *init = json_object_get(j, "init_lora_weights");
    c->init = json_is_string(init) ? json_string_value(init) : json_is_false(init) ? "false" : "true";
    int code = e->code;
    if (code == OK && (c->r < 1 || c->r > 1 << 20 || !(c->dropout >= 0 && c->dropout < 1)))
        code = fail(e, E_FORMAT, "%s: rank %lld or dropout %g makes no sense", where, (long long)c->r, c->dropout);
    if (code == OK) code = refuse(j, where, e);
    if (code == OK) code = read_names(j, "target_modules", &c->targets, &c->target_regex, &p->mem, where, e);
    if (code == OK) code = read_names(j, "exclude_modules", &c->exclude, &c->exclude_regex, &p->mem, where, e);
    if (code == OK) code = read_names(j, "layers_pattern", &c->layers_pattern, NULL, &p->mem, where, e);
    if (code == OK) code = read_layers(c, j, &p->mem, where, e);
    if (code == OK) code = read_pattern(j, "rank_pattern", &c->rank_pattern, &c->n_rank_pattern, &p->mem, where, e);
    if (code == OK) code = read_pattern(j, "alpha_pattern", &c->alpha_pattern, &c->n_alpha_pattern, &p->mem, where, e);
    const char **strange = arena_new(&p->mem, (json_object_size(j) + 1) * sizeof *strange), *key;
    json_object_foreach(j, key, v) if (!is_known(key)) strange[c->unknown.n++] = key;
    c->unknown.p = strange;
    return code;
}

/* "base_model.model.X.lora_A.weight" and "...X.lora_A.NAME.weight" become "X.lora_A.weight"; NULL for anything else. */
static const char *plain_name(arena *mem, const char *name)
{
    static const char prefix[] = "base_model.model.";
    if (str_starts(name, prefix)) name += sizeof prefix - 1;
    const char *at = strstr(name, ".lora_A."), *end = name + strlen(name);
    if (!at) at = strstr(name, ".lora_B.");
    if (!at || at == name || !str_ends(name, ".weight") || end - at < 14) return NULL;
    return arena_fmt(mem, "%.*s.weight", (int)(at - name) + 7, name);
}

static int add_tensors(peft *p, const char *where, err *e)
{
    for (int64_t i = 0; i < safetensors_count(p->file); i++) {
        tensor t = *safetensors_at(p->file, i);
        const char *name = plain_name(&p->mem, t.name);
        if (!name)
            return fail(e, E_UNSUPPORTED, "%s: tensor %s is not a LoRA matrix of a projection; such adapters are not supported",
                        where, t.name);
        if (t.ndim != 2 || (t.type != DT_F32 && t.type != DT_F16 && t.type != DT_BF16))
            return fail(e, E_FORMAT, "%s: tensor %s has to be a matrix in F32, F16 or BF16", where, t.name);
        t.name = name;
        int code = weights_add(p->w, &t, e);
        if (code != OK) return code;
    }
    return OK;
}

/* Every A has its B, both of the rank the configuration says. */
static int check_pairs(const peft *p, const char *where, err *e)
{
    for (int64_t i = 0; i < weights_count(p->w); i++) {
        const tensor *t = weights_at(p->w, i);
        char other[512], module[512];
        size_t n = strlen(t->name) - 8; /* at the letter of "A.weight" */
        bool is_a = t->name[n] == 'A';
        snprintf(other, sizeof other, "%.*s%c.weight", (int)n, t->name, is_a ? 'B' : 'A');
        snprintf(module, sizeof module, "%.*s", (int)(n - 6), t->name);
        const tensor *o = weights_find(p->w, other);
        if (!o) return fail(e, E_FORMAT, "%s: %s has no %s", where, t->name, other);
        int64_t r = peft_rank(&p->config, module, e);
        if (r < 0) return e->code;
        int64_t has = is_a ? t->dim[0] : t->dim[1];
        if (has != r)
            return fail(e, E_FORMAT, "%s: %s has rank %lld, adapter_config.json says %lld", where, t->name, (long long)has,
                        (long long)r);
    }
    return weights_count(p->w) ? OK : fail(e, E_FORMAT, "%s: holds no tensors", where);
}

int peft_open(peft **out, const char *folder, err *e)
{
    err local = {0};
    if (!e) e = &local;
    peft *p = xcalloc(1, sizeof *p);
    p->w = weights_new();
    const char *config = arena_fmt(&p->mem, "%s/adapter_config.json", folder);
    const char *file = arena_fmt(&p->mem, "%s/adapter_model.safetensors", folder);
    int code = OK;
    if (!file_exists(config)) code = fail(e, E_IO, "%s: holds no adapter_config.json: not an adapter folder", folder);
    else if (!file_exists(file) && file_exists(arena_fmt(&p->mem, "%s/adapter_model.bin", folder)))
        code = fail(e, E_UNSUPPORTED, "%s: holds adapter_model.bin, a format that can run code when it is read; convert it to "
                    "adapter_model.safetensors", folder);
    if (code == OK && !(p->json = json_parse_file(config, e))) code = e->code;
    if (code == OK) code = read_config(p, config, e);
    if (code == OK) code = safetensors_open(&p->file, file, e);
    if (code == OK) code = add_tensors(p, file, e);
    if (code == OK) code = check_pairs(p, file, e);
    if (code != OK) {
        peft_close(p);
        return code;
    }
    *out = p;
    return OK;
}

void peft_close(peft *p)
{
    if (!p) return;
    weights_free(p->w);
    safetensors_close(p->file);
    json_decref(p->json);
    arena_free(&p->mem);
    free(p);
}

const peft_config *peft_get_config(const peft *p) { return &p->config; }
const weights     *peft_weights(const peft *p) { return p->w; }
const char        *peft_metadata(const peft *p, const char *key) { return safetensors_metadata(p->file, key); }
