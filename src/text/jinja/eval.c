/* eval.c -- the value of an expression (run.h). */
#include "text/jinja/run.h"

#include <string.h>

enum { DEPTH_MOST = 1500 };

int jdeep(jrun *r)
{
    if (r->depth++ < DEPTH_MOST) return OK;
    return jfail(&r->heap, "the template goes too deep: a macro that calls itself without end?");
}

/* A name: from the scopes inside out, then from the data, then what every template has. */
static int name_value(jrun *r, const jscope *s, const jnode *n, jval *out)
{
    for (; s; s = s->parent)
        for (int i = 0; i < s->n; i++) {
            if (s->p[i].name != n->name) continue;
            *out = s->p[i].value;
            if (out->kind == J_MISSING) *out = jval_undefined(n->text->p);
            return OK;
        }
    *out = r->context[n->name];
    if (out->kind != J_MISSING) return OK;
    const jfunction *f = jfunction_find(n->text);
    if (!f) return *out = jval_undefined(n->text->p), OK;
    if (!f->call) return junsupported(&r->heap, "the function \"%s\" is not supported", f->name);
    return *out = (jval){.kind = J_FUNCTION, .f = f}, OK;
}

static int list_value(jrun *r, jscope *s, const jnode *n, jval *out)
{
    if (jval_list(&r->heap, n->kind == N_LIST ? J_LIST : J_TUPLE, n->list.n, out)) return E_FORMAT;
    for (int i = 0; i < n->list.n; i++) {
        if (jeval(r, s, n->list.p[i], &out->l->p[i])) return E_FORMAT;
        out->l->n++;
    }
    return OK;
}

static int dict_value(jrun *r, jscope *s, const jnode *n, jval *out)
{
    if (jval_dict(&r->heap, J_DICT, out)) return E_FORMAT;
    for (int i = 0; i < n->list.n; i += 2) {
        jval key, value;
        if (jeval(r, s, n->list.p[i], &key) || jeval(r, s, n->list.p[i + 1], &value) ||
            jdict_set(&r->heap, out->m, key, value))
            return E_FORMAT;
    }
    return OK;
}

static int concat_value(jrun *r, jscope *s, const jnode *n, jval *out)
{
    str text = {0};
    int code = OK;
    for (int i = 0; i < n->list.n && code == OK; i++) {
        jval v;
        code = jeval(r, s, n->list.p[i], &v);
        if (code == OK) code = jval_print(&r->heap, v, &text);
    }
    if (code == OK) return jval_take(&r->heap, &text, out);
    str_free(&text);
    return code;
}

/* a < b < c is a < b and b < c, with b evaluated once. */
static int compare_value(jrun *r, jscope *s, const jnode *n, jval *out)
{
    jval left;
    bool holds = true;
    if (jeval(r, s, n->a, &left)) return E_FORMAT;
    for (int i = 0; i < n->list.n && holds; i++) {
        jval right;
        if (jeval(r, s, n->list.p[i]->a, &right)) return E_FORMAT;
        int code = jcompare(r, n->list.p[i]->op, left, right, &holds);
        if (code != OK) return code;
        left = right;
    }
    return *out = jval_bool(holds), OK;
}

static int slice_value(jrun *r, jscope *s, const jnode *n, jval *out)
{
    jval of, bound[3];
    if (jeval(r, s, n->a, &of)) return E_FORMAT;
    for (int i = 0; i < 3; i++) {
        bound[i] = jval_none();
        if (n->list.p[i] && jeval(r, s, n->list.p[i], &bound[i])) return E_FORMAT;
    }
    return jget_slice(r, of, bound, out);
}

static int spread(jrun *r, jscope *s, const jcall *c, jval *star, jval *star_star)
{
    star->kind = star_star->kind = J_MISSING;
    if (c->star) {
        jval v;
        if (jeval(r, s, c->star, &v) || jlist_of(r, v, J_LIST, star)) return E_FORMAT;
    }
    if (!c->star_star) return OK;
    if (jeval(r, s, c->star_star, star_star)) return E_FORMAT;
    if (star_star->kind != J_DICT) return jfail(&r->heap, "what follows ** is not a dict");
    for (int64_t i = 0; i < star_star->m->n; i++)
        if (star_star->m->p[i].key.kind != J_STR)
            return jfail(&r->heap, "what follows ** has a key that is no text");
    return OK;
}

int jeval_args(jrun *r, jscope *s, const jcall *c, jargs *out)
{
    *out = (jargs){0};
    if (!c) return OK;
    jval star, star_star;
    if (spread(r, s, c, &star, &star_star)) return E_FORMAT;
    int64_t n = c->given.n + (star.kind ? star.l->n : 0);
    int64_t named = c->named.n + (star_star.kind ? star_star.m->n : 0);
    if (n + named > 100000) return jfail(&r->heap, "too many arguments");
    out->p = jheap_new(&r->heap, (size_t)(n + named + 1) * sizeof *out->p);
    out->name = jheap_new(&r->heap, (size_t)(named + 1) * sizeof *out->name);
    if (!out->p || !out->name) return E_FORMAT;
    out->named = out->p + n;
    for (int i = 0; i < c->given.n; i++)
        if (jeval(r, s, c->given.p[i], &out->p[out->n++])) return E_FORMAT;
    for (int64_t i = 0; star.kind && i < star.l->n; i++) out->p[out->n++] = star.l->p[i];
    for (int i = 0; i < c->named.n; i++, out->named_n++) {
        out->name[out->named_n] = c->named.p[i]->text;
        if (jeval(r, s, c->named.p[i]->a, &out->named[out->named_n])) return E_FORMAT;
    }
    for (int64_t i = 0; star_star.kind && i < star_star.m->n; i++, out->named_n++) {
        out->name[out->named_n] = star_star.m->p[i].key.s;
        out->named[out->named_n] = star_star.m->p[i].value;
    }
    return OK;
}

static int call_value(jrun *r, jscope *s, const jnode *n, jval *out)
{
    jval f;
    jargs a;
    if (jeval(r, s, n->a, &f) || jeval_args(r, s, n->call, &a)) return E_FORMAT;
    r->heap.line = n->line;
    return jcall_value(r, f, &a, out);
}

int jfilter_node(jrun *r, jscope *s, const jnode *n, jval input, jval *out)
{
    jargs a;
    if (jdeep(r)) return E_FORMAT;
    if (n->a &&
        (n->a->kind == N_FILTER ? jfilter_node(r, s, n->a, input, &input) : jeval(r, s, n->a, &input)))
        return E_FORMAT;
    if (jeval_args(r, s, n->call, &a)) return E_FORMAT;
    r->heap.line = n->line;
    r->depth--;
    return n->filter->apply(r, input, &a, out);
}

static int test_value(jrun *r, jscope *s, const jnode *n, jval *out)
{
    jval v;
    jargs a;
    bool holds = false;
    if (jeval(r, s, n->a, &v) || jeval_args(r, s, n->call, &a)) return E_FORMAT;
    int code = n->test->apply(r, v, &a, &holds);
    return *out = jval_bool(holds), code;
}

static int evaluate(jrun *r, jscope *s, const jnode *n, jval *out)
{
    jval a, b;
    switch (n->kind) {
    case N_CONST:
        return *out = n->value, OK;
    case N_NAME:
        return name_value(r, s, n, out);
    case N_LIST:
    case N_TUPLE:
        return list_value(r, s, n, out);
    case N_DICT:
        return dict_value(r, s, n, out);
    case N_CONCAT:
        return concat_value(r, s, n, out);
    case N_COMPARE:
        return compare_value(r, s, n, out);
    case N_SLICE:
        return slice_value(r, s, n, out);
    case N_CALL:
        return call_value(r, s, n, out);
    case N_FILTER:
        return jfilter_node(r, s, n, jval_none(), out);
    case N_TEST:
        return test_value(r, s, n, out);
    case N_COND:
        if (jeval(r, s, n->b, &b)) return E_FORMAT;
        if (jval_true(b)) return jeval(r, s, n->a, out);
        if (n->c) return jeval(r, s, n->c, out);
        return *out = jval_undefined("the inline if without else"), OK;
    default:
        break;
    }
    if (jeval(r, s, n->a, &a)) return E_FORMAT;
    switch (n->kind) {
    case N_AND:
        return jval_true(a) ? jeval(r, s, n->b, out) : (*out = a, OK);
    case N_OR:
        return jval_true(a) ? (*out = a, OK) : jeval(r, s, n->b, out);
    case N_NOT:
        return *out = jval_bool(!jval_true(a)), OK;
    case N_NEG:
    case N_POS:
        return junary(r, n->kind, a, out);
    case N_ATTR:
        return jget_attribute(r, a, n->text, out);
    case N_ITEM:
        return jeval(r, s, n->b, &b) ? E_FORMAT : jget_item(r, a, b, out);
    case N_BINARY:
        return jeval(r, s, n->b, &b) ? E_FORMAT : jbinary(r, n->op, a, b, out);
    default:
        BUG("a node of kind %d is no expression", n->kind);
    }
}

int jeval(jrun *r, jscope *s, const jnode *n, jval *out)
{
    r->heap.line = n->line;
    if (jheap_work(&r->heap, 0) || jdeep(r)) return E_FORMAT;
    int code = evaluate(r, s, n, out);
    r->depth--;
    return code != OK ? code : r->heap.e->code;
}
