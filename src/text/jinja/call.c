/* call.c -- attributes, indices, slices and calls (run.h).
 *
 * jinja2 takes a.b as Python's attribute b, then as a['b']; and a['b'] the other way round. So {'items':
 * 1}.items is the method. Attributes that would change a list or a dict are undefined, as in its sandbox. */
#include "text/jinja/run.h"

#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>

/* A place in a sequence of n, from an index as Python counts it; -1 when it is outside. */
static int64_t place_of(int64_t i, int64_t n)
{
    if (i < 0) i += n;
    return i < 0 || i >= n ? -1 : i;
}

static int undefined_member(jrun *r, jval key, jval *out)
{
    if (key.kind == J_STR) return *out = jval_undefined(key.s->p), OK;
    str what = {0};
    jval text;
    str_puts(&what, "element ");
    int code = jval_hashable(&r->heap, key) ? jval_repr(&r->heap, key, &what) : OK;
    if (code == OK)
        code = jval_take(&r->heap, &what, &text);
    else
        str_free(&what);
    if (code == OK) *out = jval_undefined(text.s->p);
    return code;
}

/* What Python finds as an attribute: J_MISSING when there is none. */
static int python_attribute(jrun *r, jval of, jstr *name, jval *out)
{
    static const char *const of_numbers[] = {
        "real",       "imag",      "numerator", "denominator",      "conjugate",  "to_bytes", "from_bytes",
        "bit_length", "bit_count", "hex",       "as_integer_ratio", "is_integer", "fromhex",  NULL};
    *out = (jval){.kind = J_MISSING};
    switch (of.kind) {
    case J_STR:
    case J_LIST:
    case J_TUPLE:
    case J_DICT:
    case J_VIEW:
    case J_ITER:
    case J_FUNCTION:
        return jmethod_find(r, of, name, out);
    case J_NAMESPACE:
        return jdict_get_text(&r->heap, of.m, name->p, name->n, out), OK;
    case J_MACRO:
        return jmacro_attribute(r, of.macro, name->p, out);
    case J_LOOP:
        if (jmethod_find(r, of, name, out)) return E_FORMAT;
        return out->kind != J_MISSING ? OK : jloop_attribute(r, of.loop, name->p, out);
    case J_RANGE:
        if (!strcmp(name->p, "start")) return *out = jval_int(of.r->start), OK;
        if (!strcmp(name->p, "stop")) return *out = jval_int(of.r->stop), OK;
        if (!strcmp(name->p, "step")) return *out = jval_int(of.r->step), OK;
        return jmethod_find(r, of, name, out);
    case J_BOOL:
    case J_INT:
    case J_FLOAT:
        for (int i = 0; of_numbers[i]; i++)
            if (!strcmp(name->p, of_numbers[i]))
                return junsupported(&r->heap, "the attribute \"%s\" of a number is not supported", name->p);
        return OK;
    default:
        return OK;
    }
}

int jget_attribute(jrun *r, jval of, jstr *name, jval *out)
{
    if (of.kind == J_UNDEFINED)
        return jfail(&r->heap, "\"%s\" is undefined, so it has no \"%s\"", of.what, name->p);
    int code = python_attribute(r, of, name, out);
    if (code != OK || out->kind != J_MISSING) return code;
    if (of.kind == J_DICT && jdict_get_text(&r->heap, of.m, name->p, name->n, out)) return OK;
    return *out = jval_undefined(name->p), OK;
}

static int text_at(jrun *r, jstr *s, int64_t i, jval *out)
{
    size_t at = jstr_offset(s, i);
    if (jheap_work(&r->heap, jstr_chars(s) == (int64_t)s->n ? 0 : at)) return E_FORMAT;
    return jval_str(&r->heap, s->p + at, (size_t)utf8_length(s->p[at]), out);
}

int jget_item(jrun *r, jval of, jval key, jval *out)
{
    if (of.kind == J_UNDEFINED) return jfail(&r->heap, "\"%s\" is undefined, so it has no elements", of.what);
    if (of.kind == J_DICT && jdict_get(&r->heap, of.m, key, out)) return OK;
    if (key.kind == J_STR) {
        int code = python_attribute(r, of, key.s, out);
        if (code != OK || out->kind != J_MISSING) return code;
    } else if ((key.kind == J_INT || key.kind == J_BOOL) && of.kind != J_DICT && of.kind != J_VIEW) {
        int64_t n = jval_length(of), i = n < 0 ? -1 : place_of(key.kind == J_INT ? key.i : key.b, n);
        if (i >= 0 && of.kind == J_STR) return text_at(r, of.s, i, out);
        if (i >= 0 && of.kind == J_RANGE) return *out = jval_int(of.r->start + i * of.r->step), OK;
        if (i >= 0) return *out = of.l->p[i], OK;
    }
    return undefined_member(r, key, out);
}

/* The bounds of a slice as Python clips them. */
static int clip(jrun *r, const jval bound[3], int64_t n, int64_t *start, int64_t *step, int64_t *count)
{
    int64_t v[3];
    for (int i = 0; i < 3; i++) {
        if (bound[i].kind != J_NONE && bound[i].kind != J_INT && bound[i].kind != J_BOOL)
            return jfail(&r->heap, "a bound of a slice is '%s', not a whole number",
                         jkind_name(bound[i].kind));
        v[i] = bound[i].kind == J_INT ? bound[i].i : bound[i].kind == J_BOOL ? bound[i].b : 0;
    }
    *step = bound[2].kind == J_NONE ? 1 : v[2];
    if (!*step) return jfail(&r->heap, "the step of a slice is 0");
    if (*step < -INT64_MAX) *step = -INT64_MAX;
    bool up = *step > 0;
    int64_t low = up ? 0 : -1, high = up ? n : n - 1, end[2] = {up ? 0 : n - 1, up ? n : -1};
    for (int i = 0; i < 2; i++) {
        if (bound[i].kind == J_NONE) continue;
        int64_t x = v[i] < 0 ? (v[i] < -n ? -1 - n : v[i]) + n : v[i];
        end[i] = x < low ? low : x > high ? high : x;
    }
    *start = end[0];
    int64_t span = up ? end[1] - end[0] : end[0] - end[1], by = up ? *step : -*step;
    *count = span <= 0 ? 0 : (span - 1) / by + 1;
    return OK;
}

static int slice_text(jrun *r, jstr *s, int64_t start, int64_t step, int64_t n, jval *out)
{
    if (!n) return jval_str(&r->heap, "", 0, out);
    if (jheap_work(&r->heap, s->n)) return E_FORMAT;
    if (step == 1) {
        size_t from = jstr_offset(s, start), to = jstr_offset(s, start + n);
        return jval_str(&r->heap, s->p + from, to - from, out);
    }
    size_t *at = jheap_new(&r->heap, (size_t)(jstr_chars(s) + 1) * sizeof *at), k = 0;
    if (!at) return E_FORMAT;
    for (size_t i = 0; i < s->n; i += (size_t)utf8_length(s->p[i])) at[k++] = i;
    at[k] = s->n;
    str text = {0};
    for (int64_t i = 0; i < n; i++) {
        int64_t c = start + i * step;
        str_add(&text, s->p + at[c], at[c + 1] - at[c]);
    }
    return jval_take(&r->heap, &text, out);
}

int jget_slice(jrun *r, jval of, const jval bound[3], jval *out)
{
    int64_t start = 0, step = 1, n = 0;
    if (of.kind == J_UNDEFINED) return jfail(&r->heap, "\"%s\" is undefined, so it has no elements", of.what);
    if (of.kind != J_STR && of.kind != J_LIST && of.kind != J_TUPLE && of.kind != J_RANGE)
        return jfail(&r->heap, "'%s' cannot be sliced", jkind_name(of.kind));
    int code = clip(r, bound, jval_length(of), &start, &step, &n);
    if (code != OK) return code;
    if (of.kind == J_STR) return slice_text(r, of.s, start, step, n, out);
    if (of.kind == J_RANGE)
        return junsupported(&r->heap, "a slice of a range is not supported; make a list of it");
    if (jval_list(&r->heap, of.kind, n, out)) return E_FORMAT;
    for (int64_t i = 0; i < n; i++) out->l->p[out->l->n++] = of.l->p[start + i * step];
    return jheap_work(&r->heap, (size_t)n * sizeof(jval));
}

int jcall_value(jrun *r, jval f, const jargs *a, jval *out)
{
    switch (f.kind) {
    case J_UNDEFINED:
        return jfail(&r->heap, "\"%s\" is undefined, so it cannot be called", f.what);
    case J_MACRO:
        return jmacro_call(r, f.macro, a, out);
    case J_METHOD:
        return jmethod_call(r, f.method, a, out);
    case J_FUNCTION:
        return f.f->call(r, a, out);
    case J_LOOP:
        return jloop_call(r, f.loop, a, out);
    default:
        return jfail(&r->heap, "'%s' cannot be called", jkind_name(f.kind));
    }
}

int jargs_bind(jrun *r, const char *who, const jargs *a, const char *params, int needed, jval *out)
{
    int n = 0, used = 0;
    for (const char *p = params; *p; n++) {
        size_t length = strcspn(p, " ");
        out[n] = n < a->n ? a->p[n] : (jval){.kind = J_MISSING};
        for (int i = 0; i < a->named_n; i++) {
            if (a->name[i]->n != length || memcmp(a->name[i]->p, p, length)) continue;
            if (n < a->n) return jfail(&r->heap, "%s: two values for \"%.*s\"", who, (int)length, p);
            out[n] = a->named[i];
            used++;
        }
        if (n < needed && out[n].kind == J_MISSING)
            return jfail(&r->heap, "%s: \"%.*s\" is missing", who, (int)length, p);
        p += length;
        p += *p == ' ';
    }
    if (a->n > n) return jfail(&r->heap, "%s: %d arguments, and it takes %d", who, a->n, n);
    if (used != a->named_n) return jfail(&r->heap, "%s: an argument of a name that it does not have", who);
    return OK;
}

bool jarg_int(jrun *r, const char *who, jval v, int64_t otherwise, int64_t *out)
{
    *out = v.kind == J_MISSING ? otherwise : v.kind == J_BOOL ? v.b : v.i;
    if (v.kind == J_MISSING || v.kind == J_INT || v.kind == J_BOOL) return true;
    jfail(&r->heap, "%s: '%s' where a whole number has to be", who, jkind_name(v.kind));
    return false;
}
