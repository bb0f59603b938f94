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

bool attribute_read(attribute_list *out, passage text)
{
    out->n = 0;
    text = passage_trim(text);
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
                                       "nan", "-",    "\xe2\x80\x93", "\xe2\x80\x94"};
    value = passage_trim(value);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (strlen(none[i]) == value.n && !strncasecmp(none[i], value.p, value.n)) return true;
    return false;
}
