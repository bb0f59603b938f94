/* quantity.c -- see quantity.h. A hand-written reader over normalized words; the tables are English. */
#include "metric/quantity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Kinds of units: the numbers are only compared. */
enum { GBP = 2, USD, EUR, JPY, INR, LENGTH, MASS, VOLUME, TIME, BYTES, POWER, VOLTAGE, CHARGE, FREQUENCY };
enum { PERCENT = FREQUENCY + 1, PIXEL };

static const struct {
    const char *words; /* without a plural's s, between spaces */
    int unit;
    double factor;
} units[] = {
    {" \xc2\xa3 pound gbp quid ", GBP, 1},
    {" $ dollar usd ", USD, 1},
    {" \xe2\x82\xac euro eur ", EUR, 1},
    {" \xc2\xa5 yen jpy ", JPY, 1},
    {" \xe2\x82\xb9 rupee inr ", INR, 1},
    {" mm millimeter millimetre ", LENGTH, 1},
    {" cm centimeter centimetre ", LENGTH, 10},
    {" m meter metre ", LENGTH, 1000},
    {" km kilometer kilometre ", LENGTH, 1e6},
    {" inch in ", LENGTH, 25.4},
    {" ft foot feet ", LENGTH, 304.8},
    {" yard yd ", LENGTH, 914.4},
    {" mile ", LENGTH, 1609344},
    {" mg milligram ", MASS, .001},
    {" g gram gramme ", MASS, 1},
    {" kg kilo kilogram ", MASS, 1000},
    {" oz ounce ", MASS, 28.349523125},
    {" lb lbs ", MASS, 453.59237},
    {" ml milliliter millilitre ", VOLUME, 1},
    {" cl centiliter centilitre ", VOLUME, 10},
    {" l liter litre ", VOLUME, 1000},
    {" second sec ", TIME, 1},
    {" minute min ", TIME, 60},
    {" hour hr hrs h ", TIME, 3600},
    {" day ", TIME, 86400},
    {" kb kilobyte ", BYTES, 1e3},
    {" mb megabyte ", BYTES, 1e6},
    {" gb gigabyte ", BYTES, 1e9},
    {" tb terabyte ", BYTES, 1e12},
    {" w watt ", POWER, 1},
    {" kw kilowatt ", POWER, 1000},
    {" v volt ", VOLTAGE, 1},
    {" mah ", CHARGE, 1},
    {" ah ", CHARGE, 1000},
    {" hz hertz ", FREQUENCY, 1},
    {" khz kilohertz ", FREQUENCY, 1e3},
    {" mhz megahertz ", FREQUENCY, 1e6},
    {" ghz gigahertz ", FREQUENCY, 1e9},
    {" percent ", PERCENT, 1},
    {" pixel px ", PIXEL, 1},
    {" mp megapixel ", PIXEL, 1e6},
};

/* Words before a number that leave it open below or above; the longer ones first. */
static const struct {
    const char *words;
    bool above;
} bounds[] = {
    {"no less than", true}, {"not less than", true}, {"no more than", false}, {"not more than", false},
    {"less than", false},   {"less then", false},    {"lower than", false},   {"cheaper than", false},
    {"fewer than", false},  {"under", false},        {"below", false},        {"beneath", false},
    {"up to", false},       {"at most", false},      {"not over", false},     {"more than", true},
    {"more then", true},    {"higher than", true},   {"greater than", true},  {"over", true},
    {"above", true},        {"at least", true},      {"upward of", true},     {"start at", true},
    {"starting at", true},  {"start from", true},    {"starting from", true}, {"exceed", true},
    {"exceeding", true},
    {"no more that", false},  {"less that", false},     {"more that", true},     {"from", true},
};

typedef struct scan {
    const symbols *s;
    const normal *t;
} scan;

static bool is(const scan *c, int64_t i, const char *word)
{
    return i >= 0 && i < c->t->n && !strcmp(c->s->text[c->t->p[i].id], word);
}

static bool is_number(const scan *c, int64_t i) { return i < c->t->n && c->t->p[i].kind == NORMAL_NUMBER; }

static int unit_at(const scan *c, int64_t i)
{
    if (i < 0 || i >= c->t->n || c->t->p[i].kind == NORMAL_NUMBER) return -1;
    char word[20];
    int n = snprintf(word, sizeof word, " %s ", c->s->text[c->t->p[i].id]);
    for (size_t k = 0; n < (int)sizeof word && k < sizeof units / sizeof *units; k++)
        if (strstr(units[k].words, word)) return (int)k;
    return -1;
}

/* How many words before word `at` spell `words`; 0: they do not. */
static int64_t spelled_before(const scan *c, int64_t at, const char *words)
{
    size_t end = strlen(words);
    int64_t n = 0;
    while (end) {
        size_t start = end;
        while (start && words[start - 1] != ' ') start--;
        int64_t i = at - ++n;
        if (i < 0 || c->t->p[i + 1].stop > STOP_AND) return 0;
        const char *word = c->s->text[c->t->p[i].id];
        if (strlen(word) != end - start || memcmp(word, words + start, end - start)) return 0;
        end = start ? start - 1 : 0;
    }
    return n;
}

/* A number with a sign before it or a unit behind it; q->last moves. A unit stands in the same sentence, and
 * "in" is inches only where nothing follows it: "3 in the box". */
static bool amount(const scan *c, int64_t at, quantity *q, double *value)
{
    int64_t i = at;
    int unit = c->t->p[i].kind == NORMAL_SIGN ? unit_at(c, i) : -1;
    if (unit >= 0) i++;
    if (!is_number(c, i)) return false;
    *value = c->t->p[i++].number;
    if (unit < 0 && i < c->t->n && c->t->p[i].stop == STOP_NONE) {
        unit = unit_at(c, i);
        if (unit >= 0 && is(c, i, "in") && i + 1 < c->t->n) unit = -1;
        if (unit >= 0) i++;
    }
    if (unit >= 0) {
        q->unit = units[unit].unit;
        q->factor = units[unit].factor;
    }
    q->last = i;
    return true;
}

/* 3 out of 5, 3 / 5, 3 of 5, 3 star */
static bool scale(const scan *c, quantity *q)
{
    int64_t i = q->last;
    if (q->unit) return false;
    if (is(c, i, "star") || is(c, i, "starred") || is(c, i, "point")) {
        q->of = 5;
        q->last = i + 1;
    } else {
        int64_t of = is(c, i, "out")                   ? i + 1 + is(c, i + 1, "of")
                     : is(c, i, "/") || is(c, i, "of") ? i + 1
                                                       : i;
        if (of == i || !is_number(c, of)) return false;
        q->of = c->t->p[of].number;
        q->last = of + 1;
        if (is(c, q->last, "star") || is(c, q->last, "point")) q->last++;
    }
    q->unit = QUANTITY_SCALE;
    return q->low <= q->of;
}

/* - 25, to 25, and 25 (behind "between") */
static void range(const scan *c, quantity *q)
{
    int64_t i = q->last;
    double high;
    bool between = is(c, q->first - 1, "between") && i < c->t->n && c->t->p[i].stop == STOP_AND;
    bool to = is(c, i, "-") || is(c, i, "to");
    quantity other = *q;
    if (!(between || to) || i + to >= c->t->n || !amount(c, i + to, &other, &high) || high < q->low) return;
    if (q->unit && other.unit != q->unit) return;
    other.high = high;
    other.first -= between;
    *q = other;
}

static void bound(const scan *c, quantity *q)
{
    for (size_t k = 0; k < sizeof bounds / sizeof *bounds; k++) {
        int64_t n = spelled_before(c, q->first, bounds[k].words);
        if (!n) continue;
        q->first -= n;
        if (bounds[k].above)
            q->high = INFINITY;
        else
            q->low = -INFINITY;
        return;
    }
    bool joined = is(c, q->last, "or") || (q->last < c->t->n && c->t->p[q->last].stop == STOP_AND);
    int64_t i = q->last + is(c, q->last, "or");
    bool more = joined && (is(c, i, "more") || is(c, i, "above"));
    if (more || is(c, q->last, "+") || is(c, q->last, "plus")) {
        q->high = INFINITY;
        q->last = i + 1;
    } else if (joined && (is(c, i, "less") || is(c, i, "under") || is(c, i, "below"))) {
        q->low = -INFINITY;
        q->last = i + 1;
    }
}

static bool read_one(const scan *c, int64_t at, quantity *q)
{
    *q = (quantity){.factor = 1, .first = at};
    if (!amount(c, at, q, &q->low)) return false;
    q->high = q->low;
    if (scale(c, q)) return true;
    if (q->unit == QUANTITY_SCALE) *q = (quantity){q->low, q->low, 1, 0, QUANTITY_BARE, at, at + 1};
    range(c, q);
    if (q->low == q->high) bound(c, q);
    return true;
}

void quantities_read(quantities *out, const symbols *s, const normal *text)
{
    scan c = {s, text};
    out->n = 0;
    for (int64_t i = 0; i < text->n;) {
        quantity q;
        if (!read_one(&c, i, &q)) {
            i++;
            continue;
        }
        if (out->n == out->cap) {
            out->cap = out->cap ? 2 * out->cap : 8;
            out->p = xrealloc(out->p, (size_t)out->cap * sizeof *out->p);
        }
        out->p[out->n++] = q;
        i = q.last;
    }
}

void quantities_free(quantities *q)
{
    free(q->p);
    *q = (quantities){0};
}

bool quantity_is_money(const quantity *q) { return q->unit >= GBP && q->unit <= INR; }

static bool near(double a, double b) { return a == b || fabs(a - b) <= 1e-9 * fabs(b); }

bool quantity_same(const quantity *a, const quantity *b)
{
    if (a->unit && b->unit)
        return a->unit == b->unit && a->of == b->of && near(a->low * a->factor, b->low * b->factor) &&
               near(a->high * a->factor, b->high * b->factor);
    if (a->unit == QUANTITY_SCALE || b->unit == QUANTITY_SCALE) return a->unit == b->unit;
    return near(a->low, b->low) && near(a->high, b->high);
}
