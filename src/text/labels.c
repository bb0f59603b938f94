/* labels.c -- see labels.h. */
#include "text/labels.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Digits alone, at most 9 of them: a label's id; else -1. */
static int64_t id_of_text(const char *s, size_t n)
{
    int64_t id = 0;
    if (!n || n > 9) return -1;
    for (size_t i = 0; i < n; i++) {
        if (!isdigit((unsigned char)s[i])) return -1;
        id = 10 * id + (s[i] - '0');
    }
    return id;
}

static bool number_of(const cell *c, double *out)
{
    char text[64], *end;
    if (!c->n || c->n >= sizeof text) return false;
    memcpy(text, c->text, c->n);
    text[c->n] = 0;
    if (strpbrk(text, "xX") || isspace((unsigned char)text[0])) return false;
    *out = strtod(text, &end);
    return end == text + c->n && isfinite(*out);
}

static bool is_list(const cell *c) { return c->n && c->text[0] == '['; }

label_kind labels_guess(const table *t, int column)
{
    bool lists = true, numbers = true, fraction = false;
    for (int64_t r = 0; r < t->rows && (lists || numbers); r++) {
        cell c = table_cell(t, r, column);
        double x;
        lists = lists && is_list(&c);
        numbers = numbers && number_of(&c, &x);
        fraction = fraction || (c.n && memchr(c.text, '.', c.n));
    }
    return lists ? LABEL_SEVERAL : numbers && fraction ? LABEL_VALUE : LABEL_ONE;
}

static int fail_cell(const table *t, int64_t row, int column, const char *what, err *e)
{
    return fail(e, E_FORMAT, "%s:%lld: \"%s\" %s", t->name, (long long)t->line[row], t->column[column], what);
}

typedef int label_visit(void *arg, const char *text, size_t n, err *e);

/* An entry of a list: a name, or a whole number as its digits. */
static int visit_entry(const json_t *x, label_visit *visit, void *arg, bool *fits, err *e)
{
    char digits[32];
    *fits = json_is_string(x) || (json_is_integer(x) && json_integer_value(x) >= 0);
    if (!*fits) return OK;
    if (json_is_string(x)) return visit(arg, json_string_value(x), json_string_length(x), e);
    int n = snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(x));
    return visit(arg, digits, (size_t)n, e);
}

/* Every label of a cell. */
static int visit_cell(label_kind kind, const table *t, int64_t row, int column, label_visit *visit, void *arg,
                      err *e)
{
    cell c = table_cell(t, row, column);
    if (c.kind == CELL_ABSENT)
        return table_no_field(t, row, t->column[column], "every row needs its label", e);
    if (kind == LABEL_ONE) {
        if (!c.n || c.kind == CELL_NULL)
            return fail_cell(t, row, column, "is empty: every row needs a label", e);
        return visit(arg, c.text, c.n, e);
    }
    json_t *list = json_loadb(c.text, c.n, 0, NULL), *x;
    int code = json_is_array(list) ? OK : fail_cell(t, row, column, "has to be a list of labels", e);
    size_t i;
    json_array_foreach(list, i, x) {
        bool fits;
        if (code != OK) break;
        code = visit_entry(x, visit, arg, &fits, e);
        if (code == OK && !fits) code = fail_cell(t, row, column, "has to be a list of names or of ids", e);
    }
    json_decref(list);
    return code;
}

/* The distinct names so far, in a hash table (open addressing, at most half full). */
typedef struct collection {
    char **name;
    size_t n, slots;
    size_t *slot; /* index + 1 */
    bool ids;     /* all of them are ids */
    int64_t largest;
    arena *mem;
} collection;

static size_t hash_text(const char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
    return (size_t)(h ^ h >> 29);
}

static size_t *place_of(const collection *c, const char *s, size_t n)
{
    size_t at = hash_text(s, n) & (c->slots - 1);
    while (c->slot[at] && (strncmp(c->name[c->slot[at] - 1], s, n) || c->name[c->slot[at] - 1][n]))
        at = (at + 1) & (c->slots - 1);
    return &c->slot[at];
}

static void grow(collection *c)
{
    c->slots = c->slots ? 2 * c->slots : 64;
    free(c->slot);
    c->slot = xcalloc(c->slots, sizeof *c->slot);
    c->name = xrealloc(c->name, c->slots / 2 * sizeof *c->name);
    for (size_t i = 0; i < c->n; i++) *place_of(c, c->name[i], strlen(c->name[i])) = i + 1;
}

static int collect(void *arg, const char *text, size_t n, err *e)
{
    collection *c = arg;
    if (2 * (c->n + 1) > c->slots) grow(c);
    size_t *place = place_of(c, text, n);
    if (*place) return OK;
    if (c->n == LABELS_MAX) return fail(e, E_FORMAT, "more than %d different labels", LABELS_MAX);
    int64_t id = id_of_text(text, n);
    c->ids = c->ids && id >= 0 && id < LABELS_MAX;
    if (id > c->largest) c->largest = id;
    c->name[c->n++] = arena_strndup(c->mem, text, n);
    *place = c->n;
    return OK;
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void finish(label_set *l, collection *c)
{
    l->n = c->ids ? c->largest + 1 : (int64_t)c->n;
    l->name = arena_new(&l->mem, (size_t)l->n * sizeof *l->name);
    if (!c->ids) qsort(c->name, c->n, sizeof *c->name, by_bytes);
    for (int64_t i = 0; i < l->n; i++)
        l->name[i] = c->ids ? arena_fmt(&l->mem, "LABEL_%lld", (long long)i) : c->name[i];
}

int labels_collect(label_set *l, label_kind kind, const table *t, int column, err *e)
{
    *l = (label_set){.kind = kind, .n = 1};
    if (kind == LABEL_VALUE) return OK;
    collection c = {.ids = true, .largest = -1, .mem = &l->mem};
    int code = OK;
    for (int64_t r = 0; r < t->rows && code == OK; r++) code = visit_cell(kind, t, r, column, collect, &c, e);
    if (code == OK && !c.n)
        code = fail(e, E_FORMAT, "%s: column \"%s\" names not one label", t->name, t->column[column]);
    if (code == OK) finish(l, &c);
    free(c.slot);
    free(c.name);
    if (code != OK) labels_release(l);
    return code;
}

void labels_copy(label_set *l, label_kind kind, const char *const *name, int64_t n)
{
    *l = (label_set){.kind = kind, .n = kind == LABEL_VALUE ? 1 : n};
    if (kind == LABEL_VALUE) return;
    l->name = arena_new(&l->mem, (size_t)n * sizeof *l->name);
    for (int64_t i = 0; i < n; i++) l->name[i] = arena_strdup(&l->mem, name[i]);
}

void labels_release(label_set *l)
{
    arena_free(&l->mem);
    *l = (label_set){0};
}

/* By name, or else by number. */
static int64_t find(const label_set *l, const char *s, size_t n)
{
    for (int64_t i = 0; i < l->n; i++)
        if (!strncmp(l->name[i], s, n) && !l->name[i][n]) return i;
    int64_t id = id_of_text(s, n);
    return id < l->n ? id : -1;
}

typedef struct lookup {
    const label_set *l;
    const table *t;
    int64_t row;
    int column;
    label_ids *id;
} lookup;

static int add_id(void *arg, const char *text, size_t n, err *e)
{
    lookup *k = arg;
    int64_t id = find(k->l, text, n);
    if (id < 0) {
        char what[200];
        snprintf(what, sizeof what, "is \"%.*s\", which is none of the %lld labels (%.40s, ...)",
                 (int)(n < 60 ? n : 60), text, (long long)k->l->n, k->l->name[0]);
        return fail_cell(k->t, k->row, k->column, what, e);
    }
    if (k->id->n == k->id->cap) {
        k->id->cap = k->id->cap ? 2 * k->id->cap : 16;
        k->id->p = xrealloc(k->id->p, (size_t)k->id->cap * sizeof *k->id->p);
    }
    k->id->p[k->id->n++] = (int32_t)id;
    return OK;
}

int labels_of_cell(const label_set *l, const table *t, int64_t row, int column, label_ids *id, err *e)
{
    lookup k = {l, t, row, column, id};
    id->n = 0;
    return visit_cell(l->kind, t, row, column, add_id, &k, e);
}

int labels_value(const table *t, int64_t row, int column, float *out, err *e)
{
    cell c = table_cell(t, row, column);
    double x;
    if (c.kind == CELL_ABSENT)
        return table_no_field(t, row, t->column[column], "every row needs its value", e);
    if (!number_of(&c, &x)) return fail_cell(t, row, column, "has to be a number to be learned as one", e);
    *out = (float)x;
    return isfinite(*out) ? OK : fail_cell(t, row, column, "is too large", e);
}
