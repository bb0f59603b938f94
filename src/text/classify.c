/* classify.c -- see classify.h. */
#include "text/classify.h"

#include "text/frame.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* The column of that name; E_USAGE with those there are. */
static int named(int *out, const table *t, const char *name, const char *option, err *e)
{
    *out = table_column(t, name);
    if (*out >= 0) return OK;
    str fields = {0};
    table_fields(t, -1, &fields);
    fail(e, E_USAGE, "%s: has no column \"%s\" (columns: %s); name it with %s", t->name, name, str_c(&fields),
         option);
    str_free(&fields);
    return e ? e->code : E_USAGE;
}

static int first_of(const table *t, const char *const *names)
{
    int c = -1;
    for (; *names && c < 0; names++) c = table_column(t, *names);
    return c;
}

static int usual_text(class_columns *out, const table *t, bool words, err *e)
{
    static const char *const pairs[][2] = {{"sentence1", "sentence2"},
                                           {"premise", "hypothesis"},
                                           {"question1", "question2"},
                                           {"question", "sentence"},
                                           {"text", "text_pair"}};
    static const char *const single[] = {"text", "sentence", "content", "review", NULL};
    static const char *const lists[] = {"tokens", "words", NULL};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs && !words; i++) {
        out->text = table_column(t, pairs[i][0]);
        out->pair = table_column(t, pairs[i][1]);
        if (out->text >= 0 && out->pair >= 0) return OK;
    }
    out->pair = -1;
    out->text = first_of(t, words ? lists : single);
    return out->text >= 0 ? OK : named(&out->text, t, words ? "tokens" : "text", "--text_column_names", e);
}

int class_find_columns(class_columns *out, const table *t, const class_names *n, err *e)
{
    static const char *const tags[] = {"ner_tags", "pos_tags", "tags", NULL};
    static const char *const usual[] = {"label",  "labels", "category", "intent",
                                        "class", "target", "score",    NULL};
    *out = (class_columns){-1, -1, -1};
    if (n->n_text > (n->words ? 1 : 2))
        return fail(e, E_USAGE, "--text_column_names: %s",
                    n->words ? "one column of words" : "one column, or two of a pair");
    static const char option[] = "--text_column_names";
    int code = n->n_text ? named(&out->text, t, n->text[0], option, e) : usual_text(out, t, n->words, e);
    if (code == OK && n->n_text == 2) code = named(&out->pair, t, n->text[1], option, e);
    if (code == OK && n->label) return named(&out->label, t, n->label, "--label_column_name", e);
    if (code == OK && n->words) out->label = first_of(t, tags);
    if (code == OK && out->label < 0) out->label = first_of(t, usual);
    if (code == OK && out->label < 0) code = named(&out->label, t, "label", "--label_column_name", e);
    return code;
}

/* What a row is made with, and where the rows so far are. */
typedef struct maker {
    const table *t;
    const class_columns *c;
    const label_set *l;
    const tokenizer *k;
    const class_options *o;
    int64_t room_one, room_pair; /* tokens of a text, of a pair, without the special ones; 0: no limit */
    int64_t before;              /* special tokens before the first text */
    token_vec first, second, ids, types, target;
    label_ids own;
    str mask, text;
    unsigned found; /* of the row at hand: 1 << row_finding */
} maker;

static int read_text(maker *m, int64_t row, int column, token_vec *out, err *e)
{
    cell c = table_cell(m->t, row, column);
    if (c.kind == CELL_ABSENT)
        return table_no_field(m->t, row, m->t->column[column], "every row needs its text", e);
    out->n = 0;
    err why = {0};
    if (tokenizer_encode(m->k, c.text, c.n, TOKENIZE_PLAIN, out, &why) == OK) return OK;
    return fail(e, why.code, "%s:%lld: \"%s\": %s", m->t->name, (long long)m->t->line[row],
                m->t->column[column], why.msg);
}

/* The words of a row to m->first; at[w] is where word w begins there, -1: it has no token. */
static int read_words(maker *m, int64_t row, token_vec *at, err *e)
{
    cell c = table_cell(m->t, row, m->c->text);
    json_t *list = c.n ? json_loadb(c.text, c.n, 0, NULL) : NULL, *w;
    const char *column = m->t->column[m->c->text];
    int code = OK;
    m->first.n = at->n = 0;
    if (!json_is_array(list))
        code = fail(e, E_FORMAT, "%s:%lld: \"%s\" has to be a list of words", m->t->name,
                    (long long)m->t->line[row], column);
    size_t i;
    json_array_foreach(list, i, w) {
        const size_t from = m->first.n;
        if (code != OK) break;
        str_clear(&m->text);
        if (!json_is_string(w))
            code = fail(e, E_FORMAT, "%s:%lld: \"%s\": word %zu is no text", m->t->name,
                        (long long)m->t->line[row], column, i + 1);
        if (code == OK) str_fmt(&m->text, " %s", json_string_value(w));
        if (code == OK)
            code = tokenizer_encode(m->k, str_c(&m->text), m->text.n, TOKENIZE_PLAIN, &m->first, e);
        token_vec_push(at, m->first.n > from ? (int32_t)from : -1);
    }
    json_decref(list);
    return code;
}

/* The row that m->first and m->second make, not yet with a label: its first token. */
static int64_t frame_row(maker *m, bool pair)
{
    const int64_t start = (int64_t)m->ids.n, room = pair ? m->room_pair : m->room_one;
    const size_t both = m->first.n + (pair ? m->second.n : 0);
    if (room && (int64_t)both > room) {
        m->found |= 1u << FIND_TRUNCATED;
        frame_fit(&m->first, pair ? &m->second : NULL, room);
    }
    tokenizer_frame(m->k, &m->first, pair ? &m->second : NULL, &m->ids, &m->types);
    while (m->mask.n < m->ids.n) {
        str_putc(&m->mask, 0);
        token_vec_push(&m->target, 0);
    }
    return start;
}

static void mark(maker *m, int64_t at, int32_t target)
{
    m->mask.p[at] = 1;
    m->target.p[at] = target;
}

/* The labels of a row of texts: a class, or numbers to values. */
static int text_label(maker *m, rowset *r, int64_t row, int64_t at, err *e)
{
    float *v = r->values ? r->values + r->n * r->outputs : NULL;
    if (m->l->kind == LABEL_VALUE) {
        mark(m, at, 0);
        return labels_value(m->t, row, m->c->label, v, e);
    }
    int code = labels_of_cell(m->l, m->t, row, m->c->label, &m->own, e);
    if (code != OK) return code;
    mark(m, at, m->l->kind == LABEL_ONE ? m->own.p[0] : 0);
    for (int64_t i = 0; i < m->own.n && v; i++) v[m->own.p[i]] = 1;
    return OK;
}

static int make_text(maker *m, rowset *r, int64_t row, err *e)
{
    const bool pair = m->c->pair >= 0;
    int code = read_text(m, row, m->c->text, &m->first, e);
    if (code == OK && pair) code = read_text(m, row, m->c->pair, &m->second, e);
    if (code != OK) return code;
    const int64_t start = frame_row(m, pair), end = (int64_t)m->ids.n;
    if (end == start) return OK;
    return text_label(m, r, row, m->o->reads == CLASS_READS_FIRST ? start : end - 1, e);
}

static int make_words(maker *m, int64_t row, token_vec *at, err *e)
{
    int code = read_words(m, row, at, e);
    if (code == OK) code = labels_of_cell(m->l, m->t, row, m->c->label, &m->own, e);
    if (code != OK) return code;
    if (m->own.n != (int64_t)at->n)
        return fail(e, E_FORMAT, "%s:%lld: %zu words and %lld labels", m->t->name, (long long)m->t->line[row],
                    at->n, (long long)m->own.n);
    const int64_t start = frame_row(m, false);
    for (size_t w = 0; w < at->n; w++)
        if (at->p[w] >= 0 && (size_t)at->p[w] < m->first.n)
            mark(m, start + m->before + at->p[w], m->own.p[w]);
    return OK;
}

/* Takes the row that begins at `start` into the set, or back when it has no label. */
static void keep(maker *m, rowset *r, int64_t row, int64_t start)
{
    const int64_t n = (int64_t)m->ids.n - start;
    int64_t marks = 0;
    for (int64_t i = 0; i < n; i++) marks += m->mask.p[start + i];
    if (!marks) {
        m->found |= 1u << FIND_NO_LABEL;
        m->ids.n = m->types.n = m->target.n = m->mask.n = (size_t)start;
    }
    for (int f = 0; f < FIND_COUNT; f++)
        if (m->found >> f & 1 && !r->found[f].count++) r->found[f].line = m->t->line[row];
    if (!marks) return;
    r->row[r->n] = row;
    r->line[r->n] = m->t->line[row];
    r->offset[++r->n] = (int64_t)m->ids.n;
    r->tokens += n;
    r->label_tokens += marks;
    if (n > r->longest) r->longest = n;
}

/* How many special tokens stand before a text: where a mark comes out. */
static int64_t tokens_before(const tokenizer *k)
{
    token_vec one = {0}, ids = {0};
    token_vec_push(&one, -1);
    tokenizer_frame(k, &one, NULL, &ids, NULL);
    int64_t at = 0;
    while (at < (int64_t)ids.n && ids.p[at] != -1) at++;
    token_vec_free(&one);
    token_vec_free(&ids);
    return at;
}

static int check_room(maker *m, err *e)
{
    const int64_t one = tokenizer_frame_tokens(m->k, FRAME_ONE);
    const int64_t two = tokenizer_frame_tokens(m->k, FRAME_PAIR);
    if (!m->o->max_length) return OK;
    if (m->o->max_length <= two + 1)
        return fail(e, E_USAGE, "--max_length %lld: leaves no room beside the special tokens",
                    (long long)m->o->max_length);
    m->room_one = m->o->max_length - one;
    m->room_pair = m->o->max_length - two;
    return OK;
}

static void begin(rowset *r, const table *t, const label_set *l)
{
    *r = (rowset){.rows = t->rows, .labels = l};
    r->offset = xcalloc((size_t)t->rows + 1, sizeof *r->offset);
    r->row = xcalloc((size_t)t->rows + 1, sizeof *r->row);
    r->line = xcalloc((size_t)t->rows + 1, sizeof *r->line);
    if (l->kind != LABEL_VALUE && l->kind != LABEL_SEVERAL) return;
    r->outputs = l->n;
    r->values = xcalloc((size_t)(t->rows + 1) * (size_t)l->n, sizeof *r->values);
}

/* The rows own what the maker gathered. */
static void finish(rowset *r, maker *m)
{
    r->ids = m->ids.p;
    r->types = m->types.p;
    r->target = m->target.p;
    r->mask = (uint8_t *)m->mask.p;
    r->dropped = r->rows - r->n;
    r->truncated = r->found[FIND_TRUNCATED].count;
    m->ids = m->types = m->target = (token_vec){0};
    m->mask = (str){0};
}

int rowset_classify(rowset *r, const table *t, const class_columns *c, const label_set *l, const tokenizer *k,
                    const class_options *o, err *e)
{
    maker m = {.t = t, .c = c, .l = l, .k = k, .o = o, .before = tokens_before(k)};
    token_vec at = {0};
    int code = check_room(&m, e);
    begin(r, t, l);
    for (int64_t row = 0; row < t->rows && code == OK; row++) {
        const int64_t start = (int64_t)m.ids.n;
        m.found = 0;
        code = l->kind == LABEL_TOKENS ? make_words(&m, row, &at, e) : make_text(&m, r, row, e);
        if (code == OK) keep(&m, r, row, start);
    }
    if (code == OK && !r->n)
        code = fail(e, E_FORMAT, "%s: not one of %lld rows can be used: they hold no text", t->name,
                    (long long)t->rows);
    if (code == OK) finish(r, &m);
    else rowset_release(r);
    token_vec *const vectors[] = {&m.first, &m.second, &m.ids, &m.types, &m.target, &at};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) token_vec_free(vectors[i]);
    str_free(&m.mask);
    str_free(&m.text);
    free(m.own.p);
    return code;
}
