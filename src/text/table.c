/* table.c -- see table.h: reading, checking the bytes, telling the formats apart, and the index. */
#include "text/table.h"

#include "base/file.h"
#include "text/table_read.h"
#include "text/unicode.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const size_t FILE_MAX_BYTES = (size_t)4 << 30;

const char *table_format_name(table_format f)
{
    static const char *const name[] = {"JSONL", "JSON", "CSV", "TSV"};
    return name[f];
}

int table_fail(const table *t, const char *at, err *e, const char *fmt, ...)
{
    char what[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    const char *p = t->source.p, *line = p;
    long long number = 1, column = 1;
    for (const char *nl; (nl = memchr(p, '\n', (size_t)(at - p))); number++) p = line = nl + 1;
    if (number == 1 && t->source.n >= 3 && !memcmp(line, "\xef\xbb\xbf", 3) && at - line >= 3) line += 3;
    for (; line < at; line++) column += ((unsigned char)*line & 0xc0) != 0x80;
    return fail(e, E_FORMAT, "%s:%lld:%lld: %s", t->name, number, column, what);
}

void table_add_row(table *t, const char *at)
{
    if (t->rows + 1 >= t->cap_rows) {
        t->cap_rows = t->cap_rows ? 2 * t->cap_rows : 256;
        t->first = xrealloc(t->first, (size_t)t->cap_rows * sizeof *t->first);
        t->line = xrealloc(t->line, (size_t)t->cap_rows * sizeof *t->line);
        if (!t->rows) t->first[0] = 0;
    }
    t->line[t->rows] = (int64_t)(at - t->source.p); /* an offset until number_lines() */
    t->rows++;
    t->first[t->rows] = t->first[t->rows - 1];
}

void table_add_cell(table *t, int column, cell_kind kind, const char *text, size_t n)
{
    int64_t i = t->first[t->rows]++;
    if (i == t->cap_cells) {
        t->cap_cells = t->cap_cells ? 2 * t->cap_cells : 1024;
        t->cells = xrealloc(t->cells, (size_t)t->cap_cells * sizeof *t->cells);
    }
    t->cells[i] = (cell){text, (uint32_t)n, (uint16_t)column, (uint8_t)kind};
}

static bool is_name(const char *name, const char *text, size_t n)
{
    return !strncmp(name, text, n) && !name[n];
}

int table_name(table *t, const char *name, size_t n, int guess, const char *at, err *e)
{
    if (guess < t->columns && is_name(t->column[guess], name, n)) return guess;
    for (int i = 0; i < t->columns; i++)
        if (is_name(t->column[i], name, n)) return i;
    if (t->columns == TABLE_COLUMNS_MAX) {
        table_fail(t, at, e, "more than %d columns", TABLE_COLUMNS_MAX);
        return -1;
    }
    if (!t->column) t->column = xmalloc(TABLE_COLUMNS_MAX * sizeof *t->column);
    t->column[t->columns] = arena_strndup(&t->strings, name, n);
    return t->columns++;
}

/* Refuses, by name, what people hand over by mistake. */
static int check_kind(const table *t, err *e)
{
    static const struct {
        const char *magic;
        size_t n;
        const char *what;
    } other[] = {
        {"\xff\xfe", 2, "is UTF-16; save it as UTF-8"},
        {"\xfe\xff", 2, "is UTF-16; save it as UTF-8"},
        {"\x1f\x8b", 2, "is compressed with gzip; unpack it first"},
        {"\x28\xb5\x2f\xfd", 4, "is compressed with zstd; unpack it first"},
        {"PK\x03\x04", 4, "is a zip archive or a workbook; save the table as CSV or JSONL"},
        {"PAR1", 4, "is a Parquet file; convert it to CSV or JSONL"},
    };
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (t->source.n >= other[i].n && !memcmp(t->source.p, other[i].magic, other[i].n))
            return fail(e, E_FORMAT, "%s: %s", t->name, other[i].what);
    return OK;
}

/* Writes the source anew with U+FFFD for what is broken; *at gets their places in it. */
static void replace_broken(table *t, size_t valid, int64_t **at, int64_t *n)
{
    str out = {0};
    int64_t cap = 0;
    const char *p = t->source.p, *end = p + t->source.n;
    for (size_t good = valid;;) {
        str_add(&out, p, good);
        p += good;
        if (p == end) break;
        if (*n == cap) *at = xrealloc(*at, (size_t)(cap = cap ? 2 * cap : 64) * sizeof **at);
        (*at)[(*n)++] = (int64_t)out.n;
        utf8_put(&out, 0xfffd);
        p += utf8_start(p, (size_t)(end - p));
        good = utf8_valid(p, (size_t)(end - p));
    }
    str_free(&t->source);
    t->source = out;
}

static int check_bytes(table *t, table_broken broken, int64_t **at, int64_t *n, err *e)
{
    const char *p = t->source.p;
    size_t valid = p ? utf8_valid(p, t->source.n) : 0;
    const char *nul = p ? memchr(p, 0, broken == TABLE_REPLACE ? t->source.n : valid) : NULL;
    if (nul) return table_fail(t, nul, e, "a NUL byte; a data file has to be text");
    if (valid == t->source.n) return OK;
    if (broken == TABLE_REFUSE)
        return table_fail(t, p + valid, e,
                          "not valid UTF-8 (byte 0x%02x); save it as UTF-8, or give --invalid_utf8 replace",
                          (unsigned char)p[valid]);
    replace_broken(t, valid, at, n);
    return OK;
}

/* Gives the n replaced characters to their rows; t->line holds offsets still. */
static void count_replaced(table *t, const int64_t *at, int64_t n)
{
    if (!n) return;
    t->replaced = xcalloc((size_t)t->rows + 1, sizeof *t->replaced);
    for (int64_t i = 0, row = -1; i < n; i++) {
        while (row + 1 < t->rows && t->line[row + 1] <= at[i]) row++;
        ++*(row < 0 ? &t->replaced_before : &t->replaced[row]);
    }
}

/* Turns the offsets that table_add_row() left into line numbers. */
static void number_lines(table *t)
{
    const char *p = t->source.p;
    int64_t number = 1;
    for (int64_t i = 0; i < t->rows; i++) {
        const char *at = t->source.p + t->line[i];
        for (const char *nl; (nl = memchr(p, '\n', (size_t)(at - p))); number++) p = nl + 1;
        p = at;
        t->line[i] = number;
    }
}

/* Past the comment lines before a JSON array; p where something else follows them. */
static const char *skip_comments(const char *p)
{
    const char *at = p;
    while (*at == '#') {
        at += strcspn(at, "\n");
        at += strspn(at, " \t\r\n");
    }
    return *at == '[' ? at : p;
}

static int read_rows(table *t, err *e)
{
    int code = OK;
    const char *text = t->source.p;
    if (text && str_starts(text, "\xef\xbb\xbf")) text += 3;
    const char *start = text ? skip_comments(text + strspn(text, " \t\r\n")) : "";
    if (!*start) return fail(e, E_FORMAT, "%s: is empty", t->name);
    if (*start == '{') {
        t->format = TABLE_JSONL;
        code = jsonl_read(t, text, e);
    } else if (*start == '[') {
        t->format = TABLE_JSON;
        code = json_array_read(t, start, e);
    } else {
        bool tab = memchr(start, '\t', strcspn(start, "\n")) != NULL;
        t->format = tab ? TABLE_TSV : TABLE_CSV;
        code = csv_read(t, text, tab ? '\t' : ',', e);
    }
    if (code != OK || t->rows) return code;
    return fail(e, E_FORMAT, "%s: has %s", t->name, t->columns ? "a header and no rows" : "no rows");
}

static int read_source(table *t, table_broken broken, err *e)
{
    int64_t *at = NULL, n = 0;
    int code = check_kind(t, e);
    if (code == OK) code = check_bytes(t, broken, &at, &n, e);
    if (code == OK) code = read_rows(t, e);
    if (code == OK) {
        count_replaced(t, at, n);
        number_lines(t);
    }
    free(at);
    return code;
}

static int finish(table *t, int code, table_broken broken, err *e)
{
    if (code == OK) code = read_source(t, broken, e);
    if (code != OK) table_close(t);
    return code;
}

static char *copy_name(const char *name) { return strcpy(xmalloc(strlen(name) + 1), name); }

int table_open(table *t, const char *path, table_broken broken, err *e)
{
    bool input = !strcmp(path, "-");
    *t = (table){.name = copy_name(input ? "stdin" : path)};
    if (!input && file_is_dir(path))
        return finish(t, fail(e, E_IO, "%s: is a folder; name one data file", path), broken, e);
    int code = file_read(&t->source, input ? "/dev/stdin" : path, FILE_MAX_BYTES, e);
    return finish(t, code, broken, e);
}

int table_parse(table *t, const char *name, const char *text, size_t n, table_broken broken, err *e)
{
    *t = (table){.name = copy_name(name)};
    str_add(&t->source, text, n);
    return finish(t, OK, broken, e);
}

void table_close(table *t)
{
    free(t->name);
    free(t->column);
    free(t->cells);
    free(t->first);
    free(t->line);
    free(t->replaced);
    str_free(&t->source);
    arena_free(&t->strings);
    *t = (table){0};
}

void table_keep(table *t, const uint8_t *keep)
{
    int64_t rows = 0, cells = 0;
    for (int64_t i = 0; i < t->rows; i++) {
        if (!keep[i]) continue;
        int64_t from = t->first[i], n = t->first[i + 1] - from; /* read before first[rows + 1] is written */
        memmove(t->cells + cells, t->cells + from, (size_t)n * sizeof *t->cells);
        t->line[rows] = t->line[i];
        if (t->replaced) t->replaced[rows] = t->replaced[i];
        t->first[rows++] = cells;
        cells += n;
    }
    t->rows = rows;
    t->first[rows] = cells;
}

int64_t table_replaced(const table *t, int64_t *rows, int64_t *line)
{
    int64_t n = t->replaced_before;
    *rows = *line = n > 0;
    for (int64_t i = 0; t->replaced && i < t->rows; i++) {
        if (!t->replaced[i]) continue;
        if (!n) *line = t->line[i];
        n += t->replaced[i];
        ++*rows;
    }
    return n;
}

int table_column(const table *t, const char *name)
{
    for (int i = 0; i < t->columns; i++)
        if (!strcmp(t->column[i], name)) return i;
    return -1;
}

cell table_cell(const table *t, int64_t row, int column)
{
    BUG_IF(row < 0 || row >= t->rows);
    int64_t first = t->first[row], n = t->first[row + 1] - first;
    if (column < 0) return (cell){0};
    if (column < n && t->cells[first + column].column == column) return t->cells[first + column];
    for (int64_t i = first; i < first + n; i++)
        if (t->cells[i].column == column) return t->cells[i];
    return (cell){0};
}

/* Names come from the file: a message stays one line of moderate length whatever they hold. */
static void add_name(str *out, const char *name)
{
    for (; *name; name++) str_putc(out, (unsigned char)*name < ' ' || *name == 0x7f ? '?' : *name);
}

void table_fields(const table *t, int64_t row, str *out)
{
    enum { LONGEST = 400 };
    size_t start = out->n;
    int64_t n = row < 0 ? t->columns : t->first[row + 1] - t->first[row];
    for (int64_t i = 0; i < n; i++) {
        const char *name = t->column[row < 0 ? i : t->cells[t->first[row] + i].column];
        if (i) str_puts(out, ", ");
        if (out->n - start + strlen(name) > LONGEST) {
            str_puts(out, "...");
            return;
        }
        add_name(out, name);
    }
    if (!n) str_puts(out, "none");
}

int table_no_field(const table *t, int64_t row, const char *field, const char *advice, err *e)
{
    str fields = {0};
    table_fields(t, row, &fields);
    int code = row < 0 ? fail(e, E_FORMAT, "%s: no field \"%.200s\" (fields: %s); %s", t->name, field,
                              fields.p, advice)
                       : fail(e, E_FORMAT, "%s:%lld: no field \"%.200s\" (fields: %s); %s", t->name,
                              (long long)t->line[row], field, fields.p, advice);
    str_free(&fields);
    return code;
}
