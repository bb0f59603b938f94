/* filters.c -- filters of text, numbers and single values, and the table of all (run.h). */
#include "text/jinja/run.h"

#include "text/unicode.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MOST = 300 };

static int bind(jrun *r, const char *who, const jargs *a, const char *params, int needed, jval *v)
{
    for (int i = 0; i < 4; i++) v[i].kind = J_MISSING;
    return jargs_bind(r, who, a, params, needed, v);
}

static int in_case(jrun *r, jval v, const jargs *a, jcase how, jval *out)
{
    jstr *s;
    str text = {0};
    jval none[4];
    if (bind(r, "upper, lower", a, "", 0, none) || jtext_of(r, v, &s) || jheap_work(&r->heap, s->n))
        return E_FORMAT;
    jcase_text(s->p, s->n, how, &text);
    return jval_take(&r->heap, &text, out);
}

static int filter_upper(jrun *r, jval v, const jargs *a, jval *out)
{
    return in_case(r, v, a, CASE_UPPER, out);
}
static int filter_lower(jrun *r, jval v, const jargs *a, jval *out)
{
    return in_case(r, v, a, CASE_LOWER, out);
}

static int filter_capitalize(jrun *r, jval v, const jargs *a, jval *out)
{
    jstr *s;
    jval none[4];
    return bind(r, "capitalize", a, "", 0, none) || jtext_of(r, v, &s) ? E_FORMAT
                                                                       : jtext_capitalize(r, s, out);
}

/* What jinja2 takes for the beginning of a word: after white space and - ( { [ < */
static bool between_words(const char *p, size_t n)
{
    return (*p && strchr("-({[<", *p)) || jinja_spaces_before(p, n);
}

static int filter_title(jrun *r, jval v, const jargs *a, jval *out)
{
    jstr *s;
    jval none[4];
    if (bind(r, "title", a, "", 0, none) || jtext_of(r, v, &s) || jheap_work(&r->heap, s->n)) return E_FORMAT;
    str text = {0};
    for (size_t i = 0; i < s->n;) {
        size_t end = i;
        if (between_words(s->p + i, s->n - i)) {
            size_t n = (size_t)utf8_length(s->p[i]);
            str_add(&text, s->p + i, n);
            i += n;
            continue;
        }
        while (end < s->n && !between_words(s->p + end, s->n - end)) end += (size_t)utf8_length(s->p[end]);
        size_t first = (size_t)utf8_length(s->p[i]);
        jcase_text(s->p + i, first, CASE_UPPER, &text);
        jcase_text(s->p + i + first, end - i - first, CASE_LOWER, &text);
        i = end;
    }
    return jval_take(&r->heap, &text, out);
}

static int filter_trim(jrun *r, jval v, const jargs *a, jval *out)
{
    jstr *s;
    jval chars[4];
    if (bind(r, "trim", a, "chars", 0, chars) || jtext_of(r, v, &s)) return E_FORMAT;
    return jtext_strip(r, s, chars[0], STRIP_BOTH, out);
}

static int filter_replace(jrun *r, jval v, const jargs *a, jval *out)
{
    jstr *s, *from, *to;
    jval x[4];
    int64_t count;
    if (bind(r, "replace", a, "old new count", 2, x)) return E_FORMAT;
    if (x[2].kind == J_NONE) x[2].kind = J_MISSING;
    if (!jarg_int(r, "replace", x[2], -1, &count) || jtext_of(r, v, &s) || jtext_of(r, x[0], &from) ||
        jtext_of(r, x[1], &to))
        return E_FORMAT;
    return jtext_replace(r, s, from, to, count, out);
}

static int filter_string(jrun *r, jval v, const jargs *a, jval *out)
{
    jval none[4];
    jstr *s;
    if (bind(r, "string", a, "", 0, none) || jtext_of(r, v, &s)) return E_FORMAT;
    return *out = (jval){.kind = J_STR, .s = s}, OK;
}

static int filter_escape(jrun *r, jval v, const jargs *a, jval *out)
{
    static const char special[] = "&<>'\"", *const with[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
    jval none[4];
    jstr *s;
    str text = {0};
    if (bind(r, "escape", a, "", 0, none) || jtext_of(r, v, &s) || jheap_work(&r->heap, s->n))
        return E_FORMAT;
    for (size_t i = 0; i < s->n; i++) {
        const char *p = s->p[i] ? strchr(special, s->p[i]) : NULL;
        if (p)
            str_puts(&text, with[p - special]);
        else
            str_putc(&text, s->p[i]);
    }
    return jval_take(&r->heap, &text, out);
}

static int filter_indent(jrun *r, jval v, const jargs *a, jval *out)
{
    jval x[4], by, lines;
    if (bind(r, "indent", a, "width first blank", 0, x)) return E_FORMAT;
    if (v.kind != J_STR) return jfail(&r->heap, "indent: '%s' is no text", jkind_name(v.kind));
    int64_t width;
    if (x[0].kind == J_STR)
        by = x[0];
    else if (!jarg_int(r, "indent", x[0], 4, &width))
        return E_FORMAT;
    else {
        jval space;
        if (jval_str(&r->heap, " ", 1, &space) || jbinary(r, OP_MUL, space, jval_int(width), &by))
            return E_FORMAT;
    }
    jval with_end, newline;
    if (jval_str(&r->heap, "\n", 1, &newline) || jbinary(r, OP_ADD, v, newline, &with_end) ||
        jtext_lines(r, with_end.s, jval_none(), &lines))
        return E_FORMAT;
    str text = {0};
    for (int64_t i = 0; i < lines.l->n; i++) {
        const jstr *line = lines.l->p[i].s;
        if (i) str_putc(&text, '\n');
        if (i ? jval_true(x[2]) || line->n : jval_true(x[1])) str_add(&text, by.s->p, by.s->n);
        str_add(&text, line->p, line->n);
        if (text.n <= r->heap.most_bytes) continue;
        str_free(&text);
        return jfail(&r->heap, "the template needs more than %zu MiB of memory", r->heap.most_bytes >> 20);
    }
    return jval_take(&r->heap, &text, out);
}

static int filter_truncate(jrun *r, jval v, const jargs *a, jval *out)
{
    jval x[4], part, end;
    int64_t length, leeway;
    if (bind(r, "truncate", a, "length killwords end leeway", 0, x)) return E_FORMAT;
    if (x[3].kind == J_NONE) x[3].kind = J_MISSING;
    if (!jarg_int(r, "truncate", x[0], 255, &length) || !jarg_int(r, "truncate", x[3], 5, &leeway))
        return E_FORMAT;
    if (x[2].kind == J_MISSING ? jval_str(&r->heap, "...", 3, &end) : (end = x[2], OK)) return E_FORMAT;
    int64_t n = jval_length(v);
    if (n < 0 || end.kind != J_STR) return jfail(&r->heap, "truncate: this is no text");
    if (length < jstr_chars(end.s) || leeway < 0)
        return jfail(&r->heap, "truncate: a length that is too small");
    if (length > INT32_MAX || leeway > INT32_MAX || n <= length + leeway) return *out = v, OK;
    if (v.kind != J_STR) return jfail(&r->heap, "truncate: this is no text");
    const jval bound[3] = {jval_none(), jval_int(length - jstr_chars(end.s)), jval_none()};
    if (jget_slice(r, v, bound, &part)) return E_FORMAT;
    const char *space = jval_true(x[1]) ? NULL : memrchr(part.s->p, ' ', part.s->n);
    if (space && jval_str(&r->heap, part.s->p, (size_t)(space - part.s->p), &part)) return E_FORMAT;
    return jbinary(r, OP_ADD, part, end, out);
}

static int filter_format(jrun *r, jval v, const jargs *a, jval *out)
{
    jstr *s;
    if (jtext_of(r, v, &s)) return E_FORMAT;
    if (a->named_n) return junsupported(&r->heap, "format with names is not supported");
    return jformat(r, s, a->p, a->n, out);
}

/* The characters of a number as Python's int() and float() read them: without the spaces around and the
 * underscores between digits. False when there are others. */
static bool number_text(const jstr *s, str *out)
{
    size_t i = jinja_spaces_before(s->p, s->n), end = s->n - jinja_spaces_after(s->p, s->n);
    for (; i < end; i++) {
        char c = s->p[i];
        bool between = c == '_' && out->n && isdigit((unsigned char)out->p[out->n - 1]) &&
                       s->p[i - 1] != '_' && i + 1 < end && isdigit((unsigned char)s->p[i + 1]);
        if (between) continue;
        if (c == '_' || c <= ' ' || (unsigned char)c >= 0x80 || out->n == DIGITS_MOST) return false;
        str_putc(out, c);
    }
    return out->n > 0;
}

static bool read_whole(const char *text, int64_t *out)
{
    const char *p = text + (*text == '-' || *text == '+');
    if (!*p || p[strspn(p, "0123456789")]) return false;
    errno = 0;
    *out = strtoll(text, NULL, 10);
    return true;
}

/* nan, inf and infinity too; not the hexadecimal floats of C. */
static bool read_float(const char *text, double *out)
{
    const char *p = text + (*text == '-' || *text == '+');
    bool word = !strcasecmp(p, "nan") || !strcasecmp(p, "inf") || !strcasecmp(p, "infinity");
    if (!word && p[strspn(p, "0123456789.eE+-")]) return false;
    char *end;
    *out = strtod(text, &end);
    return end > text && !*end;
}

static bool has_other_digits(const jstr *s)
{
    for (size_t i = 0; i < s->n; i++)
        if ((unsigned char)s->p[i] >= 0x80) return true;
    return false;
}

static int filter_int(jrun *r, jval v, const jargs *a, jval *out)
{
    jval x[4];
    int64_t base, whole = 0;
    double d = 0;
    if (bind(r, "int", a, "default base", 0, x) || !jarg_int(r, "int", x[1], 10, &base)) return E_FORMAT;
    if (base != 10) return junsupported(&r->heap, "int of a base other than 10 is not supported");
    jval otherwise = x[0].kind == J_MISSING ? jval_int(0) : x[0];
    if (v.kind == J_UNDEFINED) return jfail(&r->heap, "\"%s\" is undefined", v.what);
    if (v.kind == J_INT || v.kind == J_BOOL) return *out = jval_int(v.kind == J_INT ? v.i : v.b), OK;
    bool is_float = v.kind == J_FLOAT, is_whole = false;
    if (is_float) d = v.d;
    if (v.kind == J_STR) {
        str text = {0};
        if (has_other_digits(v.s))
            return junsupported(&r->heap, "int of a text that is not ASCII is not supported");
        bool fits = number_text(v.s, &text);
        is_whole = fits && read_whole(text.p, &whole);
        bool over = is_whole && errno;
        if (fits && !is_whole) is_float = read_float(text.p, &d);
        str_free(&text);
        if (over) return jfail(&r->heap, "a whole number beyond 64 bits");
    }
    if (is_whole) return *out = jval_int(whole), OK;
    if (!is_float || isnan(d) || isinf(d)) return *out = otherwise, OK;
    if (fabs(d) >= 9.2e18) return jfail(&r->heap, "a whole number beyond 64 bits");
    return *out = jval_int((int64_t)d), OK;
}

static int filter_float(jrun *r, jval v, const jargs *a, jval *out)
{
    jval x[4];
    double d = 0;
    if (bind(r, "float", a, "default", 0, x)) return E_FORMAT;
    if (v.kind == J_UNDEFINED) return jfail(&r->heap, "\"%s\" is undefined", v.what);
    bool good = jval_is_number(v);
    if (good) d = jval_as_double(v);
    if (v.kind == J_STR) {
        str text = {0};
        if (has_other_digits(v.s))
            return junsupported(&r->heap, "float of a text that is not ASCII is not supported");
        good = number_text(v.s, &text) && read_float(text.p, &d);
        str_free(&text);
    }
    *out = good ? jval_float(d) : x[0].kind == J_MISSING ? jval_float(0) : x[0];
    return OK;
}

static int filter_abs(jrun *r, jval v, const jargs *a, jval *out)
{
    jval none[4];
    if (bind(r, "abs", a, "", 0, none)) return E_FORMAT;
    if (v.kind == J_FLOAT) return *out = jval_float(fabs(v.d)), OK;
    jval zero = jval_int(0);
    bool negative;
    if (!jval_is_number(v)) return jfail(&r->heap, "abs: '%s' is no number", jkind_name(v.kind));
    return jval_less(&r->heap, v, zero, &negative) ? E_FORMAT : junary(r, negative ? N_NEG : N_POS, v, out);
}

/* round() of Python takes the decimal digits of the exact value, halves to even; that is what printf does. */
static int filter_round(jrun *r, jval v, const jargs *a, jval *out)
{
    jval x[4];
    int64_t places;
    if (bind(r, "round", a, "precision method", 0, x) || !jarg_int(r, "round", x[0], 0, &places))
        return E_FORMAT;
    bool common = x[1].kind == J_MISSING || jval_is_text(x[1], "common");
    bool up = jval_is_text(x[1], "ceil");
    if (!common && !up && !jval_is_text(x[1], "floor"))
        return jfail(&r->heap, "round: the method is unknown");
    if (!jval_is_number(v)) return jfail(&r->heap, "round: '%s' is no number", jkind_name(v.kind));
    if (places < 0 || places > 15)
        return junsupported(&r->heap, "round to %lld places is not supported", (long long)places);
    if (common) {
        if (v.kind != J_FLOAT) return *out = jval_int(v.kind == J_BOOL ? v.b : v.i), OK;
        char text[400];
        snprintf(text, sizeof text, "%.*f", (int)places, v.d);
        return *out = jval_float(isfinite(v.d) ? strtod(text, NULL) : v.d), OK;
    }
    jval scale = jval_int(1), scaled;
    for (int64_t i = 0; i < places; i++) scale.i *= 10;
    if (jbinary(r, OP_MUL, v, scale, &scaled)) return E_FORMAT;
    double d = jval_as_double(scaled);
    if (!isfinite(d) || fabs(d) > 9e15)
        return junsupported(&r->heap, "round of so large a number is not supported");
    return jbinary(r, OP_DIV, jval_int((int64_t)(up ? ceil(d) : floor(d))), scale, out);
}

static int filter_default(jrun *r, jval v, const jargs *a, jval *out)
{
    jval x[4];
    if (bind(r, "default", a, "default_value boolean", 0, x)) return E_FORMAT;
    bool use = v.kind == J_UNDEFINED || (jval_true(x[1]) && !jval_true(v));
    if (!use) return *out = v, OK;
    return x[0].kind == J_MISSING ? jval_str(&r->heap, "", 0, out) : (*out = x[0], OK);
}

static int filter_attr(jrun *r, jval v, const jargs *a, jval *out)
{
    jval x[4];
    if (bind(r, "attr", a, "name", 1, x)) return E_FORMAT;
    if (x[0].kind != J_STR) return jfail(&r->heap, "attr: the name is no text");
    if (v.kind == J_UNDEFINED) return jfail(&r->heap, "\"%s\" is undefined", v.what);
    if (v.kind == J_DICT) { /* the attribute alone, not the element */
        if (jmethod_find(r, v, x[0].s, out)) return E_FORMAT;
        if (out->kind == J_MISSING) *out = jval_undefined(x[0].s->p);
        return OK;
    }
    return jget_attribute(r, v, x[0].s, out);
}

static const jfilter filters[] = {
    {"abs", filter_abs},
    {"attr", filter_attr},
    {"capitalize", filter_capitalize},
    {"d", filter_default},
    {"default", filter_default},
    {"e", filter_escape},
    {"escape", filter_escape},
    {"float", filter_float},
    {"forceescape", filter_escape},
    {"format", filter_format},
    {"indent", filter_indent},
    {"int", filter_int},
    {"lower", filter_lower},
    {"replace", filter_replace},
    {"round", filter_round},
    {"safe", filter_string},
    {"string", filter_string},
    {"title", filter_title},
    {"tojson", jtojson},
    {"trim", filter_trim},
    {"truncate", filter_truncate},
    {"upper", filter_upper},
    {0},
};

static const jfilter *find(const jfilter *f, const char *p, size_t n)
{
    for (; f->name; f++)
        if (strlen(f->name) == n && !memcmp(f->name, p, n)) return f;
    return NULL;
}

const jfilter *jfilter_find(const char *p, size_t n)
{
    const jfilter *f = find(filters, p, n);
    return f ? f : find(jfilters_of_lists, p, n);
}

bool jfilter_exists(const char *p, size_t n)
{
    static const jfilter others[] = {{"center", NULL},    {"filesizeformat", NULL}, {"groupby", NULL},
                                     {"pprint", NULL},    {"random", NULL},         {"striptags", NULL},
                                     {"urlencode", NULL}, {"urlize", NULL},         {"wordcount", NULL},
                                     {"wordwrap", NULL},  {"xmlattr", NULL},        {0}};
    return jfilter_find(p, n) || find(others, p, n);
}

bool jfilter_marks(const jfilter *f) { return !strcmp(f->name, "safe") || f->apply == filter_escape; }
