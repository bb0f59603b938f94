/* gguf_value.c -- values of a GGUF file by key; the bytes were checked when the file was indexed. */
#include "format/gguf_file.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char *const type_names[GGUF_TYPE_COUNT] = {
    "u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "string", "array", "u64", "i64", "f64",
};

/* "u32", "string", ... */
static const char *type_name(gguf_type t) { return type_names[t]; }

static int compare(const char *key, gguf_text t)
{
    size_t n = strlen(key);
    int c = memcmp(key, t.p, n < t.n ? n : t.n);
    return c ? c : (n > t.n) - (n < t.n);
}

static const gguf_entry *find(const gguf *g, const char *key)
{
    int64_t low = 0, high = g->n_keys;
    while (low < high) {
        int64_t mid = low + (high - low) / 2;
        const gguf_entry *k = &g->keys[g->keys_by_name[mid]];
        int c = compare(key, k->name);
        if (!c) return k;
        if (c < 0) high = mid;
        else low = mid + 1;
    }
    return NULL;
}

const tensor *gguf_tensor_find(const gguf *g, const char *name)
{
    int64_t low = 0, high = g->n_tensors;
    while (low < high) {
        int64_t mid = low + (high - low) / 2;
        const tensor *t = &g->tensors[g->tensors_by_name[mid]];
        int c = strcmp(name, t->name);
        if (!c) return t;
        if (c < 0) high = mid;
        else low = mid + 1;
    }
    return NULL;
}

bool gguf_has(const gguf *g, const char *key) { return find(g, key) != NULL; }

static bool is_integer(gguf_type t)
{
    return t != GGUF_F32 && t != GGUF_F64 && t != GGUF_BOOL && t != GGUF_STRING && t != GGUF_ARRAY;
}

static bool is_number(gguf_type t) { return is_integer(t) || t == GGUF_F32 || t == GGUF_F64; }

/* Item p of an integer type; false when it does not fit. */
static bool integer_at(gguf_type t, const uint8_t *p, int64_t *out)
{
    uint64_t u = 0;
    switch (t) {
    case GGUF_U8: *out = p[0]; return true;
    case GGUF_I8: *out = (int8_t)p[0]; return true;
    case GGUF_U16: *out = p[0] | p[1] << 8; return true;
    case GGUF_I16: *out = (int16_t)(p[0] | p[1] << 8); return true;
    case GGUF_U32: *out = gguf_get_u32(p); return true;
    case GGUF_I32: *out = (int32_t)gguf_get_u32(p); return true;
    case GGUF_I64: *out = (int64_t)gguf_get_u64(p); return true;
    default: u = gguf_get_u64(p); *out = (int64_t)u; return u <= INT64_MAX;
    }
}

static double number_at(gguf_type t, const uint8_t *p)
{
    if (t == GGUF_F32) {
        uint32_t bits = gguf_get_u32(p);
        float f;
        memcpy(&f, &bits, sizeof f);
        return (double)f;
    }
    uint64_t bits = t == GGUF_F64 || t == GGUF_U64 ? gguf_get_u64(p) : 0;
    if (t == GGUF_U64) return (double)bits;
    double d;
    if (t == GGUF_F64) return memcpy(&d, &bits, sizeof d), d;
    int64_t i;
    integer_at(t, p, &i);
    return (double)i;
}

/* A string item and the address of the one after it. */
static const uint8_t *text_at(const uint8_t *p, gguf_text *out)
{
    uint64_t n = gguf_get_u64(p);
    *out = (gguf_text){(const char *)p + 8, (size_t)n};
    return p + 8 + n;
}

static int wrong_kind(const gguf *g, const char *key, const gguf_entry *k, const char *wanted, err *e)
{
    return fail(e, E_FORMAT, "%s: key %s has to be %s, it is %s%s", g->path, key, wanted,
                k->type == GGUF_ARRAY ? "an array of " : "of type ", type_name(k->item));
}

int64_t gguf_int(const gguf *g, const char *key, int64_t otherwise, err *e)
{
    const gguf_entry *k = find(g, key);
    int64_t v;
    if (!k) return otherwise;
    if (!is_integer(k->type)) {
        wrong_kind(g, key, k, "a whole number", e);
        return otherwise;
    }
    if (integer_at(k->type, k->value, &v)) return v;
    fail(e, E_FORMAT, "%s: key %s is too large a number", g->path, key);
    return otherwise;
}

double gguf_num(const gguf *g, const char *key, double otherwise, err *e)
{
    const gguf_entry *k = find(g, key);
    if (!k) return otherwise;
    if (is_number(k->type)) return number_at(k->type, k->value);
    wrong_kind(g, key, k, "a number", e);
    return otherwise;
}

bool gguf_flag(const gguf *g, const char *key, bool otherwise, err *e)
{
    const gguf_entry *k = find(g, key);
    if (!k) return otherwise;
    if (k->type == GGUF_BOOL) return k->value[0] != 0;
    wrong_kind(g, key, k, "true or false", e);
    return otherwise;
}

gguf_text gguf_string(const gguf *g, const char *key, err *e)
{
    gguf_text t = {0};
    const gguf_entry *k = find(g, key);
    if (k && k->type == GGUF_STRING) text_at(k->value, &t);
    else if (k) wrong_kind(g, key, k, "a string", e);
    return t;
}

int64_t gguf_array_count(const gguf *g, const char *key)
{
    const gguf_entry *k = find(g, key);
    return k && k->type == GGUF_ARRAY ? (int64_t)k->count : -1;
}

/* The array `key` of n items that `kind` accepts, NULL with e set otherwise. */
static const gguf_entry *array(const gguf *g, const char *key, int64_t n, bool (*kind)(gguf_type),
                               const char *wanted, err *e)
{
    const gguf_entry *k = find(g, key);
    if (!k) fail(e, E_FORMAT, "%s: key %s is missing", g->path, key);
    else if (k->type != GGUF_ARRAY || !kind(k->item)) wrong_kind(g, key, k, wanted, e);
    else if (n < 0 || k->count != (uint64_t)n)
        fail(e, E_FORMAT, "%s: key %s has %" PRIu64 " items, %" PRId64 " are needed", g->path, key, k->count,
             n);
    else return k;
    return NULL;
}

static bool is_text(gguf_type t) { return t == GGUF_STRING; }

int gguf_array_texts(const gguf *g, const char *key, gguf_text *out, int64_t n, err *e)
{
    const gguf_entry *k = array(g, key, n, is_text, "an array of strings", e);
    if (!k) return E_FORMAT;
    const uint8_t *p = k->value;
    for (int64_t i = 0; i < n; i++) p = text_at(p, &out[i]);
    return OK;
}

int gguf_array_floats(const gguf *g, const char *key, float *out, int64_t n, err *e)
{
    const gguf_entry *k = array(g, key, n, is_number, "an array of numbers", e);
    if (!k) return E_FORMAT;
    size_t bytes = gguf_scalar_bytes(k->item);
    for (int64_t i = 0; i < n; i++) {
        double d = number_at(k->item, k->value + (size_t)i * bytes);
        out[i] = fabs(d) > 3.4028234663852886e38 ? (float)copysign(INFINITY, d) : (float)d;
    }
    return OK;
}

int gguf_array_ints(const gguf *g, const char *key, int64_t *out, int64_t n, err *e)
{
    const gguf_entry *k = array(g, key, n, is_integer, "an array of whole numbers", e);
    if (!k) return E_FORMAT;
    size_t bytes = gguf_scalar_bytes(k->item);
    for (int64_t i = 0; i < n; i++)
        if (!integer_at(k->item, k->value + (size_t)i * bytes, &out[i]))
            return fail(e, E_FORMAT, "%s: key %s: item %" PRId64 " is too large a number", g->path, key, i);
    return OK;
}

int64_t gguf_key_count(const gguf *g) { return g->n_keys; }

gguf_key gguf_key_at(const gguf *g, int64_t i)
{
    const gguf_entry *k = &g->keys[i];
    return (gguf_key){k->name, k->type, k->item, k->count};
}

static void print_text(gguf_text t, size_t limit, str *out)
{
    size_t n = t.n < limit ? t.n : limit;
    while (n < t.n && n > 0 && ((uint8_t)t.p[n] & 0xc0) == 0x80) n--; /* not within a UTF-8 character */
    str_putc(out, '"');
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)t.p[i];
        if (c == '"' || c == '\\') str_fmt(out, "\\%c", c);
        else if (c == '\n') str_puts(out, "\\n");
        else if (c == '\t') str_puts(out, "\\t");
        else if (c < 0x20 || c == 0x7f) str_fmt(out, "\\x%02x", c);
        else str_putc(out, (char)c);
    }
    str_puts(out, n < t.n ? "...\"" : "\"");
}

static void print_scalar(gguf_type t, const uint8_t *p, str *out)
{
    int64_t i;
    if (t == GGUF_BOOL) str_puts(out, *p ? "true" : "false");
    else if (t == GGUF_F32) str_fmt(out, "%.9g", number_at(t, p));
    else if (t == GGUF_F64) str_fmt(out, "%.17g", number_at(t, p));
    else if (integer_at(t, p, &i)) str_fmt(out, "%" PRId64, i);
    else str_fmt(out, "%" PRIu64, gguf_get_u64(p));
}

void gguf_key_print(const gguf *g, int64_t i, size_t limit, str *out)
{
    const gguf_entry *k = &g->keys[i];
    const uint8_t *p = k->value;
    if (k->type == GGUF_ARRAY) str_putc(out, '[');
    for (uint64_t j = 0; j < k->count; j++) {
        if (k->type == GGUF_ARRAY && j == limit) {
            str_puts(out, ", ...");
            break;
        }
        if (j) str_puts(out, ", ");
        gguf_text t;
        if (k->item == GGUF_STRING) {
            p = text_at(p, &t);
            print_text(t, limit, out);
        } else {
            print_scalar(k->item, p, out);
            p += gguf_scalar_bytes(k->item);
        }
    }
    if (k->type == GGUF_ARRAY) str_putc(out, ']');
}
