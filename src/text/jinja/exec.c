/* exec.c -- statements: what they write and which names they set (run.h). */
#include "text/jinja/run.h"

#include <stdlib.h>
#include <string.h>

int jemit(jrun *r, const char *p, size_t n)
{
    if (r->out->n + n > r->most_output)
        return jfail(&r->heap, "the template writes more than %zu MiB", r->most_output >> 20);
    r->heap.bytes += n;
    if (r->heap.bytes > r->heap.most_bytes)
        return jfail(&r->heap, "the template needs more than %zu MiB of memory", r->heap.most_bytes >> 20);
    str_add(r->out, p, n);
    return jheap_work(&r->heap, n);
}

int jscope_set(jrun *r, jscope *s, int name, jval v)
{
    for (int i = 0; i < s->n; i++)
        if (s->p[i].name == name) return s->p[i].value = v, OK;
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 4;
        jvar *more = jheap_new(&r->heap, (size_t)s->cap * sizeof *more);
        if (!more) return E_FORMAT;
        if (s->n) memcpy(more, s->p, (size_t)s->n * sizeof *more);
        s->p = more;
    }
    s->p[s->n++] = (jvar){name, v};
    return OK;
}

int jscope_begin(jrun *r, jscope *s, jscope *parent, const jnode *owner)
{
    *s = (jscope){.parent = parent};
    for (int i = 0; i < owner->n_hidden; i++)
        if (jscope_set(r, s, owner->hidden[i], (jval){.kind = J_MISSING})) return E_FORMAT;
    return OK;
}

/* A macro made in a scope keeps it: scopes lie on the heap. */
static jscope *inner(jrun *r, jscope *parent, const jnode *owner)
{
    jscope *s = jheap_new(&r->heap, sizeof *s);
    return s && !jscope_begin(r, s, parent, owner) ? s : NULL;
}

int jassign(jrun *r, jscope *s, const jnode *target, jval v)
{
    if (target->kind == N_NAME) return jscope_set(r, s, target->name, v);
    if (target->kind == N_MEMBER) {
        jval of, key = {.kind = J_STR, .s = target->text};
        jnode name = {
            .kind = N_NAME, .line = target->line, .name = target->name, .text = r->t->names[target->name]};
        if (jeval(r, s, &name, &of)) return E_FORMAT;
        if (of.kind != J_NAMESPACE)
            return jfail(&r->heap, "%s.%s = ...: only a namespace has members that can be set", name.text->p,
                         target->text->p);
        if (*target->text->p == '_')
            return jfail(&r->heap, "a namespace cannot have \"%s\": it begins with _", target->text->p);
        return jdict_set(&r->heap, of.m, key, v);
    }
    jval all;
    if (jlist_of(r, v, J_TUPLE, &all)) return E_FORMAT;
    if (all.l->n != target->list.n)
        return jfail(&r->heap, "%d names for %lld values", target->list.n, (long long)all.l->n);
    for (int i = 0; i < target->list.n; i++)
        if (jassign(r, s, target->list.p[i], all.l->p[i])) return E_FORMAT;
    return OK;
}

int jcapture(jrun *r, int (*fn)(jrun *r, void *arg), void *arg, jval *out)
{
    str text = {0}, *before = r->out;
    r->out = &text;
    r->captures++;
    int code = fn(r, arg);
    r->captures--;
    r->out = before;
    if (code == OK) return jval_take(&r->heap, &text, out);
    str_free(&text);
    return code;
}

typedef struct block {
    jscope *s;
    const jnodes *body;
} block;

static int run_block(jrun *r, void *arg)
{
    const block *b = arg;
    return jexec(r, b->s, b->body);
}

static int exec_if(jrun *r, jscope *s, const jnode *n)
{
    for (int i = 0; i < n->list.n; i++) {
        const jnode *branch = n->list.p[i];
        jval v = jval_bool(true);
        if (branch->a && jeval(r, s, branch->a, &v)) return E_FORMAT;
        if (jval_true(v)) return jexec(r, s, &branch->body);
    }
    return OK;
}

static int exec_set(jrun *r, jscope *s, const jnode *n)
{
    jval v;
    return jeval(r, s, n->b, &v) ? E_FORMAT : jassign(r, s, n->a, v);
}

/* {% set x | filter %} and {% filter f %}: a body in a scope of its own, captured. */
static int exec_captured(jrun *r, jscope *s, const jnode *n, const jnode *filters, jval *out)
{
    block b = {inner(r, s, n), &n->body};
    int code = b.s ? jcapture(r, run_block, &b, out) : E_FORMAT;
    if (code != OK || !filters) return code;
    return jfilter_node(r, b.s, filters, *out, out);
}

static int exec_with(jrun *r, jscope *s, const jnode *n)
{
    jscope *within = inner(r, s, n);
    if (!within) return E_FORMAT;
    for (int i = 0; i < n->list.n; i += 2) {
        jval v;
        if (jeval(r, s, n->list.p[i + 1], &v) || jassign(r, within, n->list.p[i], v)) return E_FORMAT;
    }
    return jexec(r, within, &n->body);
}

/* {% call f() %}: f is called with one argument more, the macro caller. */
static int exec_call(jrun *r, jscope *s, const jnode *n)
{
    jval caller, f, v;
    jargs a;
    if (jmacro_new(r, s, n, &caller) || jeval(r, s, n->a->a, &f) || jeval_args(r, s, n->a->call, &a))
        return E_FORMAT;
    jargs more = {.p = a.p, .n = a.n, .named_n = a.named_n + 1};
    more.named = jheap_new(&r->heap, (size_t)more.named_n * sizeof *more.named);
    more.name = jheap_new(&r->heap, (size_t)more.named_n * sizeof *more.name);
    if (!more.named || !more.name) return E_FORMAT;
    if (a.named_n) memcpy(more.named, a.named, (size_t)a.named_n * sizeof *a.named);
    if (a.named_n) memcpy(more.name, a.name, (size_t)a.named_n * sizeof *a.name);
    more.named[a.named_n] = caller;
    more.name[a.named_n] = r->t->names[NAME_CALLER];
    r->heap.line = n->line;
    if (jcall_value(r, f, &more, &v)) return E_FORMAT;
    str text = {0};
    int code = jval_print(&r->heap, v, &text);
    if (code == OK) code = jemit(r, str_c(&text), text.n);
    str_free(&text);
    return code;
}

static int exec_generation(jrun *r, jscope *s, const jnode *n)
{
    jscope *within = inner(r, s, n);
    if (!within) return E_FORMAT;
    if (n->takes_caller && jscope_set(r, within, NAME_CALLER, jval_undefined("caller"))) return E_FORMAT;
    jinja_output *o = r->result;
    size_t start = r->out->n;
    int code = jexec(r, within, &n->body);
    if (r->captures) return o->hidden_spans = true, code;
    if (code != OK) return code;
    o->span = xrealloc(o->span, (size_t)(o->spans + 1) * sizeof *o->span);
    o->span[o->spans++] = (jinja_span){start, r->out->n};
    return OK;
}

static int exec_print(jrun *r, jscope *s, const jnode *n)
{
    jval v;
    if (jeval(r, s, n->a, &v)) return E_FORMAT;
    if (v.kind == J_STR) return jemit(r, v.s->p, v.s->n);
    str text = {0};
    int code = jval_print(&r->heap, v, &text);
    if (code == OK) code = jemit(r, str_c(&text), text.n);
    str_free(&text);
    return code;
}

static int execute(jrun *r, jscope *s, const jnode *n)
{
    jval v;
    int code;
    switch (n->kind) {
    case N_TEXT:
        return jemit(r, n->text->p, n->text->n);
    case N_PRINT:
        return exec_print(r, s, n);
    case N_IF:
        return exec_if(r, s, n);
    case N_FOR:
        return jloop_run(r, s, n);
    case N_SET:
        return exec_set(r, s, n);
    case N_SET_BLOCK:
        code = exec_captured(r, s, n, n->b, &v);
        return code != OK ? code : jassign(r, s, n->a, v);
    case N_FILTER_BLOCK:
        code = exec_captured(r, s, n, n->a, &v);
        return code != OK ? code : jemit(r, v.s->p, v.s->n);
    case N_MACRO:
        return jmacro_new(r, s, n, &v) ? E_FORMAT : jscope_set(r, s, n->name, v);
    case N_CALL_BLOCK:
        return exec_call(r, s, n);
    case N_WITH:
        return exec_with(r, s, n);
    case N_GENERATION:
        return exec_generation(r, s, n);
    case N_BREAK:
        return JUMP_BREAK;
    case N_CONTINUE:
        return JUMP_CONTINUE;
    default:
        BUG("a node of kind %d is no statement", n->kind);
    }
}

int jexec(jrun *r, jscope *s, const jnodes *body)
{
    int code = jdeep(r);
    for (int i = 0; i < body->n && code == OK; i++) {
        r->heap.line = body->p[i]->line;
        code = jheap_work(&r->heap, 0) ? E_FORMAT : execute(r, s, body->p[i]);
    }
    r->depth--;
    return code;
}
