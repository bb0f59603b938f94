/* gguf_write.c -- see gguf_write.h; the layout is in gguf.h. */
#include "format/gguf_write.h"

#include "format/gguf_file.h"
#include "tensor/weights.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 32 };

struct gguf_writer {
    str      keys; /* as they stand in the file */
    str      names; /* of the keys, each ended by a NUL, to find doubles */
    uint64_t n_keys;
    weights *tensors;
    char    *doubled; /* the first tensor put twice, NULL: none */
};

gguf_writer *gguf_writer_new(void)
{
    gguf_writer *w = xcalloc(1, sizeof *w);
    w->tensors = weights_new();
    return w;
}

void gguf_writer_free(gguf_writer *w)
{
    if (!w) return;
    str_free(&w->keys);
    str_free(&w->names);
    weights_free(w->tensors);
    free(w->doubled);
    free(w);
}

static void add_number(str *s, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) str_putc(s, (char)(v >> 8 * i & 0xff));
}

static void add_text(str *s, const char *text, size_t n)
{
    add_number(s, n, 8);
    if (n) str_add(s, text, n);
}

static uint32_t float_bits(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

static void add_key(gguf_writer *w, const char *key, size_t n, gguf_type type)
{
    add_text(&w->keys, key, n);
    add_number(&w->keys, type, 4);
    str_add(&w->names, key, n);
    str_putc(&w->names, 0);
    w->n_keys++;
}

static void add_array(gguf_writer *w, const char *key, gguf_type item, int64_t n)
{
    add_key(w, key, strlen(key), GGUF_ARRAY);
    add_number(&w->keys, item, 4);
    add_number(&w->keys, (uint64_t)n, 8);
}

void gguf_put_u32(gguf_writer *w, const char *key, uint32_t v)
{
    add_key(w, key, strlen(key), GGUF_U32);
    add_number(&w->keys, v, 4);
}

void gguf_put_f32(gguf_writer *w, const char *key, float v)
{
    add_key(w, key, strlen(key), GGUF_F32);
    add_number(&w->keys, float_bits(v), 4);
}

void gguf_put_bool(gguf_writer *w, const char *key, bool v)
{
    add_key(w, key, strlen(key), GGUF_BOOL);
    add_number(&w->keys, v, 1);
}

void gguf_put_string(gguf_writer *w, const char *key, const char *text)
{
    add_key(w, key, strlen(key), GGUF_STRING);
    add_text(&w->keys, text, strlen(text));
}

void gguf_put_texts(gguf_writer *w, const char *key, const gguf_text *v, int64_t n)
{
    add_array(w, key, GGUF_STRING, n);
    for (int64_t i = 0; i < n; i++) add_text(&w->keys, v[i].p, v[i].n);
}

void gguf_put_floats(gguf_writer *w, const char *key, const float *v, int64_t n)
{
    add_array(w, key, GGUF_F32, n);
    for (int64_t i = 0; i < n; i++) add_number(&w->keys, float_bits(v[i]), 4);
}

void gguf_put_ints(gguf_writer *w, const char *key, const int32_t *v, int64_t n)
{
    add_array(w, key, GGUF_I32, n);
    for (int64_t i = 0; i < n; i++) add_number(&w->keys, (uint32_t)v[i], 4);
}

void gguf_put_copy(gguf_writer *w, const gguf *from, int64_t i)
{
    const gguf_entry *k = &from->keys[i];
    static const char alignment[] = "general.alignment"; /* ours is the default, whatever theirs was */
    if (k->name.n == sizeof alignment - 1 && !memcmp(k->name.p, alignment, k->name.n)) return;
    size_t bytes = gguf_scalar_bytes(k->item) * (size_t)k->count;
    if (k->item == GGUF_STRING)
        for (uint64_t j = 0; j < k->count; j++) bytes += 8 + gguf_get_u64(k->value + bytes);
    add_key(w, k->name.p, k->name.n, k->type);
    if (k->type == GGUF_ARRAY) {
        add_number(&w->keys, k->item, 4);
        add_number(&w->keys, k->count, 8);
    }
    if (bytes) str_add(&w->keys, (const char *)k->value, bytes);
}

void gguf_put_tensor(gguf_writer *w, const tensor *t)
{
    if (weights_add(w->tensors, t, NULL) == OK || w->doubled) return;
    w->doubled = xmalloc(strlen(t->name) + 1);
    strcpy(w->doubled, t->name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check(const gguf_writer *w, const char *path, err *e)
{
    if (w->doubled) return fail(e, E_USAGE, "%s: tensor %s is to be written twice", path, w->doubled);
    for (int64_t i = 0; i < weights_count(w->tensors); i++) {
        const tensor *t = weights_at(w->tensors, i);
        if (gguf_dtype_number(t->type) < 0)
            return fail(e, E_UNSUPPORTED, "%s: tensor %s is %s, a type that GGUF does not have; write it as "
                                          "f16 or q8_0", path, t->name, dtype_name(t->type));
    }
    const char **names = xmalloc((size_t)(w->n_keys + 1) * sizeof *names), *p = w->names.p, *twice = NULL;
    for (uint64_t i = 0; i < w->n_keys; i++, p += strlen(p) + 1) names[i] = p;
    qsort(names, (size_t)w->n_keys, sizeof *names, compare_names);
    for (uint64_t i = 1; i < w->n_keys; i++)
        if (!strcmp(names[i - 1], names[i])) twice = names[i];
    free(names);
    return twice ? fail(e, E_USAGE, "%s: key %s is to be written twice", path, twice) : OK;
}

static void add_tensor(str *s, const tensor *t, uint64_t offset)
{
    add_text(s, t->name, strlen(t->name));
    add_number(s, (uint64_t)t->ndim, 4);
    for (int i = t->ndim - 1; i >= 0; i--) add_number(s, (uint64_t)t->dim[i], 8);
    add_number(s, (uint64_t)gguf_dtype_number(t->type), 4);
    add_number(s, offset, 8);
}

static uint64_t padded(uint64_t n) { return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

int gguf_writer_save(const gguf_writer *w, const char *path, err *e)
{
    int code = check(w, path, e);
    if (code != OK) return code;
    int64_t n = weights_count(w->tensors);
    str head = {0};
    str_puts(&head, "GGUF");
    add_number(&head, 3, 4);
    add_number(&head, (uint64_t)n, 8);
    add_number(&head, w->n_keys, 8);
    if (w->keys.n) str_add(&head, w->keys.p, w->keys.n);
    uint64_t offset = 0;
    for (int64_t i = 0; i < n; i++) {
        add_tensor(&head, weights_at(w->tensors, i), offset);
        offset += padded(weights_at(w->tensors, i)->bytes);
    }
    static const char zeros[ALIGNMENT];
    outfile o;
    code = file_create(&o, path, e);
    if (code == OK) {
        file_put(&o, head.p, head.n);
        file_put(&o, zeros, (size_t)(padded(head.n) - head.n));
        for (int64_t i = 0; i < n; i++) {
            const tensor *t = weights_at(w->tensors, i);
            file_put(&o, t->data, t->bytes);
            file_put(&o, zeros, (size_t)(padded(t->bytes) - t->bytes));
        }
        code = file_commit(&o, e);
    }
    str_free(&head);
    return code;
}
