/* coverage.c -- the vocabulary: attributes, their values and all phrases for them; see coverage.h. */
#include "metric/coverage_impl.h"

#include "metric/attribute.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CLOSED_MOST = 100 }; /* values of an attribute that is no name */

static passage passage_of(const char *text) { return (passage){text, strlen(text)}; }

coverage *coverage_new(synonyms *s)
{
    coverage *c = xcalloc(1, sizeof *c);
    c->synonyms = *s;
    *s = (synonyms){0};
    return c;
}

void coverage_free(coverage *c)
{
    if (!c) return;
    for (int64_t a = 0; a < c->names.n; a++) {
        attribute *t = &c->attributes[a];
        for (int64_t v = 0; v < t->keys.n; v++) {
            free(t->values[v].text);
            free(t->values[v].quantities);
        }
        free(t->name);
        free(t->words);
        free(t->values);
        symbols_free(&t->keys);
    }
    free(c->attributes);
    free(c->phrases);
    free(c->hits);
    symbols_free(&c->words);
    symbols_free(&c->names);
    grams_free(&c->tree);
    synonyms_free(&c->synonyms);
    normal_free(&c->text);
    quantities_free(&c->amounts);
    free(c);
}

static char *copy(passage p)
{
    char *text = xmalloc(p.n + 1);
    if (p.n) memcpy(text, p.p, p.n);
    text[p.n] = 0;
    return text;
}

/* The normalized words of c->text with spaces between them. */
static void spell(const coverage *c, str *out)
{
    str_clear(out);
    for (int64_t i = 0; i < c->text.n; i++)
        str_fmt(out, "%s%s", i ? " " : "", c->words.text[c->text.p[i].id]);
}

static void read_name(coverage *c, const char *name, str *out)
{
    str words = {0};
    normal_name(name, &words);
    normal_read(&c->text, &c->words, (passage){str_c(&words), words.n});
    spell(c, out);
    str_free(&words);
}

int coverage_attribute(coverage *c, passage name)
{
    int32_t at = symbols_find(&c->names, name.p, name.n);
    if (at >= 0) return at;
    at = symbols_add(&c->names, name.p, name.n);
    if (at == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 16;
        c->attributes = xrealloc(c->attributes, (size_t)c->cap * sizeof *c->attributes);
    }
    c->attributes[at] = (attribute){.name = copy(name)};
    return at;
}

int coverage_value(coverage *c, int at, passage text)
{
    attribute *a = &c->attributes[at];
    str key = {0};
    if (attribute_is_none(text)) return -1;
    normal_read(&c->text, &c->words, text);
    spell(c, &key);
    int64_t before = a->keys.n;
    int32_t v = key.n ? symbols_add(&a->keys, key.p, key.n) : -1;
    str_free(&key);
    if (a->keys.n == before) return v;
    if (v == a->cap) {
        a->cap = a->cap ? 2 * a->cap : 8;
        a->values = xrealloc(a->values, (size_t)a->cap * sizeof *a->values);
    }
    a->values[v] = (value){.text = copy(passage_trim(text))};
    return v;
}

/* 1 for yes and true, 0 for no and false, else -1. */
static int truth(const char *text)
{
    static const char *const words[] = {"no", "yes", "false", "true"};
    for (int i = 0; i < 4; i++)
        if (!strcasecmp(text, words[i])) return i % 2;
    return -1;
}

/* Adds the words of c->text as a phrase. */
static void add_phrase(coverage *c, int at, int v, int flags)
{
    int32_t node = -1;
    if (!c->text.n) return;
    for (int64_t i = 0; i < c->text.n; i++) node = grams_add(&c->tree, node, c->text.p[i].id);
    if (c->text.n > c->longest) c->longest = c->text.n;
    if (c->n_phrases == c->cap_phrases) {
        c->cap_phrases = c->cap_phrases ? 2 * c->cap_phrases : 256;
        c->phrases = xrealloc(c->phrases, (size_t)c->cap_phrases * sizeof *c->phrases);
    }
    c->phrases[c->n_phrases++] = (phrase){at, v, flags, -1};
    if (c->tree.count[node])
        c->phrases[c->tree.limit[node] - 1].next = (int32_t)c->n_phrases - 1;
    else
        c->tree.count[node] = c->n_phrases;
    c->tree.limit[node] = c->n_phrases;
}

/* When all words of c->text are one quantity, v is that. */
static void add_amount(coverage *c, value *v)
{
    quantities_read(&c->amounts, &c->words, &c->text);
    const quantity *q = c->amounts.p;
    if (c->amounts.n != 1 || q->first || q->last != c->text.n) return;
    v->quantities = xrealloc(v->quantities, (size_t)(v->amounts + 1) * sizeof *v->quantities);
    v->quantities[v->amounts++] = *q;
}

/* Words of degree, which say nothing without the word for what they are a degree of. */
static bool is_degree(const char *word)
{
    static const char *const words[] = {"low",     "lower",  "high",     "higher",
                                        "average", "medium", "moderate", "good"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(word, words[i])) return true;
    return false;
}

/* Whether the words of c->text are a weak synonym for the value: then so is the value itself. */
static bool is_weak(const coverage *c, int at, int v)
{
    int32_t node = -1;
    for (int64_t i = 0; i < c->text.n; i++)
        if ((node = grams_find(&c->tree, node, c->text.p[i].id)) < 0) return false;
    for (int32_t k = node < 0 ? -1 : (int32_t)c->tree.count[node] - 1; k >= 0; k = c->phrases[k].next) {
        const phrase *p = &c->phrases[k];
        if (p->attribute == at && p->value == v && (p->flags & PHRASE_WEAK)) return true;
    }
    return false;
}

static void add_literal(coverage *c, int at, int v)
{
    value *w = &c->attributes[at].values[v];
    normal_read(&c->text, &c->words, passage_of(w->text));
    add_amount(c, w);
    bool degree = c->text.n == 1 && is_degree(c->words.text[c->text.p[0].id]);
    int flags = (degree ? PHRASE_ANCHORED : 0) | (is_weak(c, at, v) ? PHRASE_WEAK : 0);
    add_phrase(c, at, v, PHRASE_LITERAL | flags);
}

/* A yes/no attribute has both values, and its name says yes. */
static void add_boolean(coverage *c, int at)
{
    static const char *const leading[] = {"is ", "has ", "have ", "with "};
    attribute *a = &c->attributes[at];
    bool words = truth(a->values[0].text) >= 0 && strlen(a->values[0].text) > 3; /* true, false */
    coverage_value(c, at, passage_of(words ? "true" : "yes"));
    coverage_value(c, at, passage_of(words ? "false" : "no"));
    a = &c->attributes[at];
    for (int64_t v = 0; v < a->keys.n; v++) a->values[v].yes = truth(a->values[v].text);
    const char *name = a->words;
    for (int i = 0; i < 4; i++)
        if (str_starts(name, leading[i])) name += strlen(leading[i]);
    normal_read(&c->text, &c->words, passage_of(name));
    add_phrase(c, at, 1, PHRASE_LITERAL);
}

static void add_synonym(coverage *c, int at, const synonym *s)
{
    attribute *a = &c->attributes[at];
    bool anchor = !strcmp(s->value, "@"), anchored = s->phrase[0] == '@', weak = s->phrase[0] == '~';
    int v = anchor ? -1 : a->boolean ? truth(s->value) : coverage_value(c, at, passage_of(s->value));
    if (v < 0 && !anchor) return;
    normal_read(&c->text, &c->words, passage_of(s->phrase + (anchored || weak)));
    if (!anchor && !a->boolean) add_amount(c, &c->attributes[at].values[v]);
    add_phrase(c, at, v,
               anchor ? PHRASE_ANCHOR : (anchored ? PHRASE_ANCHORED : 0) | (weak ? PHRASE_WEAK : 0));
}

/* Each word of the name stands for the attribute. */
static void add_anchors(coverage *c, int at)
{
    const char *p = c->attributes[at].words;
    while (*p) {
        size_t n = strcspn(p, " ");
        normal_read(&c->text, &c->words, (passage){p, n});
        if (n > 2) add_phrase(c, at, -1, PHRASE_ANCHOR);
        p += n + (p[n] == ' ');
    }
}

/* Whether a synonym's value is one that the data have. */
static bool is_seen(coverage *c, const attribute *a, const synonym *s)
{
    str key = {0};
    if (a->boolean) return truth(s->value) >= 0;
    normal_read(&c->text, &c->words, passage_of(s->value));
    spell(c, &key);
    bool seen = symbols_find(&a->keys, str_c(&key), key.n) >= 0;
    str_free(&key);
    return seen;
}

/* Those of the user always; those built in when one of their values is in the data. `names`: the number of
 * each synonym's attribute by its words. Returns whether any did. */
static bool add_synonyms(coverage *c, int at, const int32_t *names, int32_t name)
{
    bool built_in = false, any = false;
    for (int64_t i = 0; i < c->synonyms.n && !built_in; i++)
        if (names[i] == name && c->synonyms.p[i].built_in)
            built_in = is_seen(c, &c->attributes[at], &c->synonyms.p[i]);
    for (int64_t i = 0; i < c->synonyms.n; i++) {
        const synonym *s = &c->synonyms.p[i];
        if (names[i] != name || (s->built_in && !built_in)) continue;
        add_synonym(c, at, s);
        any = true;
    }
    return any;
}

static bool is_boolean(const attribute *a)
{
    for (int64_t v = 0; v < a->keys.n; v++)
        if (truth(a->values[v].text) < 0) return false;
    return a->keys.n > 0;
}

static bool is_money(const char *words)
{
    return strstr(words, "price") || strstr(words, "cost") || strstr(words, "msrp") || strstr(words, "rrp");
}

static void ready(coverage *c, int at, int64_t rows, symbols *words, const int32_t *names)
{
    attribute *a = &c->attributes[at];
    int64_t seen = a->keys.n;
    str name = {0};
    read_name(c, a->name, &name);
    a->words = copy((passage){str_c(&name), name.n});
    a->boolean = is_boolean(a);
    a->money = is_money(a->words);
    if (a->boolean) add_boolean(c, at);
    bool known = add_synonyms(c, at, names, symbols_add(words, str_c(&name), name.n));
    a->closed = a->boolean || known || (seen <= CLOSED_MOST && 2 * seen <= rows);
    for (int v = 0; v < a->keys.n && !a->boolean; v++) add_literal(c, at, v);
    add_anchors(c, at);
    str_free(&name);
}

void coverage_ready(coverage *c, int64_t rows)
{
    symbols words = {0};
    str name = {0};
    int32_t *names = xcalloc((size_t)c->synonyms.n + 1, sizeof *names);
    for (int64_t i = 0; i < c->synonyms.n; i++) {
        read_name(c, c->synonyms.p[i].attribute, &name);
        names[i] = symbols_add(&words, str_c(&name), name.n);
    }
    for (int at = 0; at < c->names.n; at++) ready(c, at, rows, &words, names);
    free(names);
    str_free(&name);
    symbols_free(&words);
}

int coverage_attributes(const coverage *c) { return (int)c->names.n; }

const char *coverage_attribute_name(const coverage *c, int at) { return c->attributes[at].name; }

const char *coverage_value_text(const coverage *c, int at, int v) { return c->attributes[at].values[v].text; }
