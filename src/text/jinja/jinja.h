/* jinja.h -- chat templates: the subset of Jinja that they use, rendered as jinja2 does inside transformers
 * (ImmutableSandboxedEnvironment, trim_blocks, lstrip_blocks, loop controls, its tojson, strftime_now,
 * raise_exception, the generation tag). docs/TEMPLATES.md lists what is supported; everything else is refused
 * by name and line when the template is read, or where it happens, and never done nearly.
 *
 * A template is a file from outside: how deep it goes, how long it runs and how much it holds and writes are
 * bounded, and it reaches neither files nor the network. */
#ifndef TEXT_JINJA_JINJA_H
#define TEXT_JINJA_JINJA_H

#include "base/err.h"
#include "base/str.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum { JINJA_TEMPLATE_MAX = 1 << 20 };

typedef struct jinja jinja;

/* Parses n bytes of UTF-8; `name` stands for them in messages ("chat_template.jinja: line 3: ..."). NULL with
 * e set: E_FORMAT when it is no template, E_UNSUPPORTED with the name of what this program does not do. */
jinja *jinja_new(const char *text, size_t n, const char *name, err *e);
void jinja_free(jinja *t); /* NULL is fine */

/* The template has {% generation %} blocks. */
bool jinja_has_generation(const jinja *t);

/* What was written between {% generation %} and {% endgeneration %}, as bytes of the output. */
typedef struct jinja_span {
    size_t start, end;
} jinja_span;

typedef struct jinja_output {
    str text;
    jinja_span *span;
    int64_t spans;
    bool hidden_spans; /* a generation block in a macro or a {% set %} block, whose place is not known */
} jinja_output;

typedef struct jinja_limits {
    time_t now;    /* for strftime_now, in local time; 0: the clock's */
    int64_t steps; /* these three: 0 for the default */
    size_t memory, output;
} jinja_limits;

/* Renders with the members of an object as variables; `limits` may be NULL. E_FORMAT for what fails in the
 * template, with its line (raise_exception() too: its message follows), E_UNSUPPORTED. The output is released
 * by jinja_output_release(), after a failure too. A template may be rendered by several threads at once. */
int jinja_render(const jinja *t, const json_t *variables, const jinja_limits *limits, jinja_output *out,
                 err *e);
void jinja_output_release(jinja_output *out);

#endif
