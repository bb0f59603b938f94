/* template.c -- see template.h. A template is a list of parts, each a fixed text and then a column. */
#include "text/template.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

typedef struct part {
    char *text; /* what precedes the column, n bytes */
    size_t n;
    char *column; /* NULL in the last part */
} part;

struct template
{
    part *parts;
    int n;
    arena strings;
};

/* Ends a part; `literal` was gathered for it and is emptied. */
static void add_part(template *t, str *literal, const char *column, size_t n)
{
    t->parts = xrealloc(t->parts, (size_t)(t->n + 1) * sizeof *t->parts);
    part *p = &t->parts[t->n++];
    *p = (part){arena_strndup(&t->strings, str_c(literal), literal->n), literal->n, NULL};
    if (column) p->column = arena_strndup(&t->strings, column, n);
    str_clear(literal);
}

static int fail_at(const char *text, const char *at, const char *option, const char *what, err *e)
{
    int number = 1;
    for (; text < at; text++) number += ((unsigned char)*text & 0xc0) != 0x80;
    return fail(e, E_USAGE, "%s: character %d: %s", option, number, what);
}

/* Takes the escape, brace or column at *at and moves past it. Returns what is wrong, or NULL. */
static const char *parse_special(template *t, const char **at, str *literal)
{
    static const char escapes[] = "n\nt\t\\\\";
    const char *p = *at;
    *at = p + 2;
    if (*p == '\\') {
        for (const char *x = escapes; p[1] && *x; x += 2)
            if (*x == p[1]) return str_putc(literal, x[1]), NULL;
        return "unknown escape; there are \\n, \\t and \\\\ (a backslash)";
    }
    if (p[1] == *p) return str_putc(literal, *p), NULL;
    if (*p == '}') return "'}' without '{'; a brace is written twice";
    size_t n = strcspn(p + 1, "{}");
    if (p[1 + n] != '}') return "'{' without '}'; a brace is written twice";
    if (!n) return "{} names no column";
    add_part(t, literal, p + 1, n);
    *at = p + n + 2;
    return NULL;
}

template *template_new(const char *text, const char *option, err *e)
{
    template *t = xcalloc(1, sizeof *t);
    str literal = {0};
    const char *wrong = NULL;
    for (const char *p = text, *at; !wrong && *p;) {
        size_t plain = strcspn(p, "\\{}");
        str_add(&literal, p, plain);
        at = p += plain;
        if (*p && (wrong = parse_special(t, &p, &literal))) fail_at(text, at, option, wrong, e);
    }
    add_part(t, &literal, NULL, 0);
    str_free(&literal);
    if (!wrong) return t;
    template_free(t);
    return NULL;
}

template *template_of_column(const char *before, const char *column)
{
    template *t = xcalloc(1, sizeof *t);
    str literal = {0};
    str_puts(&literal, before);
    add_part(t, &literal, column, strlen(column));
    add_part(t, &literal, NULL, 0);
    str_free(&literal);
    return t;
}

void template_free(template *t)
{
    if (!t) return;
    free(t->parts);
    arena_free(&t->strings);
    free(t);
}

int template_render(const template *t, const table *d, int64_t row, const char *advice, str *out, err *e)
{
    for (const part *p = t->parts; p < t->parts + t->n; p++) {
        str_add(out, p->text, p->n);
        if (!p->column) break;
        cell c = table_cell(d, row, table_column(d, p->column));
        if (c.kind == CELL_ABSENT) return table_no_field(d, row, p->column, advice, e);
        str_add(out, c.text, c.n);
    }
    return OK;
}

const char *template_json_column(const template *t, const table *d, int64_t row)
{
    for (const part *p = t->parts; p->column; p++)
        if (table_cell(d, row, table_column(d, p->column)).kind == CELL_JSON) return p->column;
    return NULL;
}

const char *template_column(const template *t, int i) { return i < t->n ? t->parts[i].column : NULL; }
