/* functions.c -- the functions that every template has (run.h). */
#include "text/jinja/run.h"

#include <stdio.h>
#include <string.h>

enum { RANGE_MOST = 100000, FORMAT_MOST = 1000 };

static int call_range(jrun *r, const jargs *a, jval *out)
{
    int64_t v[3] = {0, 0, 1};
    if (a->named_n || !a->n || a->n > 3)
        return jfail(&r->heap, "range() takes one, two or three whole numbers");
    for (int i = 0; i < a->n; i++)
        if (!jarg_int(r, "range()", a->p[i], 0, &v[i])) return E_FORMAT;
    if (a->n == 1) v[1] = v[0], v[0] = 0;
    if (!v[2]) return jfail(&r->heap, "range(): the step is 0");
    bool up = v[2] > 0;
    __int128 span = up ? (__int128)v[1] - v[0] : (__int128)v[0] - v[1], by = up ? v[2] : -(__int128)v[2];
    __int128 n = span <= 0 ? 0 : (span - 1) / by + 1;
    if (n > RANGE_MOST) return jfail(&r->heap, "range(): more than %d numbers", RANGE_MOST);
    jrange *range = jheap_new(&r->heap, sizeof *range);
    if (!range) return E_FORMAT;
    *range = (jrange){v[0], v[1], v[2], (int64_t)n};
    return *out = (jval){.kind = J_RANGE, .r = range}, OK;
}

/* dict(a_mapping_or_pairs, name=value, ...) */
static int fill(jrun *r, const char *who, const jargs *a, jval *out)
{
    if (a->n > 1) return jfail(&r->heap, "%s takes at most one value without a name", who);
    if (a->n && a->p[0].kind == J_DICT) {
        for (int64_t i = 0; i < a->p[0].m->n; i++)
            if (jdict_set(&r->heap, out->m, a->p[0].m->p[i].key, a->p[0].m->p[i].value)) return E_FORMAT;
    } else if (a->n) {
        jval pairs, pair;
        if (jlist_of(r, a->p[0], J_LIST, &pairs)) return E_FORMAT;
        for (int64_t i = 0; i < pairs.l->n; i++) {
            if (jlist_of(r, pairs.l->p[i], J_LIST, &pair)) return E_FORMAT;
            if (pair.l->n != 2) return jfail(&r->heap, "%s: element %lld is no pair", who, (long long)i);
            if (jdict_set(&r->heap, out->m, pair.l->p[0], pair.l->p[1])) return E_FORMAT;
        }
    }
    for (int i = 0; i < a->named_n; i++)
        if (jdict_set(&r->heap, out->m, (jval){.kind = J_STR, .s = a->name[i]}, a->named[i])) return E_FORMAT;
    return OK;
}

static int call_dict(jrun *r, const jargs *a, jval *out)
{
    return jval_dict(&r->heap, J_DICT, out) ? E_FORMAT : fill(r, "dict()", a, out);
}

static int call_namespace(jrun *r, const jargs *a, jval *out)
{
    if (jval_dict(&r->heap, J_NAMESPACE, out) || fill(r, "namespace()", a, out)) return E_FORMAT;
    for (int64_t i = 0; i < out->m->n; i++)
        if (out->m->p[i].key.kind == J_STR && *out->m->p[i].key.s->p == '_')
            return jfail(&r->heap, "a namespace cannot have \"%s\": it begins with _", out->m->p[i].key.s->p);
    return OK;
}

static int call_raise(jrun *r, const jargs *a, jval *out)
{
    jval message;
    if (jargs_bind(r, "raise_exception()", a, "message", 1, &message)) return E_FORMAT;
    str text = {0};
    *out = jval_none();
    if (jval_print(&r->heap, message, &text) == OK) jfail(&r->heap, "%s", str_c(&text));
    str_free(&text);
    return E_FORMAT;
}

/* What strftime() of the C library and Python's agree on; %f is of Python alone, %z and %Z are empty for a
 * time without a zone. */
static int call_strftime(jrun *r, const jargs *a, jval *out)
{
    jval format;
    if (jargs_bind(r, "strftime_now()", a, "format", 1, &format)) return E_FORMAT;
    if (format.kind != J_STR || format.s->n > FORMAT_MOST)
        return jfail(&r->heap, "strftime_now() takes a text of up to %d bytes", FORMAT_MOST);
    struct tm tm;
    time_t now = r->now ? r->now : time(NULL);
    localtime_r(&now, &tm);
    str text = {0};
    for (const char *p = format.s->p; *p; p++) {
        char one[4] = "%", piece[200];
        if (*p != '%') {
            str_putc(&text, *p);
            continue;
        }
        size_t n = 1 + (p[1] == '-');
        memcpy(one + 1, p + 1, n);
        if (!p[n] || !strchr("aAbBcdHIjmMpSUwWxXyYGVuDFTReknthClgrPfzZ%", p[n])) {
            str_free(&text);
            return junsupported(&r->heap, "strftime_now(): \"%.*s\" is not supported", (int)n + 1, p);
        }
        if (p[n] == 'f')
            str_puts(&text, "000000");
        else if (p[n] == '%' && n == 1)
            str_putc(&text, '%');
        else if (p[n] != 'z' && p[n] != 'Z')
            str_add(&text, piece, strftime(piece, sizeof piece, one, &tm));
        p += n;
    }
    return jval_take(&r->heap, &text, out);
}

const jfunction *jfunction_find(const jstr *name)
{
    static const jfunction functions[] = {
        {"range", call_range},
        {"dict", call_dict},
        {"namespace", call_namespace},
        {"raise_exception", call_raise},
        {"strftime_now", call_strftime},
        {"cycler", NULL},
        {"joiner", NULL},
        {"lipsum", NULL},
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (!strcmp(functions[i].name, name->p)) return &functions[i];
    return NULL;
}
