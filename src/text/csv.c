/* csv.c -- comma- and tab-separated values (RFC 4180).
 *
 * A record ends at LF or CRLF. A field that starts with a double quote runs to the next quote that is
 * not doubled and may hold separators and line ends; a quote further inside a field is an ordinary
 * character. The first record names the columns; every other has as many fields. Blank lines are
 * skipped. */
#include "text/table_read.h"

#include <string.h>

typedef struct csv {
    table *t;
    const char *p, *end;
    char separator;
} csv;

typedef struct field {
    const char *text;
    size_t n;
} field;

static bool at_line_end(const csv *c, const char *p)
{
    if (p < c->end && *p == '\r') p++;
    return p == c->end || *p == '\n';
}

/* n bytes between quotes, with `doubled` pairs of quotes to be made one. */
static field undouble(csv *c, const char *text, size_t n, size_t doubled)
{
    if (!doubled) return (field){text, n};
    char *to = arena_new(&c->t->strings, n - doubled);
    field f = {to, n - doubled};
    for (const char *from = text; from < text + n; from++) {
        *to++ = *from;
        if (*from == '"') from++;
    }
    return f;
}

static int read_quoted(csv *c, field *f, err *e)
{
    const char *open = c->p, *p = open + 1;
    size_t doubled = 0;
    for (;;) {
        p = memchr(p, '"', (size_t)(c->end - p));
        if (!p) return table_fail(c->t, open, e, "a quote that is never closed");
        if (p + 1 == c->end || p[1] != '"') break;
        doubled++;
        p += 2;
    }
    *f = undouble(c, open + 1, (size_t)(p - open - 1), doubled);
    c->p = p + 1;
    if (at_line_end(c, c->p) || *c->p == c->separator) return OK;
    return table_fail(c->t, c->p, e,
                      "text after a closing quote; a quote inside a quoted field is written twice");
}

static int read_field(csv *c, field *f, err *e)
{
    if (c->p < c->end && *c->p == '"') return read_quoted(c, f, e);
    const char *start = c->p;
    while (c->p < c->end && *c->p != c->separator && *c->p != '\n') c->p++;
    if (c->p > start && c->p[-1] == '\r' && at_line_end(c, c->p)) c->p--;
    *f = (field){start, (size_t)(c->p - start)};
    return OK;
}

/* Past the line end at c->p. */
static void end_record(csv *c)
{
    if (c->p < c->end && *c->p == '\r') c->p++;
    if (c->p < c->end) c->p++;
}

static int read_header(csv *c, err *e)
{
    for (field f;; c->p++) {
        const char *at = c->p;
        int code = read_field(c, &f, e), columns = c->t->columns;
        if (code != OK) return code;
        int column = table_name(c->t, f.text, f.n, columns, at, e);
        if (column < 0) return E_FORMAT;
        if (column < columns)
            return table_fail(c->t, at, e, "a second column \"%.200s\"", c->t->column[column]);
        if (at_line_end(c, c->p)) break;
    }
    if (c->t->columns == 1 && strchr(c->t->column[0], ';'))
        return table_fail(c->t, c->p, e, "columns are separated by ';'; save the file with commas or tabs");
    end_record(c);
    return OK;
}

static int read_record(csv *c, err *e)
{
    const char *start = c->p;
    int n = 0;
    table_add_row(c->t, start);
    for (field f;; c->p++) {
        const char *at = c->p;
        int code = read_field(c, &f, e);
        if (code != OK) return code;
        if (c->p - start > TABLE_ROW_MAX)
            return table_fail(c->t, start, e, "the row is larger than %d MiB", TABLE_ROW_MAX >> 20);
        if (n == c->t->columns)
            return table_fail(c->t, at, e, "the row has more fields than the header (%d)", n);
        table_add_cell(c->t, n++, CELL_TEXT, f.text, f.n);
        if (at_line_end(c, c->p)) break;
    }
    if (n < c->t->columns)
        return table_fail(c->t, c->p, e, "the row has %d field%s, the header has %d", n, n == 1 ? "" : "s",
                          c->t->columns);
    end_record(c);
    return OK;
}

int csv_read(table *t, const char *text, char separator, err *e)
{
    csv c = {t, text, t->source.p + t->source.n, separator};
    bool header = true;
    while (c.p < c.end) {
        if (at_line_end(&c, c.p)) {
            end_record(&c);
            continue;
        }
        int code = header ? read_header(&c, e) : read_record(&c, e);
        if (code != OK) return code;
        header = false;
    }
    return OK;
}
