/* macro.c -- macros, and the bodies of call blocks, which are macros named caller (run.h). */
#include "text/jinja/run.h"

#include <string.h>

typedef struct jmacro {
    const jnode *n; /* N_MACRO or N_CALL_BLOCK */
    jscope *scope;  /* where it stands: names are looked up there when it is called */
} jmacro;

static const char *name_of(const jmacro *m) { return m->n->kind == N_MACRO ? m->n->text->p : "caller"; }

int jmacro_new(jrun *r, jscope *s, const jnode *n, jval *out)
{
    jmacro *m = jheap_new(&r->heap, sizeof *m);
    if (!m) return E_FORMAT;
    *m = (jmacro){n, s};
    *out = (jval){.kind = J_MACRO, .macro = m};
    return OK;
}

/* Takes the argument of that name out of `left`; J_MISSING when there is none. */
static jval take(jargs *left, const char *name)
{
    for (int i = 0; i < left->named_n; i++) {
        if (strcmp(left->name[i]->p, name)) continue;
        jval v = left->named[i];
        left->named_n--;
        memmove(left->named + i, left->named + i + 1, (size_t)(left->named_n - i) * sizeof *left->named);
        memmove(left->name + i, left->name + i + 1, (size_t)(left->named_n - i) * sizeof *left->name);
        return v;
    }
    return (jval){.kind = J_MISSING};
}

/* kwargs and varargs: what no parameter took. */
static int bind_rest(jrun *r, jscope *s, const jmacro *m, const jargs *left)
{
    const jnode *n = m->n;
    jval v;
    if (n->takes_kwargs) {
        if (jval_dict(&r->heap, J_DICT, &v)) return E_FORMAT;
        for (int i = 0; i < left->named_n; i++)
            if (jdict_set(&r->heap, v.m, (jval){.kind = J_STR, .s = left->name[i]}, left->named[i]))
                return E_FORMAT;
        if (jscope_set(r, s, NAME_KWARGS, v)) return E_FORMAT;
    } else if (left->named_n)
        return jfail(&r->heap, "macro \"%s\" takes no keyword argument \"%s\"", name_of(m), left->name[0]->p);
    int extra = left->n > n->params.n ? left->n - n->params.n : 0;
    if (!n->takes_varargs) {
        if (!extra) return OK;
        return jfail(&r->heap, "macro \"%s\" takes not more than %d arguments", name_of(m), n->params.n);
    }
    if (jval_list(&r->heap, J_TUPLE, extra, &v)) return E_FORMAT;
    for (int i = 0; i < extra; i++) v.l->p[v.l->n++] = left->p[n->params.n + i];
    return jscope_set(r, s, NAME_VARARGS, v);
}

static int bind(jrun *r, jscope *s, const jmacro *m, const jargs *a)
{
    const jnode *n = m->n;
    jargs left = *a;
    for (int i = 0; i < n->params.n; i++) {
        jval v = i < a->n ? a->p[i] : take(&left, n->params.p[i]->text->p);
        if (jscope_set(r, s, n->params.p[i]->name, v)) return E_FORMAT;
    }
    if (n->takes_caller) {
        jval v = take(&left, "caller");
        if (v.kind == J_MISSING || v.kind == J_NONE) v = jval_undefined("caller");
        if (jscope_set(r, s, NAME_CALLER, v)) return E_FORMAT;
    }
    if (bind_rest(r, s, m, &left)) return E_FORMAT;
    for (int i = 0; i < n->params.n; i++) { /* defaults may use the parameters before them */
        const jnode *p = n->params.p[i];
        jval v;
        for (int k = 0; k < s->n; k++)
            if (s->p[k].name == p->name) v = s->p[k].value;
        if (v.kind != J_MISSING) continue;
        v = jval_undefined(p->text->p);
        if ((p->a && jeval(r, s, p->a, &v)) || jscope_set(r, s, p->name, v)) return E_FORMAT;
    }
    return OK;
}

typedef struct calling {
    const jmacro *m;
    jscope *s;
} calling;

static int run_body(jrun *r, void *arg)
{
    const calling *c = arg;
    return jexec(r, c->s, &c->m->n->body);
}

int jmacro_call(jrun *r, const jmacro *m, const jargs *a, jval *out)
{
    calling c = {m, jheap_new(&r->heap, sizeof *c.s)};
    if (!c.s || jdeep(r) || jscope_begin(r, c.s, m->scope, m->n)) return E_FORMAT;
    int code = bind(r, c.s, m, a);
    if (code == OK) code = jcapture(r, run_body, &c, out);
    r->depth--;
    return code;
}

int jmacro_repr(jheap *h, const jmacro *m, str *out)
{
    if (m->n->kind != N_MACRO) return str_puts(out, "<Macro anonymous>"), OK;
    str_puts(out, "<Macro ");
    jstr name = {name_of(m), strlen(name_of(m)), -1};
    int code = jval_repr(h, (jval){.kind = J_STR, .s = &name}, out);
    str_putc(out, '>');
    return code;
}

int jmacro_attribute(jrun *r, const jmacro *m, const char *name, jval *out)
{
    *out = (jval){.kind = J_MISSING};
    if (!strcmp(name, "name") && m->n->kind != N_MACRO) return *out = jval_none(), OK;
    if (!strcmp(name, "name")) return jval_str(&r->heap, name_of(m), strlen(name_of(m)), out);
    if (!strcmp(name, "catch_kwargs")) return *out = jval_bool(m->n->takes_kwargs), OK;
    if (!strcmp(name, "catch_varargs")) return *out = jval_bool(m->n->takes_varargs), OK;
    if (!strcmp(name, "caller")) return *out = jval_bool(m->n->takes_caller), OK;
    if (strcmp(name, "arguments")) return OK;
    if (jval_list(&r->heap, J_TUPLE, m->n->params.n, out)) return E_FORMAT;
    for (int i = 0; i < m->n->params.n; i++)
        out->l->p[out->l->n++] = (jval){.kind = J_STR, .s = m->n->params.p[i]->text};
    return OK;
}
