/* render.c -- a template from its text, and its rendering (jinja.h). */
#include "text/jinja/run.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS = 20000000, MEMORY = 256 << 20, OUTPUT = 32 << 20, TEMPLATE_MEMORY = 64 << 20 };

jinja *jinja_new(const char *text, size_t n, const char *name, err *e)
{
    if (n > JINJA_TEMPLATE_MAX) {
        fail(e, E_FORMAT, "%s: a template of more than %d KiB", name, JINJA_TEMPLATE_MAX >> 10);
        return NULL;
    }
    jinja *t = xcalloc(1, sizeof *t);
    err own = {0};
    t->name = xmalloc(strlen(name) + 1);
    strcpy(t->name, name);
    t->heap =
        (jheap){.most_bytes = TEMPLATE_MEMORY, .most_steps = STEPS, .name = t->name, .line = 1, .e = &own};
    int code = jparse(&t->heap, text, n, t);
    t->heap.e = NULL;
    if (code == OK && own.code == OK) return t;
    fail(e, own.code, "%s", own.msg);
    jinja_free(t);
    return NULL;
}

void jinja_free(jinja *t)
{
    if (!t) return;
    arena_free(&t->heap.mem);
    free(t->name);
    free(t);
}

bool jinja_has_generation(const jinja *t) { return t->has_generation; }

/* The data's value for every name of the template. */
static int read_context(jrun *r, const json_t *variables)
{
    r->context = jheap_new(&r->heap, (size_t)(r->t->n_names + 1) * sizeof *r->context);
    if (!r->context) return E_FORMAT;
    for (int i = 0; i < r->t->n_names; i++) {
        const json_t *v = json_object_get(variables, r->t->names[i]->p);
        if (v && jval_from_json(&r->heap, v, &r->context[i])) return E_FORMAT;
    }
    return OK;
}

int jinja_render(const jinja *t, const json_t *variables, const jinja_limits *limits, jinja_output *out,
                 err *e)
{
    static const jinja_limits defaults;
    const jinja_limits *l = limits ? limits : &defaults;
    err own = {0};
    jrun r = {.t = t,
              .result = out,
              .out = &out->text,
              .now = l->now,
              .most_output = l->output ? l->output : OUTPUT};
    r.heap = (jheap){.most_bytes = l->memory ? l->memory : MEMORY,
                     .most_steps = l->steps ? l->steps : STEPS,
                     .name = t->name,
                     .line = 1,
                     .e = &own};
    *out = (jinja_output){0};
    jscope root;
    int code = read_context(&r, variables);
    if (code == OK) code = jscope_begin(&r, &root, NULL, t->root);
    if (code == OK) code = jexec(&r, &root, &t->root->body);
    arena_free(&r.heap.mem);
    if (code == OK && own.code == OK) return OK;
    return fail(e, own.code, "%s", own.msg);
}

void jinja_output_release(jinja_output *out)
{
    str_free(&out->text);
    free(out->span);
    *out = (jinja_output){0};
}
