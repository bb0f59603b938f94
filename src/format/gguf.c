/* gguf.c -- the index of a GGUF file; the layout is in gguf.h.
 *
 * One cursor walks over the header. Nothing is read before the bytes it needs are known to be left,
 * and no table is allocated before the file is known to be long enough to fill it, so that a header
 * of a few bytes can never ask for gigabytes. Keys and tensors are then sorted by name, which finds
 * duplicates and serves the look-ups. */
#include "format/gguf_file.h"

#include <stdlib.h>
#include <string.h>

enum {
    LEAST_KEY = 8 + 1 + 4 + 1,        /* bytes of the shortest key: name, type, value */
    LEAST_TENSOR = 8 + 1 + 4 + 4 + 8, /* of the shortest tensor entry: name, dims, type, offset */
    MAX_NAME = 65535,                 /* GGUF's own limit for keys */
};

typedef struct cursor {
    const uint8_t *p;
    size_t         left;
    const char    *where;
    err           *e;
} cursor;

size_t gguf_scalar_bytes(uint32_t type)
{
    static const size_t bytes[GGUF_TYPE_COUNT] = {
        [GGUF_U8] = 1,  [GGUF_I8] = 1,  [GGUF_BOOL] = 1, [GGUF_U16] = 2, [GGUF_I16] = 2, [GGUF_U32] = 4,
        [GGUF_I32] = 4, [GGUF_F32] = 4, [GGUF_U64] = 8,  [GGUF_I64] = 8, [GGUF_F64] = 8,
    };
    return type < GGUF_TYPE_COUNT ? bytes[type] : 0;
}

uint32_t gguf_get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint64_t gguf_get_u64(const uint8_t *p) { return gguf_get_u32(p) | (uint64_t)gguf_get_u32(p + 4) << 32; }

static int cut_short(const cursor *c)
{
    return fail(c->e, E_FORMAT, "%s: the header runs past the end of the file; the file is damaged or cut "
                                "short, fetch it again", c->where);
}

/* The next n bytes; NULL with e set when fewer are left. */
static const uint8_t *take(cursor *c, uint64_t n)
{
    if (n > c->left) {
        cut_short(c);
        return NULL;
    }
    const uint8_t *p = c->p;
    c->p += n;
    c->left -= (size_t)n;
    return p;
}

static int take_u32(cursor *c, uint32_t *out)
{
    const uint8_t *p = take(c, 4);
    if (!p) return E_FORMAT;
    *out = gguf_get_u32(p);
    return OK;
}

static int take_u64(cursor *c, uint64_t *out)
{
    const uint8_t *p = take(c, 8);
    if (!p) return E_FORMAT;
    *out = gguf_get_u64(p);
    return OK;
}

static int take_text(cursor *c, gguf_text *out)
{
    uint64_t n;
    if (take_u64(c, &n) != OK) return E_FORMAT;
    const uint8_t *p = take(c, n);
    if (!p) return E_FORMAT;
    *out = (gguf_text){(const char *)p, (size_t)n};
    return OK;
}

/* A key's or a tensor's name: not empty, bounded, free of NUL and other control characters, so that
 * it can stand in a message. */
static int take_name(cursor *c, const char *what, gguf_text *out)
{
    if (take_text(c, out) != OK) return E_FORMAT;
    bool good = out->n > 0 && out->n <= MAX_NAME;
    for (size_t i = 0; good && i < out->n; i++) good = (uint8_t)out->p[i] >= 0x20 && out->p[i] != 0x7f;
    if (good) return OK;
    return fail(c->e, E_FORMAT, "%s: a %s has no valid name; the file is damaged", c->where, what);
}

/* A name for a message, however long it is. */
static int shown(gguf_text t) { return t.n < 80 ? (int)t.n : 80; }

static int take_items(cursor *c, gguf_entry *k)
{
    size_t bytes = gguf_scalar_bytes(k->item);
    k->value = c->p;
    if (k->item == GGUF_STRING) {
        gguf_text unused; /* each takes 8 bytes at least, so a large count soon finds the end */
        for (uint64_t i = 0; i < k->count; i++)
            if (take_text(c, &unused) != OK) return E_FORMAT;
        return OK;
    }
    if (k->count > c->left / bytes) return cut_short(c);
    if (!take(c, k->count * bytes)) return E_FORMAT;
    for (uint64_t i = 0; k->item == GGUF_BOOL && i < k->count; i++)
        if (k->value[i] > 1)
            return fail(c->e, E_FORMAT, "%s: key %.*s is a truth value of %d; the file is damaged", c->where,
                        shown(k->name), k->name.p, k->value[i]);
    return OK;
}

static int take_key(cursor *c, gguf_entry *k)
{
    uint32_t type, item;
    if (take_name(c, "key", &k->name) != OK || take_u32(c, &type) != OK) return E_FORMAT;
    item = type;
    k->count = 1;
    if (type == GGUF_ARRAY && (take_u32(c, &item) != OK || take_u64(c, &k->count) != OK)) return E_FORMAT;
    if (type == GGUF_ARRAY && item == GGUF_ARRAY)
        return fail(c->e, E_UNSUPPORTED, "%s: key %.*s is an array of arrays, which is not read", c->where,
                    shown(k->name), k->name.p);
    if (item != GGUF_STRING && !gguf_scalar_bytes(item))
        return fail(c->e, E_FORMAT, "%s: key %.*s is of type %u, which GGUF does not define", c->where,
                    shown(k->name), k->name.p, item);
    k->type = (gguf_type)type;
    k->item = (gguf_type)item;
    return take_items(c, k);
}

/* One tensor's entry; `offset` stays relative to the data. */
static int take_tensor(cursor *c, arena *mem, tensor *t, uint64_t *offset)
{
    gguf_text name;
    uint32_t dims, type;
    if (take_name(c, "tensor", &name) != OK || take_u32(c, &dims) != OK) return E_FORMAT;
    if (dims > 4)
        return fail(c->e, E_FORMAT, "%s: tensor %.*s has %u dimensions, GGUF has at most 4", c->where,
                    shown(name), name.p, dims);
    t->ndim = (int)dims;
    for (int i = 0; i < 4; i++) t->dim[i] = 1;
    int64_t count = 1, most = 1; /* most: empty dimensions taken as 1, bounds every partial product */
    for (int i = t->ndim - 1; i >= 0; i--) {
        uint64_t d;
        if (take_u64(c, &d) != OK) return E_FORMAT;
        if (d > INT64_MAX || __builtin_mul_overflow(most, d ? (int64_t)d : 1, &most) || most > INT64_MAX / 16)
            return fail(c->e, E_FORMAT, "%s: the shape of tensor %.*s overflows; the file is damaged",
                        c->where, shown(name), name.p);
        t->dim[i] = (int64_t)d;
        count *= t->dim[i];
    }
    if (take_u32(c, &type) != OK || take_u64(c, offset) != OK) return E_FORMAT;
    t->type = gguf_dtype(type);
    if (t->type == DT_COUNT && gguf_dtype_name(type))
        return fail(c->e, E_UNSUPPORTED,
                    "%s: tensor %.*s is stored as %s, which is not read; take a file "
                    "of type F16, BF16, Q8_0 or Q2_K to Q6_K",
                    c->where, shown(name), name.p, gguf_dtype_name(type));
    if (t->type == DT_COUNT)
        return fail(c->e, E_UNSUPPORTED, "%s: tensor %.*s is of type number %u, which is not known", c->where,
                    shown(name), name.p, type);
    t->name = arena_strndup(mem, name.p, name.n);
    int64_t cols = tensor_cols(t), rows = count ? count / cols : 0;
    size_t row = count ? dtype_bytes(t->type, cols) : 0;
    if (count && (!row || __builtin_mul_overflow(row, (size_t)rows, &t->bytes)))
        return fail(c->e, E_FORMAT, "%s: tensor %s: rows of %lld elements are no whole blocks of %s",
                    c->where, t->name, (long long)cols, dtype_name(t->type));
    return OK;
}

static int compare_text(gguf_text a, gguf_text b)
{
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int by_key(const void *a, const void *b, void *g)
{
    const gguf_entry *k = ((const gguf *)g)->keys;
    return compare_text(k[*(const int64_t *)a].name, k[*(const int64_t *)b].name);
}

static int by_tensor(const void *a, const void *b, void *g)
{
    const tensor *t = ((const gguf *)g)->tensors;
    return strcmp(t[*(const int64_t *)a].name, t[*(const int64_t *)b].name);
}

static int by_data(const void *a, const void *b)
{
    const tensor *s = *(const tensor *const *)a, *t = *(const tensor *const *)b;
    if (s->data != t->data) return (const char *)s->data < (const char *)t->data ? -1 : 1;
    return (s->bytes > t->bytes) - (s->bytes < t->bytes);
}

static int64_t *sorted(gguf *g, int64_t n, int (*compare)(const void *, const void *, void *))
{
    int64_t *order = arena_new(&g->mem, (size_t)(n + 1) * sizeof *order);
    for (int64_t i = 0; i < n; i++) order[i] = i;
    if (n) qsort_r(order, (size_t)n, sizeof *order, compare, g);
    return order;
}

static int take_keys(cursor *c, gguf *g, uint64_t n)
{
    if (n > c->left / LEAST_KEY) return cut_short(c);
    g->n_keys = (int64_t)n;
    g->keys = arena_new(&g->mem, (size_t)(n + 1) * sizeof *g->keys);
    for (int64_t i = 0; i < g->n_keys; i++)
        if (take_key(c, &g->keys[i]) != OK) return E_FORMAT;
    g->keys_by_name = sorted(g, g->n_keys, by_key);
    for (int64_t i = 1; i < g->n_keys; i++) {
        gguf_text name = g->keys[g->keys_by_name[i]].name;
        if (!compare_text(g->keys[g->keys_by_name[i - 1]].name, name))
            return fail(c->e, E_FORMAT, "%s: key %.*s is there twice", c->where, shown(name), name.p);
    }
    return OK;
}

static int take_tensors(cursor *c, gguf *g, uint64_t n, uint64_t *offset)
{
    for (int64_t i = 0; i < (int64_t)n; i++)
        if (take_tensor(c, &g->mem, &g->tensors[i], &offset[i]) != OK) return c->e->code;
    g->tensors_by_name = sorted(g, g->n_tensors, by_tensor);
    for (int64_t i = 1; i < g->n_tensors; i++) {
        const char *name = g->tensors[g->tensors_by_name[i]].name;
        if (!strcmp(g->tensors[g->tensors_by_name[i - 1]].name, name))
            return fail(c->e, E_FORMAT, "%s: tensor %s is there twice", c->where, name);
    }
    return OK;
}

/* Turns offsets into addresses. c stands where the header ends. */
static int place(cursor *c, gguf *g, const uint8_t *data, const uint64_t *offset)
{
    int64_t align = gguf_int(g, "general.alignment", 32, c->e);
    if (c->e->code) return c->e->code;
    if (align < 8 || align > 1 << 24 || (align & (align - 1)))
        return fail(c->e, E_FORMAT, "%s: general.alignment is %lld, it has to be a power of two from 8 on",
                    c->where, (long long)align);
    size_t at = (size_t)(c->p - data), pad = (size_t)(-(int64_t)at & (align - 1));
    size_t left = c->left > pad ? c->left - pad : 0;
    const tensor **order = arena_new(&g->mem, (size_t)(g->n_tensors + 1) * sizeof *order);
    for (int64_t i = 0; i < g->n_tensors; i++) {
        tensor *t = &g->tensors[i];
        if (offset[i] % (uint64_t)align)
            return fail(c->e, E_FORMAT, "%s: tensor %s does not begin at a multiple of %lld bytes", c->where,
                        t->name, (long long)align);
        if (offset[i] > left || t->bytes > left - offset[i])
            return fail(c->e, E_FORMAT, "%s: tensor %s runs past the end of the file; the file is cut short, "
                                        "fetch it again", c->where, t->name);
        t->data = c->p + (left ? pad : 0) + offset[i];
        order[i] = t;
    }
    if (g->n_tensors) qsort(order, (size_t)g->n_tensors, sizeof *order, by_data);
    for (int64_t i = 1; i < g->n_tensors; i++)
        if ((const char *)order[i - 1]->data + order[i - 1]->bytes > (const char *)order[i]->data)
            return fail(c->e, E_FORMAT, "%s: tensors %s and %s overlap; the file is damaged", c->where,
                        order[i - 1]->name, order[i]->name);
    return OK;
}

static int take_version(cursor *c, gguf *g)
{
    uint32_t version;
    if (c->left < 4 || memcmp(c->p, "GGUF", 4))
        return fail(c->e, E_FORMAT, "%s: is not a GGUF file (it does not begin with GGUF)", c->where);
    take(c, 4);
    if (take_u32(c, &version) != OK) return E_FORMAT;
    if (!(version & 0xffff))
        return fail(c->e, E_UNSUPPORTED, "%s: is a big-endian GGUF file; take the little-endian one",
                    c->where);
    if (version < 2 || version > 3)
        return fail(c->e, E_UNSUPPORTED, "%s: is GGUF version %u; versions 2 and 3 are read", c->where,
                    version);
    g->version = (int)version;
    return OK;
}

static int parse(gguf *g, const uint8_t *data, size_t n, err *e)
{
    cursor c = {data, n, g->path, e};
    uint64_t tensors, keys;
    int code = take_version(&c, g);
    if (code != OK) return code;
    if (take_u64(&c, &tensors) != OK || take_u64(&c, &keys) != OK) return E_FORMAT;
    code = take_keys(&c, g, keys);
    if (code != OK) return e->code;
    if (tensors > c.left / LEAST_TENSOR) return cut_short(&c);
    g->n_tensors = (int64_t)tensors;
    g->tensors = arena_new(&g->mem, (size_t)(tensors + 1) * sizeof *g->tensors);
    uint64_t *offset = arena_new(&g->mem, (size_t)(tensors + 1) * sizeof *offset);
    code = take_tensors(&c, g, tensors, offset);
    return code == OK ? place(&c, g, data, offset) : code;
}

static int parse_into(gguf **out, gguf *g, const uint8_t *data, size_t n, const char *where, err *e)
{
    err mine = {0};
    g->path = arena_strdup(&g->mem, where);
    if (parse(g, data, n, &mine) == OK) {
        *out = g;
        return OK;
    }
    gguf_close(g);
    return fail(e, mine.code, "%s", mine.msg);
}

int gguf_parse(gguf **out, const uint8_t *data, size_t n, const char *where, err *e)
{
    *out = NULL;
    return parse_into(out, xcalloc(1, sizeof(gguf)), data, n, where, e);
}

int gguf_open(gguf **out, const char *path, err *e)
{
    *out = NULL;
    gguf *g = xcalloc(1, sizeof *g);
    int code = filemap_open(&g->map, path, e);
    if (code == OK) return parse_into(out, g, g->map.data, g->map.size, path, e);
    gguf_close(g);
    return code;
}

void gguf_close(gguf *g)
{
    if (!g) return;
    filemap_close(&g->map);
    arena_free(&g->mem);
    free(g);
}

const char   *gguf_path(const gguf *g) { return g->path; }
int           gguf_version(const gguf *g) { return g->version; }
int64_t       gguf_tensor_count(const gguf *g) { return g->n_tensors; }
const tensor *gguf_tensor_at(const gguf *g, int64_t i) { return &g->tensors[i]; }
