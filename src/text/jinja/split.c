/* split.c -- a text in pieces (run.h), from either end, as Python's split() and rsplit() have them. */
#include "text/jinja/run.h"

#include "text/unicode.h"

#include <string.h>

int jtext_piece(jrun *r, jlist *l, const char *p, size_t n)
{
    jval v;
    return jval_str(&r->heap, p, n, &v) || jlist_add(&r->heap, l, v) ? E_FORMAT : OK;
}

/* Between runs of white space, at most `most` cuts (-1: all). */
static int split_spaces(jrun *r, const jstr *s, int64_t most, jlist *l)
{
    size_t i = jinja_spaces_before(s->p, s->n);
    while (i < s->n) {
        size_t end = i;
        uint32_t c = 0;
        if (!most--)
            end = s->n;
        else
            while (end < s->n && utf8_get(s->p + end, s->n - end, &c) && !jinja_is_space(c))
                end += (size_t)utf8_length(s->p[end]);
        if (jtext_piece(r, l, s->p + i, end - i)) return E_FORMAT;
        i = end + jinja_spaces_before(s->p + end, s->n - end);
    }
    return OK;
}

/* The same from the end; pieces come out last first. */
static int rsplit_spaces(jrun *r, const jstr *s, int64_t most, jlist *l)
{
    size_t end = s->n - jinja_spaces_after(s->p, s->n);
    while (end) {
        size_t i = end;
        if (!most--)
            i = 0;
        else
            while (i) {
                size_t start = i - 1;
                uint32_t c = 0;
                while (((unsigned char)s->p[start] & 0xc0) == 0x80) start--;
                utf8_get(s->p + start, i - start, &c);
                if (jinja_is_space(c)) break;
                i = start;
            }
        if (jtext_piece(r, l, s->p + i, end - i)) return E_FORMAT;
        end = i - jinja_spaces_after(s->p, i);
    }
    return OK;
}

static int split_at(jrun *r, const jstr *s, const jstr *by, int64_t most, jlist *l)
{
    size_t i = 0;
    int64_t hit;
    while (most-- && (hit = jtext_find(r, s, by, i)) >= 0) {
        if (jtext_piece(r, l, s->p + i, (size_t)hit - i)) return E_FORMAT;
        i = (size_t)hit + by->n;
    }
    return r->heap.e->code ? E_FORMAT : jtext_piece(r, l, s->p + i, s->n - i);
}

int64_t jtext_find_last(jrun *r, const jstr *s, const jstr *what, size_t end)
{
    for (size_t i = end < what->n ? 0 : end - what->n + 1; i-- && !jheap_work(&r->heap, what->n);)
        if (!memcmp(s->p + i, what->p, what->n)) return (int64_t)i;
    return -1;
}

static int rsplit_at(jrun *r, const jstr *s, const jstr *by, int64_t most, jlist *l)
{
    size_t end = s->n;
    int64_t hit;
    while (most-- && (hit = jtext_find_last(r, s, by, end)) >= 0) {
        if (jtext_piece(r, l, s->p + hit + by->n, end - (size_t)hit - by->n)) return E_FORMAT;
        end = (size_t)hit;
    }
    return r->heap.e->code ? E_FORMAT : jtext_piece(r, l, s->p, end);
}

static void turn_round(jlist *l)
{
    for (int64_t i = 0; i < l->n / 2; i++) {
        jval v = l->p[i];
        l->p[i] = l->p[l->n - 1 - i];
        l->p[l->n - 1 - i] = v;
    }
}

int jtext_split(jrun *r, const jstr *s, const jstr *by, int64_t most, from_where from, jlist *l)
{
    if (from == FROM_LEFT) return by ? split_at(r, s, by, most, l) : split_spaces(r, s, most, l);
    const int code = by ? rsplit_at(r, s, by, most, l) : rsplit_spaces(r, s, most, l);
    turn_round(l);
    return code;
}
