/* checkpoint.c -- see checkpoint.h: which files a model is in, and one set of named views over them. */
#include "format/checkpoint.h"

#include "base/file.h"
#include "format/bitsandbytes.h"
#include "format/safetensors.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SHARDS = 4096 };

struct checkpoint {
    char        *path, *folder;
    model_config config;
    weights     *w;
    gguf        *g;
    safetensors **shard;
    int64_t      shards;
    uint64_t     fingerprint;
    arena        mem;
};

static uint64_t hash_bytes(uint64_t h, const void *p, size_t n)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++) h = (h ^ b[i]) * 0x100000001b3u; /* FNV-1a */
    return h;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const tensor *const *)a)->name, (*(const tensor *const *)b)->name);
}

/* See checkpoint_fingerprint(). Taken before anything can be adopted into the weights. */
static uint64_t fingerprint(const checkpoint *c)
{
    enum { WINDOWS = 8, WINDOW = 64 };
    const model_config *m = &c->config;
    int64_t numbers[] = {m->layers, m->width, m->heads, m->kv_heads, m->head_dim, m->ffn, m->vocab, m->tied};
    double reals[] = {m->rope_theta, m->rms_eps};
    uint64_t h = hash_bytes(0xcbf29ce484222325u, numbers, sizeof numbers);
    h = hash_bytes(h, reals, sizeof reals);
    int64_t n = weights_count(c->w);
    const tensor **t = xcalloc((size_t)n, sizeof *t);
    for (int64_t i = 0; i < n; i++) t[i] = weights_at(c->w, i);
    qsort(t, (size_t)n, sizeof *t, by_name);
    for (int64_t i = 0; i < n; i++) {
        h = hash_bytes(h, t[i]->name, strlen(t[i]->name));
        h = hash_bytes(h, dtype_name(t[i]->type), strlen(dtype_name(t[i]->type)));
        h = hash_bytes(h, t[i]->dim, sizeof t[i]->dim);
        if (t[i]->bytes <= (size_t)WINDOWS * WINDOW) {
            h = hash_bytes(h, t[i]->data, t[i]->bytes);
            continue;
        }
        for (size_t k = 0; k < WINDOWS; k++)
            h = hash_bytes(h, (const uint8_t *)t[i]->data + (t[i]->bytes - WINDOW) / (WINDOWS - 1) * k, WINDOW);
    }
    free(t);
    return h;
}

static int open_gguf(checkpoint *c, const char *path, err *e)
{
    int code = gguf_open(&c->g, path, e);
    if (code == OK) code = config_from_gguf(&c->config, c->g, e);
    for (int64_t i = 0; code == OK && i < gguf_tensor_count(c->g); i++) {
        char name[160];
        tensor t = *gguf_tensor_at(c->g, i);
        /* a name without a counterpart stays as it is; checkpoint_check() will name it */
        if (gguf_name_to_hf(t.name, name, sizeof name)) t.name = name;
        if (strstr(t.name, ".q_proj.") || strstr(t.name, ".k_proj.")) {
            int64_t rows = t.dim[0];
            if (rows % c->config.head_dim)
                return fail(e, E_FORMAT, "%s: %s has %lld rows, not a number of heads of %lld", path, t.name,
                            (long long)rows, (long long)c->config.head_dim);
            t.pair_dim = c->config.head_dim;
        }
        code = weights_add(c->w, &t, e);
    }
    return code;
}

static int add_shard(checkpoint *c, const char *file, safetensors **out, err *e)
{
    char *path = arena_fmt(&c->mem, "%s/%s", c->folder, file);
    int code = safetensors_open(out, path, e);
    if (code == OK) c->shard[c->shards++] = *out;
    return code;
}

/* model.safetensors.index.json: {"weight_map": {tensor: file}}. A file is opened once; a name with a path in it
 * could reach anywhere, so it is refused. */
static int open_shards(checkpoint *c, const char *index, err *e)
{
    json_t *j = json_parse_file(index, e);
    if (!j) return e->code;
    json_t *map = json_object_get(j, "weight_map");
    int code = json_is_object(map) ? OK : fail(e, E_FORMAT, "%s: has no \"weight_map\"", index);
    const char **opened = xcalloc(MAX_SHARDS, sizeof *opened);
    const char *name;
    json_t *v;
    json_object_foreach(map, name, v) {
        const char *file = json_string_value(v);
        if (code != OK) break;
        if (!file || !*file || strchr(file, '/') || !strcmp(file, "..")) {
            code = fail(e, E_FORMAT, "%s: tensor %s is said to be in a file that is not a plain name", index, name);
            break;
        }
        int64_t k = 0;
        while (k < c->shards && strcmp(opened[k], file)) k++;
        safetensors *s = k < c->shards ? c->shard[k] : NULL;
        if (!s && k == MAX_SHARDS) code = fail(e, E_FORMAT, "%s: names more than %d files", index, MAX_SHARDS);
        else if (!s) {
            opened[k] = file;
            code = add_shard(c, file, &s, e);
        }
        if (code == OK && !safetensors_find(s, name))
            code = fail(e, E_FORMAT, "%s: tensor %s is not in %s", index, name, file);
    }
    free(opened);
    json_decref(j);
    return code;
}

static int open_folder(checkpoint *c, err *e)
{
    int code = config_from_folder(&c->config, c->folder, e);
    if (code != OK) return code;
    c->shard = xcalloc(MAX_SHARDS, sizeof *c->shard);
    safetensors *one;
    const char *index = arena_fmt(&c->mem, "%s/model.safetensors.index.json", c->folder);
    if (file_exists(arena_fmt(&c->mem, "%s/model.safetensors", c->folder)))
        code = add_shard(c, "model.safetensors", &one, e);
    else if (file_exists(index))
        code = open_shards(c, index, e);
    else if (file_exists(arena_fmt(&c->mem, "%s/pytorch_model.bin", c->folder)))
        return fail(e, E_UNSUPPORTED, "%s: holds pytorch_model.bin, a format that can run code when it is read; convert it "
                    "to safetensors", c->path);
    else
        return fail(e, E_IO, "%s: holds neither model.safetensors nor model.safetensors.index.json", c->path);
    for (int64_t s = 0; s < c->shards && code == OK; s++) code = bitsandbytes_add(c->w, c->shard[s], &c->mem, e);
    return code;
}

/* The one GGUF file of a folder without config.json; NULL when there is none or more than one. */
static char *only_gguf(arena *mem, const char *folder)
{
    DIR *d = opendir(folder);
    char *found = NULL;
    int n = 0;
    for (const struct dirent *f; d && (f = readdir(d));)
        if (str_ends(f->d_name, ".gguf") && n++ == 0) found = arena_fmt(mem, "%s/%s", folder, f->d_name);
    if (d) closedir(d);
    return n == 1 ? found : NULL;
}

int checkpoint_open(checkpoint **out, const char *path, err *e)
{
    err local = {0};
    if (!e) e = &local;
    checkpoint *c = xcalloc(1, sizeof *c);
    c->path = arena_strdup(&c->mem, path);
    c->w = weights_new();
    int code;
    if (file_is_dir(path)) {
        c->folder = c->path;
        const char *g = file_exists(arena_fmt(&c->mem, "%s/config.json", path)) ? NULL : only_gguf(&c->mem, path);
        code = g ? open_gguf(c, g, e) : open_folder(c, e);
    } else {
        const char *slash = strrchr(path, '/');
        c->folder = slash ? arena_strndup(&c->mem, path, (size_t)(slash - path) + (slash == path)) : arena_strdup(&c->mem, ".");
        code = str_ends(path, ".safetensors")
                   ? fail(e, E_USAGE, "%s: a safetensors file alone does not say what model it is; give the folder with its "
                          "config.json", path)
                   : open_gguf(c, path, e);
    }
    if (code != OK) {
        checkpoint_close(c);
        return code;
    }
    c->fingerprint = fingerprint(c);
    *out = c;
    return OK;
}

void checkpoint_close(checkpoint *c)
{
    if (!c) return;
    weights_free(c->w);
    gguf_close(c->g);
    for (int64_t i = 0; i < c->shards; i++) safetensors_close(c->shard[i]);
    free(c->shard);
    arena_free(&c->mem);
    free(c);
}

const model_config *checkpoint_config(const checkpoint *c) { return &c->config; }
weights            *checkpoint_weights(const checkpoint *c) { return c->w; }
const gguf         *checkpoint_gguf(const checkpoint *c) { return c->g; }
const char         *checkpoint_path(const checkpoint *c) { return c->path; }
const char         *checkpoint_folder(const checkpoint *c) { return c->folder; }
uint64_t            checkpoint_fingerprint(const checkpoint *c) { return c->fingerprint; }
