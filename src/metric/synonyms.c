/* synonyms.c -- see synonyms.h. */
#include "metric/synonyms.h"

#include "base/file.h"
#include "metric/attribute.h"
#include "metric/synonyms_e2e.h"
#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_MOST = 16 << 20 };

static void add(synonyms *s, passage attribute, passage value, passage phrase, bool built_in)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 256;
        s->p = xrealloc(s->p, (size_t)s->cap * sizeof *s->p);
    }
    s->p[s->n++] =
        (synonym){arena_strndup(&s->mem, attribute.p, attribute.n), arena_strndup(&s->mem, value.p, value.n),
                  arena_strndup(&s->mem, phrase.p, phrase.n), built_in};
}

/* The next of the parts of a text between bars. */
static passage next_part(const char **p)
{
    const char *from = *p;
    size_t n = strcspn(from, "|");
    *p = from + n + (from[n] == '|');
    return (passage){from, n};
}

void synonyms_built_in(synonyms *s)
{
    for (const synonyms_row *r = synonyms_e2e; r->attribute; r++)
        for (const char *v = r->values; *v;) {
            passage value = next_part(&v);
            for (const char *p = r->phrases; *p;)
                add(s, (passage){r->attribute, strlen(r->attribute)}, value, next_part(&p), true);
        }
}

static int add_line(synonyms *s, const char *name, long long line, passage text, err *e)
{
    passage field[3];
    const char *end = text.p + text.n;
    for (int i = 0; i < 3; i++) {
        const char *tab = i < 2 ? memchr(text.p, '\t', (size_t)(end - text.p)) : end;
        if (!tab) tab = end;
        field[i] = passage_trim((passage){text.p, (size_t)(tab - text.p)});
        text.p = tab < end ? tab + 1 : end;
    }
    bool mark = field[2].n == 1 && (field[2].p[0] == '@' || field[2].p[0] == '~');
    if (!field[0].n || !field[1].n || !field[2].n || mark || memchr(field[2].p, '\t', field[2].n))
        return fail(e, E_FORMAT, "%s:%lld: a line is ATTRIBUTE, VALUE and PHRASE with tabs between them",
                    name, line);
    add(s, field[0], field[1], field[2], false);
    return OK;
}

int synonyms_parse(synonyms *s, const char *name, const char *text, size_t n, err *e)
{
    long long line = 0;
    if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) text += 3, n -= 3;
    for (const char *p = text, *end = text + n; p < end;) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        passage one = {p, (size_t)((stop ? stop : end) - p)};
        p = stop ? stop + 1 : end;
        line++;
        if (utf8_valid(one.p, one.n) != one.n || memchr(one.p, 0, one.n))
            return fail(e, E_FORMAT, "%s:%lld: not UTF-8 text", name, line);
        passage bare = passage_trim(one);
        if (!bare.n || bare.p[0] == '#') continue;
        int code = add_line(s, name, line, bare, e);
        if (code != OK) return code;
    }
    return OK;
}

int synonyms_open(synonyms *s, const char *path, err *e)
{
    str text = {0};
    int code = file_read(&text, path, FILE_MOST, e);
    if (code == OK) code = synonyms_parse(s, path, str_c(&text), text.n, e);
    str_free(&text);
    return code;
}

void synonyms_free(synonyms *s)
{
    free(s->p);
    arena_free(&s->mem);
    *s = (synonyms){0};
}
