/* filters_list.c -- filters of lists, dicts and what else has members (run.h). */
#include "text/jinja/run.h"

#include <string.h>

static int bind(jrun *r, const char *who, const jargs *a, const char *params, int needed, jval *v)
{
    for (int i = 0; i < 4; i++) v[i].kind = J_MISSING;
    return jargs_bind(r, who, a, params, needed, v);
}

static int filter_length(jrun *r, jval v, const jargs *a, jval *out)
{
    jval none[4];
    if (bind(r, "length", a, "", 0, none)) return E_FORMAT;
    if (v.kind == J_LOOP) return jloop_attribute(r, v.loop, "length", out);
    int64_t n = jval_length(v);
    if (n < 0) return jfail(&r->heap, "length: '%s' has none", jkind_name(v.kind));
    return *out = jval_int(n), OK;
}

static int filter_first(jrun *r, jval v, const jargs *a, jval *out)
{
    jval none[4];
    jiter *it;
    bool more;
    if (bind(r, "first", a, "", 0, none) || jiter_of(r, v, &it) || jiter_next(r, it, out, &more))
        return E_FORMAT;
    if (!more) *out = jval_undefined("the first of nothing");
    return OK;
}

/* reversed() takes sequences and dicts, not what is read once. */
static int can_reverse(jrun *r, jval v, const char *who)
{
    if (jval_length(v) >= 0) return OK;
    return jfail(&r->heap, "%s: '%s' cannot be read from its end", who, jkind_name(v.kind));
}

static int filter_last(jrun *r, jval v, const jargs *a, jval *out)
{
    jval none[4], all;
    if (bind(r, "last", a, "", 0, none) || can_reverse(r, v, "last") || jlist_of(r, v, J_LIST, &all))
        return E_FORMAT;
    *out = all.l->n ? all.l->p[all.l->n - 1] : jval_undefined("the last of nothing");
    return OK;
}

static int filter_reverse(jrun *r, jval v, const jargs *a, jval *out)
{
    jval none[4], all;
    if (bind(r, "reverse", a, "", 0, none)) return E_FORMAT;
    if (v.kind == J_STR) {
        const jval whole[3] = {jval_none(), jval_none(), jval_int(-1)};
        return jget_slice(r, v, whole, out);
    }
    if (jlist_of(r, v, J_LIST, &all)) return E_FORMAT;
    for (int64_t i = 0; i < all.l->n / 2; i++) {
        jval x = all.l->p[i];
        all.l->p[i] = all.l->p[all.l->n - 1 - i];
        all.l->p[all.l->n - 1 - i] = x;
    }
    if (v.kind == J_ITER) return *out = all, OK; /* jinja2 makes a list of it */
    return jiter_over(r, all, out);
}

static int filter_list(jrun *r, jval v, const jargs *a, jval *out)
{
    jval none[4];
    return bind(r, "list", a, "", 0, none) ? E_FORMAT : jlist_of(r, v, J_LIST, out);
}

static int filter_join(jrun *r, jval v, const jargs *a, jval *out)
{
    jval x[4];
    jstr *by;
    if (bind(r, "join", a, "d attribute", 0, x)) return E_FORMAT;
    if (x[0].kind == J_MISSING && jval_str(&r->heap, "", 0, &x[0])) return E_FORMAT;
    if (x[1].kind != J_MISSING && x[1].kind != J_NONE) {
        jval all;
        if (jlist_of(r, v, J_LIST, &all)) return E_FORMAT;
        for (int64_t i = 0; i < all.l->n; i++)
            if (jpath(r, all.l->p[i], x[1], (jval){.kind = J_MISSING}, &all.l->p[i])) return E_FORMAT;
        v = all;
    }
    return jtext_of(r, x[0], &by) ? E_FORMAT : jtext_join(r, by, v, JOIN_PRINTED, out);
}

static int filter_map(jrun *r, jval v, const jargs *a, jval *out) { return jiter_map(r, v, a, out); }
static int filter_select(jrun *r, jval v, const jargs *a, jval *out)
{
    return jiter_select(r, v, SELECT, a, out);
}
static int filter_reject(jrun *r, jval v, const jargs *a, jval *out)
{
    return jiter_select(r, v, REJECT, a, out);
}
static int filter_selectattr(jrun *r, jval v, const jargs *a, jval *out)
{
    return jiter_select(r, v, SELECT_ATTR, a, out);
}
static int filter_rejectattr(jrun *r, jval v, const jargs *a, jval *out)
{
    return jiter_select(r, v, REJECT_ATTR, a, out);
}

static int filter_items(jrun *r, jval v, const jargs *a, jval *out)
{
    jval none[4], all;
    if (bind(r, "items", a, "", 0, none)) return E_FORMAT;
    if (v.kind != J_DICT && v.kind != J_UNDEFINED)
        return jfail(&r->heap, "items: '%s' is no mapping", jkind_name(v.kind));
    if (v.kind == J_UNDEFINED) return jiter_over(r, v, out);
    jview *view = jheap_new(&r->heap, sizeof *view);
    if (!view) return E_FORMAT;
    *view = (jview){v.m, VIEW_ITEMS};
    all = (jval){.kind = J_VIEW, .v = view};
    return jiter_over(r, all, out);
}

/* Sorting: values with their keys, stable, as sorted() does; reverse keeps equals in order. */
typedef struct keyed {
    jval key, value;
} keyed;

static int sort_keyed(jrun *r, keyed *p, keyed *scratch, int64_t n, bool reverse)
{
    if (n < 2) return OK;
    int64_t half = n / 2, a = 0, b = half, k = 0;
    if (sort_keyed(r, p, scratch, half, reverse) || sort_keyed(r, p + half, scratch, n - half, reverse))
        return E_FORMAT;
    while (a < half && b < n) {
        bool second_first;
        int code = reverse ? jval_less(&r->heap, p[a].key, p[b].key, &second_first)
                           : jval_less(&r->heap, p[b].key, p[a].key, &second_first);
        if (code != OK) return code;
        scratch[k++] = second_first ? p[b++] : p[a++];
    }
    while (a < half) scratch[k++] = p[a++];
    while (b < n) scratch[k++] = p[b++];
    memcpy(p, scratch, (size_t)n * sizeof *p);
    return OK;
}

static int without_case(jrun *r, jval v, jval *out)
{
    *out = v;
    if (v.kind != J_STR) return OK;
    str text = {0};
    if (jheap_work(&r->heap, v.s->n)) return E_FORMAT;
    jcase_text(v.s->p, v.s->n, CASE_LOWER, &text);
    return jval_take(&r->heap, &text, out);
}

static int sort_list(jrun *r, jlist *values, keyed *pairs, bool reverse)
{
    keyed *scratch = jheap_new(&r->heap, (size_t)(values->n + 1) * sizeof *scratch);
    if (!scratch || sort_keyed(r, pairs, scratch, values->n, reverse)) return E_FORMAT;
    for (int64_t i = 0; i < values->n; i++) values->p[i] = pairs[i].value;
    return OK;
}

/* The key of a value: the list of its attributes "a,b.c", in lower case unless case matters. */
static int sort_key(jrun *r, jval v, jval attribute, bool with_case, jval *out)
{
    if (jval_list(&r->heap, J_LIST, 0, out)) return E_FORMAT;
    const char *p = attribute.kind == J_STR ? attribute.s->p : "",
               *end = p + (attribute.kind == J_STR ? attribute.s->n : 0);
    for (;; p++) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        size_t n = (size_t)((comma ? comma : end) - p);
        jval path = attribute, x;
        if (attribute.kind == J_STR && jval_str(&r->heap, p, n, &path)) return E_FORMAT;
        if (jpath(r, v, path, (jval){.kind = J_MISSING}, &x) || (!with_case && without_case(r, x, &x)) ||
            jlist_add(&r->heap, out->l, x))
            return E_FORMAT;
        p += n;
        if (!comma) return OK;
    }
}

static int filter_sort(jrun *r, jval v, const jargs *a, jval *out)
{
    jval x[4];
    if (bind(r, "sort", a, "reverse case_sensitive attribute", 0, x) || jlist_of(r, v, J_LIST, out))
        return E_FORMAT;
    keyed *pairs = jheap_new(&r->heap, (size_t)(out->l->n + 1) * sizeof *pairs);
    if (!pairs) return E_FORMAT;
    for (int64_t i = 0; i < out->l->n; i++) {
        pairs[i].value = out->l->p[i];
        if (sort_key(r, out->l->p[i], x[2], jval_true(x[1]), &pairs[i].key)) return E_FORMAT;
    }
    return sort_list(r, out->l, pairs, jval_true(x[0]));
}

static int filter_dictsort(jrun *r, jval v, const jargs *a, jval *out)
{
    jval x[4];
    if (bind(r, "dictsort", a, "case_sensitive by reverse", 0, x)) return E_FORMAT;
    bool by_value = jval_is_text(x[1], "value");
    if (x[1].kind != J_MISSING && !by_value && !jval_is_text(x[1], "key"))
        return jfail(&r->heap, "dictsort: by is neither key nor value");
    if (v.kind != J_DICT) return jfail(&r->heap, "dictsort: '%s' is no mapping", jkind_name(v.kind));
    keyed *pairs = jheap_new(&r->heap, (size_t)(v.m->n + 1) * sizeof *pairs);
    if (!pairs || jval_list(&r->heap, J_LIST, v.m->n, out)) return E_FORMAT;
    for (int64_t i = 0; i < v.m->n; i++) {
        const jentry *e = &v.m->p[i];
        pairs[i].key = by_value ? e->value : e->key;
        if (!jval_true(x[0]) && without_case(r, pairs[i].key, &pairs[i].key)) return E_FORMAT;
        if (jval_pair(&r->heap, e->key, e->value, &pairs[i].value)) return E_FORMAT;
    }
    out->l->n = v.m->n;
    return sort_list(r, out->l, pairs, jval_true(x[2]));
}

static int filter_unique(jrun *r, jval v, const jargs *a, jval *out)
{
    jval x[4], seen, all, kept;
    if (bind(r, "unique", a, "case_sensitive attribute", 0, x) || jlist_of(r, v, J_LIST, &all) ||
        jval_dict(&r->heap, J_DICT, &seen) || jval_list(&r->heap, J_LIST, 0, &kept))
        return E_FORMAT;
    for (int64_t i = 0; i < all.l->n; i++) {
        jval key, old;
        if (jpath(r, all.l->p[i], x[1], (jval){.kind = J_MISSING}, &key)) return E_FORMAT;
        if (!jval_true(x[0]) && without_case(r, key, &key)) return E_FORMAT;
        if (jdict_get(&r->heap, seen.m, key, &old)) continue;
        if (jdict_set(&r->heap, seen.m, key, jval_none()) || jlist_add(&r->heap, kept.l, all.l->p[i]))
            return E_FORMAT;
    }
    return jiter_over(r, kept, out);
}

static int extreme(jrun *r, jval v, const jargs *a, bool largest, jval *out)
{
    jval x[4], all, best;
    if (bind(r, "min, max", a, "case_sensitive attribute", 0, x) || jlist_of(r, v, J_LIST, &all))
        return E_FORMAT;
    *out = jval_undefined("the smallest or largest of nothing");
    for (int64_t i = 0; i < all.l->n; i++) {
        jval key;
        bool better = true;
        if (jpath(r, all.l->p[i], x[1], (jval){.kind = J_MISSING}, &key)) return E_FORMAT;
        if (!jval_true(x[0]) && without_case(r, key, &key)) return E_FORMAT;
        if (i &&
            (largest ? jval_less(&r->heap, best, key, &better) : jval_less(&r->heap, key, best, &better)))
            return E_FORMAT;
        if (!better) continue;
        best = key;
        *out = all.l->p[i];
    }
    return OK;
}

static int filter_min(jrun *r, jval v, const jargs *a, jval *out) { return extreme(r, v, a, false, out); }
static int filter_max(jrun *r, jval v, const jargs *a, jval *out) { return extreme(r, v, a, true, out); }

static int filter_sum(jrun *r, jval v, const jargs *a, jval *out)
{
    jval x[4];
    jiter *it;
    bool more = true;
    if (bind(r, "sum", a, "attribute start", 0, x) || jiter_of(r, v, &it)) return E_FORMAT;
    *out = x[1].kind == J_MISSING ? jval_int(0) : x[1];
    if (out->kind == J_STR) return jfail(&r->heap, "sum: texts are joined with join");
    for (;;) {
        jval y;
        if (jiter_next(r, it, &y, &more)) return E_FORMAT;
        if (!more) return OK;
        if (jpath(r, y, x[0], (jval){.kind = J_MISSING}, &y) || jbinary(r, OP_ADD, *out, y, out))
            return E_FORMAT;
    }
}

/* Rows of `n`, the last filled up. */
static int filter_batch(jrun *r, jval v, const jargs *a, jval *out)
{
    jval x[4], all, rows, row;
    int64_t n;
    if (bind(r, "batch", a, "linecount fill_with", 1, x) || !jarg_int(r, "batch", x[0], 1, &n) ||
        jlist_of(r, v, J_LIST, &all) || jval_list(&r->heap, J_LIST, 0, &rows))
        return E_FORMAT;
    if (n < 1) return junsupported(&r->heap, "batch of rows of %lld is not supported", (long long)n);
    for (int64_t i = 0; i < all.l->n; i++) {
        if (i % n == 0 && (jval_list(&r->heap, J_LIST, 0, &row) || jlist_add(&r->heap, rows.l, row)))
            return E_FORMAT;
        if (jlist_add(&r->heap, row.l, all.l->p[i])) return E_FORMAT;
    }
    bool fill = x[1].kind != J_MISSING && x[1].kind != J_NONE;
    while (fill && rows.l->n && row.l->n < n)
        if (jlist_add(&r->heap, row.l, x[1])) return E_FORMAT;
    return jiter_over(r, rows, out);
}

/* `n` columns, the first ones longer by one where it does not come out even. */
static int filter_slice(jrun *r, jval v, const jargs *a, jval *out)
{
    jval x[4], all, columns;
    int64_t n;
    if (bind(r, "slice", a, "slices fill_with", 1, x) || !jarg_int(r, "slice", x[0], 1, &n) ||
        jlist_of(r, v, J_LIST, &all) || jval_list(&r->heap, J_LIST, 0, &columns))
        return E_FORMAT;
    if (n < 1) return junsupported(&r->heap, "slice into %lld columns is not supported", (long long)n);
    bool fill = x[1].kind != J_MISSING && x[1].kind != J_NONE;
    for (int64_t c = 0, i = 0; c < n; c++) {
        jval column;
        int64_t most = all.l->n / n + (c < all.l->n % n);
        if (jval_list(&r->heap, J_LIST, 0, &column) || jlist_add(&r->heap, columns.l, column))
            return E_FORMAT;
        for (int64_t k = 0; k < most; k++)
            if (jlist_add(&r->heap, column.l, all.l->p[i++])) return E_FORMAT;
        if (fill && c >= all.l->n % n && jlist_add(&r->heap, column.l, x[1])) return E_FORMAT;
    }
    return jiter_over(r, columns, out);
}

const jfilter jfilters_of_lists[] = {
    {"batch", filter_batch},
    {"count", filter_length},
    {"dictsort", filter_dictsort},
    {"first", filter_first},
    {"items", filter_items},
    {"join", filter_join},
    {"last", filter_last},
    {"length", filter_length},
    {"list", filter_list},
    {"map", filter_map},
    {"max", filter_max},
    {"min", filter_min},
    {"reject", filter_reject},
    {"rejectattr", filter_rejectattr},
    {"reverse", filter_reverse},
    {"select", filter_select},
    {"selectattr", filter_selectattr},
    {"slice", filter_slice},
    {"sort", filter_sort},
    {"sum", filter_sum},
    {"unique", filter_unique},
    {0},
};
