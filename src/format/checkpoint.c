/* checkpoint.c -- see checkpoint.h: which files a model is in, and one set of named views over them. */
#include "format/checkpoint.h"

#include "base/file.h"
#include "format/arrange.h"
#include "format/bitsandbytes.h"
#include "format/safetensors.h"
#include "format/torch_file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SHARDS = 4096 };

struct checkpoint {
    const char   *path, *folder;
    model_config  config;
    weights      *w;
    tensor       *stored; /* the views as the files hold them, sorted by name; adopting leaves them alone */
    gguf_parts    g; /* n 0: not GGUF */
    safetensors **shard;
    int64_t       shards;
    int64_t       outside; /* tensors of a model that sees images which are not of its text model */
    torch_file  **torch;
    int64_t       torches;
    arena         mem;
};

static uint64_t hash_bytes(uint64_t h, const void *p, size_t n)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++) h = (h ^ b[i]) * 0x100000001b3u; /* FNV-1a */
    return h;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const tensor *)a)->name, ((const tensor *)b)->name);
}

static void remember_stored(checkpoint *c)
{
    int64_t n = weights_count(c->w);
    c->stored = arena_new(&c->mem, (size_t)(n + 1) * sizeof *c->stored);
    for (int64_t i = 0; i < n; i++) c->stored[i] = *weights_at(c->w, i);
    if (n) qsort(c->stored, (size_t)n, sizeof *c->stored, by_name);
}

/* What a plain Llama does not have, and so adds nothing to what its fingerprint was before these were in it. */
static uint64_t hash_special(uint64_t h, const model_config *m)
{
    const rope_config *r = &m->rope;
    const int64_t rope[] = {r->kind, r->original, r->factors, r->truncate};
    const double scaled[] = {r->factor, r->low, r->high, r->magnitude};
    const int64_t experts[] = {m->experts, m->experts_used, m->expert_ffn, m->shared_ffn, m->norm_topk};
    const double scores[] = {m->attention_cap, m->final_cap, m->attention_scale};
    static const uint8_t none[sizeof m->unrotated];
    const size_t layers = (size_t)(m->layers + 7) / 8;
    if (r->kind != ROPE_PLAIN) {
        h = hash_bytes(h, rope, sizeof rope);
        h = hash_bytes(h, scaled, sizeof scaled);
        h = hash_bytes(h, r->short_factor, (size_t)r->factors * sizeof *r->short_factor);
        h = hash_bytes(h, r->long_factor, (size_t)r->factors * sizeof *r->long_factor);
    }
    if (memcmp(m->windowed, none, layers)) {
        h = hash_bytes(h, &m->window, sizeof m->window);
        h = hash_bytes(h, m->windowed, layers);
        h = hash_bytes(h, &m->local_theta, sizeof m->local_theta);
    }
    if (memcmp(m->unrotated, none, layers)) h = hash_bytes(h, m->unrotated, layers);
    if (m->experts) {
        h = hash_bytes(h, experts, sizeof experts);
        h = hash_bytes(h, m->dense, layers);
    }
    if (m->attention_cap > 0 || m->final_cap > 0) h = hash_bytes(h, scores, sizeof scores);
    return h;
}

uint64_t checkpoint_fingerprint(const checkpoint *c)
{
    enum { WINDOWS = 8, WINDOW = 64, DIMS = 4 }; /* no weight has more */
    const model_config *m = &c->config;
    int64_t numbers[] = {m->layers, m->width, m->heads, m->kv_heads, m->head_dim, m->ffn, m->vocab, m->tied};
    double reals[] = {m->rope.theta, m->rms_eps};
    uint64_t h = hash_bytes(0xcbf29ce484222325u, numbers, sizeof numbers);
    h = hash_bytes(h, reals, sizeof reals);
    h = hash_special(h, m);
    for (int64_t i = 0; i < weights_count(c->w); i++) {
        const tensor *t = &c->stored[i];
        h = hash_bytes(h, t->name, strlen(t->name));
        h = hash_bytes(h, dtype_name(t->type), strlen(dtype_name(t->type)));
        h = hash_bytes(h, t->dim, DIMS * sizeof *t->dim);
        if (t->bytes <= (size_t)WINDOWS * WINDOW) {
            h = hash_bytes(h, t->data, t->bytes);
            continue;
        }
        for (size_t k = 0; k < WINDOWS; k++)
            h = hash_bytes(h, (const uint8_t *)t->data + (t->bytes - WINDOW) / (WINDOWS - 1) * k, WINDOW);
    }
    return h;
}

const char *checkpoint_fingerprint_text(const checkpoint *c, char out[17])
{
    snprintf(out, 17, "%016llx", (unsigned long long)checkpoint_fingerprint(c));
    return out;
}

/* GGUF keeps q and k of Llama with the rows of each head in the order of the rotary pairs. A matrix
 * is seen through pair_dim; a bias is one row, so it is brought into order here, into floats. */
static int see_pairs(checkpoint *c, tensor *t, err *e)
{
    int64_t n = t->ndim ? t->dim[0] : 0, head = c->config.head_dim;
    if (t->ndim < 1 || t->ndim > 2 || n % head || !dtype_table[t->type]->is_weight)
        return fail(e, E_FORMAT, "%s: tensor %s with %lld rows is not one of heads of %lld", c->path, t->name,
                    (long long)n, (long long)head);
    t->pair_dim = head;
    if (t->ndim == 2) return OK;
    tensor column = *t;
    column.ndim = 2;
    float *plain = arena_new(&c->mem, (size_t)n * sizeof *plain);
    if (dtype_table[t->type]->per_block != 1)
        return fail(e, E_UNSUPPORTED, "%s: tensor %s is a bias of type %s; only plain numbers are read",
                    c->path, t->name, dtype_name(t->type));
    for (int64_t i = 0; i < n; i++) tensor_decode(&column, i, 0, 1, &plain[i]);
    t->pair_dim = 0;
    t->type = DT_F32;
    t->data = plain;
    t->bytes = (size_t)n * sizeof *plain;
    return OK;
}

/* Names that are not the same in every model of a family, into `name`: of a Falcon with two norms a block, and of
 * the expert that a tensor is alone of, "blk.3.ffn_gate.5.weight". */
static void settle_name(const checkpoint *c, const tensor *stored, char *name, size_t size)
{
    static const char single[] = ".input_layernorm.";
    char *norm = strstr(name, single), *star = strchr(name, '*');
    char rest[160];
    if (norm && c->config.two_norms) {
        snprintf(rest, sizeof rest, ".ln_mlp.%s", norm + strlen(single));
        snprintf(norm, size - (size_t)(norm - name), "%s", rest);
    }
    const char *end = strrchr(stored->name, '.'), *digits = end;
    while (digits && digits > stored->name && digits[-1] >= '0' && digits[-1] <= '9') digits--;
    if (!star || !digits || digits == end || end - digits > 5) return;
    snprintf(rest, sizeof rest, "%.*s%s", (int)(end - digits), digits, star + 1);
    snprintf(star, size - (size_t)(star - name), "%s", rest);
}

/* The matrices of all experts of a layer, one behind the other in a tensor, by their own names. */
static int add_experts(checkpoint *c, const tensor *all, const char *pattern, err *e)
{
    const char *star = strchr(pattern, '*');
    if (all->ndim != 3 || all->dim[0] != c->config.experts)
        return fail(e, E_FORMAT, "%s: tensor %s is not one of %lld matrices", c->path, all->name,
                    (long long)c->config.experts);
    int code = OK;
    for (int64_t i = 0; i < all->dim[0] && code == OK; i++) {
        tensor t = *all;
        t.name = arena_fmt(&c->mem, "%.*s%lld%s", (int)(star - pattern), pattern, (long long)i, star + 1);
        t.ndim = 2;
        t.dim[0] = all->dim[1], t.dim[1] = all->dim[2], t.dim[2] = 1;
        t.bytes = all->bytes / (size_t)all->dim[0];
        t.data = (const char *)all->data + (size_t)i * t.bytes;
        code = weights_add(c->w, &t, e);
    }
    return code;
}

static int add_gguf_tensor(checkpoint *c, const tensor *stored, err *e)
{
    char name[160];
    tensor t = *stored;
    int code = OK;
    /* a name without a counterpart stays as it is; model_check() will name it */
    if (gguf_name_to_hf(c->config.family, t.name, name, sizeof name)) {
        settle_name(c, stored, name, sizeof name);
        if (strchr(name, '*')) return add_experts(c, stored, name, e);
        t.name = name;
        if (!c->config.gated && str_ends(name, ".DenseReluDense.wi_1.weight")) /* one projection of its own */
            memmove(strstr(name, "_1."), strstr(name, "_1.") + 2, strlen(strstr(name, "_1.")) - 1);
        if (t.ndim == 1 && str_ends(name, ".shared_expert_gate.weight")) { /* a matrix of one row */
            t.ndim = 2;
            t.dim[1] = t.dim[0], t.dim[0] = 1;
        }
    }
    if (c->config.family->pairs && (strstr(t.name, ".q_proj.") || strstr(t.name, ".k_proj.")))
        code = see_pairs(c, &t, e);
    return code == OK ? weights_add(c->w, &t, e) : code;
}

static int open_gguf(checkpoint *c, const char *path, err *e)
{
    int code = gguf_parts_open(&c->g, path, e);
    if (code == OK) code = config_from_gguf(&c->config, &c->g, e);
    for (int64_t k = 0; k < c->g.n; k++)
        for (int64_t i = 0; code == OK && i < gguf_tensor_count(c->g.part[k]); i++)
            code = add_gguf_tensor(c, gguf_tensor_at(c->g.part[k], i), e);
    return code;
}

static int add_shard(checkpoint *c, const char *file, safetensors **out, err *e)
{
    int code = safetensors_open(out, arena_fmt(&c->mem, "%s/%s", c->folder, file), e);
    if (code == OK) c->shard[c->shards++] = *out;
    return code;
}

/* The file of one entry of weight_map, opened if it is not yet; opened[k] is the name of shard k. A
 * name with a path in it could reach anywhere, so it is refused. */
static int open_entry(checkpoint *c, const char *index, const char *name, const char *file,
                      const char **opened, err *e)
{
    if (!file || !*file || strchr(file, '/') || !strcmp(file, ".") || !strcmp(file, ".."))
        return fail(e, E_FORMAT, "%s: tensor %.200s is said to be in a file that is not a plain name", index,
                    name);
    int64_t k = 0;
    while (k < c->shards && strcmp(opened[k], file)) k++;
    safetensors *s = k < c->shards ? c->shard[k] : NULL;
    if (!s) {
        if (k == MAX_SHARDS) return fail(e, E_FORMAT, "%s: names more than %d files", index, MAX_SHARDS);
        opened[k] = file;
        int code = add_shard(c, file, &s, e);
        if (code != OK) return code;
    }
    if (safetensors_find(s, name)) return OK;
    return fail(e, E_FORMAT, "%s: tensor %.200s is not in %.200s", index, name, file);
}

/* model.safetensors.index.json: {"weight_map": {tensor: file}}. */
static int open_shards(checkpoint *c, const char *index, err *e)
{
    json_t *j = json_parse_file(index, e);
    if (!j) return E_FORMAT;
    json_t *map = json_object_get(j, "weight_map"), *v;
    int code = json_is_object(map) ? OK : fail(e, E_FORMAT, "%s: has no \"weight_map\"", index);
    const char **opened = xcalloc(MAX_SHARDS, sizeof *opened), *name;
    json_object_foreach(map, name, v) {
        if (code == OK) code = open_entry(c, index, name, json_string_value(v), opened, e);
    }
    free(opened);
    json_decref(j);
    return code;
}

/* All tensors of a file of torch.save(). */
static int add_torch(checkpoint *c, const char *file, err *e)
{
    torch_file *f;
    if (c->torches == MAX_SHARDS) return fail(e, E_FORMAT, "%s: has more than %d files", c->path, MAX_SHARDS);
    int code = torch_file_open(&f, arena_fmt(&c->mem, "%s/%s", c->folder, file), e);
    if (code != OK) return code;
    c->torch[c->torches++] = f;
    for (int64_t i = 0; i < torch_file_count(f) && code == OK; i++)
        code = weights_add(c->w, torch_file_at(f, i), e);
    return code;
}

/* pytorch_model.bin.index.json: the same as of safetensors. Every file that it names is read whole. */
static int open_torch_index(checkpoint *c, const char *index, err *e)
{
    json_t *j = json_parse_file(index, e), *map = json_object_get(j, "weight_map"), *v;
    if (!j) return E_FORMAT;
    int code = json_is_object(map) ? OK : fail(e, E_FORMAT, "%s: has no \"weight_map\"", index);
    json_t *seen = json_object();
    const char *name;
    json_object_foreach(map, name, v) {
        const char *file = json_string_value(v);
        if (code != OK || (file && json_object_get(seen, file))) continue;
        if (!file || !*file || strchr(file, '/') || !str_ends(file, ".bin"))
            code = fail(e, E_FORMAT, "%s: tensor %.200s is said to be in a file that is not a plain name",
                        index, name);
        if (code == OK) code = add_torch(c, file, e);
        if (code == OK) json_object_set_new(seen, file, json_true());
    }
    json_object_foreach(map, name, v) {
        if (code == OK && !weights_find(c->w, name))
            code = fail(e, E_FORMAT, "%s: tensor %.200s is in none of its files", index, name);
    }
    json_decref(seen);
    json_decref(j);
    return code;
}

static int open_folder(checkpoint *c, err *e)
{
    int code = config_from_folder(&c->config, c->folder, e);
    if (code != OK) return code;
    c->shard = xcalloc(MAX_SHARDS, sizeof *c->shard);
    c->torch = xcalloc(MAX_SHARDS, sizeof *c->torch);
    const char *torch_index = arena_fmt(&c->mem, "%s/pytorch_model.bin.index.json", c->folder);
    safetensors *one;
    const char *index = arena_fmt(&c->mem, "%s/model.safetensors.index.json", c->folder);
    if (file_exists(arena_fmt(&c->mem, "%s/model.safetensors", c->folder)))
        code = add_shard(c, "model.safetensors", &one, e);
    else if (file_exists(index)) code = open_shards(c, index, e);
    else if (file_exists(arena_fmt(&c->mem, "%s/pytorch_model.bin", c->folder)))
        code = add_torch(c, "pytorch_model.bin", e);
    else if (file_exists(torch_index)) code = open_torch_index(c, torch_index, e);
    else
        code = fail(
            e, E_IO,
            "%s: holds neither model.safetensors nor model.safetensors.index.json, nor pytorch_model.bin",
            c->path);
    if (code == OK) code = bitsandbytes_add(c->w, c->shard, c->shards, &c->mem, e);
    const int64_t all = weights_count(c->w);
    if (code == OK) code = arrange_names(&c->w, &c->config, e);
    if (code == OK && c->config.wrapper) c->outside = all - weights_count(c->w);
    return code;
}

static bool has_safetensors(arena *mem, const char *folder)
{
    return file_exists(arena_fmt(mem, "%s/model.safetensors", folder)) ||
           file_exists(arena_fmt(mem, "%s/model.safetensors.index.json", folder));
}

/* Whether both are parts of one split. */
static bool same_split(const char *a, const char *b)
{
    size_t stem, other;
    int64_t number, count, others;
    return gguf_part_name(a, &stem, &number, &count) && gguf_part_name(b, &other, &number, &others) &&
           stem == other && count == others && !strncmp(a, b, stem);
}

/* The GGUF file of a folder, or a part of the only one there; NULL when there is none, more are an error. */
static int only_gguf(checkpoint *c, const char **found, err *e)
{
    DIR *d = opendir(c->folder);
    int n = 0;
    for (const struct dirent *f; d && (f = readdir(d));) {
        if (!str_ends(f->d_name, ".gguf")) continue;
        const char *path = arena_fmt(&c->mem, "%s/%s", c->folder, f->d_name);
        if (n > 0 && same_split(*found, path)) continue;
        if (n++ == 0) *found = path;
    }
    if (d) closedir(d);
    if (n < 2) return OK;
    return fail(e, E_USAGE, "%s: holds %d GGUF files; give one of them", c->path, n);
}

static int open_any(checkpoint *c, err *e)
{
    const char *slash = strrchr(c->path, '/'), *found = NULL;
    if (file_is_dir(c->path)) {
        c->folder = c->path;
        int code = has_safetensors(&c->mem, c->path) ? OK : only_gguf(c, &found, e);
        if (code != OK) return code;
        return found ? open_gguf(c, found, e) : open_folder(c, e);
    }
    c->folder =
        !slash ? "." : arena_strndup(&c->mem, c->path, (size_t)(slash - c->path) + (slash == c->path));
    if (str_ends(c->path, ".safetensors"))
        return fail(e, E_USAGE,
                    "%s: does not say by itself what model it is; give the folder with its config.json",
                    c->path);
    return open_gguf(c, c->path, e);
}

int checkpoint_open(checkpoint **out, const char *path, err *e)
{
    *out = NULL;
    checkpoint *c = xcalloc(1, sizeof *c);
    c->path = arena_strdup(&c->mem, path);
    c->w = weights_new();
    int code = open_any(c, e);
    if (code == OK) {
        remember_stored(c);
        code = arrange_rows(c->w, &c->config, c->g.n ? FROM_GGUF : FROM_FOLDER, path, e);
    }
    if (code == OK) {
        *out = c;
    } else checkpoint_close(c);
    return code;
}

void checkpoint_close(checkpoint *c)
{
    if (!c) return;
    weights_free(c->w);
    gguf_parts_close(&c->g);
    for (int64_t i = 0; i < c->shards; i++) safetensors_close(c->shard[i]);
    free(c->shard);
    for (int64_t i = 0; i < c->torches; i++) torch_file_close(c->torch[i]);
    free(c->torch);
    arena_free(&c->mem);
    free(c);
}

const model_config *checkpoint_config(const checkpoint *c) { return &c->config; }
weights            *checkpoint_weights(const checkpoint *c) { return c->w; }
const gguf         *checkpoint_gguf(const checkpoint *c) { return c->g.n ? c->g.part[0] : NULL; }
int64_t             checkpoint_outside(const checkpoint *c) { return c->outside; }
const char         *checkpoint_path(const checkpoint *c) { return c->path; }
const char         *checkpoint_folder(const checkpoint *c) { return c->folder; }
