/* loop.c -- {% for %} and its variable `loop` (run.h).
 *
 * Values are read one ahead only where the template asks for what comes (loop.last, loop.nextitem), as in
 * jinja2: a filter that reads on may do so with effects. */
#include "text/jinja/run.h"

#include <string.h>

typedef struct jloop {
    const jnode *n;
    jscope *outer; /* where the loop stands */
    jiter *it;
    jval over, before, current, after, changed; /* J_MISSING: none */
    int64_t index, length, depth;               /* index: -1 before the first; length: -1 unknown */
} jloop;

static int step(jrun *r, jloop *l, bool *more)
{
    jval v = l->after;
    *more = true;
    if (v.kind == J_MISSING) {
        int code = jiter_next(r, l->it, &v, more);
        if (code != OK || !*more) return code;
    }
    l->after.kind = J_MISSING;
    l->index++;
    l->before = l->current;
    l->current = v;
    return OK;
}

static int peek(jrun *r, jloop *l, bool *more)
{
    *more = true;
    if (l->after.kind != J_MISSING) return OK;
    int code = jiter_next(r, l->it, &l->after, more);
    if (code != OK || !*more) l->after.kind = J_MISSING;
    return code;
}

/* Of what has no length the rest is read and kept. */
static int find_length(jrun *r, jloop *l)
{
    if (l->length >= 0) return OK;
    l->length = jval_length(l->over);
    if (l->length >= 0) return OK;
    jval all;
    int64_t ahead = l->after.kind != J_MISSING;
    if (jlist_of(r, l->over, J_LIST, &all)) return E_FORMAT;
    l->length = all.l->n + l->index + 1 + ahead;
    return jiter_of(r, all, &l->it);
}

static int run_body(jrun *r, void *arg)
{
    jloop *l = arg;
    const jnode *n = l->n;
    bool more, any = false;
    for (;;) {
        int code = step(r, l, &more);
        if (code != OK) return code;
        if (!more) break;
        jscope *s = jheap_new(&r->heap, sizeof *s);
        if (!s || jscope_begin(r, s, l->outer, n) || jassign(r, s, n->a, l->current) ||
            jscope_set(r, s, NAME_LOOP, (jval){.kind = J_LOOP, .loop = l}))
            return E_FORMAT;
        code = jexec(r, s, &n->body);
        if (code < 0) return code;
        any |= code == OK;
        if (code == JUMP_BREAK) break;
    }
    if (any || !n->list.n) return OK;
    jscope *s = jheap_new(&r->heap, sizeof *s);
    if (!s || jscope_begin(r, s, l->outer, n->list.p[0])) return E_FORMAT;
    return jexec(r, s, &n->list.p[0]->body);
}

static jloop *begin(jrun *r, jscope *s, const jnode *n, jval over, int64_t depth)
{
    jloop *l = jheap_new(&r->heap, sizeof *l);
    if (!l || (n->c && jiter_for_if(r, over, n, s, &over))) return NULL;
    *l = (jloop){.n = n, .outer = s, .over = over, .index = -1, .length = -1, .depth = depth};
    return jiter_of(r, over, &l->it) ? NULL : l;
}

int jloop_run(jrun *r, jscope *s, const jnode *n)
{
    jval over, text;
    if (jeval(r, s, n->b, &over)) return E_FORMAT;
    jloop *l = begin(r, s, n, over, 1);
    if (!l) return E_FORMAT;
    if (!n->recursive) return run_body(r, l);
    int code = jcapture(r, run_body, l, &text);
    return code != OK ? code : jemit(r, text.s->p, text.s->n);
}

int jloop_call(jrun *r, jloop *l, const jargs *a, jval *out)
{
    jval over;
    if (!l->n->recursive) return jfail(&r->heap, "loop(...) needs {%% for ... recursive %%}");
    if (jargs_bind(r, "loop", a, "iterable", 1, &over) || jdeep(r)) return E_FORMAT;
    jloop *inner = begin(r, l->outer, l->n, over, l->depth + 1);
    int code = inner ? jcapture(r, run_body, inner, out) : E_FORMAT;
    r->depth--;
    return code;
}

int jloop_attribute(jrun *r, jloop *l, const char *name, jval *out)
{
    bool more;
    *out = (jval){.kind = J_MISSING};
    if (!strcmp(name, "index")) return *out = jval_int(l->index + 1), OK;
    if (!strcmp(name, "index0")) return *out = jval_int(l->index), OK;
    if (!strcmp(name, "first")) return *out = jval_bool(l->index == 0), OK;
    if (!strcmp(name, "depth")) return *out = jval_int(l->depth), OK;
    if (!strcmp(name, "depth0")) return *out = jval_int(l->depth - 1), OK;
    if (!strcmp(name, "previtem")) {
        *out = l->index == 0 ? jval_undefined("loop.previtem of the first") : l->before;
        return OK;
    }
    if (!strcmp(name, "last") || !strcmp(name, "nextitem")) {
        if (peek(r, l, &more)) return E_FORMAT;
        *out = *name == 'l' ? jval_bool(!more)
               : more       ? l->after
                            : jval_undefined("loop.nextitem of the last");
        return OK;
    }
    bool length = !strcmp(name, "length"), left0 = !strcmp(name, "revindex0");
    if (!length && !left0 && strcmp(name, "revindex")) return OK;
    if (find_length(r, l)) return E_FORMAT;
    return *out = jval_int(length ? l->length : l->length - l->index - left0), OK;
}

int jloop_cycle(jrun *r, jloop *l, const jargs *a, jval *out)
{
    if (!a->n || a->named_n) return jfail(&r->heap, "loop.cycle() needs values");
    return *out = a->p[l->index % a->n], OK;
}

int jloop_changed(jrun *r, jloop *l, const jargs *a, jval *out)
{
    jval now;
    if (a->named_n) return jfail(&r->heap, "loop.changed() takes values without names");
    if (jval_list(&r->heap, J_TUPLE, a->n, &now)) return E_FORMAT;
    for (int i = 0; i < a->n; i++) now.l->p[now.l->n++] = a->p[i];
    bool same = l->changed.kind == J_TUPLE && jval_equal(&r->heap, l->changed, now);
    l->changed = now;
    return *out = jval_bool(!same), r->heap.e->code;
}

int jloop_repr(jheap *h, jloop *l, str *out)
{
    if (l->length < 0 && jval_length(l->over) < 0)
        return junsupported(h, "the variable loop is printed over values without a length");
    str_fmt(out, "<LoopContext %lld/%lld>", (long long)l->index + 1,
            (long long)(l->length < 0 ? jval_length(l->over) : l->length));
    return OK;
}
