/* attribute.c -- see attribute.h. */
#include "metric/attribute.h"

#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

passage passage_trim(passage p)
{
    size_t before = unicode_spaces_after(p.p, p.n);
    p.p += before;
    p.n -= before;
    p.n -= unicode_spaces_before(p.p, p.n);
    return p;
}

static void add(attribute_list *l, passage name, passage value)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 16;
        l->p = xrealloc(l->p, (size_t)l->cap * sizeof *l->p);
    }
    l->p[l->n++] = (attribute_pair){name, value};
}

static bool in_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '?';
}

static passage unquoted(passage p)
{
    bool quoted = p.n >= 2 && p.p[0] == '\'' && p.p[p.n - 1] == '\'';
    return quoted ? (passage){p.p + 1, p.n - 2} : p;
}

/* The part of an act from p to its end or the next semicolon. */
static bool read_part(attribute_list *out, const char *p, size_t n)
{
    const char *equal = memchr(p, '=', n);
    passage name = passage_trim((passage){p, equal ? (size_t)(equal - p) : n});
    if (!name.n || memchr(p, '(', n) || memchr(p, ')', n)) return false;
    if (equal) add(out, name, unquoted(passage_trim((passage){equal + 1, n - (size_t)(equal + 1 - p)})));
    return true;
}

static bool read_act(attribute_list *out, passage text)
{
    size_t word = 0;
    while (word < text.n && in_word(text.p[word])) word++;
    if (!word || word + 2 > text.n || text.p[word] != '(' || text.p[text.n - 1] != ')') return false;
    const char *p = text.p + word + 1, *end = text.p + text.n - 1;
    while (p < end) {
        const char *stop = memchr(p, ';', (size_t)(end - p));
        size_t n = (size_t)((stop ? stop : end) - p);
        if (!read_part(out, p, n)) {
            out->n = 0;
            return false;
        }
        p += n + (stop != NULL);
    }
    return true;
}

bool attribute_read(attribute_list *out, passage text)
{
    out->n = 0;
    text = passage_trim(text);
    if (read_act(out, text)) return true;
    const char *p = text.p, *end = text.p + text.n;
    while (p < end) {
        const char *open = memchr(p, '[', (size_t)(end - p));
        const char *close = open ? memchr(open, ']', (size_t)(end - open)) : NULL;
        passage name = {p, open ? (size_t)(open - p) : 0};
        name = passage_trim(name);
        if (!close || !name.n || memchr(name.p, ']', name.n) || memchr(name.p, ',', name.n)) break;
        add(out, name, passage_trim((passage){open + 1, (size_t)(close - open - 1)}));
        p = close + 1;
        p += unicode_spaces_after(p, (size_t)(end - p));
        if (p == end) return true;
        if (*p++ != ',') break;
        p += unicode_spaces_after(p, (size_t)(end - p));
    }
    out->n = 0;
    return false;
}

void attribute_free(attribute_list *l)
{
    free(l->p);
    *l = (attribute_list){0};
}

bool attribute_is_none(passage value)
{
    static const char *const none[] = {"",    "none", "null",         "n/a",         "na",
                                       "nan", "-",    "\xe2\x80\x93", "\xe2\x80\x94", "dontcare"};
    value = passage_trim(value);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (strlen(none[i]) == value.n && !strncasecmp(none[i], value.p, value.n)) return true;
    return false;
}
