/* torch_file.c -- see torch_file.h: where the storages are, and tensors as views of them. */
#include "format/torch_file.h"

#include "base/file.h"
#include "format/torch_pickle.h"
#include "format/zip.h"

#include <stdlib.h>
#include <string.h>

typedef struct place {
    const char    *key;
    const uint8_t *data;
    size_t         size;
} place;

struct torch_file {
    const char *path;
    filemap     map;
    place      *storage; /* sorted by key */
    int64_t     storages;
    tensor     *t, **by_name;
    int64_t     n;
    void      **copy; /* of tensors that were not aligned */
    size_t     *copy_bytes;
    int64_t     copies;
    arena       mem;
};

static int by_key(const void *a, const void *b)
{
    return strcmp(((const place *)a)->key, ((const place *)b)->key);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(tensor *const *)a)->name, (*(tensor *const *)b)->name);
}

/* A view of t's numbers, copied where they are not aligned to their size. */
static int see(torch_file *f, tensor *t, const uint8_t *data, err *e)
{
    t->data = data;
    if (t->bytes == 0 || (uintptr_t)data % (size_t)dtype_table[t->type]->block_bytes == 0) return OK;
    void *copy = big_new(t->bytes, "a tensor whose numbers are not aligned", e);
    if (!copy) return E_MEMORY;
    t->data = memcpy(copy, data, t->bytes);
    f->copy_bytes[f->copies] = t->bytes;
    f->copy[f->copies++] = copy;
    return OK;
}

static int add_tensor(torch_file *f, const char *name, const pickle_tensor *p, err *e)
{
    int64_t count = 1;
    bool ordered = p->offset >= 0;
    for (int i = p->ndim - 1; i >= 0; i--) {
        if (p->dim[i] > 1) ordered &= p->stride[i] == count;
        if (p->dim[i] < 0 || __builtin_mul_overflow(count, p->dim[i], &count))
            return fail(e, E_FORMAT, "%s: the shape of tensor %.200s makes no sense", f->path, name);
    }
    if (!ordered)
        return fail(e, E_UNSUPPORTED, "%s: tensor %.200s is not stored in the order of its elements", f->path,
                    name);
    const place key = {.key = p->storage->key};
    const place *s = f->storages ? bsearch(&key, f->storage, (size_t)f->storages, sizeof key, by_key) : NULL;
    const size_t element = (size_t)dtype_table[p->storage->type]->block_bytes;
    if (!s || s->size / element < (size_t)p->storage->count || p->offset > p->storage->count ||
        count > p->storage->count - p->offset)
        return fail(e, E_FORMAT, "%s: the numbers of tensor %.200s are not there; fetch it again", f->path,
                    name);
    tensor *t = &f->t[f->n];
    *t = (tensor){.name = name, .type = p->storage->type, .ndim = p->ndim, .bytes = (size_t)count * element};
    memcpy(t->dim, p->dim, sizeof t->dim);
    f->n++;
    return see(f, t, s->data + (size_t)p->offset * element, e);
}

static int add_all(torch_file *f, const pickle_value *root, err *e)
{
    if (root->kind != PICKLE_DICT)
        return fail(e, E_UNSUPPORTED, "%s: holds no dictionary of tensors", f->path);
    const int64_t n = root->list->n / 2;
    f->t = arena_new(&f->mem, (size_t)(n + 1) * sizeof *f->t);
    f->by_name = arena_new(&f->mem, (size_t)(n + 1) * sizeof *f->by_name);
    f->copy = arena_new(&f->mem, (size_t)(n + 1) * sizeof *f->copy);
    f->copy_bytes = arena_new(&f->mem, (size_t)(n + 1) * sizeof *f->copy_bytes);
    int code = OK;
    for (int64_t i = 0; i < n && code == OK; i++) {
        const pickle_value *key = &root->list->v[2 * i], *value = key + 1;
        if (key->kind != PICKLE_TEXT || value->kind != PICKLE_TENSOR)
            return fail(e, E_UNSUPPORTED, "%s: \"%.100s\" in it is no tensor", f->path,
                        key->kind == PICKLE_TEXT ? key->text : "?");
        code = add_tensor(f, key->text, value->tensor, e);
    }
    for (int64_t i = 0; i < f->n; i++) f->by_name[i] = &f->t[i];
    if (f->n) qsort(f->by_name, (size_t)f->n, sizeof *f->by_name, by_name);
    return code;
}

/* Files of the archive under the folder of data.pkl. */
static int read_archive(torch_file *f, const uint8_t *data, size_t n, err *e)
{
    zip z;
    pickle_value root;
    const zip_entry *pickle = NULL;
    int code = zip_read(&z, data, n, &f->mem, f->path, e);
    for (int64_t i = 0; i < z.n && code == OK; i++)
        if (str_ends(z.entry[i].name, "/data.pkl")) pickle = &z.entry[i];
    if (code == OK && !pickle)
        code =
            fail(e, E_UNSUPPORTED, "%s: is a zip archive without a data.pkl: not of torch.save()", f->path);
    if (code != OK) return code;
    const size_t root_length = strlen(pickle->name) - strlen("data.pkl");
    f->storage = arena_new(&f->mem, (size_t)(z.n + 1) * sizeof *f->storage);
    for (int64_t i = 0; i < z.n; i++) {
        const zip_entry *x = &z.entry[i];
        if (strncmp(x->name, pickle->name, root_length)) continue;
        if (!strcmp(x->name + root_length, "byteorder") && (x->size != 6 || memcmp(x->data, "little", 6)))
            return fail(e, E_UNSUPPORTED, "%s: is of a machine of another byte order", f->path);
        if (!strncmp(x->name + root_length, "data/", 5))
            f->storage[f->storages++] = (place){x->name + root_length + 5, x->data, x->size};
    }
    if (f->storages) qsort(f->storage, (size_t)f->storages, sizeof *f->storage, by_key);
    size_t used;
    code = pickle_load(&root, pickle->data, pickle->size, &used, &f->mem, f->path, e);
    return code == OK ? add_all(f, &root, e) : code;
}

static int by_storage(const void *a, const void *b)
{
    return strcmp((*(const pickle_storage *const *)a)->key, (*(const pickle_storage *const *)b)->key);
}

/* The storages of all tensors, sorted by key: how long their numbers are. */
static const pickle_storage **known_storages(torch_file *f, const pickle_value *root, size_t *n)
{
    const int64_t most = root->kind == PICKLE_DICT ? root->list->n / 2 : 0;
    const pickle_storage **s = arena_new(&f->mem, (size_t)(most + 1) * sizeof *s);
    *n = 0;
    for (int64_t i = 0; i < most; i++) {
        const pickle_value *v = &root->list->v[2 * i + 1];
        if (v->kind == PICKLE_TENSOR) s[(*n)++] = v->tensor->storage;
    }
    if (*n) qsort(s, *n, sizeof *s, by_storage);
    return s;
}

static const pickle_storage *storage_of(const pickle_storage **known, size_t n, const char *key)
{
    const pickle_storage wanted = {.key = key}, *at = &wanted;
    const pickle_storage **found = n ? bsearch(&at, known, n, sizeof *known, by_storage) : NULL;
    return found ? *found : NULL;
}

static int read_storages(torch_file *f, const pickle_value *root, const pickle_value *keys,
                         const uint8_t *data, size_t n, err *e)
{
    size_t at = 0, n_known;
    const pickle_storage **known = known_storages(f, root, &n_known);
    f->storage = arena_new(&f->mem, (size_t)(keys->list->n + 1) * sizeof *f->storage);
    for (int64_t i = 0; i < keys->list->n; i++) {
        const pickle_value *key = &keys->list->v[i];
        const pickle_storage *s = key->kind == PICKLE_TEXT ? storage_of(known, n_known, key->text) : NULL;
        uint64_t count = 0;
        if (n - at >= 8) memcpy(&count, data + at, 8);
        const size_t element = s ? (size_t)dtype_table[s->type]->block_bytes : 1;
        if (!s || n - at < 8 || count != (uint64_t)s->count || count > (n - at - 8) / element)
            return fail(e, E_FORMAT, "%s: its numbers are cut off or of no tensor; fetch it again", f->path);
        f->storage[f->storages++] = (place){key->text, data + at + 8, (size_t)count * element};
        at += 8 + (size_t)count * element;
    }
    if (f->storages) qsort(f->storage, (size_t)f->storages, sizeof *f->storage, by_key);
    return OK;
}

static int read_pickles(torch_file *f, const uint8_t *data, size_t n, err *e)
{
    enum { MAGIC, PROTOCOL, MACHINE, ROOT, KEYS, PICKLES };
    pickle_value v[PICKLES];
    size_t at = 0, used = 0;
    for (int i = 0; i < PICKLES; i++, at += used) {
        int code = pickle_load(&v[i], data + at, n - at, &used, &f->mem, f->path, e);
        if (code != OK) return code;
    }
    if (v[PROTOCOL].kind != PICKLE_INT || v[PROTOCOL].number != 1001 || v[KEYS].kind != PICKLE_LIST)
        return fail(e, E_UNSUPPORTED, "%s: is not of torch.save()", f->path);
    const pickle_list *facts = v[MACHINE].kind == PICKLE_DICT ? v[MACHINE].list : NULL;
    for (int64_t i = 0; facts && i < facts->n; i += 2)
        if (facts->v[i].kind == PICKLE_TEXT && !strcmp(facts->v[i].text, "little_endian") &&
            facts->v[i + 1].number != 1)
            return fail(e, E_UNSUPPORTED, "%s: is of a machine of another byte order", f->path);
    int code = read_storages(f, &v[ROOT], &v[KEYS], data + at, n - at, e);
    return code == OK ? add_all(f, &v[ROOT], e) : code;
}

static int parse(torch_file **out, torch_file *f, const uint8_t *data, size_t n, const char *where, err *e)
{
    err mine = {0};
    f->path = arena_strdup(&f->mem, where);
    int code;
    if (n >= 4 && !memcmp(data, "PK\3\4", 4)) code = read_archive(f, data, n, &mine);
    else if (n >= 2 && data[0] == 0x80) code = read_pickles(f, data, n, &mine);
    else code = fail(&mine, E_FORMAT, "%s: is not of torch.save()", where);
    if (code == OK) {
        *out = f;
        return OK;
    }
    torch_file_close(f);
    return fail(e, mine.code, "%s", mine.msg);
}

int torch_file_parse(torch_file **out, const uint8_t *data, size_t n, const char *where, err *e)
{
    *out = NULL;
    return parse(out, xcalloc(1, sizeof(torch_file)), data, n, where, e);
}

int torch_file_open(torch_file **out, const char *path, err *e)
{
    *out = NULL;
    torch_file *f = xcalloc(1, sizeof *f);
    int code = filemap_open(&f->map, path, e);
    if (code == OK) return parse(out, f, f->map.data, f->map.size, path, e);
    torch_file_close(f);
    return code;
}

void torch_file_close(torch_file *f)
{
    if (!f) return;
    for (int64_t i = 0; i < f->copies; i++) big_free(f->copy[i], f->copy_bytes[i]);
    filemap_close(&f->map);
    arena_free(&f->mem);
    free(f);
}

int64_t       torch_file_count(const torch_file *f) { return f->n; }
const tensor *torch_file_at(const torch_file *f, int64_t i) { return &f->t[i]; }

const tensor *torch_file_find(const torch_file *f, const char *name)
{
    tensor key = {.name = name}, *at = &key;
    tensor **found = f->n ? bsearch(&at, f->by_name, (size_t)f->n, sizeof *f->by_name, by_name) : NULL;
    return found ? *found : NULL;
}
