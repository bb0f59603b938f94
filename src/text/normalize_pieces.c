/* normalize_pieces.c -- SentencePiece's normalizer (Kudo, Richardson 2018).
 *
 * From the left: a text that is to be kept stays; else the longest key of the map that the rest begins with
 * is replaced; else a character stays. White space is only the space that comes out of that. */
#include "text/normalize.h"
#include "text/unicode.h"

#include <string.h>

/* What the rest of the text begins with becomes *to; how many bytes of the text that are. */
static size_t next_part(const norm_step *s, const char *text, size_t n, span *to)
{
    const char *result;
    size_t length = s->keep ? added_at(s->keep, text, n) : 0;
    if (!length && s->map && (length = charsmap_longest(s->map, text, n, &result))) {
        *to = (span){result, strlen(result)};
        return length;
    }
    if (!length) length = (size_t)utf8_length(text[0]);
    *to = (span){text, length};
    return length;
}

static void put(const norm_step *s, span part, str *out)
{
    for (size_t i = 0; i < part.n; i++)
        if (part.p[i] == ' ' && s->flags & PIECES_MARK)
            str_puts(out, WORD_MARK_TEXT);
        else
            str_putc(out, part.p[i]);
}

void normalize_pieces(const norm_step *s, const char *text, size_t n, norm_first first, str *out)
{
    static const span space = {" ", 1};
    bool collapse = s->flags & PIECES_COLLAPSE, after_space = collapse;
    size_t i = 0, start = out->n, end = s->flags & PIECES_MARK ? 3 : 1;
    span part;
    while (collapse && i < n) {
        size_t length = next_part(s, text + i, n - i, &part);
        if (part.n != 1 || part.p[0] != ' ') break;
        i += length;
    }
    if (i == n) return;
    if (s->flags & PIECES_PREFIX && first == NORM_BEGINS) put(s, space, out);
    while (i < n) {
        i += next_part(s, text + i, n - i, &part);
        while (after_space && part.n && part.p[0] == ' ') part.p++, part.n--;
        put(s, part, out);
        if (part.n) after_space = collapse && part.p[part.n - 1] == ' ';
    }
    const char *last = s->flags & PIECES_MARK ? WORD_MARK_TEXT : " ";
    while (collapse && out->n - start >= end && !memcmp(out->p + out->n - end, last, end)) out->n -= end;
    if (out->p) out->p[out->n] = 0;
    if (s->flags & PIECES_SUFFIX) put(s, space, out);
}
