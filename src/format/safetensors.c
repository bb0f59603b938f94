/* safetensors.c -- reads safetensors files; the layout and its rules are in safetensors.h.
 *
 * The header is parsed by jansson, which checks UTF-8 and refuses duplicate names. Every tensor is
 * judged alone (type, shape, size), then all are sorted by offset and have to tile the data. */
#include "format/safetensors.h"

#include "base/file.h"
#include "base/json.h"
#include "format/safetensors_type.h"
#include "tensor/weights.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_HEADER = 100000000 };

struct safetensors {
    filemap           map; /* empty when the bytes are the caller's */
    arena             mem;
    const char       *path;
    weights          *set; /* the views, in the order of their data */
    safetensors_pair *metadata;
    int64_t           n_metadata;
    void            **copies; /* data of tensors that were not aligned */
    size_t           *copy_bytes;
    int64_t           n_copies;
};

/* A tensor and where the header says that its data lies. */
typedef struct span {
    tensor t;
    size_t begin, end;
} span;

static int by_begin(const void *a, const void *b)
{
    const span *s = a, *t = b;
    if (s->begin != t->begin) return s->begin < t->begin ? -1 : 1;
    if (s->end != t->end) return s->end < t->end ? -1 : 1;
    return strcmp(s->t.name, t->t.name);
}

/* A whole number from 0 on; -1 for anything else. */
static int64_t natural(const json_t *v)
{
    return json_is_integer(v) && json_integer_value(v) >= 0 ? (int64_t)json_integer_value(v) : -1;
}

static int read_shape(const safetensors *s, tensor *t, const json_t *shape, err *e)
{
    size_t n = json_array_size(shape);
    if (!json_is_array(shape))
        return fail(e, E_FORMAT, "%s: tensor %s has no shape; the file is damaged", s->path, t->name);
    if (n > TENSOR_DIMS)
        return fail(e, E_UNSUPPORTED, "%s: tensor %s has %zu dimensions, more than %d are not read", s->path,
                    t->name, n, TENSOR_DIMS);
    t->ndim = (int)n;
    int64_t most = 1; /* empty dimensions taken as 1: bounds every partial product */
    for (int i = 0; i < TENSOR_DIMS; i++) {
        t->dim[i] = i < t->ndim ? natural(json_array_get(shape, (size_t)i)) : 1;
        if (t->dim[i] < 0)
            return fail(e, E_FORMAT, "%s: tensor %s has a bad shape; the file is damaged", s->path, t->name);
        if (__builtin_mul_overflow(most, t->dim[i] ? t->dim[i] : 1, &most) || most > INT64_MAX / 16)
            return fail(e, E_FORMAT, "%s: the shape of tensor %s overflows; the file is damaged", s->path,
                        t->name);
    }
    return OK;
}

/* Not empty, and without control characters, so that it can stand in a message. */
static bool good_name(const char *s)
{
    for (const char *p = s; *p; p++)
        if ((uint8_t)*p < 0x20 || *p == 0x7f) return false;
    return *s != 0;
}

static int read_tensor(const safetensors *s, span *out, const char *name, const json_t *o, size_t data_bytes,
                       err *e)
{
    tensor *t = &out->t;
    t->name = name;
    if (!good_name(name)) return fail(e, E_FORMAT, "%s: a tensor has no valid name", s->path);
    const char *type = json_string_value(json_object_get(o, "dtype"));
    if (!type) return fail(e, E_FORMAT, "%s: tensor %s has no dtype; the file is damaged", s->path, name);
    t->type = safetensors_dtype(type);
    if (t->type == DT_COUNT)
        return fail(e, E_UNSUPPORTED, "%s: tensor %s is stored as %.20s, which is not read (F64, F32, F16, "
                                      "BF16 and integers are)", s->path, name, type);
    int code = read_shape(s, t, json_object_get(o, "shape"), e);
    if (code != OK) return code;
    const json_t *offsets = json_object_get(o, "data_offsets");
    int64_t begin = natural(json_array_get(offsets, 0)), end = natural(json_array_get(offsets, 1));
    if (json_array_size(offsets) != 2 || begin < 0 || end < begin)
        return fail(e, E_FORMAT, "%s: tensor %s has no valid data_offsets; the file is damaged", s->path,
                    name);
    if ((uint64_t)end > data_bytes)
        return fail(e, E_FORMAT, "%s: tensor %s runs past the end of the file; the file is cut short, fetch "
                                 "it again", s->path, name);
    t->bytes = (size_t)tensor_count(t) * dtype_bytes(t->type, 1);
    if (t->bytes != (size_t)(end - begin))
        return fail(e, E_FORMAT, "%s: tensor %s takes %zu bytes by its shape and %lld by its offsets; the "
                                 "file is damaged", s->path, name, t->bytes, (long long)(end - begin));
    out->begin = (size_t)begin;
    out->end = (size_t)end;
    return OK;
}

static int read_metadata(safetensors *s, json_t *o, err *e)
{
    const char *key;
    json_t *value;
    if (!json_is_object(o)) return fail(e, E_FORMAT, "%s: __metadata__ is no object", s->path);
    s->metadata = arena_new(&s->mem, (json_object_size(o) + 1) * sizeof *s->metadata);
    json_object_foreach(o, key, value) {
        if (!json_is_string(value))
            return fail(e, E_FORMAT, "%s: __metadata__ \"%s\" is no string", s->path, key);
        s->metadata[s->n_metadata++] =
            (safetensors_pair){arena_strdup(&s->mem, key), arena_strdup(&s->mem, json_string_value(value))};
    }
    return OK;
}

/* The tensors have to tile the data: no hole, no overlap, nothing left over. */
static int check_tiling(const safetensors *s, const span *list, int64_t n, size_t data_bytes, err *e)
{
    size_t end = 0;
    for (int64_t i = 0; i < n; i++) {
        if (list[i].begin != end)
            return fail(e, E_FORMAT, "%s: tensor %s %s; the file is damaged", s->path, list[i].t.name,
                        list[i].begin < end ? "overlaps another" : "leaves a hole before it");
        end = list[i].end;
    }
    if (end == data_bytes) return OK;
    return fail(e, E_FORMAT, "%s: has %zu bytes after its last tensor; the file is damaged", s->path,
                data_bytes - end);
}

/* Sets the address of a view, that of a copy when the file does not align its elements. */
static int place(safetensors *s, span *p, const uint8_t *data, err *e)
{
    tensor *t = &p->t;
    const uint8_t *at = data + p->begin;
    t->data = at;
    if (!t->bytes || (uintptr_t)at % dtype_bytes(t->type, 1) == 0) return OK;
    void *copy = big_new(t->bytes, t->name, e);
    if (!copy) return E_MEMORY;
    memcpy(copy, at, t->bytes);
    s->copies = xrealloc(s->copies, (size_t)(s->n_copies + 1) * sizeof *s->copies);
    s->copy_bytes = xrealloc(s->copy_bytes, (size_t)(s->n_copies + 1) * sizeof *s->copy_bytes);
    s->copies[s->n_copies] = copy;
    s->copy_bytes[s->n_copies++] = t->bytes;
    t->data = copy;
    return OK;
}

static int read_header(safetensors *s, json_t *header, span *list, const uint8_t *data, size_t data_bytes,
                       err *e)
{
    const char *name;
    json_t *o;
    int64_t n = 0;
    int code = OK;
    json_object_foreach(header, name, o) {
        if (!strcmp(name, "__metadata__")) code = read_metadata(s, o, e);
        else code = read_tensor(s, &list[n++], name, o, data_bytes, e);
        if (code != OK) return code;
    }
    if (n) qsort(list, (size_t)n, sizeof *list, by_begin);
    code = check_tiling(s, list, n, data_bytes, e);
    for (int64_t i = 0; i < n && code == OK; i++) {
        code = place(s, &list[i], data, e);
        if (code == OK) code = weights_add(s->set, &list[i].t, e);
    }
    return code;
}

static int parse(safetensors *s, const uint8_t *data, size_t n, err *e)
{
    if (n < 8) return fail(e, E_FORMAT, "%s: is too short for a safetensors file", s->path);
    uint64_t header_bytes = 0;
    for (int i = 7; i >= 0; i--) header_bytes = header_bytes << 8 | data[i];
    if (header_bytes > MAX_HEADER || header_bytes > n - 8)
        return fail(e, E_FORMAT, "%s: is not a safetensors file, or is cut short (its header would take %llu "
                                 "bytes)", s->path, (unsigned long long)header_bytes);
    if (!header_bytes || data[8] != '{')
        return fail(e, E_FORMAT, "%s: is not a safetensors file (its header is not JSON)", s->path);
    json_t *header = json_parse((const char *)data + 8, (size_t)header_bytes, s->path, e);
    if (!header) return E_FORMAT;
    span *list = xcalloc(json_object_size(header) + 1, sizeof *list);
    size_t skip = 8 + (size_t)header_bytes;
    int code = read_header(s, header, list, data + skip, n - skip, e);
    free(list);
    json_decref(header);
    return code;
}

static int parse_into(safetensors **out, safetensors *s, const uint8_t *data, size_t n, const char *where,
                      err *e)
{
    s->path = arena_strdup(&s->mem, where);
    s->set = weights_new();
    int code = parse(s, data, n, e);
    if (code == OK) *out = s;
    else safetensors_close(s);
    return code;
}

int safetensors_parse(safetensors **out, const uint8_t *data, size_t n, const char *where, err *e)
{
    *out = NULL;
    return parse_into(out, xcalloc(1, sizeof(safetensors)), data, n, where, e);
}

int safetensors_open(safetensors **out, const char *path, err *e)
{
    *out = NULL;
    safetensors *s = xcalloc(1, sizeof *s);
    int code = filemap_open(&s->map, path, e);
    if (code == OK) return parse_into(out, s, s->map.data, s->map.size, path, e);
    safetensors_close(s);
    return code;
}

void safetensors_close(safetensors *s)
{
    if (!s) return;
    weights_free(s->set);
    for (int64_t i = 0; i < s->n_copies; i++) big_free(s->copies[i], s->copy_bytes[i]);
    free(s->copies);
    free(s->copy_bytes);
    filemap_close(&s->map);
    arena_free(&s->mem);
    free(s);
}

const char   *safetensors_path(const safetensors *s) { return s->path; }
int64_t       safetensors_count(const safetensors *s) { return weights_count(s->set); }
const tensor *safetensors_at(const safetensors *s, int64_t i) { return weights_at(s->set, i); }
const tensor *safetensors_find(const safetensors *s, const char *name) { return weights_find(s->set, name); }

int64_t          safetensors_metadata_count(const safetensors *s) { return s->n_metadata; }
safetensors_pair safetensors_metadata_at(const safetensors *s, int64_t i) { return s->metadata[i]; }

const char *safetensors_metadata(const safetensors *s, const char *key)
{
    for (int64_t i = 0; i < s->n_metadata; i++)
        if (!strcmp(s->metadata[i].key, key)) return s->metadata[i].value;
    return NULL;
}
