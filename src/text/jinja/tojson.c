/* tojson.c -- the filter tojson as transformers defines it: json.dumps(x, ensure_ascii=False, indent,
 * separators, sort_keys), without the escapes for HTML that jinja2's own has (run.h). */
#include "text/jinja/run.h"

#include "text/unicode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { JSON_DEPTH = 250 };

typedef struct writer {
    jrun *r;
    str out;
    bool ascii, sorted;
    const jstr *indent, *between, *colon; /* indent NULL: one line */
} writer;

static void put_text(writer *w, const jstr *s)
{
    static const char names[] = "\"\"\\\\\nn\rr\tt\bb\ff";
    str_putc(&w->out, '"');
    for (size_t i = 0; i < s->n;) {
        uint32_t c = 0;
        int n = utf8_get(s->p + i, s->n - i, &c);
        const char *k = names;
        while (*k && (uint32_t)*k != c) k += 2;
        if (*k)
            str_putc(&w->out, '\\'), str_putc(&w->out, k[1]);
        else if (c < 0x20 || (w->ascii && c >= 0x7f && c < 0x10000))
            str_fmt(&w->out, "\\u%04x", c);
        else if (w->ascii && c >= 0x10000)
            str_fmt(&w->out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                    0xdc00 + ((c - 0x10000) & 0x3ff));
        else
            str_add(&w->out, s->p + i, (size_t)n);
        i += (size_t)n;
    }
    str_putc(&w->out, '"');
}

static void put_number(writer *w, jval v)
{
    if (v.kind == J_INT)
        str_fmt(&w->out, "%lld", (long long)v.i);
    else if (isnan(v.d))
        str_puts(&w->out, "NaN");
    else if (isinf(v.d))
        str_puts(&w->out, v.d < 0 ? "-Infinity" : "Infinity");
    else
        jfloat_repr(v.d, &w->out);
}

static void new_line(writer *w, int depth)
{
    if (!w->indent) return;
    str_putc(&w->out, '\n');
    for (int i = 0; i < depth; i++) str_add(&w->out, w->indent->p, w->indent->n);
}

static int put(writer *w, jval v, int depth);

static int put_list(writer *w, const jlist *l, int depth)
{
    if (!l->n) return str_puts(&w->out, "[]"), OK;
    str_putc(&w->out, '[');
    for (int64_t i = 0; i < l->n; i++) {
        if (i) str_add(&w->out, w->between->p, w->between->n);
        new_line(w, depth + 1);
        if (put(w, l->p[i], depth + 1)) return E_FORMAT;
    }
    new_line(w, depth);
    str_putc(&w->out, ']');
    return OK;
}

/* Keys are texts in JSON; numbers, truth and nothing are written as such. */
static int put_key(writer *w, jval key)
{
    if (key.kind == J_STR) return put_text(w, key.s), OK;
    str_putc(&w->out, '"');
    if (key.kind == J_BOOL)
        str_puts(&w->out, key.b ? "true" : "false");
    else if (key.kind == J_NONE)
        str_puts(&w->out, "null");
    else if (key.kind == J_INT || key.kind == J_FLOAT)
        put_number(w, key);
    else
        return jfail(&w->r->heap, "tojson: a key is '%s'", jkind_name(key.kind));
    str_putc(&w->out, '"');
    return OK;
}

/* The entries in the order of their keys: insertion by halves, which compares as sorted() may. */
static int sorted_entries(writer *w, const jdict *d, jentry *out)
{
    jheap *h = &w->r->heap;
    for (int64_t i = 0; i < d->n; i++) {
        int64_t low = 0, high = i;
        while (low < high) {
            int64_t mid = (low + high) / 2;
            bool less;
            if (jval_less(h, d->p[i].key, out[mid].key, &less)) return E_FORMAT;
            if (less)
                high = mid;
            else
                low = mid + 1;
        }
        if (jheap_work(h, (size_t)(i - low) * sizeof *out)) return E_FORMAT;
        memmove(out + low + 1, out + low, (size_t)(i - low) * sizeof *out);
        out[low] = d->p[i];
    }
    return OK;
}

static int put_dict(writer *w, const jdict *d, int depth)
{
    if (!d->n) return str_puts(&w->out, "{}"), OK;
    const jentry *p = d->p;
    if (w->sorted) {
        jentry *sorted = jheap_new(&w->r->heap, (size_t)d->n * sizeof *sorted);
        if (!sorted || sorted_entries(w, d, sorted)) return E_FORMAT;
        p = sorted;
    }
    str_putc(&w->out, '{');
    for (int64_t i = 0; i < d->n; i++) {
        if (i) str_add(&w->out, w->between->p, w->between->n);
        new_line(w, depth + 1);
        if (put_key(w, p[i].key)) return E_FORMAT;
        str_add(&w->out, w->colon->p, w->colon->n);
        if (put(w, p[i].value, depth + 1)) return E_FORMAT;
    }
    new_line(w, depth);
    str_putc(&w->out, '}');
    return OK;
}

static int put(writer *w, jval v, int depth)
{
    jheap *h = &w->r->heap;
    if (depth > JSON_DEPTH) return jfail(h, "tojson: nested more than %d levels deep", JSON_DEPTH);
    if (jheap_work(h, v.kind == J_STR ? v.s->n : 0)) return E_FORMAT;
    if (w->out.n > h->most_bytes) return jfail(h, "tojson: more than %zu MiB", h->most_bytes >> 20);
    switch (v.kind) {
    case J_NONE:
        return str_puts(&w->out, "null"), OK;
    case J_BOOL:
        return str_puts(&w->out, v.b ? "true" : "false"), OK;
    case J_INT:
    case J_FLOAT:
        return put_number(w, v), OK;
    case J_STR:
        return put_text(w, v.s), OK;
    case J_LIST:
    case J_TUPLE:
        return put_list(w, v.l, depth);
    case J_DICT:
        return put_dict(w, v.m, depth);
    default:
        return jfail(h, "tojson: a value is '%s'%s%s", jkind_name(v.kind), v.kind == J_UNDEFINED ? ": " : "",
                     v.kind == J_UNDEFINED ? v.what : "");
    }
}

static int separators(writer *w, jval v)
{
    if (v.kind == J_MISSING || v.kind == J_NONE) return OK;
    if ((v.kind != J_TUPLE && v.kind != J_LIST) || v.l->n != 2 || v.l->p[0].kind != J_STR ||
        v.l->p[1].kind != J_STR)
        return jfail(&w->r->heap, "tojson: separators are two texts");
    w->between = v.l->p[0].s;
    w->colon = v.l->p[1].s;
    return OK;
}

int jtojson(jrun *r, jval v, const jargs *a, jval *out)
{
    static jstr comma = {",", 1, 1}, comma_space = {", ", 2, 2}, colon = {": ", 2, 2};
    jval x[4], indent;
    writer w = {.r = r, .colon = &colon};
    if (jargs_bind(r, "tojson", a, "ensure_ascii indent separators sort_keys", 0, x)) return E_FORMAT;
    w.ascii = jval_true(x[0]);
    w.sorted = jval_true(x[3]);
    if (x[1].kind == J_STR)
        w.indent = x[1].s;
    else if (x[1].kind != J_MISSING && x[1].kind != J_NONE) {
        jval space;
        if (x[1].kind != J_INT && x[1].kind != J_BOOL)
            return jfail(&r->heap, "tojson: indent is no whole number");
        if (jval_str(&r->heap, " ", 1, &space) || jbinary(r, OP_MUL, space, x[1], &indent)) return E_FORMAT;
        w.indent = indent.s;
    }
    w.between = w.indent ? &comma : &comma_space;
    int code = separators(&w, x[2]);
    if (code == OK) code = put(&w, v, 0);
    if (code == OK) return jval_take(&r->heap, &w.out, out);
    str_free(&w.out);
    return code;
}
