/* print.c -- str() and repr() of Python: what `{{ value }}` writes (value.h). */
#include "text/jinja/run.h"
#include "text/unicode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { PRINT_DEPTH = 250 };

/* The shortest digits that read back as d, laid out as Python does: 1e16 and more, and less than 1e-4, with
 * an exponent of at least two digits. */
void jfloat_repr(double d, str *out)
{
    if (isnan(d)) return str_puts(out, "nan");
    if (isinf(d)) return str_puts(out, d < 0 ? "-inf" : "inf");
    char text[40];
    int digits = 1;
    do snprintf(text, sizeof text, "%.*e", digits - 1, d);
    while (strtod(text, NULL) != d && digits++ < 17);
    int exponent = atoi(strchr(text, 'e') + 1);
    if (exponent >= 16 || exponent < -4) {
        int n = (int)(strchr(text, 'e') - text);
        str_fmt(out, "%.*se%c%02d", n, text, exponent < 0 ? '-' : '+', abs(exponent));
    } else {
        int places = digits - 1 - exponent;
        str_fmt(out, "%.*f", places > 1 ? places : 1, d);
    }
}

/* Letters, marks, numbers, punctuation, symbols and the space; not controls, formats, other spaces, and what
 * is not assigned. */
static bool printable(uint32_t c)
{
    if (c == ' ') return true;
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_SO;
}

static void repr_text(const jstr *s, str *out)
{
    char quote = memchr(s->p, '\'', s->n) && !memchr(s->p, '"', s->n) ? '"' : '\'';
    str_putc(out, quote);
    for (size_t i = 0; i < s->n;) {
        uint32_t c = 0;
        int n = utf8_get(s->p + i, s->n - i, &c);
        if (c == (uint32_t)quote || c == '\\')
            str_fmt(out, "\\%c", (char)c);
        else if (c == '\n' || c == '\r' || c == '\t')
            str_puts(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
        else if (printable(c))
            str_add(out, s->p + i, (size_t)n);
        else
            str_fmt(out, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
        i += (size_t)n;
    }
    str_putc(out, quote);
}

static int repr(jheap *h, jval v, int depth, str *out);

static int repr_members(jheap *h, const jlist *l, const char *open, const char *close, int depth, str *out)
{
    str_puts(out, open);
    for (int64_t i = 0; i < l->n; i++) {
        if (i) str_puts(out, ", ");
        if (repr(h, l->p[i], depth + 1, out)) return E_FORMAT;
    }
    str_puts(out, close);
    return OK;
}

static int repr_dict(jheap *h, const jdict *d, int depth, str *out)
{
    str_putc(out, '{');
    for (int64_t i = 0; i < d->n; i++) {
        if (i) str_puts(out, ", ");
        if (repr(h, d->p[i].key, depth + 1, out)) return E_FORMAT;
        str_puts(out, ": ");
        if (repr(h, d->p[i].value, depth + 1, out)) return E_FORMAT;
    }
    str_putc(out, '}');
    return OK;
}

static int repr_view(jheap *h, const jview *v, int depth, str *out)
{
    static const char *const open[] = {"dict_keys([", "dict_values([", "dict_items(["};
    jlist l = {0};
    for (int64_t i = 0; i < v->d->n; i++) {
        jval x;
        if (jview_at(h, v, i, &x) || jlist_add(h, &l, x)) return E_FORMAT;
    }
    return repr_members(h, &l, open[v->of], "])", depth, out);
}

static int repr(jheap *h, jval v, int depth, str *out)
{
    if (depth > PRINT_DEPTH)
        return junsupported(h, "a value is nested more than %d levels deep", PRINT_DEPTH);
    if (jheap_work(h, v.kind == J_STR ? v.s->n : 0)) return E_FORMAT;
    if (out->n > h->most_bytes) return jfail(h, "the output is more than %zu MiB", h->most_bytes >> 20);
    int code = OK;
    switch (v.kind) {
    case J_MISSING:
    case J_UNDEFINED:
        str_puts(out, "Undefined");
        break;
    case J_NONE:
        str_puts(out, "None");
        break;
    case J_BOOL:
        str_puts(out, v.b ? "True" : "False");
        break;
    case J_INT:
        str_fmt(out, "%lld", (long long)v.i);
        break;
    case J_FLOAT:
        jfloat_repr(v.d, out);
        break;
    case J_STR:
        repr_text(v.s, out);
        break;
    case J_LIST:
        return repr_members(h, v.l, "[", "]", depth, out);
    case J_TUPLE:
        return repr_members(h, v.l, "(", v.l->n == 1 ? ",)" : ")", depth, out);
    case J_DICT:
        return repr_dict(h, v.m, depth, out);
    case J_RANGE:
        str_fmt(out, "range(%lld, %lld", (long long)v.r->start, (long long)v.r->stop);
        if (v.r->step != 1) str_fmt(out, ", %lld", (long long)v.r->step);
        str_putc(out, ')');
        break;
    case J_VIEW:
        return repr_view(h, v.v, depth, out);
    case J_NAMESPACE:
        str_puts(out, "<Namespace ");
        code = repr_dict(h, v.m, depth, out);
        str_putc(out, '>');
        break;
    case J_LOOP:
        return jloop_repr(h, v.loop, out);
    case J_MACRO:
        return jmacro_repr(h, v.macro, out);
    case J_ITER:
    case J_METHOD:
    case J_FUNCTION:
        return junsupported(h, "a %s is printed, which shows where it lies in memory; call it or make a list",
                            jkind_name(v.kind));
    }
    return code;
}

int jval_repr(jheap *h, jval v, str *out) { return repr(h, v, 0, out); }

int jval_print(jheap *h, jval v, str *out)
{
    if (v.kind == J_UNDEFINED) return OK;
    if (v.kind != J_STR) return repr(h, v, 0, out);
    if (out->n + v.s->n > h->most_bytes)
        return jfail(h, "the template needs more than %zu MiB of memory", h->most_bytes >> 20);
    str_add(out, v.s->p, v.s->n);
    return jheap_work(h, v.s->n);
}
