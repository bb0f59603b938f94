/* compare.c -- == and < of Python (value.h). */
#include "text/jinja/value.h"

#include <string.h>

static int64_t whole(jval v) { return v.kind == J_BOOL ? v.b : v.i; }

/* -1, 0, 1; 2 where one is not a number. long double holds every int64_t. */
static int compare_numbers(jval a, jval b)
{
    if (a.kind != J_FLOAT && b.kind != J_FLOAT) return (whole(a) > whole(b)) - (whole(a) < whole(b));
    long double x = a.kind == J_FLOAT ? a.d : (long double)whole(a);
    long double y = b.kind == J_FLOAT ? b.d : (long double)whole(b);
    return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;
}

static int compare_text(const jstr *a, const jstr *b)
{
    int c = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n);
    return c ? c : (a->n > b->n) - (a->n < b->n);
}

static bool equal_dicts(jheap *h, const jdict *a, const jdict *b)
{
    if (a->n != b->n) return false;
    for (int64_t i = 0; i < a->n; i++) {
        jval other;
        if (!jdict_get(h, b, a->p[i].key, &other) || !jval_equal(h, a->p[i].value, other)) return false;
    }
    return true;
}

static bool equal_lists(jheap *h, const jlist *a, const jlist *b)
{
    if (a->n != b->n) return false;
    for (int64_t i = 0; i < a->n; i++)
        if (!jval_equal(h, a->p[i], b->p[i])) return false;
    return true;
}

static bool equal_ranges(const jrange *a, const jrange *b)
{
    return a->n == b->n && (!a->n || (a->start == b->start && (a->n == 1 || a->step == b->step)));
}

bool jval_equal(jheap *h, jval a, jval b)
{
    if (jval_is_number(a) && jval_is_number(b)) return compare_numbers(a, b) == 0;
    if (a.kind != b.kind) return false;
    if (a.kind <= J_NONE || a.s == b.s) return true; /* nothing, or the same thing */
    if (!jheap_enter(h)) return false;
    bool same = false;
    if (a.kind == J_STR)
        same = !jheap_work(h, a.s->n) && a.s->n == b.s->n && !memcmp(a.s->p, b.s->p, a.s->n);
    else if (a.kind == J_LIST || a.kind == J_TUPLE)
        same = equal_lists(h, a.l, b.l);
    else if (a.kind == J_DICT)
        same = equal_dicts(h, a.m, b.m);
    else if (a.kind == J_RANGE)
        same = equal_ranges(a.r, b.r);
    h->depth--;
    return same;
}

int jval_less(jheap *h, jval a, jval b, bool *out)
{
    if (jheap_work(h, 0)) return E_FORMAT;
    if (jval_is_number(a) && jval_is_number(b)) return *out = compare_numbers(a, b) == -1, OK;
    if (a.kind == J_STR && b.kind == J_STR) return *out = compare_text(a.s, b.s) < 0, jheap_work(h, a.s->n);
    if (a.kind == b.kind && (a.kind == J_LIST || a.kind == J_TUPLE)) {
        int64_t i = 0;
        while (i < a.l->n && i < b.l->n && jval_equal(h, a.l->p[i], b.l->p[i])) i++;
        *out = a.l->n < b.l->n;
        if (i == a.l->n || i == b.l->n) return h->e->code;
        if (!jheap_enter(h)) return E_FORMAT;
        int code = jval_less(h, a.l->p[i], b.l->p[i], out);
        h->depth--;
        return code;
    }
    if (a.kind == J_UNDEFINED || b.kind == J_UNDEFINED)
        return jfail(h, "%s is undefined", a.kind == J_UNDEFINED ? a.what : b.what);
    return jfail(h, "'%s' and '%s' have no order", jkind_name(a.kind), jkind_name(b.kind));
}
