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
    "layer_replication", "lora_ga_config", "megatron_config", "modules_to_save", "monteclora_config",
    "target_parameters", "trainable_token_indices", "use_bdlora", "velora_config",
};
static const char *const falses[] = {
    "ensure_weight_tying", "fan_in_fan_out", "lora_bias", "use_dora", "use_qalora",
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
    for (int64_t i = 0; i < l.n; i++) json_array_append_new(a, json_string(sorted[i]));
    free(sorted);
    return a;
}

/* Whole numbers are written as such. */
static json_t *plain_number(double v)
{
    return fabs(v) < 9e15 && v == (double)(long long)v ? json_integer((json_int_t)v) : json_real(v);
}

static json_t *patterns(const peft_pattern *p, int64_t n)
{
    json_t *o = json_object();
    for (int64_t i = 0; i < n; i++) json_object_set_new(o, p[i].key, plain_number(p[i].value));
    return o;
}

static json_t *initialization(const char *init)
{
    if (!init || !strcmp(init, "true")) return json_true();
    return strcmp(init, "false") ? json_string(init) : json_false();
}

static json_t *config_json(const peft_config *c)
{
    json_t *o = json_object();
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++) json_object_set_new(o, nulls[i], json_null());
    for (size_t i = 0; i < sizeof falses / sizeof *falses; i++)
        json_object_set_new(o, falses[i], json_false());
    json_object_set_new(o, "peft_type", json_string("LORA"));
    json_object_set_new(o, "task_type", text_or_null(c->task_type));
    json_object_set_new(o, "base_model_name_or_path", text_or_null(c->base_model_name));
    json_object_set_new(o, "revision", text_or_null(c->revision));
    json_object_set_new(o, "inference_mode", json_true());
    json_object_set_new(o, "bias", json_string("none"));
    json_object_set_new(o, "r", json_integer(c->r));
    json_object_set_new(o, "lora_alpha", plain_number(c->alpha));
    json_object_set_new(o, "lora_dropout", json_real(c->dropout));
    json_object_set_new(o, "use_rslora", json_boolean(c->rslora));
    json_object_set_new(o, "rank_pattern", patterns(c->rank_pattern, c->n_rank_pattern));
    json_object_set_new(o, "alpha_pattern", patterns(c->alpha_pattern, c->n_alpha_pattern));
    json_object_set_new(o, "target_modules", names(c->targets, c->target_regex));
    json_object_set_new(o, "exclude_modules", names(c->exclude, c->exclude_regex));
    json_object_set_new(o, "layers_pattern", names(c->layers_pattern, NULL));
    json_t *layers = c->layers ? json_array() : json_null();
    for (int64_t i = 0; c->layers && i < c->n_layers; i++)
        json_array_append_new(layers, json_integer(c->layers[i]));
    json_object_set_new(o, "layers_to_transform", layers);
    json_object_set_new(o, "init_lora_weights", initialization(c->init));
    json_object_set_new(o, "loftq_config", json_object());
    json_object_set_new(o, "megatron_core", json_string("megatron.core"));
    json_object_set_new(o, "qalora_group_size", json_integer(16));
    return o;
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

int peft_save(const char *folder, const peft_config *config, const tensor *tensors, int64_t n, dtype type,
              const safetensors_pair *metadata, int64_t n_metadata, err *e)
{
    if (type != DT_F32 && type != DT_F16 && type != DT_BF16)
        return fail(e, E_USAGE, "an adapter is saved in f32, f16 or bf16, not in %s", dtype_name(type));
    arena mem = {0};
    tensor *t = arena_new(&mem, (size_t)(n ? n : 1) * sizeof *t);
    int code = file_mkdirs(folder, e);
    int64_t made = 0;
    for (; made < n && code == OK; made++) code = convert(&t[made], &tensors[made], type, &mem, e);
    if (code == OK)
        code = safetensors_write(arena_fmt(&mem, "%s/adapter_model.safetensors", folder), t, n, metadata,
                                 n_metadata, e);
    for (int64_t i = 0; i < made; i++)
        if (t[i].data && t[i].data != tensors[i].data) tensor_release(&t[i]);
    if (code == OK) {
        json_t *o = config_json(config);
        code = json_save(o, arena_fmt(&mem, "%s/adapter_config.json", folder), 2, true, e);
        json_decref(o);
    }
    arena_free(&mem);
    return code;
}
