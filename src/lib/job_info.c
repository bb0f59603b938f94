/* job_info.c -- what a file or folder is. A folder may be several things at once (a run folder is also an
 * adapter); each adds its keys. */
#include "base/file.h"
#include "format/checkpoint.h"
#include "lib/job_open.h"

#include <stdio.h>
#include <string.h>

static char *join(arena *mem, const char *folder, const char *name)
{
    return arena_fmt(mem, "%s/%s", folder, name);
}

typedef struct listing {
    json_t *types, *list; /* list NULL: not asked for */
    int64_t parameters, tensors, bytes;
} listing;

static void list_tensor(listing *l, const tensor *t)
{
    json_t *type = json_object_get(l->types, dtype_name(t->type));
    if (!type)
        json_object_set_new(l->types, dtype_name(t->type),
                            type = json_pack("{s:i, s:i}", "tensors", 0, "bytes", 0));
    int64_t bytes = (int64_t)tensor_bytes(t);
    json_object_set_new(type, "tensors",
                        json_integer(json_integer_value(json_object_get(type, "tensors")) + 1));
    json_object_set_new(type, "bytes",
                        json_integer(json_integer_value(json_object_get(type, "bytes")) + bytes));
    l->parameters += tensor_count(t);
    l->bytes += bytes;
    l->tensors++;
    if (!l->list) return;
    json_t *dims = json_array();
    for (int i = 0; i < t->ndim; i++) json_array_append_new(dims, json_integer(t->dim[i]));
    json_array_append_new(l->list, json_pack("{s:s, s:s, s:o, s:I}", "name", t->name, "type",
                                             dtype_name(t->type), "shape", dims, "bytes", (json_int_t)bytes));
}

static listing listing_new(const options *o)
{
    return (listing){.types = json_object(), .list = o->tensors ? json_array() : NULL};
}

static void listing_finish(listing *l, json_t *out)
{
    json_object_set_new(out, "parameters", json_integer(l->parameters));
    json_object_set_new(out, "tensors", json_integer(l->tensors));
    json_object_set_new(out, "bytes", json_integer(l->bytes));
    json_object_set_new(out, "types", l->types);
    if (l->list) json_object_set_new(out, "tensor_list", l->list);
}

static void add_config(json_t *out, const model_config *c)
{
    json_object_set_new(out, "architecture", json_string(c->architecture));
    if (c->wrapper) json_object_set_new(out, "text_model_of", json_string(c->wrapper->name));
    json_object_set_new(out, "layers", json_integer(c->layers));
    json_object_set_new(out, "width", json_integer(c->width));
    json_object_set_new(out, "heads", json_integer(c->heads));
    json_object_set_new(out, "kv_heads", json_integer(c->kv_heads));
    json_object_set_new(out, "ffn", json_integer(c->ffn));
    json_object_set_new(out, "vocabulary", json_integer(c->vocab));
    json_object_set_new(out, "context", json_integer(c->context));
    json_object_set_new(out, "tied", json_boolean(c->tied));
    if (c->experts) {
        json_object_set_new(out, "experts", json_integer(c->experts));
        json_object_set_new(out, "experts_used", json_integer(c->experts_used));
    }
    int64_t windowed = 0;
    for (int64_t l = 0; l < c->layers; l++) windowed += config_window(c, l) > 0;
    if (windowed) {
        json_object_set_new(out, "window", json_integer(c->window));
        json_object_set_new(out, "windowed_layers", json_integer(windowed));
    }
    if (c->rope.kind != ROPE_PLAIN)
        json_object_set_new(out, "rotary_scaling", json_string(config_rope_name(c->rope.kind)));
}

/* Every key, a long text or list cut. */
static json_t *metadata_of(const gguf *g)
{
    enum { TEXT = 100, ITEMS = 8 };
    json_t *all = json_object();
    str shown = {0};
    for (int64_t i = 0; i < gguf_key_count(g); i++) {
        gguf_key k = gguf_key_at(g, i);
        str_clear(&shown);
        gguf_key_print(g, i, k.type == GGUF_ARRAY ? ITEMS : TEXT, &shown);
        json_t *text = json_string(str_c(&shown));
        json_object_setn_new(all, k.name.p, k.name.n, text ? text : json_string("(not UTF-8)"));
    }
    str_free(&shown);
    return all;
}

/* A GGUF file that is no model to train: what can be told of it, and why not. */
static int info_gguf(const options *o, const char *why, json_t *out, err *e)
{
    gguf *g;
    int bad = gguf_open(&g, o->model, e);
    if (bad) return bad;
    json_object_set_new(out, "kind", json_string("GGUF file"));
    json_object_set_new(out, "cannot_be_trained", json_string(why));
    static const char *const keys[][2] = {{"architecture", "general.architecture"}, {"type", "general.type"}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        gguf_text t = gguf_string(g, keys[i][1], NULL);
        json_t *text = t.p ? json_stringn(t.p, t.n) : NULL;
        json_object_set_new(out, keys[i][0], text ? text : json_null());
    }
    listing l = listing_new(o);
    for (int64_t i = 0; i < gguf_tensor_count(g); i++) list_tensor(&l, gguf_tensor_at(g, i));
    listing_finish(&l, out);
    json_object_set_new(out, "template", json_boolean(gguf_has(g, "tokenizer.chat_template")));
    json_object_set_new(out, "metadata", metadata_of(g));
    gguf_close(g);
    return OK;
}

/* The same of a model folder in one safetensors file; the shards of an index are not looked into. */
static int info_folder(const options *o, const char *why, json_t *out, arena *mem, err *e)
{
    json_t *config = json_parse_file(join(mem, o->model, "config.json"), e);
    const char *type = json_string_value(json_object_get(config, "model_type"));
    safetensors *s = NULL;
    const char *file = join(mem, o->model, "model.safetensors");
    int bad = !config ? e->code : file_exists(file) ? safetensors_open(&s, file, e) : OK;
    if (!bad) {
        json_object_set_new(out, "kind", json_string("Hugging Face model"));
        json_object_set_new(out, "cannot_be_trained", json_string(why));
        json_object_set_new(out, "architecture", type ? json_string(type) : json_null());
    }
    if (!bad && s) {
        listing l = listing_new(o);
        for (int64_t i = 0; i < safetensors_count(s); i++) list_tensor(&l, safetensors_at(s, i));
        listing_finish(&l, out);
    }
    if (!bad) json_object_set_new(out, "config", json_incref(config));
    safetensors_close(s);
    json_decref(config);
    return bad;
}

static bool has_template(const checkpoint *c, arena *mem)
{
    if (checkpoint_gguf(c) && gguf_has(checkpoint_gguf(c), "tokenizer.chat_template")) return true;
    const char *folder = checkpoint_folder(c);
    if (file_exists(join(mem, folder, "chat_template.jinja"))) return true;
    char *path = join(mem, folder, "tokenizer_config.json");
    json_t *config = checkpoint_gguf(c) || !file_exists(path) ? NULL : json_parse_file(path, NULL);
    bool has = json_object_get(config, "chat_template") != NULL;
    json_decref(config);
    return has;
}

static int info_model(const options *o, json_t *out, arena *mem, err *e)
{
    checkpoint *c;
    err why = {0};
    int bad = checkpoint_open(&c, o->model, &why);
    err unused = {0};
    if (bad == E_UNSUPPORTED && file_is_dir(o->model) && !info_folder(o, why.msg, out, mem, &unused))
        return OK;
    if (bad == E_UNSUPPORTED && !file_is_dir(o->model) && !info_gguf(o, why.msg, out, &unused)) return OK;
    if (bad) return fail(e, bad, "%s", why.msg);
    json_object_set_new(out, "kind", json_string(checkpoint_gguf(c) ? "GGUF model" : "Hugging Face model"));
    add_config(out, checkpoint_config(c));
    listing l = listing_new(o);
    const weights *w = checkpoint_weights(c);
    for (int64_t i = 0; i < weights_count(w); i++) list_tensor(&l, weights_at(w, i));
    l.parameters = weights_parameters(w);
    listing_finish(&l, out);
    if (checkpoint_outside(c))
        json_object_set_new(out, "not_used",
                            json_sprintf("%lld tensors of what sees images (vision_tower, "
                                         "multi_modal_projector, visual): the text model alone is trained and run",
                                         (long long)checkpoint_outside(c)));
    char fingerprint[17];
    json_object_set_new(out, "fingerprint", json_string(checkpoint_fingerprint_text(c, fingerprint)));
    tokenizer *t;
    if (!tokenizer_open(&t, c, &why)) {
        json_object_set_new(out, "tokenizer", json_string(tokenizer_kind(t)));
        json_object_set_new(out, "tokens", json_integer(tokenizer_size(t)));
        tokenizer_close(t);
    } else {
        json_object_set_new(out, "tokenizer", json_null());
        json_object_set_new(out, "tokenizer_problem", json_string(why.msg));
    }
    json_object_set_new(out, "template", json_boolean(has_template(c, mem)));
    checkpoint_close(c);
    return OK;
}

static int info_safetensors(const options *o, json_t *out, err *e)
{
    safetensors *s;
    int bad = safetensors_open(&s, o->model, e);
    if (bad) return bad;
    json_object_set_new(out, "kind", json_string("safetensors"));
    listing l = listing_new(o);
    for (int64_t i = 0; i < safetensors_count(s); i++) list_tensor(&l, safetensors_at(s, i));
    listing_finish(&l, out);
    if (safetensors_metadata_count(s)) {
        json_t *meta = json_object();
        for (int64_t i = 0; i < safetensors_metadata_count(s); i++) {
            safetensors_pair p = safetensors_metadata_at(s, i);
            json_object_set_new(meta, p.key, json_string(p.value));
        }
        json_object_set_new(out, "metadata", meta);
    }
    safetensors_close(s);
    return OK;
}

static json_t *texts(peft_list list)
{
    json_t *a = json_array();
    for (int64_t i = 0; i < list.n; i++) json_array_append_new(a, json_string(list.p[i]));
    return a;
}

static json_t *text_or_null(const char *s) { return s ? json_string(s) : json_null(); }

static int info_adapter(const options *o, json_t *out, err *e)
{
    peft *p;
    int bad = peft_open(&p, o->model, e);
    if (bad) return bad;
    const peft_config *c = peft_get_config(p);
    json_object_set_new(out, "kind", json_string("PEFT adapter"));
    json_object_set_new(out, "base", text_or_null(c->base_model_name));
    json_object_set_new(out, "r", json_integer(c->r));
    json_object_set_new(out, "lora_alpha", json_real(c->alpha));
    json_object_set_new(out, "lora_dropout", json_real(c->dropout));
    json_object_set_new(out, "use_rslora", json_boolean(c->rslora));
    json_object_set_new(out, "target_modules",
                        c->target_regex ? json_string(c->target_regex) : texts(c->targets));
    listing l = listing_new(o);
    const weights *w = peft_weights(p);
    for (int64_t i = 0; i < weights_count(w); i++) list_tensor(&l, weights_at(w, i));
    listing_finish(&l, out);
    peft_close(p);
    return OK;
}

/* What run.json tells of the run that left this folder. */
static int info_run(const char *path, json_t *out, err *e)
{
    static const char *const keep[] = {"lorac", "command", "model", "data", "machine", "result"};
    json_t *root = json_parse_file(path, e);
    if (!root) return E_FORMAT;
    json_t *told = json_object(), *part;
    for (size_t i = 0; i < sizeof keep / sizeof *keep; i++)
        if ((part = json_object_get(root, keep[i]))) json_object_set(told, keep[i], part);
    json_object_set_new(out, "run", told);
    if (!json_object_get(out, "kind")) json_object_set_new(out, "kind", json_string("run folder"));
    json_decref(root);
    return OK;
}

static int info_path(const options *o, json_t *out, arena *mem, err *e)
{
    const char *path = o->model;
    if (!file_is_dir(path))
        return str_ends(path, ".safetensors") ? info_safetensors(o, out, e) : info_model(o, out, mem, e);
    char *run_json = join(mem, path, "run.json");
    bool is_run = file_exists(run_json), is_adapter = file_exists(join(mem, path, "adapter_config.json"));
    int bad = is_adapter ? info_adapter(o, out, e) : is_run ? OK : info_model(o, out, mem, e);
    return !bad && is_run ? info_run(run_json, out, e) : bad;
}

int job_info(const options *o, json_t **out, err *e)
{
    arena mem = {0};
    *out = json_object();
    json_object_set_new(*out, "path", json_string(o->model));
    int bad = job_exists(o->model, "file or folder", e);
    if (!bad) bad = info_path(o, *out, &mem, e);
    if (bad) {
        json_decref(*out);
        *out = NULL;
    }
    arena_free(&mem);
    return bad;
}
