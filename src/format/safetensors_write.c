/* safetensors_write.c -- writes safetensors files; see safetensors.h.
 *
 * Order: descending alignment of the element, then name; so with a header of a whole number of 8
 * bytes every element lies aligned, whatever mixture of types. */
#include "format/safetensors.h"

#include "base/file.h"
#include "base/json.h"
#include "format/safetensors_type.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    dtype       type;
} types[] = {
    {"F64", DT_F64}, {"F32", DT_F32}, {"F16", DT_F16}, {"BF16", DT_BF16}, {"I64", DT_I64},
    {"I32", DT_I32}, {"I16", DT_I16}, {"I8", DT_I8},   {"U8", DT_U8},     {"BOOL", DT_BOOL},
};
enum { TYPES = sizeof types / sizeof *types };

dtype safetensors_dtype(const char *name)
{
    for (int i = 0; i < TYPES; i++)
        if (!strcmp(types[i].name, name)) return types[i].type;
    return DT_COUNT;
}

/* NULL: a type that the format does not have. */
static const char *name_of_type(dtype t)
{
    for (int i = 0; i < TYPES; i++)
        if (types[i].type == t) return types[i].name;
    return NULL;
}

static int by_alignment(const void *a, const void *b)
{
    const tensor *s = *(const tensor *const *)a, *t = *(const tensor *const *)b;
    size_t x = dtype_bytes(s->type, 1), y = dtype_bytes(t->type, 1);
    return x != y ? (x > y ? -1 : 1) : strcmp(s->name, t->name);
}

static int check(const char *path, const tensor *const *order, int64_t n, err *e)
{
    for (int64_t i = 0; i < n; i++) {
        const tensor *t = order[i];
        if (!name_of_type(t->type))
            return fail(e, E_UNSUPPORTED, "%s: tensor %s is %s, a type that safetensors does not have", path,
                        t->name, dtype_name(t->type));
        if (i && !strcmp(t->name, order[i - 1]->name))
            return fail(e, E_USAGE, "%s: tensor %s is to be written twice", path, t->name);
    }
    return OK;
}

/* NULL when a name or a value is not UTF-8, which jansson refuses. */
static json_t *header_of(const tensor *const *order, int64_t n, const safetensors_pair *pairs,
                         int64_t n_pairs)
{
    json_t *header = json_object(), *metadata = json_object();
    json_object_set_new(metadata, "format", json_string("pt"));
    json_object_set(header, "__metadata__", metadata);
    int bad = 0;
    for (int64_t i = 0; i < n_pairs; i++)
        bad |= json_object_set_new(metadata, pairs[i].key, json_string(pairs[i].value));
    size_t begin = 0;
    for (int64_t i = 0; i < n; i++) {
        const tensor *t = order[i];
        json_t *o = json_object(), *shape = json_array(), *offsets = json_array();
        for (int d = 0; d < t->ndim; d++) json_array_append_new(shape, json_integer(t->dim[d]));
        json_array_append_new(offsets, json_integer((json_int_t)begin));
        json_array_append_new(offsets, json_integer((json_int_t)(begin += t->bytes)));
        json_object_set_new(o, "dtype", json_string(name_of_type(t->type)));
        json_object_set_new(o, "shape", shape);
        json_object_set_new(o, "data_offsets", offsets);
        bad |= json_object_set_new(header, t->name, o);
    }
    json_decref(metadata);
    if (!bad) return header;
    json_decref(header);
    return NULL;
}

static void put_data(outfile *o, const tensor *t)
{
    if (!t->pair_dim) {
        file_put(o, t->data, t->bytes);
        return;
    }
    int64_t rows = tensor_rows(t);
    for (int64_t r = 0; r < rows; r++) file_put(o, tensor_row(t, r), t->bytes / (size_t)rows);
}

static int write_all(const char *path, const tensor *const *order, int64_t n, const char *text, err *e)
{
    outfile o;
    size_t length = strlen(text), padded = (length + 7) / 8 * 8;
    uint8_t size[8];
    for (int i = 0; i < 8; i++) size[i] = (uint8_t)(padded >> 8 * i);
    int code = file_create(&o, path, e);
    if (code != OK) return code;
    file_put(&o, size, 8);
    file_put(&o, text, length);
    file_put(&o, "        ", padded - length);
    for (int64_t i = 0; i < n; i++) put_data(&o, order[i]);
    return file_commit(&o, e);
}

int safetensors_write(const char *path, const tensor *tensors, int64_t n, const safetensors_pair *metadata,
                      int64_t n_metadata, err *e)
{
    const tensor **order = xmalloc((size_t)(n + 1) * sizeof *order);
    for (int64_t i = 0; i < n; i++) order[i] = &tensors[i];
    if (n) qsort(order, (size_t)n, sizeof *order, by_alignment);
    int code = check(path, order, n, e);
    if (code == OK) {
        json_t *header = header_of(order, n, metadata, n_metadata);
        char *text = header ? json_dumps(header, JSON_COMPACT) : NULL;
        if (!text) code = fail(e, E_FORMAT, "%s: a name or its metadata is not UTF-8", path);
        else code = write_all(path, order, n, text, e);
        free(text);
        json_decref(header);
    }
    free(order);
    return code;
}
