/* json.c -- see json.h. */
#include "base/json.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

json_t *json_parse(const char *text, size_t n, const char *where, err *e)
{
    json_error_t je;
    json_t *o = json_loadb(text ? text : "", n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &je);
    if (!o) fail(e, E_FORMAT, "%s:%d:%d: not valid JSON: %s", where, je.line, je.column, je.text);
    return o;
}

json_t *json_parse_file(const char *path, err *e)
{
    str s = {0};
    json_t *o = NULL;
    if (file_read(&s, path, (size_t)512 << 20, e) == OK) o = json_parse(s.p, s.n, path, e);
    str_free(&s);
    return o;
}

static const json_t *member(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_null(v) ? NULL : v;
}

long long json_int(const json_t *o, const char *key, long long otherwise, const char *where, err *e)
{
    const json_t *v = member(o, key);
    if (!v) return otherwise;
    if (json_is_integer(v)) return json_integer_value(v);
    double d = json_is_real(v) ? json_real_value(v) : 0.5;
    if (d > -9e15 && d < 9e15 && d == (double)(long long)d) return (long long)d;
    fail(e, E_FORMAT, "%s: \"%s\" has to be a whole number", where, key);
    return otherwise;
}

double json_num(const json_t *o, const char *key, double otherwise, const char *where, err *e)
{
    const json_t *v = member(o, key);
    if (!v) return otherwise;
    if (json_is_number(v)) return json_number_value(v);
    fail(e, E_FORMAT, "%s: \"%s\" has to be a number", where, key);
    return otherwise;
}

bool json_flag(const json_t *o, const char *key, bool otherwise, const char *where, err *e)
{
    const json_t *v = member(o, key);
    if (!v) return otherwise;
    if (json_is_boolean(v)) return json_is_true(v);
    fail(e, E_FORMAT, "%s: \"%s\" has to be true or false", where, key);
    return otherwise;
}

const char *json_text(const json_t *o, const char *key, const char *otherwise, const char *where, err *e)
{
    const json_t *v = member(o, key);
    if (!v) return otherwise;
    if (json_is_string(v)) return json_string_value(v);
    fail(e, E_FORMAT, "%s: \"%s\" has to be a string", where, key);
    return otherwise;
}

int json_save(const json_t *o, const char *path, int indent, bool sorted, err *e)
{
    char *text = json_dumps(o, (size_t)JSON_INDENT(indent) | (sorted ? JSON_SORT_KEYS : 0) | JSON_ENCODE_ANY);
    if (!text) return fail(e, E_FORMAT, "%s: cannot be written as JSON (text that is not UTF-8?)", path);
    outfile f;
    int code = file_create(&f, path, e);
    if (code == OK) {
        file_put(&f, text, strlen(text));
        file_put(&f, "\n", 1);
        code = file_commit(&f, e);
    }
    free(text);
    return code;
}
