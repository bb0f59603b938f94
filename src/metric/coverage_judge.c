/* coverage_judge.c -- the verdict on each slot of a row; see coverage.h.
 *
 * First the slots that are realized take the words they are realized by. What is left may be other values. */
#include "metric/coverage_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_REACH = 3 };

typedef struct judge {
    coverage *c;
    const slot *row;
    int64_t n;
    uint8_t *taken;  /* (words of the text) part of what realizes a slot */
    uint8_t *in_row; /* (attributes) */
} judge;

static const value *value_of(const judge *j, const slot *s)
{
    return &j->c->attributes[s->attribute].values[s->value];
}

/* Whether a hit says the slot's value. */
static bool says(const judge *j, const hit *h, const slot *s)
{
    if (h->dropped || h->attribute != s->attribute || (h->flags & PHRASE_ANCHOR)) return false;
    return h->value == (j->c->attributes[s->attribute].boolean ? value_of(j, s)->yes : s->value);
}

static bool is_amount_of(const value *v, const quantity *q)
{
    for (int i = 0; i < v->amounts; i++)
        if (quantity_same(&v->quantities[i], q)) return true;
    return false;
}

static bool has_unit(const attribute *a, const quantity *q)
{
    for (int64_t v = 0; v < a->keys.n; v++)
        for (int i = 0; i < a->values[v].amounts; i++) {
            const quantity *o = &a->values[v].quantities[i];
            bool money = quantity_is_money(q) && (quantity_is_money(o) || (a->money && !o->unit));
            if (money || (q->unit && o->unit == q->unit && o->of == q->of)) return true;
        }
    return false;
}

static void take(judge *j, int64_t first, int64_t last)
{
    memset(j->taken + first, 1, (size_t)(last - first));
}

static bool is_taken(const judge *j, int64_t first, int64_t last)
{
    return memchr(j->taken + first, 1, (size_t)(last - first)) != NULL;
}

/* Whether a word for the attribute stands within a few words before a number, in its sentence: "a rating of
 * 5". */
static bool is_called(const judge *j, int at, const quantity *q)
{
    const coverage *c = j->c;
    for (int64_t i = 0; i < c->n_hits && c->hits[i].first < q->first; i++) {
        const hit *h = &c->hits[i];
        if (!(h->flags & PHRASE_ANCHOR) || h->attribute != at || h->dropped ||
            h->last + NUMBER_REACH < q->first)
            continue;
        bool apart = false;
        for (int64_t k = h->last; k <= q->first; k++) apart |= c->text.p[k].stop != STOP_NONE;
        if (!apart) return true;
    }
    return false;
}

/* 5 for "5 out of 5". */
static bool is_count_of(const value *v, const quantity *q)
{
    for (int i = 0; i < v->amounts; i++)
        if (!q->unit && v->quantities[i].unit == QUANTITY_SCALE && q->low == q->high &&
            q->low == v->quantities[i].low)
            return true;
    return false;
}

/* Takes all the words that say the slot's value. */
static bool realize(judge *j, const slot *s)
{
    bool found = false;
    for (int64_t i = 0; i < j->c->n_hits; i++) {
        const hit *h = &j->c->hits[i];
        if (!says(j, h, s)) continue;
        take(j, h->first, h->last);
        found = true;
    }
    for (int64_t i = 0; i < j->c->amounts.n; i++) {
        const quantity *q = &j->c->amounts.p[i];
        const value *v = value_of(j, s);
        if (!is_amount_of(v, q) && !(is_count_of(v, q) && is_called(j, s->attribute, q))) continue;
        take(j, q->first, q->last);
        found = true;
    }
    return found;
}

/* Of a yes/no attribute a hit's value is the answer, not a number of a value. */
static int value_said(const attribute *a, const hit *h)
{
    if (!a->boolean) return h->value;
    for (int64_t v = 0; v < a->keys.n; v++)
        if (a->values[v].yes == h->value) return (int)v;
    return -1;
}

/* Whether a hit can be held against a row. */
static bool counts(const judge *j, const hit *h)
{
    return !h->dropped && !(h->flags & (PHRASE_ANCHOR | PHRASE_WEAK)) &&
           j->c->attributes[h->attribute].closed && !is_taken(j, h->first, h->last);
}

static int said_amount(const attribute *a, const quantity *q)
{
    for (int64_t v = 0; v < a->keys.n; v++)
        if (is_amount_of(&a->values[v], q)) return (int)v;
    return -1;
}

static bool others_unit(const judge *j, int mine, const quantity *q)
{
    for (int64_t i = 0; i < j->n; i++)
        if (j->row[i].attribute != mine && has_unit(&j->c->attributes[j->row[i].attribute], q)) return true;
    return false;
}

static void judge_unrealized(const judge *j, const slot *s, slot_judged *out)
{
    const attribute *a = &j->c->attributes[s->attribute];
    out->verdict = SLOT_MISSING;
    for (int64_t i = 0; i < j->c->n_hits; i++) {
        const hit *h = &j->c->hits[i];
        if (h->attribute != s->attribute || !counts(j, h)) continue;
        out->verdict = SLOT_WRONG;
        out->said = value_said(a, h);
        return;
    }
    for (int64_t i = 0; i < j->c->amounts.n; i++) {
        const quantity *q = &j->c->amounts.p[i];
        bool about = q->unit ? has_unit(a, q) && !others_unit(j, s->attribute, q)
                             : value_of(j, s)->amounts && is_called(j, s->attribute, q);
        if (!about || is_taken(j, q->first, q->last)) continue;
        out->verdict = SLOT_WRONG;
        out->said = said_amount(a, q);
        return;
    }
}

static void push(slot_list *l, slot_judged s)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 16;
        l->p = xrealloc(l->p, (size_t)l->cap * sizeof *l->p);
    }
    l->p[l->n++] = s;
}

static void add(judge *j, int at, int said, slot_list *out)
{
    j->in_row[at] = 1; /* once a text */
    push(out, (slot_judged){at, -1, SLOT_ADDED, said});
}

static void judge_added(judge *j, slot_list *out)
{
    const coverage *c = j->c;
    for (int64_t i = 0; i < c->n_hits; i++) {
        const hit *h = &c->hits[i];
        if (!j->in_row[h->attribute] && counts(j, h))
            add(j, h->attribute, value_said(&c->attributes[h->attribute], h), out);
    }
    for (int64_t i = 0; i < c->amounts.n; i++) {
        const quantity *q = &c->amounts.p[i];
        if (!q->unit || is_taken(j, q->first, q->last)) continue;
        for (int a = 0; a < c->names.n; a++)
            if (!j->in_row[a] && has_unit(&c->attributes[a], q) && !others_unit(j, a, q))
                add(j, a, said_amount(&c->attributes[a], q), out);
    }
}

void coverage_judge(coverage *c, const slot *row, int64_t n, passage text, slot_list *out)
{
    normal_read(&c->text, &c->words, text);
    coverage_find(c);
    judge j = {c, row, n, xcalloc((size_t)c->text.n + 1, 1), xcalloc((size_t)c->names.n + 1, 1)};
    out->n = 0;
    for (int64_t i = 0; i < n; i++) {
        j.in_row[row[i].attribute] = 1;
        push(out, (slot_judged){row[i].attribute, row[i].value, SLOT_REALIZED, -1});
        if (!realize(&j, &row[i])) out->p[i].verdict = SLOT_MISSING;
    }
    for (int64_t i = 0; i < n; i++)
        if (out->p[i].verdict == SLOT_MISSING) judge_unrealized(&j, &row[i], &out->p[i]);
    judge_added(&j, out);
    free(j.taken);
    free(j.in_row);
}

const char *slot_verdict_name(slot_verdict v)
{
    static const char *const name[] = {"realized", "missing", "wrong", "added"};
    return name[v];
}

void slot_list_free(slot_list *l)
{
    free(l->p);
    *l = (slot_list){0};
}

void slot_count(slot_counts *sum, const slot_judged *one)
{
    sum->slots += one->verdict != SLOT_ADDED;
    sum->of[one->verdict]++;
}

double slot_error_rate(const slot_counts *c)
{
    int64_t errors = c->of[SLOT_MISSING] + c->of[SLOT_WRONG] + c->of[SLOT_ADDED];
    return c->slots ? (double)errors / (double)c->slots : 0;
}
