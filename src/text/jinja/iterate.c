/* iterate.c -- values one after the other (run.h).
 *
 * What map, select and their like give is read once and only as far as somebody reads, as Python's
 * generators: a test that would fail for a later value does not matter when `first` stops before it. */
#include "text/jinja/run.h"

#include "text/unicode.h"

#include <ctype.h>
#include <string.h>

typedef enum iter_kind { ITER_MEMBERS, ITER_MAP, ITER_SELECT, ITER_FOR_IF } iter_kind;

struct jiter {
    iter_kind kind;
    jval of;    /* what is read */
    int64_t i;  /* next member */
    size_t at;  /* next byte of a text */
    jiter *in;  /* the values that are mapped or chosen from; NULL until the first is wanted */
    jargs args; /* of the filter or test */
    jselect how;
    const jfilter *filter; /* NULL: the attribute */
    const jtest *test;     /* NULL: whether it is true */
    jval path, otherwise;
    const jnode *n;
    jscope *s;
};

bool jiterable(jval v) { return jval_length(v) >= 0 || v.kind == J_ITER || v.kind == J_LOOP; }

int jiter_of(jrun *r, jval v, jiter **out)
{
    if (v.kind == J_ITER) return *out = v.it, OK;
    if (v.kind == J_LOOP) return junsupported(&r->heap, "going through the variable loop is not supported");
    if (!jiterable(v)) return jfail(&r->heap, "'%s' has no members to go through", jkind_name(v.kind));
    if (!(*out = jheap_new(&r->heap, sizeof **out))) return E_FORMAT;
    **out = (jiter){.kind = ITER_MEMBERS, .of = v};
    return OK;
}

static int next_member(jrun *r, jiter *it, jval *out, bool *more)
{
    const jval *of = &it->of;
    int64_t i = it->i++;
    if (of->kind == J_STR) {
        *more = it->at < of->s->n;
        if (!*more) return OK;
        size_t n = (size_t)utf8_length(of->s->p[it->at]), at = it->at;
        it->at += n;
        return jval_str(&r->heap, of->s->p + at, n, out);
    }
    *more = i < jval_length(*of);
    if (!*more) return OK;
    switch (of->kind) {
    case J_LIST:
    case J_TUPLE:
        *out = of->l->p[i];
        break;
    case J_DICT:
        *out = of->m->p[i].key;
        break;
    case J_RANGE:
        *out = jval_int(of->r->start + i * of->r->step);
        break;
    case J_VIEW:
        return jview_at(&r->heap, of->v, i, out);
    default:
        BUG("a value of kind %d has no members", of->kind);
    }
    return OK;
}

static jargs without(const jargs *a, int n)
{
    jargs rest = *a;
    rest.p += n;
    rest.n -= n;
    return rest;
}

/* map('upper') or map(attribute='a.b', default=...) */
static int begin_map(jrun *r, jiter *it)
{
    jargs a = it->args;
    it->otherwise.kind = it->path.kind = J_MISSING;
    for (int i = 0; i < a.named_n && !a.n; i++)
        if (!strcmp(a.name[i]->p, "attribute")) it->path = a.named[i];
    if (it->path.kind != J_MISSING) {
        for (int i = 0; i < a.named_n; i++) {
            bool is_default = !strcmp(a.name[i]->p, "default");
            if (is_default && a.named[i].kind != J_NONE) it->otherwise = a.named[i];
            if (!is_default && strcmp(a.name[i]->p, "attribute"))
                return jfail(&r->heap, "map: an argument \"%s\" that it does not have", a.name[i]->p);
        }
        return OK;
    }
    if (!a.n) return jfail(&r->heap, "map needs the name of a filter, or attribute=");
    if (a.p[0].kind == J_STR) it->filter = jfilter_find(a.p[0].s->p, a.p[0].s->n);
    if (!it->filter && a.p[0].kind == J_STR && jfilter_exists(a.p[0].s->p, a.p[0].s->n))
        return junsupported(&r->heap, "the filter \"%s\" is not supported", a.p[0].s->p);
    if (!it->filter) return jfail(&r->heap, "map: there is no such filter");
    it->args = without(&a, 1);
    return OK;
}

static int begin_select(jrun *r, jiter *it)
{
    jargs a = it->args;
    it->path.kind = J_MISSING;
    if (it->how == SELECT_ATTR || it->how == REJECT_ATTR) {
        if (!a.n) return jfail(&r->heap, "the name of the attribute is missing");
        it->path = a.p[0];
        a = without(&a, 1);
    }
    if (!a.n) return OK;
    if (a.p[0].kind == J_STR) it->test = jtest_find(a.p[0].s->p, a.p[0].s->n);
    if (!it->test) return jfail(&r->heap, "there is no such test");
    it->args = without(&a, 1);
    return OK;
}

/* What the generators do when the first value is asked for. Nothing comes of what is not true. */
static int begin(jrun *r, jiter *it)
{
    if (it->kind == ITER_FOR_IF) return jiter_of(r, it->of, &it->in);
    if (!jval_true(it->of))
        it->of = jval_undefined("");
    else if (it->kind == ITER_MAP ? begin_map(r, it) : begin_select(r, it))
        return E_FORMAT;
    return jiter_of(r, it->of, &it->in);
}

static int mapped(jrun *r, jiter *it, jval v, jval *out)
{
    if (it->filter) return it->filter->apply(r, v, &it->args, out);
    return jpath(r, v, it->path, it->otherwise, out);
}

static int chosen(jrun *r, jiter *it, jval v, bool *out)
{
    if (it->kind == ITER_FOR_IF) {
        jscope s = {.parent = it->s};
        jval holds;
        if (jassign(r, &s, it->n->a, v) || jeval(r, &s, it->n->c, &holds)) return E_FORMAT;
        return *out = jval_true(holds), OK;
    }
    if (it->path.kind != J_MISSING && jpath(r, v, it->path, (jval){.kind = J_MISSING}, &v)) return E_FORMAT;
    *out = jval_true(v);
    if (it->test && it->test->apply(r, v, &it->args, out)) return E_FORMAT;
    *out ^= it->how == REJECT || it->how == REJECT_ATTR;
    return OK;
}

int jiter_next(jrun *r, jiter *it, jval *out, bool *more)
{
    if (jheap_work(&r->heap, 0)) return E_FORMAT;
    if (it->kind == ITER_MEMBERS) return next_member(r, it, out, more);
    if (jdeep(r)) return E_FORMAT; /* one generator over another */
    int code = it->in ? OK : begin(r, it);
    while (code == OK) {
        jval v;
        bool wanted = true;
        code = jiter_next(r, it->in, &v, more);
        if (code != OK || !*more) break;
        code = it->kind == ITER_MAP ? mapped(r, it, v, out) : chosen(r, it, v, &wanted);
        if (code == OK && it->kind != ITER_MAP) *out = v;
        if (wanted) break;
    }
    r->depth--;
    return code;
}

static int make(jrun *r, iter_kind kind, jval of, const jargs *a, jval *out)
{
    jiter *it = jheap_new(&r->heap, sizeof *it);
    if (!it) return E_FORMAT;
    *it = (jiter){.kind = kind, .of = of};
    if (a) it->args = *a;
    return *out = (jval){.kind = J_ITER, .it = it}, OK;
}

int jiter_map(jrun *r, jval v, const jargs *a, jval *out) { return make(r, ITER_MAP, v, a, out); }

int jiter_select(jrun *r, jval v, jselect how, const jargs *a, jval *out)
{
    if (make(r, ITER_SELECT, v, a, out)) return E_FORMAT;
    return out->it->how = how, OK;
}

int jiter_for_if(jrun *r, jval v, const jnode *n, jscope *s, jval *out)
{
    jiter *in; /* Python asks for the iterator of the outermost values at once */
    if (jiter_of(r, v, &in) || make(r, ITER_FOR_IF, v, NULL, out)) return E_FORMAT;
    out->it->in = in;
    out->it->n = n;
    out->it->s = s;
    return OK;
}

int jiter_over(jrun *r, jval values, jval *out)
{
    jiter *it;
    if (jiter_of(r, values, &it)) return E_FORMAT;
    return *out = (jval){.kind = J_ITER, .it = it}, OK;
}

int jlist_of(jrun *r, jval v, jkind kind, jval *out)
{
    jiter *it;
    bool more = true;
    jval x;
    if (jiter_of(r, v, &it) || jval_list(&r->heap, kind, 0, out)) return E_FORMAT;
    for (;;) {
        int code = jiter_next(r, it, &x, &more);
        if (code != OK || !more) return code;
        if (jlist_add(&r->heap, out->l, x)) return E_FORMAT;
    }
}

static int step_into(jrun *r, jval v, const char *p, size_t n, jval *out)
{
    size_t digits = 0;
    jval key;
    while (digits < n && isdigit((unsigned char)p[digits])) digits++;
    if (n && digits == n && n < 18) {
        key = jval_int(0);
        for (size_t i = 0; i < n; i++) key.i = key.i * 10 + (p[i] - '0');
    } else if (jval_str(&r->heap, p, n, &key))
        return E_FORMAT;
    return jget_item(r, v, key, out);
}

int jpath(jrun *r, jval v, jval path, jval otherwise, jval *out)
{
    *out = v;
    if (path.kind == J_NONE || path.kind == J_MISSING) return OK;
    if (path.kind != J_STR) {
        if (jget_item(r, v, path, out)) return E_FORMAT;
        if (out->kind == J_UNDEFINED && otherwise.kind != J_MISSING) *out = otherwise;
        return OK;
    }
    for (const char *p = path.s->p, *end = p + path.s->n;; p++) {
        const char *dot = memchr(p, '.', (size_t)(end - p));
        size_t n = (size_t)((dot ? dot : end) - p);
        if (step_into(r, *out, p, n, out)) return E_FORMAT;
        if (out->kind == J_UNDEFINED && otherwise.kind != J_MISSING) *out = otherwise;
        p += n;
        if (!dot) return OK;
    }
}
