/* value.c -- see value.h: memory, making values, comparing them. */
#include "text/jinja/value.h"

#include "text/unicode.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 1 << 16, JSON_DEPTH = 200, VALUE_DEPTH = 250, SMALL_DICT = 8 };

static int fail_with(jheap *h, int code, const char *fmt, va_list a)
{
    char what[600];
    vsnprintf(what, sizeof what, fmt, a);
    return fail(h->e, code, "%.200s: line %d: %s", h->name, h->line, what);
}

int jfail(jheap *h, const char *fmt, ...)
{
    va_list a;
    va_start(a, fmt);
    int code = fail_with(h, E_FORMAT, fmt, a);
    va_end(a);
    return code;
}

int junsupported(jheap *h, const char *fmt, ...)
{
    va_list a;
    va_start(a, fmt);
    int code = fail_with(h, E_UNSUPPORTED, fmt, a);
    va_end(a);
    return code;
}

void *jheap_new(jheap *h, size_t bytes)
{
    if (bytes > h->most_bytes || h->bytes + bytes > h->most_bytes) {
        jfail(h, "the template needs more than %zu MiB of memory", h->most_bytes >> 20);
        return NULL;
    }
    h->bytes += bytes;
    bytes = (bytes + 15) & ~(size_t)15;
    if (bytes > BLOCK / 4) return arena_new(&h->mem, bytes);
    if (bytes > h->left) {
        h->at = arena_new(&h->mem, BLOCK);
        h->left = BLOCK;
    }
    void *p = h->at;
    h->at += bytes;
    h->left -= bytes;
    return p;
}

int jheap_work(jheap *h, size_t bytes)
{
    h->steps += 1 + (int64_t)(bytes >> 6);
    if (h->steps <= h->most_steps) return OK;
    return jfail(h, "the template takes more than %lld steps", (long long)h->most_steps);
}

int jval_str(jheap *h, const char *p, size_t n, jval *out)
{
    jstr *s = jheap_new(h, sizeof *s);
    char *copy = s ? jheap_new(h, n + 1) : NULL;
    if (!copy) return E_FORMAT;
    if (n) memcpy(copy, p, n);
    *s = (jstr){copy, n, -1};
    *out = (jval){.kind = J_STR, .s = s};
    return jheap_work(h, n);
}

int jval_take(jheap *h, str *text, jval *out)
{
    int code = jval_str(h, str_c(text), text->n, out);
    str_free(text);
    return code;
}

int jval_list(jheap *h, jkind kind, int64_t cap, jval *out)
{
    jlist *l = jheap_new(h, sizeof *l);
    if (!l) return E_FORMAT;
    if (cap && !(l->p = jheap_new(h, (size_t)cap * sizeof *l->p))) return E_FORMAT;
    l->cap = cap;
    *out = (jval){.kind = kind, .l = l};
    return OK;
}

int jlist_add(jheap *h, jlist *l, jval v)
{
    if (l->n == l->cap) {
        int64_t cap = l->cap ? 2 * l->cap : 4;
        jval *p = jheap_new(h, (size_t)cap * sizeof *p);
        if (!p) return E_FORMAT;
        if (l->n) memcpy(p, l->p, (size_t)l->n * sizeof *p);
        l->p = p;
        l->cap = cap;
    }
    l->p[l->n++] = v;
    return jheap_work(h, 0);
}

int jval_pair(jheap *h, jval a, jval b, jval *out)
{
    if (jval_list(h, J_TUPLE, 2, out)) return E_FORMAT;
    out->l->p[0] = a;
    out->l->p[1] = b;
    out->l->n = 2;
    return OK;
}

int jval_dict(jheap *h, jkind kind, jval *out)
{
    jdict *d = jheap_new(h, sizeof *d);
    if (!d) return E_FORMAT;
    *out = (jval){.kind = kind, .m = d};
    return OK;
}

bool jheap_enter(jheap *h)
{
    if (jheap_work(h, 0) || h->e->code) return false;
    if (h->depth >= VALUE_DEPTH)
        return jfail(h, "a value is nested more than %d levels deep", VALUE_DEPTH), false;
    h->depth++;
    return true;
}

static bool all_hashable(jheap *h, const jlist *l)
{
    bool all = jheap_enter(h);
    if (!all) return false;
    for (int64_t i = 0; i < l->n && all; i++) all = jval_hashable(h, l->p[i]);
    h->depth--;
    return all;
}

bool jval_hashable(jheap *h, jval v)
{
    if (v.kind == J_TUPLE) return all_hashable(h, v.l);
    return v.kind != J_LIST && v.kind != J_DICT && v.kind != J_VIEW;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    a = (a ^ b) * 0x9e3779b97f4a7c15u;
    return a ^ a >> 29;
}

/* Equal values have equal hashes: 1, 1.0 and true are one key. */
static uint64_t hash(jheap *h, jval v)
{
    uint64_t x = 0;
    switch (v.kind) {
    case J_BOOL:
        return mix(1, v.b);
    case J_INT:
        return mix(1, (uint64_t)v.i);
    case J_FLOAT:
        if (v.d >= -9e18 && v.d <= 9e18 && v.d == floor(v.d)) return mix(1, (uint64_t)(int64_t)v.d);
        memcpy(&x, &v.d, sizeof x);
        return mix(2, x);
    case J_STR:
        jheap_work(h, v.s->n);
        for (size_t i = 0; i < v.s->n; i++) x = mix(x, (unsigned char)v.s->p[i]);
        return x;
    case J_TUPLE:
        if (!jheap_enter(h)) return x;
        for (int64_t i = 0; i < v.l->n; i++) x = mix(x + 1, hash(h, v.l->p[i]));
        h->depth--;
        return x;
    default:
        return mix(3, v.kind);
    }
}

static void add_slot(jheap *h, jdict *d, int64_t i)
{
    uint64_t at = hash(h, d->p[i].key) & (uint64_t)(d->slots - 1);
    while (d->slot[at]) at = (at + 1) & (uint64_t)(d->slots - 1);
    d->slot[at] = (int32_t)i + 1;
}

static int64_t find(jheap *h, const jdict *d, jval key)
{
    if (!d->slot) {
        for (int64_t i = 0; i < d->n; i++)
            if (jval_equal(h, d->p[i].key, key)) return i;
        return -1;
    }
    uint64_t at = hash(h, key) & (uint64_t)(d->slots - 1);
    for (; d->slot[at]; at = (at + 1) & (uint64_t)(d->slots - 1))
        if (jval_equal(h, d->p[d->slot[at] - 1].key, key)) return d->slot[at] - 1;
    return -1;
}

static int grow(jheap *h, jdict *d)
{
    int64_t cap = d->cap ? 2 * d->cap : 4;
    jentry *p = jheap_new(h, (size_t)cap * sizeof *p);
    if (!p) return E_FORMAT;
    if (d->n) memcpy(p, d->p, (size_t)d->n * sizeof *p);
    d->p = p;
    d->cap = cap;
    if (cap <= SMALL_DICT) return OK;
    d->slots = 2 * cap;
    d->slot = jheap_new(h, (size_t)d->slots * sizeof *d->slot);
    if (!d->slot) return E_FORMAT;
    for (int64_t i = 0; i < d->n; i++) add_slot(h, d, i);
    return jheap_work(h, (size_t)cap * sizeof *p);
}

int jdict_set(jheap *h, jdict *d, jval key, jval value)
{
    if (!jval_hashable(h, key)) return jfail(h, "unhashable type: '%s'", jkind_name(key.kind));
    int64_t i = find(h, d, key);
    if (i >= 0) return d->p[i].value = value, jheap_work(h, 0);
    if (d->n == d->cap && grow(h, d)) return E_FORMAT;
    d->p[d->n++] = (jentry){key, value};
    if (d->slot) add_slot(h, d, d->n - 1);
    return jheap_work(h, 0);
}

bool jdict_get(jheap *h, const jdict *d, jval key, jval *out)
{
    int64_t i = jval_hashable(h, key) ? find(h, d, key) : -1;
    if (i >= 0) *out = d->p[i].value;
    return i >= 0;
}

bool jdict_get_text(jheap *h, const jdict *d, const char *p, size_t n, jval *out)
{
    jstr s = {p, n, -1};
    return jdict_get(h, d, (jval){.kind = J_STR, .s = &s}, out);
}

int jview_at(jheap *h, const jview *v, int64_t i, jval *out)
{
    const jentry *x = &v->d->p[i];
    if (v->of == VIEW_ITEMS) return jval_pair(h, x->key, x->value, out);
    *out = v->of == VIEW_KEYS ? x->key : x->value;
    return OK;
}

bool jview_holds(jheap *h, const jview *v, jval x)
{
    for (int64_t i = 0; i < v->d->n; i++) {
        jval y;
        if (jheap_work(h, 0) || jview_at(h, v, i, &y)) return false;
        if (jval_equal(h, x, y)) return true;
    }
    return false;
}

static int from_json(jheap *h, const json_t *j, int depth, jval *out)
{
    if (depth > JSON_DEPTH) return jfail(h, "the data is nested more than %d levels deep", JSON_DEPTH);
    if (jheap_work(h, 0)) return E_FORMAT;
    size_t i;
    json_t *x;
    switch (json_typeof(j)) {
    case JSON_NULL:
        return *out = jval_none(), OK;
    case JSON_TRUE:
        return *out = jval_bool(true), OK;
    case JSON_FALSE:
        return *out = jval_bool(false), OK;
    case JSON_INTEGER:
        return *out = jval_int(json_integer_value(j)), OK;
    case JSON_REAL:
        return *out = jval_float(json_real_value(j)), OK;
    case JSON_STRING:
        return jval_str(h, json_string_value(j), json_string_length(j), out);
    case JSON_ARRAY:
        if (jval_list(h, J_LIST, (int64_t)json_array_size(j), out)) return E_FORMAT;
        json_array_foreach(j, i, x)
        {
            if (from_json(h, x, depth + 1, &out->l->p[i])) return E_FORMAT;
            out->l->n++;
        }
        return OK;
    case JSON_OBJECT:
        break;
    }
    if (jval_dict(h, J_DICT, out)) return E_FORMAT;
    for (void *at = json_object_iter((json_t *)j); at; at = json_object_iter_next((json_t *)j, at)) {
        jval k, v;
        const char *key = json_object_iter_key(at);
        if (jval_str(h, key, strlen(key), &k) || from_json(h, json_object_iter_value(at), depth + 1, &v) ||
            jdict_set(h, out->m, k, v))
            return E_FORMAT;
    }
    return OK;
}

int jval_from_json(jheap *h, const json_t *j, jval *out) { return from_json(h, j, 0, out); }

int64_t jstr_chars(jstr *s)
{
    if (s->chars < 0) {
        s->chars = 0;
        for (size_t i = 0; i < s->n; i++) s->chars += ((unsigned char)s->p[i] & 0xc0) != 0x80;
    }
    return s->chars;
}

size_t jstr_offset(jstr *s, int64_t i)
{
    if (jstr_chars(s) == (int64_t)s->n) return (size_t)i;
    size_t at = 0;
    while (i--) at += (size_t)utf8_length(s->p[at]);
    return at;
}

bool jval_is_number(jval v) { return v.kind == J_BOOL || v.kind == J_INT || v.kind == J_FLOAT; }

double jval_as_double(jval v) { return v.kind == J_FLOAT ? v.d : v.kind == J_INT ? (double)v.i : v.b; }

int64_t jval_length(jval v)
{
    switch (v.kind) {
    case J_UNDEFINED:
        return 0;
    case J_STR:
        return jstr_chars(v.s);
    case J_LIST:
    case J_TUPLE:
        return v.l->n;
    case J_DICT:
        return v.m->n;
    case J_RANGE:
        return v.r->n;
    case J_VIEW:
        return v.v->d->n;
    default:
        return -1;
    }
}

bool jval_true(jval v)
{
    switch (v.kind) {
    case J_MISSING:
    case J_UNDEFINED:
    case J_NONE:
        return false;
    case J_BOOL:
        return v.b;
    case J_INT:
        return v.i != 0;
    case J_FLOAT:
        return v.d != 0;
    case J_STR:
        return v.s->n != 0;
    default:
        return jval_length(v) != 0;
    }
}

const char *jkind_name(jkind k)
{
    static const char *const name[] = {"missing", "Undefined", "NoneType",   "bool",      "int",
                                       "float",   "str",       "list",       "tuple",     "dict",
                                       "range",   "dict view", "generator",  "Namespace", "Macro",
                                       "method",  "function",  "LoopContext"};
    return name[k];
}
