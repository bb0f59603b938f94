/* peft_save.c -- an adapter folder written that PEFT loads as it is: every key of its LoRA
 * configuration, sorted. */
#include "format/peft.h"

#include "base/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Keys that are null, false or empty in every adapter this program makes. */
static const char *const nulls[] = {
    "alora_invocation_tokens", "arrow_config", "auto_mapping", "corda_config", "eva_config", "kasa_config",
    "layer_replication", "lora_ga_config", "megatron_config", "monteclora_config",
    "target_parameters", "trainable_token_indices", "use_bdlora", "velora_config",
};
static const char *const falses[] = {
    "ensure_weight_tying", "lora_bias", "use_dora", "use_qalora",
};

static json_t *text_or_null(const char *s) { return s ? json_string(s) : json_null(); }

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, since to PEFT these are sets. */
static json_t *names(peft_list l, const char *regex)
{
    if (regex) return json_string(regex);
    if (!l.p) return json_null();
    const char **sorted = xmalloc((size_t)(l.n + 1) * sizeof *sorted);
    for (int64_t i = 0; i < l.n; i++) sorted[i] = l.p[i];
    qsort(sorted, (size_t)l.n, sizeof *sorted, compare_texts);
    json_t *a = json_array();
    int bad = 0;
    for (int64_t i = 0; i < l.n; i++) bad |= json_array_append_new(a, json_string(sorted[i]));
    free(sorted);
    if (!bad) return a;
    json_decref(a);
    return NULL;
}

/* Whole numbers are written as such. */
static json_t *plain_number(double v)
{
    return fabs(v) < 9e15 && v == (double)(long long)v ? json_integer((json_int_t)v) : json_real(v);
}

static json_t *patterns(const peft_pattern *p, int64_t n)
{
    json_t *o = json_object();
    int bad = 0;
    for (int64_t i = 0; i < n; i++) bad |= json_object_set_new(o, p[i].key, plain_number(p[i].value));
    if (!bad) return o;
    json_decref(o);
    return NULL;
}

static json_t *initialization(const char *init)
{
    if (!init || !strcmp(init, "true")) return json_true();
    return strcmp(init, "false") ? json_string(init) : json_false();
}

static json_t *layers(const peft_config *c)
{
    if (!c->layers) return json_null();
    json_t *a = json_array();
    for (int64_t i = 0; i < c->n_layers; i++) json_array_append_new(a, json_integer(c->layers[i]));
    return a;
}

/* NULL when a text is not UTF-8 or a number not finite, which jansson refuses. */
static json_t *config_json(const peft_config *c)
{
    const struct {
        const char *key;
        json_t     *value;
    } rows[] = {
        {"peft_type", json_string("LORA")},
        {"task_type", text_or_null(c->task_type)},
        {"base_model_name_or_path", text_or_null(c->base_model_name)},
        {"revision", text_or_null(c->revision)},
        {"inference_mode", json_true()},
        {"bias", json_string("none")},
        {"r", json_integer(c->r)},
        {"lora_alpha", plain_number(c->alpha)},
        {"lora_dropout", json_real(c->dropout)},
        {"use_rslora", json_boolean(c->rslora)},
        {"rank_pattern", patterns(c->rank_pattern, c->n_rank_pattern)},
        {"alpha_pattern", patterns(c->alpha_pattern, c->n_alpha_pattern)},
        {"target_modules", names(c->targets, c->target_regex)},
        {"exclude_modules", names(c->exclude, c->exclude_regex)},
        {"layers_pattern", names(c->layers_pattern, NULL)},
        {"init_lora_weights", initialization(c->init)},
        {"loftq_config", json_object()},
        {"megatron_core", json_string("megatron.core")},
        {"qalora_group_size", json_integer(16)},
        {"layers_to_transform", layers(c)},
        {"modules_to_save", c->modules_to_save.n ? names(c->modules_to_save, NULL) : json_null()},
        {"fan_in_fan_out", json_boolean(c->fan_in_fan_out)},
    };
    json_t *o = json_object();
    int bad = 0;
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++) json_object_set_new(o, nulls[i], json_null());
    for (size_t i = 0; i < sizeof falses / sizeof *falses; i++)
        json_object_set_new(o, falses[i], json_false());
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        bad |= json_object_set_new(o, rows[i].key, rows[i].value);
    if (!bad) return o;
    json_decref(o);
    return NULL;
}

/* The tensors under PEFT's names and in the asked type. */
static int convert(tensor *out, const tensor *in, dtype type, arena *mem, err *e)
{
    *out = *in;
    if (type != in->type) {
        int code = tensor_alloc(out, type, tensor_rows(in), tensor_cols(in), ABSMAX_PLAIN, e);
        if (code == OK) code = tensor_convert(out, in, e);
        if (code != OK) return code;
        out->ndim = in->ndim;
        memcpy(out->dim, in->dim, sizeof out->dim);
    }
    out->name = arena_fmt(mem, "base_model.model.%s", in->name);
    return OK;
}

static int save_tensors(const char *path, const tensor *tensors, int64_t n, dtype type,
                        const safetensors_pair *metadata, int64_t n_metadata, err *e)
{
    arena mem = {0};
    tensor *t = arena_new(&mem, (size_t)(n + 1) * sizeof *t);
    int code = OK;
    int64_t made = 0;
    for (; made < n && code == OK; made++) code = convert(&t[made], &tensors[made], type, &mem, e);
    if (code == OK) code = safetensors_write(path, t, n, metadata, n_metadata, e);
    for (int64_t i = 0; i < made; i++)
        if (t[i].data && t[i].data != tensors[i].data) tensor_release(&t[i]);
    arena_free(&mem);
    return code;
}

/* The configuration is on the disk, under another name, before the tensors take theirs: a disk that fills
 * up must not leave new matrices beside an old scale. */
static int save_both(const char *folder, const char *config, const tensor *tensors, int64_t n, dtype type,
                     const safetensors_pair *metadata, int64_t n_metadata, err *e)
{
    arena mem = {0};
    outfile o = {0};
    int code = file_mkdirs(folder, e);
    if (code == OK) code = file_create(&o, arena_fmt(&mem, "%s/adapter_config.json", folder), e);
    file_put(&o, config, strlen(config));
    file_put(&o, "\n", 1);
    file_sync(&o);
    if (code == OK && !o.error)
        code = save_tensors(arena_fmt(&mem, "%s/adapter_model.safetensors", folder), tensors, n, type,
                            metadata, n_metadata, e);
    if (code == OK) code = file_commit(&o, e);
    file_abandon(&o);
    arena_free(&mem);
    return code;
}

int peft_save(const char *folder, const peft_config *config, const tensor *tensors, int64_t n, dtype type,
              const safetensors_pair *metadata, int64_t n_metadata, err *e)
{
    if (type != DT_F32 && type != DT_F16 && type != DT_BF16)
        return fail(e, E_USAGE, "an adapter is saved in f32, f16 or bf16, not in %s", dtype_name(type));
    json_t *o = config_json(config);
    char *text = o ? json_dumps(o, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    int code = E_FORMAT;
    if (text) code = save_both(folder, text, tensors, n, type, metadata, n_metadata, e);
    else fail(e, E_FORMAT, "%s: the adapter's configuration holds text that is not UTF-8", folder);
    free(text);
    json_decref(o);
    return code;
}
