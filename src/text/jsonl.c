/* jsonl.c -- JSON objects as rows: one a line, or the elements of an array.
 *
 * jansson decides whether an object is valid; a scan of the text it accepted then cuts it into keys and
 * values. That keeps numbers and nested values exactly as they are written (149.90 stays 149.90) and
 * strings without escapes where they are. */
#include "text/table_read.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char *skip_space(const char *p) { return p + strspn(p, " \t\r\n"); }

/* Past a value of valid JSON. */
static const char *skip_value(const char *p)
{
    int depth = 0;
    do {
        if (*p == '"') {
            for (p++; *p != '"'; p++) p += *p == '\\';
            p++;
        } else if (*p == '{' || *p == '[') {
            depth++;
            p++;
        } else if (*p == '}' || *p == ']') {
            depth--;
            p++;
        } else {
            p += depth ? 1 : strcspn(p, ",]} \t\r\n");
        }
    } while (depth);
    return p;
}

/* The text of the valid JSON string that runs from `from` to `to`, both quotes included. */
static const char *unescape(table *t, const char *from, const char *to, size_t *n)
{
    *n = (size_t)(to - from) - 2;
    if (!memchr(from, '\\', (size_t)(to - from))) return from + 1;
    json_t *s = json_loadb(from, (size_t)(to - from), JSON_DECODE_ANY, NULL);
    BUG_IF(!json_is_string(s));
    *n = json_string_length(s);
    const char *text = arena_strndup(&t->strings, json_string_value(s), *n);
    json_decref(s);
    return text;
}

static void add_value(table *t, int column, const char *from, const char *to)
{
    size_t n = (size_t)(to - from);
    const char *text = from;
    cell_kind kind = CELL_SCALAR;
    if (*from == '"') {
        text = unescape(t, from, to, &n);
        kind = CELL_TEXT;
    } else if (*from == '{' || *from == '[') {
        kind = CELL_JSON;
    } else if (*from == 'n') {
        n = 0;
        kind = CELL_NULL;
    }
    table_add_cell(t, column, kind, text, n);
}

/* p is at the brace of a valid object. */
static int add_object(table *t, const char *p, err *e)
{
    table_add_row(t, p);
    p = skip_space(p + 1);
    for (int guess = 0; *p != '}'; guess++) {
        const char *key = p;
        p = skip_value(p);
        size_t n;
        const char *name = unescape(t, key, p, &n);
        int column = table_name(t, name, n, guess, key, e);
        if (column < 0) return E_FORMAT;
        const char *value = skip_space(skip_space(p) + 1);
        p = skip_value(value);
        add_value(t, column, value, p);
        p = skip_space(p);
        if (*p == ',') p = skip_space(p + 1);
    }
    return OK;
}

/* p is at the bracket of a valid array. */
static int add_array(table *t, const char *p, err *e)
{
    table_add_row(t, p);
    p = skip_space(p + 1);
    for (int i = 0; *p != ']'; i++) {
        char name[16];
        int n = snprintf(name, sizeof name, "%d", i + 1);
        int column = table_name(t, name, (size_t)n, i, p, e);
        if (column < 0) return E_FORMAT;
        const char *value = p;
        p = skip_value(value);
        add_value(t, column, value, p);
        p = skip_space(p);
        if (*p == ',') p = skip_space(p + 1);
    }
    return OK;
}

/* jansson's position is just past what it could not take; its text ends in the token itself, which
 * the place already tells. */
static int fail_json(const table *t, const char *p, size_t n, json_error_t *je, err *e)
{
    if (n > TABLE_ROW_MAX && je->position >= TABLE_ROW_MAX)
        return table_fail(t, p, e, "the row is larger than %d MiB", TABLE_ROW_MAX >> 20);
    char *near = strstr(je->text, " near ");
    if (near) *near = 0;
    size_t position = (size_t)je->position;
    if (near && near[6] == '\'' && position) position--;
    if (position > n) position = n;
    return table_fail(t, p + position, e, "not valid JSON: %s", je->text);
}

/* Reads the object (in an array: or the array) at p, of at most n bytes; *next is what follows it. */
static int read_object(table *t, const char *p, size_t n, size_t flags, const char **next, err *e)
{
    json_error_t je;
    bool array = *p == '[' && (flags & JSON_DISABLE_EOF_CHECK);
    if (*p != '{' && !array)
        return table_fail(t, p, e, "a row has to be a JSON object, as {\"column\": \"value\"}");
    size_t most = n > TABLE_ROW_MAX ? TABLE_ROW_MAX : n;
    json_t *o = json_loadb(p, most, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | flags, &je);
    if (!o) return fail_json(t, p, n, &je, e);
    json_decref(o);
    *next = p + je.position;
    return array ? add_array(t, p, e) : add_object(t, p, e);
}

int jsonl_read(table *t, const char *text, err *e)
{
    const char *end = t->source.p + t->source.n;
    for (const char *p = text, *next; p < end; p = next) {
        const char *nl = memchr(p, '\n', (size_t)(end - p)), *stop = nl ? nl : end;
        const char *start = p + strspn(p, " \t\r"), *unused;
        int code = start < stop ? read_object(t, start, (size_t)(stop - start), 0, &unused, e) : OK;
        if (code != OK) return code;
        next = nl ? nl + 1 : end;
    }
    return OK;
}

int json_array_read(table *t, const char *text, err *e)
{
    const char *end = t->source.p + t->source.n;
    const char *p = skip_space(skip_space(text) + 1);
    while (*p != ']') {
        if (p == end) return table_fail(t, p, e, "the array is not closed; the file is cut short");
        int code = read_object(t, p, (size_t)(end - p), JSON_DISABLE_EOF_CHECK, &p, e);
        if (code != OK) return code;
        p = skip_space(p);
        if (*p == ']') break;
        if (p < end && *p != ',') return table_fail(t, p, e, "',' or ']' has to follow a row of the array");
        p = skip_space(p + (p < end));
        if (*p == ']') return table_fail(t, p, e, "a row has to follow ','");
    }
    p = skip_space(p + 1);
    return p == end ? OK : table_fail(t, p, e, "text after the end of the array");
}
