/* normal.c -- see normal.h. */
#include "metric/normal.h"

#include "text/unicode.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

typedef struct reader {
    normal *out;
    symbols *s;
    const char *p, *end; /* folded text */
    str word;
    normal_stop stop;
    bool article; /* the last word, left out for being an article */
} reader;

/* NFKD, case folded, without marks. Bytes that are not UTF-8 become spaces. */
static void fold(passage text, str *out)
{
    str valid = {0};
    for (size_t i = 0; i < text.n;) {
        uint32_t c;
        int length = utf8_get(text.p + i, text.n - i, &c);
        if (length && c)
            str_add(&valid, text.p + i, (size_t)length);
        else
            str_putc(&valid, ' ');
        i += length ? (size_t)length : 1;
    }
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t n = utf8proc_map(
        (const utf8proc_uint8_t *)str_c(&valid), (utf8proc_ssize_t)valid.n, &folded,
        UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_STRIPMARK | UTF8PROC_CASEFOLD);
    BUG_IF(n < 0); /* only for text that is not UTF-8, or no memory */
    str_add(out, (const char *)folded, (size_t)n);
    free(folded);
    str_free(&valid);
}

static normal_word *push(reader *r, const char *text, size_t n, normal_kind kind)
{
    normal *t = r->out;
    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 64;
        t->p = xrealloc(t->p, (size_t)t->cap * sizeof *t->p);
    }
    t->p[t->n] = (normal_word){symbols_add(r->s, text, n), (uint8_t)kind, (uint8_t)r->stop, 0};
    r->stop = STOP_NONE;
    return &t->p[t->n++];
}

static void push_number(reader *r, double v)
{
    char text[40];
    int n = snprintf(text, sizeof text, "#%.15g", v);
    push(r, text, (size_t)n, NORMAL_NUMBER)->number = v;
}

static void stop(reader *r, normal_stop s)
{
    if (s > r->stop) r->stop = s;
}

static const char *const small_number[] = {"zero",    "one",     "two",       "three",    "four",
                                           "five",    "six",     "seven",     "eight",    "nine",
                                           "ten",     "eleven",  "twelve",    "thirteen", "fourteen",
                                           "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
static const char *const ten_number[] = {"twenty", "thirty",  "forty",  "fifty",
                                         "sixty",  "seventy", "eighty", "ninety"};

/* The number that a word spells, or -1. */
static int spelled(const char *word)
{
    for (int i = 0; i < 20; i++)
        if (!strcmp(word, small_number[i])) return i;
    for (int i = 0; i < 8; i++)
        if (!strcmp(word, ten_number[i])) return 10 * (i + 2);
    return -1;
}

static bool is_one_of(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (!strcmp(word, *list)) return true;
    return false;
}

/* families, dishes, prices, children; but not this, glass, its. Both sides of a comparison are cut alike. */
static void cut_plural(str *w)
{
    size_t n = w->n;
    if (!strcmp(w->p, "children")) {
        w->p[w->n = 5] = 0;
        return;
    }
    if (n < 4 || w->p[n - 1] != 's' || w->p[n - 2] == 's' || !strcmp(w->p, "this")) return;
    size_t cut = 1;
    if (n > 4 && !memcmp(w->p + n - 3, "ies", 3)) {
        w->p[n - 3] = 'y';
        cut = 2;
    } else if (n > 5 && (!memcmp(w->p + n - 4, "shes", 4) || !memcmp(w->p + n - 4, "ches", 4) ||
                         !memcmp(w->p + n - 4, "sses", 4) || !memcmp(w->p + n - 3, "xes", 3))) {
        cut = 2;
    }
    w->n -= cut;
    w->p[w->n] = 0;
}

static void push_spelled(reader *r, int v)
{
    normal *t = r->out;
    normal_word *last = t->n ? &t->p[t->n - 1] : NULL;
    bool tens = last && last->kind == NORMAL_NUMBER && last->number >= 20 && last->number < 100 &&
                fmod(last->number, 10) == 0 && r->stop == STOP_NONE && !r->article;
    if (!tens || v < 1 || v > 9) {
        push_number(r, v);
        return;
    }
    double whole = last->number + v; /* twenty five */
    r->stop = (normal_stop)last->stop;
    t->n--;
    push_number(r, whole);
}

static void end_word(reader *r)
{
    static const char *const articles[] = {"a", "an", "the", NULL};
    if (!r->word.n) return;
    int v = spelled(r->word.p);
    bool article = is_one_of(r->word.p, articles);
    if (!strcmp(r->word.p, "and")) {
        stop(r, STOP_AND);
    } else if (v >= 0) {
        push_spelled(r, v);
    } else if (!article) {
        cut_plural(&r->word);
        push(r, r->word.p, r->word.n, NORMAL_WORD);
    }
    r->article = article;
    str_clear(&r->word);
}

static void push_word(reader *r, const char *word) { push(r, word, strlen(word), NORMAL_WORD); }

/* Behind a word, or a space behind it: 's, n't. Returns whether there was one of them. */
static bool read_apostrophe(reader *r, const char *next)
{
    size_t left = (size_t)(r->end - next);
    if (!left || (left > 1 && isalnum((unsigned char)next[1])) || (*next != 's' && *next != 't'))
        return false;
    const normal *t = r->out;
    const char *before = t->n ? r->s->text[t->p[t->n - 1].id] : "";
    bool inside = r->word.n > 1 && str_ends(r->word.p, "n");
    if (*next == 't' && !inside && (r->word.n || !str_ends(before, "n"))) return false;
    if (*next == 't' && inside) r->word.p[--r->word.n] = 0;
    end_word(r);
    if (*next == 't') push_word(r, "not");
    r->p = next + 1;
    return true;
}

static const char *skip_spaces(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t')) p++;
    return p;
}

/* 1,024.50: groups of three behind commas, then a fraction. */
static void read_number(reader *r)
{
    char digits[32];
    size_t n = 0;
    const char *p = r->p, *end = r->end;
    for (; p < end; p++) {
        bool group = *p == ',' && end - p > 3 && isdigit((unsigned char)p[1]) &&
                     isdigit((unsigned char)p[2]) && isdigit((unsigned char)p[3]) &&
                     (end - p == 4 || !isdigit((unsigned char)p[4]));
        if (group) continue;
        if (!isdigit((unsigned char)*p)) break;
        if (n < sizeof digits - 12) digits[n++] = *p;
    }
    if (end - p > 1 && *p == '.' && isdigit((unsigned char)p[1])) {
        digits[n++] = *p++;
        for (size_t room = 9; p < end && isdigit((unsigned char)*p); p++)
            if (room) digits[n++] = *p, room--;
    }
    digits[n] = 0;
    r->p = p;
    push_number(r, strtod(digits, NULL));
}

static bool is_currency(uint32_t c)
{
    return c == '$' || c == 0xa3 || c == 0xa5 || c == 0x20ac || c == 0x20b9;
}

static bool number_follows(const reader *r, const char *p)
{
    p = skip_spaces(p, r->end);
    uint32_t c;
    return p < r->end && text_get(p, (size_t)(r->end - p), &c) &&
           (c < 128 ? isdigit((int)c) || c == '$' : is_currency(c));
}

static bool is_dash(uint32_t c) { return c == '-' || (c >= 0x2010 && c <= 0x2015) || c == 0x2212; }

/* A character that is no part of a word; `next` is behind it. */
static void read_sign(reader *r, uint32_t c, const char *next)
{
    normal *t = r->out;
    const normal_word *last = t->n && r->stop == STOP_NONE ? &t->p[t->n - 1] : NULL;
    bool number = last && last->kind == NORMAL_NUMBER, spaced = next < r->end && *next == ' ';
    const char *from = r->p;
    r->p = next;
    if (is_currency(c)) {
        push(r, from, (size_t)(next - from), NORMAL_SIGN);
    } else if (number && (is_dash(c) || c == '/' || c == 0x2044) && number_follows(r, next)) {
        push(r, is_dash(c) ? "-" : "/", 1, NORMAL_SIGN);
    } else if (number && c == '+') {
        push(r, "+", 1, NORMAL_SIGN);
    } else if (number && c == '%') {
        push_word(r, "percent");
    } else if (number && (c == '"' || c == 0x201d)) {
        push_word(r, "inch");
    } else if (c == '&') {
        stop(r, STOP_AND);
    } else if (c == '\n' || c == '!' || c == '?' || c == 0x3002 ||
               (c == '.' && (next == r->end || spaced || *next == '\n'))) {
        stop(r, STOP_SENTENCE);
    } else if (c == ',' || c == ';' || c == ':' || c == '(' || c == ')' || (is_dash(c) && spaced)) {
        stop(r, STOP_COMMA);
    }
}

static bool is_letter(uint32_t c)
{
    if (c < 128) return isalnum((int)c);
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LO || k == UTF8PROC_CATEGORY_LM ||
           k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LT || k == UTF8PROC_CATEGORY_ND;
}

static void read_next(reader *r)
{
    uint32_t c;
    const char *next = r->p + text_get(r->p, (size_t)(r->end - r->p), &c);
    if (!r->word.n && c < 128 && isdigit((int)c)) {
        read_number(r);
        return;
    }
    if (is_letter(c)) {
        bool wide = utf8proc_charwidth((utf8proc_int32_t)c) == 2;
        if (wide) end_word(r);
        str_add(&r->word, r->p, (size_t)(next - r->p));
        r->p = next;
        if (wide) end_word(r);
        return;
    }
    if ((c == '\'' || c == 0x2019) && read_apostrophe(r, next)) return;
    end_word(r);
    if (!text_is_space(c) || c == '\n')
        read_sign(r, c, next);
    else
        r->p = next;
}

void normal_read(normal *out, symbols *s, passage text)
{
    str folded = {0};
    fold(text, &folded);
    reader r = {.out = out, .s = s, .p = str_c(&folded), .end = str_c(&folded) + folded.n};
    out->n = 0;
    while (r.p < r.end) read_next(&r);
    end_word(&r);
    if (!out->n && text.n) { /* only what is left out elsewhere: the band The The */
        for (const char *p = folded.p; p < r.end; p++)
            if (!text_is_space((unsigned char)*p)) str_putc(&r.word, *p);
        if (r.word.n) push(&r, r.word.p, r.word.n, NORMAL_WORD);
    }
    str_free(&r.word);
    str_free(&folded);
}

void normal_free(normal *t)
{
    free(t->p);
    *t = (normal){0};
}

void normal_name(const char *name, str *out)
{
    bool lower = false;
    for (const char *p = name; *p; p++) {
        bool upper = isupper((unsigned char)*p);
        if (lower && upper) str_putc(out, ' ');
        str_putc(out, *p == '_' || *p == '-' || *p == '.' ? ' ' : *p);
        lower = islower((unsigned char)*p) || isdigit((unsigned char)*p);
    }
}
