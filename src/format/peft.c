/* peft.c -- an adapter folder read: its tensors and how they belong together. The configuration is in
 * peft_config.c, ranks and scales in peft_scale.c, writing in peft_save.c. */
#include "format/peft.h"

#include "base/file.h"
#include "format/peft_config.h"

#include <stdlib.h>
#include <string.h>

struct peft {
    peft_config  config;
    json_t      *json;
    safetensors *file;
    weights     *w;
    arena        mem;
};

bool peft_saves(const char *entry, const char *module)
{
    const size_t n = strlen(entry);
    for (const char *end = strchr(module, '.');; end = strchr(end + 1, '.')) {
        const size_t length = end ? (size_t)(end - module) : strlen(module);
        if (n && length >= n && !strncmp(module + length - n, entry, n)) return true;
        if (!end) return false;
    }
}

/* A parameter of a module that is saved whole. */
static bool saved_whole(const peft_config *c, const char *name)
{
    for (int64_t i = 0; i < c->modules_to_save.n; i++)
        if (peft_saves(c->modules_to_save.p[i], name)) return true;
    return false;
}

/* "base_model.model.X.lora_A.weight" and "...X.lora_A.NAME.weight" become "X.lora_A.weight"; NULL for
 * anything else. */
static const char *plain_name(arena *mem, const peft_config *c, const char *name)
{
    static const char prefix[] = "base_model.model.", a[] = ".lora_A.", b[] = ".lora_B.";
    if (str_starts(name, prefix)) name += sizeof prefix - 1;
    const char *at = strstr(name, a), *end = name + strlen(name) - strlen("weight");
    if (!at) at = strstr(name, b);
    if (!at && saved_whole(c, name)) return name;
    if (!at || at == name || !str_ends(name, ".weight")) return NULL;
    const char *inner = at + sizeof a - 1; /* an adapter's name and a dot, or nothing */
    if (inner > end || (inner < end && (inner + 1 == end || memchr(inner, '.', (size_t)(end - 1 - inner)))))
        return NULL;
    return arena_fmt(mem, "%.*s.weight", (int)(inner - 1 - name), name);
}

static int add_tensors(peft *p, const char *where, err *e)
{
    for (int64_t i = 0; i < safetensors_count(p->file); i++) {
        tensor t = *safetensors_at(p->file, i);
        const char *name = plain_name(&p->mem, &p->config, t.name);
        if (!name)
            return fail(e, E_UNSUPPORTED,
                        "%s: tensor %.200s is not a LoRA matrix of a projection; such adapters "
                        "are not supported",
                        where, t.name);
        const bool vector = t.ndim == 1 && !strstr(t.name, ".lora_");
        if ((t.ndim != 2 && !vector) || (t.type != DT_F32 && t.type != DT_F16 && t.type != DT_BF16))
            return fail(e, E_FORMAT, "%s: tensor %.200s has to be a matrix in F32, F16 or BF16", where,
                        t.name);
        t.name = name;
        int code = weights_add(p->w, &t, e);
        if (code != OK) return code;
    }
    return OK;
}

/* Every A has its B, both of the rank the configuration says. */
static int check_pair(const peft *p, const tensor *t, arena *mem, const char *where, err *e)
{
    if (!strstr(t->name, ".lora_")) return OK; /* of a module saved whole, of a name that may be short */
    size_t n = strlen(t->name) - strlen("A.weight");
    bool is_a = t->name[n] == 'A';
    const char *other = arena_fmt(mem, "%.*s%c.weight", (int)n, t->name, is_a ? 'B' : 'A');
    const char *module = arena_strndup(mem, t->name, n - strlen(".lora_"));
    if (!weights_find(p->w, other))
        return fail(e, E_FORMAT, "%s: %.200s has no %.200s", where, t->name, other);
    int64_t r = peft_rank(&p->config, module, e), has = is_a ? t->dim[0] : t->dim[1];
    if (r < 0) return (int)r;
    if (has == r && t->bytes) return OK;
    return fail(e, E_FORMAT, "%s: %.200s has rank %lld, adapter_config.json says %lld", where, t->name,
                (long long)has, (long long)r);
}

static int check_pairs(const peft *p, const char *where, err *e)
{
    arena mem = {0};
    int code = weights_count(p->w) ? OK : fail(e, E_FORMAT, "%s: holds no tensors", where);
    for (int64_t i = 0; i < weights_count(p->w) && code == OK; i++)
        code = check_pair(p, weights_at(p->w, i), &mem, where, e);
    arena_free(&mem);
    return code;
}

static int open_files(peft *p, const char *folder, err *e)
{
    const char *config = arena_fmt(&p->mem, "%s/adapter_config.json", folder);
    const char *file = arena_fmt(&p->mem, "%s/adapter_model.safetensors", folder);
    if (!file_exists(config))
        return fail(e, E_IO, "%s: holds no adapter_config.json: not an adapter folder", folder);
    if (!file_exists(file) && file_exists(arena_fmt(&p->mem, "%s/adapter_model.bin", folder)))
        return fail(e, E_UNSUPPORTED,
                    "%s: holds adapter_model.bin, a format that can run code when it is read; "
                    "convert it to adapter_model.safetensors",
                    folder);
    p->json = json_parse_file(config, e);
    int code = p->json ? peft_config_read(&p->config, p->json, &p->mem, config, e) : E_FORMAT;
    if (code == OK) code = safetensors_open(&p->file, file, e);
    if (code == OK) code = add_tensors(p, file, e);
    if (code == OK) code = check_pairs(p, file, e);
    return code;
}

int peft_open(peft **out, const char *folder, err *e)
{
    *out = NULL;
    peft *p = xcalloc(1, sizeof *p);
    p->w = weights_new();
    int code = open_files(p, folder, e);
    if (code == OK) *out = p;
    else peft_close(p);
    return code;
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
const char *peft_metadata(const peft *p, const char *key) { return safetensors_metadata(p->file, key); }
