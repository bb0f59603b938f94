/* methods.c -- methods of lists, dicts and loops, and how methods are found (run.h). Those of text are in
 * methods_text.c.
 *
 * A method that changes its list or dict is undefined, as in jinja2's sandbox, and so an error when called.
 */
#include "text/jinja/run.h"

#include <string.h>

struct jmethod {
    jval self;
    const jmethod_row *row;
};

static int dict_get(jrun *r, jval self, const jargs *a, jval *out)
{
    if (a->named_n || a->n < 1 || a->n > 2) return jfail(&r->heap, "get() takes a key and a default");
    if (!jval_hashable(&r->heap, a->p[0]))
        return jfail(&r->heap, "unhashable type: '%s'", jkind_name(a->p[0].kind));
    if (!jdict_get(&r->heap, self.m, a->p[0], out)) *out = a->n > 1 ? a->p[1] : jval_none();
    return OK;
}

static int view(jrun *r, jval self, const jargs *a, jview_of of, jval *out)
{
    if (a->n || a->named_n) return jfail(&r->heap, "keys(), values() and items() take no arguments");
    jview *v = jheap_new(&r->heap, sizeof *v);
    if (!v) return E_FORMAT;
    *v = (jview){self.m, of};
    return *out = (jval){.kind = J_VIEW, .v = v}, OK;
}

static int dict_keys(jrun *r, jval self, const jargs *a, jval *out)
{
    return view(r, self, a, VIEW_KEYS, out);
}
static int dict_values(jrun *r, jval self, const jargs *a, jval *out)
{
    return view(r, self, a, VIEW_VALUES, out);
}
static int dict_items(jrun *r, jval self, const jargs *a, jval *out)
{
    return view(r, self, a, VIEW_ITEMS, out);
}

/* Nothing changes a dict or a list, so a copy is another name for it. */
static int same(jrun *r, jval self, const jargs *a, jval *out)
{
    if (a->n || a->named_n) return jfail(&r->heap, "copy() takes no arguments");
    return *out = self, OK;
}

static int list_count(jrun *r, jval self, const jargs *a, jval *out)
{
    if (a->n != 1 || a->named_n) return jfail(&r->heap, "count() takes one value");
    int64_t n = 0;
    for (int64_t i = 0; i < self.l->n; i++) n += jval_equal(&r->heap, self.l->p[i], a->p[0]);
    return *out = jval_int(n), r->heap.e->code;
}

static int list_index(jrun *r, jval self, const jargs *a, jval *out)
{
    if (a->n != 1 || a->named_n)
        return junsupported(&r->heap, "index() with a beginning or an end is not supported");
    for (int64_t i = 0; i < self.l->n; i++)
        if (jval_equal(&r->heap, self.l->p[i], a->p[0])) return *out = jval_int(i), r->heap.e->code;
    return jfail(&r->heap, "index(): the value is not in the list");
}

static int loop_cycle(jrun *r, jval self, const jargs *a, jval *out)
{
    return jloop_cycle(r, self.loop, a, out);
}
static int loop_changed(jrun *r, jval self, const jargs *a, jval *out)
{
    return jloop_changed(r, self.loop, a, out);
}

static const jmethod_row of_dict[] = {{"get", dict_get},
                                      {"items", dict_items},
                                      {"keys", dict_keys},
                                      {"copy", same},
                                      {"values", dict_values},
                                      {"fromkeys", NULL},
                                      {0}};
static const jmethod_row of_list[] = {{"copy", same}, {"count", list_count}, {"index", list_index}, {0}};
static const jmethod_row of_tuple[] = {{"count", list_count}, {"index", list_index}, {0}};
static const jmethod_row of_loop[] = {{"cycle", loop_cycle}, {"changed", loop_changed}, {0}};
static const jmethod_row of_range[] = {{"count", NULL}, {"index", NULL}, {0}};
static const jmethod_row of_view[] = {{"isdisjoint", NULL}, {"mapping", NULL}, {0}};
static const jmethod_row of_iter[] = {{"send", NULL}, {"throw", NULL}, {"close", NULL}, {0}};
static const jmethod_row of_function[] = {{"fromkeys", NULL}, {0}};

/* What jinja2's sandbox does not give away. */
static bool changes(jkind kind, const char *name)
{
    static const char *const of_lists[] = {"append", "clear",   "extend", "insert", "pop",
                                           "remove", "reverse", "sort",   NULL};
    static const char *const of_dicts[] = {"clear", "pop", "popitem", "setdefault", "update", NULL};
    const char *const *p = kind == J_LIST ? of_lists : kind == J_DICT ? of_dicts : NULL;
    for (; p && *p; p++)
        if (!strcmp(*p, name)) return true;
    return false;
}

static const jmethod_row *find(const jmethod_row *row, const char *name)
{
    for (; row && row->name; row++)
        if (!strcmp(row->name, name)) return row;
    return NULL;
}

int jmethod_find(jrun *r, jval of, jstr *name, jval *out)
{
    static const jmethod_row *const rows[] = {
        [J_STR] = jmethods_of_text, [J_LIST] = of_list, [J_TUPLE] = of_tuple,
        [J_DICT] = of_dict,         [J_LOOP] = of_loop, [J_RANGE] = of_range,
        [J_VIEW] = of_view,         [J_ITER] = of_iter, [J_FUNCTION] = of_function,
    };
    *out = (jval){.kind = J_MISSING};
    if (changes(of.kind, name->p)) return *out = jval_undefined(name->p), OK;
    const jmethod_row *row =
        (size_t)of.kind < sizeof rows / sizeof *rows ? find(rows[of.kind], name->p) : NULL;
    if (!row) return OK;
    if (!row->call) return junsupported(&r->heap, "the method \"%s\" is not supported", name->p);
    jmethod *m = jheap_new(&r->heap, sizeof *m);
    if (!m) return E_FORMAT;
    *m = (jmethod){of, row};
    return *out = (jval){.kind = J_METHOD, .method = m}, OK;
}

int jmethod_call(jrun *r, const jmethod *m, const jargs *a, jval *out)
{
    return m->row->call(r, m->self, a, out);
}

bool jmethod_is_refused(const jstr *name)
{
    const jmethod_row *row = find(jmethods_of_text, name->p);
    return row && !row->call;
}
