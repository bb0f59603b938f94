/* yaml.c -- see yaml.h. libyaml's parser gives events; each mapping, list and scalar is one recursive call.
 */
#include "lib/yaml.h"

#include "base/arena.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { YAML_LIMIT = 1 << 20, YAML_DEPTH = 8 };

typedef struct reader {
    yaml_parser_t parser;
    yaml_event_t event;
    bool has_event;
    const char *path;
} reader;

static int at(const reader *r) { return (int)r->event.start_mark.line + 1; }

static int next_event(reader *r, err *e)
{
    if (r->has_event) yaml_event_delete(&r->event);
    r->has_event = yaml_parser_parse(&r->parser, &r->event);
    if (r->has_event) return OK;
    const char *problem = r->parser.problem ? r->parser.problem : "not YAML";
    size_t line = r->parser.problem_mark.line + 1;
    return fail(e, E_FORMAT, "%s:%zu: %s", r->path, line, problem);
}

static bool is_null(const char *text, yaml_scalar_style_t style)
{
    if (style != YAML_PLAIN_SCALAR_STYLE) return false;
    return !*text || !strcmp(text, "~") || !strcasecmp(text, "null");
}

static json_t *read_value(reader *r, int depth, err *e);

static json_t *read_list(reader *r, int depth, err *e)
{
    json_t *list = json_array();
    while (!next_event(r, e) && r->event.type != YAML_SEQUENCE_END_EVENT) {
        json_t *item = read_value(r, depth + 1, e);
        if (!item) break;
        json_array_append_new(list, item);
    }
    if (r->has_event && r->event.type == YAML_SEQUENCE_END_EVENT) return list;
    json_decref(list);
    return NULL;
}

/* The key of a mapping, which is the current event; NULL at its end or after a failure. */
static char *read_key(reader *r, err *e)
{
    if (r->event.type == YAML_MAPPING_END_EVENT) return NULL;
    const char *key = (const char *)r->event.data.scalar.value;
    if (r->event.type != YAML_SCALAR_EVENT || strlen(key) != r->event.data.scalar.length) {
        fail(e, E_FORMAT, "%s:%d: a key has to be a plain word", r->path, at(r));
        return NULL;
    }
    return strcpy(xmalloc(strlen(key) + 1), key);
}

static json_t *read_map(reader *r, int depth, err *e)
{
    json_t *map = json_object();
    bool ended = false;
    while (!next_event(r, e)) {
        ended = r->event.type == YAML_MAPPING_END_EVENT;
        char *key = read_key(r, e);
        json_t *value = key && !next_event(r, e) ? read_value(r, depth + 1, e) : NULL;
        if (value && json_object_get(map, key)) {
            fail(e, E_FORMAT, "%s:%d: key \"%s\" comes twice", r->path, at(r), key);
            json_decref(value);
            value = NULL;
        }
        if (value) json_object_set_new(map, key, value);
        free(key);
        if (!value) break;
    }
    if (ended) return map;
    json_decref(map);
    return NULL;
}

/* The value that begins with the current event. */
static json_t *read_value(reader *r, int depth, err *e)
{
    const yaml_event_t *v = &r->event;
    int line = at(r);
    if (depth > YAML_DEPTH) {
        fail(e, E_FORMAT, "%s:%d: nested too deeply", r->path, line);
        return NULL;
    }
    if (v->type == YAML_SEQUENCE_START_EVENT && !v->data.sequence_start.anchor) return read_list(r, depth, e);
    if (v->type == YAML_MAPPING_START_EVENT && !v->data.mapping_start.anchor) return read_map(r, depth, e);
    if (v->type != YAML_SCALAR_EVENT || v->data.scalar.anchor) {
        fail(e, E_FORMAT, "%s:%d: anchors and aliases are not supported; write the value out", r->path, line);
        return NULL;
    }
    const char *text = (const char *)v->data.scalar.value;
    if (is_null(text, v->data.scalar.style)) return json_null();
    json_t *s = strlen(text) == v->data.scalar.length ? json_string(text) : NULL;
    if (!s) fail(e, E_FORMAT, "%s:%d: the value holds a NUL byte", r->path, line);
    return s;
}

static void add_entry(yaml_file *f, const char *key, int line, json_t *value, bool is_default)
{
    if (f->n == f->cap) {
        f->cap = f->cap ? 2 * f->cap : 32;
        f->entry = xrealloc(f->entry, f->cap * sizeof *f->entry);
    }
    char *copy = strcpy(xmalloc(strlen(key) + 1), key);
    f->entry[f->n++] = (yaml_entry){copy, line, value, is_default};
}

static bool has_entry(const yaml_file *f, const char *key)
{
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(f->entry[i].key, key)) return true;
    return false;
}

static int read_entry(yaml_file *f, reader *r, err *e)
{
    char *key = read_key(r, e);
    if (!key) return E_FORMAT;
    int line = at(r), bad = next_event(r, e);
    json_t *value = bad ? NULL : read_value(r, 0, e);
    if (value && has_entry(f, key)) {
        fail(e, E_FORMAT, "%s:%d: key \"%s\" comes twice", r->path, line, key);
        json_decref(value);
        value = NULL;
    }
    if (value) add_entry(f, key, line, value, false);
    free(key);
    return value ? OK : E_FORMAT;
}

/* Stream start, document start, one mapping, document end, stream end. */
static int read_document(yaml_file *f, reader *r, err *e)
{
    int bad = next_event(r, e);
    if (!bad) bad = next_event(r, e);
    if (bad) return bad;
    if (r->event.type == YAML_STREAM_END_EVENT) return OK;
    if ((bad = next_event(r, e))) return bad;
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return fail(e, E_FORMAT, "%s:%d: expected lines of the form key: value", r->path, at(r));
    while (!(bad = next_event(r, e)) && r->event.type != YAML_MAPPING_END_EVENT)
        if ((bad = read_entry(f, r, e))) return bad;
    if (!bad) bad = next_event(r, e);
    if (!bad) bad = next_event(r, e);
    if (!bad && r->event.type != YAML_STREAM_END_EVENT)
        bad = fail(e, E_FORMAT, "%s:%d: a second document; put each in a file of its own", r->path, at(r));
    return bad;
}

static int read_yaml(yaml_file *f, const str *text, const char *path, err *e)
{
    reader r = {.path = path};
    if (!yaml_parser_initialize(&r.parser)) return fail(e, E_MEMORY, "%s: no memory to read it", path);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)str_c(text), text->n);
    int bad = read_document(f, &r, e);
    if (r.has_event) yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    return bad;
}

static int read_run(yaml_file *f, const str *text, const char *path, err *e)
{
    json_t *root = json_parse(str_c(text), text->n, path, e), *option;
    if (!root) return E_FORMAT;
    json_t *options = json_object_get(root, "options");
    f->is_run = json_is_object(options);
    const char *key;
    json_object_foreach(f->is_run ? options : root, key, option)
    {
        json_t *value = f->is_run ? json_object_get(option, "value") : option;
        const char *origin = json_string_value(json_object_get(option, "origin"));
        if (value)
            add_entry(f, key, 0, json_incref(value), f->is_run && origin && !strcmp(origin, "default"));
    }
    json_decref(root);
    return OK;
}

int yaml_read(yaml_file *f, const char *path, err *e)
{
    *f = (yaml_file){0};
    str text = {0};
    int bad = file_read(&text, path, YAML_LIMIT, e);
    if (!bad) {
        const char *p = str_c(&text);
        bad = p[strspn(p, " \t\r\n")] == '{' ? read_run(f, &text, path, e) : read_yaml(f, &text, path, e);
    }
    str_free(&text);
    if (bad) yaml_release(f);
    return bad;
}

void yaml_release(yaml_file *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->entry[i].key);
        json_decref(f->entry[i].value);
    }
    free(f->entry);
    *f = (yaml_file){0};
}
