/* scope.c -- which names a scope hides before it sets them.
 *
 * Bodies of loops, macros, call, filter, set and with blocks are scopes: what is set there is gone after
 * them. jinja2 decides what a name means in a scope before anything runs: a name that the scope sets, that it
 * did not read before (as it stands in the template, scopes inside not looked into) and that no scope around
 * it knows, is undefined there until it is set, even if the data has a value of that name. An if is not a
 * scope; a name set in one branch only keeps what it was. This file finds those names for every scope
 * (n->hidden); at run time a scope begins with them missing. */
#include "text/jinja/run.h"

#include <string.h>

/* What a scope knows about a name. */
enum { KNOWN = 1, STORED = 2, HIDDEN = 4 };

typedef struct scope {
    struct scope *parent;
    uint8_t *name; /* (names) */
} scope;

typedef struct marker {
    jheap *h;
    int names;
} marker;

static int visit(marker *m, scope *s, const jnode *n);

static bool known(const scope *s, int name)
{
    for (; s; s = s->parent)
        if (s->name[name] & KNOWN) return true;
    return false;
}

static void load(scope *s, int name)
{
    if (!known(s, name)) s->name[name] |= KNOWN;
}

static void store(scope *s, int name)
{
    bool first = !(s->name[name] & KNOWN) && !known(s->parent, name);
    s->name[name] |= KNOWN | STORED | (first ? HIDDEN : 0);
}

static int visit_all(marker *m, scope *s, const jnodes *l)
{
    for (int i = 0; i < l->n; i++)
        if (l->p[i] && visit(m, s, l->p[i])) return E_FORMAT;
    return OK;
}

static int visit_call(marker *m, scope *s, const jcall *c)
{
    if (!c) return OK;
    for (int i = 0; i < c->named.n; i++)
        if (visit(m, s, c->named.p[i]->a)) return E_FORMAT;
    return visit_all(m, s, &c->given) || visit(m, s, c->star) || visit(m, s, c->star_star) ? E_FORMAT : OK;
}

/* declare: a parameter, which is set from the beginning. */
static void visit_target(scope *s, const jnode *n, bool declare)
{
    for (int i = 0; n->kind == N_TUPLE && i < n->list.n; i++) visit_target(s, n->list.p[i], declare);
    if (n->kind == N_MEMBER) load(s, n->name);
    if (n->kind != N_NAME) return;
    if (declare)
        s->name[n->name] |= KNOWN | STORED;
    else
        store(s, n->name);
}

/* A branch sees what was before the if; what only branches set is not hidden. */
static int visit_if(marker *m, scope *s, const jnode *n)
{
    size_t bytes = (size_t)m->names;
    uint8_t *before = jheap_new(m->h, bytes), *all = jheap_new(m->h, bytes);
    if (!before || !all || visit(m, s, n->list.p[0]->a)) return E_FORMAT;
    memcpy(before, s->name, bytes);
    for (int i = 0; i < n->list.n; i++) {
        memcpy(s->name, before, bytes);
        if ((i && visit(m, s, n->list.p[i]->a)) || visit_all(m, s, &n->list.p[i]->body)) return E_FORMAT;
        for (size_t k = 0; k < bytes; k++) all[k] |= s->name[k];
    }
    for (size_t k = 0; k < bytes; k++) s->name[k] = (uint8_t)((all[k] & ~HIDDEN) | (before[k] & HIDDEN));
    return OK;
}

/* Scopes inside are not looked into, only what stands at their beginning outside them. */
static int visit(marker *m, scope *s, const jnode *n)
{
    if (!n) return OK;
    if (jheap_work(m->h, 0)) return E_FORMAT;
    switch (n->kind) {
    case N_NAME:
        return load(s, n->name), OK;
    case N_IF:
        return visit_if(m, s, n);
    case N_FOR:
        return visit(m, s, n->b);
    case N_SET:
        return visit(m, s, n->b) ? E_FORMAT : (visit_target(s, n->a, false), OK);
    case N_SET_BLOCK:
        return visit_target(s, n->a, false), OK;
    case N_MACRO:
        return store(s, n->name), OK;
    case N_CALL_BLOCK:
    case N_FILTER_BLOCK:
        return visit(m, s, n->a);
    case N_GENERATION:
        return OK;
    case N_WITH:
        for (int i = 1; i < n->list.n; i += 2)
            if (visit(m, s, n->list.p[i])) return E_FORMAT;
        return OK;
    default:
        break;
    }
    bool failed = visit(m, s, n->a) || visit(m, s, n->b) || visit(m, s, n->c) || visit_all(m, s, &n->list) ||
                  visit_call(m, s, n->call);
    return failed ? E_FORMAT : OK;
}

/* Whether a name is read anywhere below n. */
static bool mentions(const jnode *n, int name);

static bool any_mentions(const jnodes *l, int name)
{
    for (int i = 0; i < l->n; i++)
        if (l->p[i] && mentions(l->p[i], name)) return true;
    return false;
}

static bool mentions(const jnode *n, int name)
{
    if (!n) return false;
    const jcall *c = n->call;
    if (c && (any_mentions(&c->given, name) || any_mentions(&c->named, name) || mentions(c->star, name) ||
              mentions(c->star_star, name)))
        return true;
    return (n->kind == N_NAME && n->name == name) || mentions(n->a, name) || mentions(n->b, name) ||
           mentions(n->c, name) || any_mentions(&n->list, name) || any_mentions(&n->body, name) ||
           any_mentions(&n->params, name);
}

static int mark(marker *m, jnode *owner, jnodes *body, scope *parent);

/* The scopes inside a list of statements, now that all of s is known. */
static int mark_inside(marker *m, const jnodes *body, scope *s)
{
    for (int i = 0; i < body->n; i++) {
        jnode *n = body->p[i];
        int code = OK;
        switch (n->kind) {
        case N_IF:
            for (int k = 0; k < n->list.n && code == OK; k++) code = mark_inside(m, &n->list.p[k]->body, s);
            break;
        case N_FOR:
            code = mark(m, n, &n->body, s);
            if (code == OK && n->list.n) code = mark(m, n->list.p[0], &n->list.p[0]->body, s);
            break;
        case N_MACRO:
        case N_CALL_BLOCK:
        case N_GENERATION:
        case N_FILTER_BLOCK:
        case N_SET_BLOCK:
        case N_WITH:
            code = mark(m, n, &n->body, s);
            break;
        default:
            break;
        }
        if (code != OK) return code;
    }
    return OK;
}

/* What a scope has from the beginning. */
static int declare(marker *m, jnode *n, scope *s)
{
    if (n->kind == N_FOR) visit_target(s, n->a, true), s->name[NAME_LOOP] |= KNOWN;
    if (n->kind == N_WITH)
        for (int i = 0; i < n->list.n; i += 2) visit_target(s, n->list.p[i], true);
    if (n->kind != N_MACRO && n->kind != N_CALL_BLOCK && n->kind != N_GENERATION) return OK;
    for (int i = 0; i < n->params.n; i++) visit_target(s, n->params.p[i], true);
    n->takes_caller = any_mentions(&n->body, NAME_CALLER);
    n->takes_kwargs = any_mentions(&n->body, NAME_KWARGS);
    n->takes_varargs = any_mentions(&n->body, NAME_VARARGS);
    if (n->takes_caller) s->name[NAME_CALLER] |= KNOWN;
    if (n->takes_kwargs) s->name[NAME_KWARGS] |= KNOWN;
    if (n->takes_varargs) s->name[NAME_VARARGS] |= KNOWN;
    for (int i = 0; i < n->params.n; i++)
        if (visit(m, s, n->params.p[i]->a)) return E_FORMAT;
    return OK;
}

static int mark(marker *m, jnode *owner, jnodes *body, scope *parent)
{
    scope s = {parent, jheap_new(m->h, (size_t)m->names)};
    if (!s.name || declare(m, owner, &s) || visit_all(m, &s, body)) return E_FORMAT;
    if (owner->kind == N_FILTER_BLOCK && visit(m, &s, owner->a)) return E_FORMAT;
    for (int i = 0; i < m->names; i++) owner->n_hidden += (s.name[i] & HIDDEN) != 0;
    if (owner->n_hidden) {
        owner->hidden = jheap_new(m->h, (size_t)owner->n_hidden * sizeof *owner->hidden);
        if (!owner->hidden) return E_FORMAT;
        for (int i = 0, k = 0; i < m->names; i++)
            if (s.name[i] & HIDDEN) owner->hidden[k++] = i;
    }
    return mark_inside(m, body, &s);
}

int jscope_mark(jheap *h, jnode *root, int n_names)
{
    marker m = {h, n_names};
    return mark(&m, root, &root->body, NULL);
}
