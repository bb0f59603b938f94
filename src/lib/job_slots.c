/* job_slots.c -- which attributes a row has; see job_references.h. */
#include "lib/job_references.h"

#include "metric/attribute.h"

#include <stdlib.h>
#include <string.h>

typedef enum column_use { COLUMN_NONE, COLUMN_PLAIN, COLUMN_REPRESENTATION, COLUMN_FILTERED } column_use;

typedef struct columns {
    const table *t;
    const peft_list *wanted; /* --attribute */
    column_use *use; /* (columns of the table) FILTERED: a representation, of which only some is wanted */
    bool *found;     /* (wanted) */
    attribute_list list;
    slot *slots; /* of all rows so far */
    int64_t n, cap;
} columns;

static passage text_of(cell c) { return (passage){c.text ? c.text : "", c.n}; }

/* Nothing but meaning representations, and at least one. */
static bool is_representation(columns *d, int column)
{
    bool any = false;
    for (int64_t i = 0; i < d->t->rows; i++) {
        passage p = passage_trim(text_of(table_cell(d->t, i, column)));
        if (p.n && !attribute_read(&d->list, p)) return false;
        any |= p.n > 0;
    }
    return any;
}

/* The number of a name among --attribute, or -1. */
static int64_t wanted(const columns *d, passage name)
{
    for (int64_t i = 0; i < d->wanted->n; i++)
        if (strlen(d->wanted->p[i]) == name.n && !memcmp(d->wanted->p[i], name.p, name.n)) return i;
    return -1;
}

static bool uses(const template *t, const char *column)
{
    for (int i = 0; t && template_column(t, i); i++)
        if (!strcmp(template_column(t, i), column)) return true;
    return false;
}

/* Those of the prompt, and what --attribute names. */
static void choose(columns *d, const row_shape *s)
{
    bool some = d->wanted->n > 0, any = false;
    for (int k = 0; k < d->t->columns; k++) {
        const char *name = d->t->column[k];
        int64_t w = wanted(d, (passage){name, strlen(name)});
        if (w >= 0) d->found[w] = true;
        if (w < 0 && !uses(s->prompt, name)) continue;
        if (is_representation(d, k))
            d->use[k] = w < 0 && some ? COLUMN_FILTERED : COLUMN_REPRESENTATION;
        else if (w >= 0 || (!some && s->prompt_written && !uses(s->completion, name)))
            d->use[k] = COLUMN_PLAIN;
        any |= d->use[k] >= COLUMN_REPRESENTATION;
    }
    for (int k = 0; k < d->t->columns && any && !some; k++)
        if (d->use[k] == COLUMN_PLAIN) d->use[k] = COLUMN_NONE;
}

static void add(columns *d, coverage *c, int64_t row_start, passage name, passage text)
{
    int at = coverage_attribute(c, name), v = coverage_value(c, at, text);
    if (v < 0) return;
    for (int64_t i = row_start; i < d->n; i++)
        if (d->slots[i].attribute == at && d->slots[i].value == v) return;
    if (d->n == d->cap) {
        d->cap = d->cap ? 2 * d->cap : 1024;
        d->slots = xrealloc(d->slots, (size_t)d->cap * sizeof *d->slots);
    }
    d->slots[d->n++] = (slot){at, v};
}

static void read_row(columns *d, coverage *c, int64_t row)
{
    int64_t start = d->n;
    for (int k = 0; k < d->t->columns; k++) {
        passage text = text_of(table_cell(d->t, row, k)), name = {d->t->column[k], strlen(d->t->column[k])};
        if (d->use[k] == COLUMN_PLAIN) add(d, c, start, name, text);
        if (d->use[k] < COLUMN_REPRESENTATION || !attribute_read(&d->list, text)) continue;
        for (int64_t i = 0; i < d->list.n; i++) {
            int64_t w = wanted(d, d->list.p[i].name);
            if (w >= 0) d->found[w] = true;
            if (w >= 0 || d->use[k] == COLUMN_REPRESENTATION)
                add(d, c, start, d->list.p[i].name, d->list.p[i].value);
        }
    }
}

static int check_found(const columns *d, err *e)
{
    for (int64_t i = 0; i < d->wanted->n; i++) {
        if (d->found[i]) continue;
        str fields = {0};
        table_fields(d->t, -1, &fields);
        fail(e, E_USAGE,
             "--attribute %s: %s has no such column, and the prompt no such attribute (columns: %s)",
             d->wanted->p[i], d->t->name, str_c(&fields));
        str_free(&fields);
        return e->code;
    }
    return OK;
}

int job_slots_open(job_slots *s, const job_rows *r, const job_references *f, const options *o, err *e)
{
    synonyms words = {0};
    *s = (job_slots){0};
    synonyms_built_in(&words);
    int bad = o->synonyms ? synonyms_open(&words, o->synonyms, e) : OK;
    columns d = {.t = &r->table,
                 .wanted = &o->attributes,
                 .use = xcalloc((size_t)r->table.columns, sizeof *d.use),
                 .found = xcalloc((size_t)o->attributes.n + 1, sizeof *d.found)};
    coverage *c = coverage_new(&words);
    int64_t *first = xcalloc((size_t)f->prompts.n + 1, sizeof *first);
    if (!bad) choose(&d, &r->shape);
    for (int64_t i = 0; i < f->prompts.n && !bad; i++) {
        read_row(&d, c, f->row[i]);
        first[i + 1] = d.n;
    }
    if (!bad) bad = check_found(&d, e);
    if (!bad && d.n) {
        coverage_ready(c, f->prompts.n);
        *s = (job_slots){c, d.slots, first};
    } else {
        coverage_free(c);
        free(d.slots);
        free(first);
    }
    free(d.use);
    free(d.found);
    attribute_free(&d.list);
    return bad;
}

void job_slots_close(job_slots *s)
{
    coverage_free(s->coverage);
    free(s->slot);
    free(s->first);
    *s = (job_slots){0};
}
