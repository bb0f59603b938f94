/* format.c -- "%s and %5.2f" % (a, b): the conversions s r d i f F % x X o c of Python, with flags, width and
 * precision (run.h). */
#include "text/jinja/run.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH_MOST = 1000 };

typedef struct spec {
    bool left, zero, plus, space, other;
    int width, precision; /* -1: none */
    char conversion;
} spec;

static int read_number(const char **p)
{
    int n = 0;
    while (isdigit((unsigned char)**p) && n <= WIDTH_MOST) n = n * 10 + (*(*p)++ - '0');
    return n;
}

/* What follows a %; false when it is not supported. */
static bool read_spec(const char **p, spec *s)
{
    *s = (spec){.precision = -1};
    for (;; ++*p) {
        if (**p == '-')
            s->left = true;
        else if (**p == '0')
            s->zero = true;
        else if (**p == '+')
            s->plus = true;
        else if (**p == ' ')
            s->space = true;
        else
            break;
    }
    s->width = read_number(p);
    if (**p == '.') {
        ++*p;
        s->precision = read_number(p);
    }
    s->conversion = **p;
    if (!**p || s->width > WIDTH_MOST || s->precision > WIDTH_MOST) return false;
    ++*p;
    return strchr("srdifF%xXo", s->conversion) != NULL;
}

static int put_text(jrun *r, const spec *s, jval v, str *out)
{
    str text = {0};
    jval made;
    int code = s->conversion == 'r' ? jval_repr(&r->heap, v, &text) : jval_print(&r->heap, v, &text);
    if (code != OK) return str_free(&text), code;
    if (jval_take(&r->heap, &text, &made)) return E_FORMAT;
    int64_t n = jstr_chars(made.s);
    if (s->precision >= 0 && s->precision < n) n = s->precision;
    size_t bytes = jstr_offset(made.s, n);
    for (int64_t i = n; !s->left && i < s->width; i++) str_putc(out, ' ');
    str_add(out, made.s->p, bytes);
    for (int64_t i = n; s->left && i < s->width; i++) str_putc(out, ' ');
    return OK;
}

/* A number by the C library, whose rules for these are Python's. */
static int put_number(jrun *r, const spec *s, jval v, str *out)
{
    bool is_float = s->conversion == 'f' || s->conversion == 'F';
    if (!jval_is_number(v) || (v.kind == J_FLOAT && strchr("xXo", s->conversion)))
        return jfail(&r->heap, "%%%c of '%s'", s->conversion, jkind_name(v.kind));
    double d = jval_as_double(v);
    if (v.kind == J_FLOAT && (!is_float || !isfinite(d)) && (!isfinite(d) || fabs(d) > 9e18))
        return junsupported(&r->heap, "%%%c of so large a number is not supported", s->conversion);
    int64_t whole = v.kind == J_FLOAT ? (int64_t)d : v.kind == J_BOOL ? v.b : v.i;
    bool based = strchr("xXo", s->conversion) != NULL;
    if (based && whole < 0)
        return junsupported(&r->heap, "%%%c of a negative number is not supported", s->conversion);
    char format[32], text[WIDTH_MOST + 2000];
    snprintf(format, sizeof format, "%%%s%s%s%s%d%s%s%c", s->left ? "-" : "", s->zero ? "0" : "",
             s->plus && !based ? "+" : "", s->space && !based ? " " : "", s->width,
             s->precision >= 0 ? ".*" : "", is_float ? "" : "ll", based || is_float ? s->conversion : 'd');
    if (!s->width) { /* %0d would be a flag without width */
        snprintf(format, sizeof format, "%%%s%s%s%s%c", s->plus && !based ? "+" : "",
                 s->space && !based ? " " : "", s->precision >= 0 ? ".*" : "", is_float ? "" : "ll",
                 based || is_float ? s->conversion : 'd');
    }
    if (s->precision >= 0 && is_float)
        snprintf(text, sizeof text, format, s->precision, d);
    else if (s->precision >= 0)
        snprintf(text, sizeof text, format, s->precision, (long long)whole);
    else if (is_float)
        snprintf(text, sizeof text, format, d);
    else
        snprintf(text, sizeof text, format, (long long)whole);
    str_puts(out, text);
    return OK;
}

static int put_all(jrun *r, const char *p, const char *end, const jval *values, int64_t n, str *out)
{
    int64_t used = 0;
    while (p < end) {
        spec s;
        if (*p != '%') {
            str_putc(out, *p++);
            continue;
        }
        p++;
        if (!read_spec(&p, &s)) return junsupported(&r->heap, "a conversion of %% is not supported");
        if (s.conversion == '%') {
            str_putc(out, '%');
            continue;
        }
        if (used == n) return jfail(&r->heap, "%%: more conversions than values");
        jval v = values[used++];
        bool text = s.conversion == 's' || s.conversion == 'r';
        int code = text ? put_text(r, &s, v, out) : put_number(r, &s, v, out);
        if (code != OK) return code;
        if (out->n > r->heap.most_bytes) return jfail(&r->heap, "%%: a text of too many bytes");
    }
    jkind k = n == 1 ? values->kind : J_STR; /* one value with elements may be left over */
    if (used < n && k != J_DICT && k != J_LIST && k != J_RANGE && k != J_UNDEFINED)
        return jfail(&r->heap, "%%: more values than conversions");
    return OK;
}

int jformat(jrun *r, jstr *format, const jval *values, int64_t n, jval *out)
{
    str text = {0};
    int code = jheap_work(&r->heap, format->n);
    if (code == OK) code = put_all(r, format->p, format->p + format->n, values, n, &text);
    if (code == OK) return jval_take(&r->heap, &text, out);
    str_free(&text);
    return code;
}
