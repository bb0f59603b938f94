/* option_value.c -- the value of one option: from text, from JSON, and back to JSON for run.json.
 *
 * Every option writes one field of struct options, at option_row.at, whose C type follows from the row's
 * type: const char *, int64_t, double, bool, peft_list, option_ints, option_map. */
#include "lib/options.h"

#include "text/unicode.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *field_of(const options *o, const option_row *r) { return (char *)(uintptr_t)o + r->at; }

int option_bool(const char *text)
{
    static const char *const yes[] = {"true", "yes", "on", "1", "y"}, *const no[] = {"false", "no", "off",
                                                                                     "0", "n"};
    for (int i = 0; i < 5; i++) {
        if (!strcasecmp(text, yes[i])) return 1;
        if (!strcasecmp(text, no[i])) return 0;
    }
    return -1;
}

static int parse_number(const option_row *r, const char *text, double *out, err *e)
{
    char *end;
    double x = strtod(text, &end);
    if (end == text || *end || !isfinite(x) || strpbrk(text, "xXpP"))
        return fail(e, E_USAGE, "%s: \"%s\" is not a number", r->name, text);
    if ((r->low != 0 || r->high != 0) && (x < r->low || x > r->high)) {
        if (r->high >= 1e15)
            return fail(e, E_USAGE, "%s: %s is %s %.15g", r->name, text, x < r->low ? "below" : "above",
                        x < r->low ? r->low : r->high);
        return fail(e, E_USAGE, "%s: %s is not between %.15g and %.15g", r->name, text, r->low, r->high);
    }
    *out = x;
    return OK;
}

static int parse_int(const option_row *r, const char *text, int64_t *out, err *e)
{
    double x;
    if (parse_number(r, text, &x, e)) return E_USAGE;
    if (x != floor(x) || fabs(x) > 1e15)
        return fail(e, E_USAGE, "%s: %s is not a whole number", r->name, text);
    *out = (int64_t)x;
    return OK;
}

static int parse_choice(const options *o, const option_row *r, const char *text, const char **out, err *e)
{
    size_t n = strlen(text);
    for (const char *p = r->choices; n && *p; p += *p == ' ') {
        size_t k = strcspn(p, " ");
        if (k == n && !strncasecmp(p, text, n)) {
            *out = arena_strndup((arena *)(uintptr_t)&o->mem, p, k);
            return OK;
        }
        p += k;
    }
    return fail(e, E_USAGE, "%s: \"%s\" is not one of: %s", r->name, text, r->choices);
}

static void list_add(options *o, peft_list *list, const char *text, size_t n)
{
    const char **p = arena_new(&o->mem, (size_t)(list->n + 1) * sizeof *p);
    for (int64_t i = 0; i < list->n; i++) p[i] = list->p[i];
    p[list->n] = arena_strndup(&o->mem, text, n);
    *list = (peft_list){p, list->n + 1};
}

bool option_is_regex(const char *text) { return strpbrk(text, "*+?[](){}|^$\\") != NULL; }

static void list_split(options *o, peft_list *list, const char *text)
{
    if (option_is_regex(text)) {
        list_add(o, list, text, strlen(text));
        return;
    }
    for (const char *p = text + strspn(text, ", "); *p; p += strspn(p, ", ")) {
        size_t n = strcspn(p, ", ");
        list_add(o, list, p, n);
        p += n;
    }
}

static int parse_ints(options *o, const option_row *r, const char *text, option_ints *out, err *e)
{
    int64_t *p = arena_new(&o->mem, (strlen(text) + 1) * sizeof *p), n = 0;
    for (const char *s = text + strspn(text, ", []"); *s; s += strspn(s, ", []")) {
        char *word = arena_strndup(&o->mem, s, strcspn(s, ", []"));
        if (parse_int(r, word, &p[n++], e)) return E_USAGE;
        s += strlen(word);
    }
    if (!n) return fail(e, E_USAGE, "%s: expected numbers, such as 0,1,2", r->name);
    *out = (option_ints){p, n};
    return OK;
}

static int set_map(options *o, const option_row *r, const json_t *value, err *e)
{
    size_t n = json_object_size(value), i = 0;
    peft_pattern *p = arena_new(&o->mem, (n + 1) * sizeof *p);
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)value, key, v)
    {
        char *text = option_text_of(v);
        int bad = parse_number(r, text, &p[i].value, e);
        free(text);
        if (bad) return bad;
        p[i++].key = arena_strdup(&o->mem, key);
    }
    *(option_map *)field_of(o, r) = (option_map){p, (int64_t)n};
    return OK;
}

static int parse_map(options *o, const option_row *r, const char *text, err *e)
{
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    int bad = json_is_object(value) ? set_map(o, r, value, e)
                                    : fail(e, E_USAGE, "%s: expected JSON such as {\"q_proj\": 32}", r->name);
    json_decref(value);
    return bad;
}

static int set_field(options *o, const option_row *r, const char *text, option_origin from, err *e)
{
    void *at = field_of(o, r);
    peft_list *list = at;
    bool again = o->origin[r - option_table] == from && from != FROM_DEFAULT;
    int flag;
    switch (r->type) {
    case OPTION_TEXT:
        if (r->choices) return parse_choice(o, r, text, at, e);
        *(const char **)at = arena_strdup(&o->mem, text);
        return OK;
    case OPTION_INT:
        return parse_int(r, text, at, e);
    case OPTION_NUMBER:
        return parse_number(r, text, at, e);
    case OPTION_FLAG:
        if ((flag = option_bool(text)) < 0)
            return fail(e, E_USAGE, "%s is true or false, not \"%s\"", r->name, text);
        *(bool *)at = flag;
        return OK;
    case OPTION_LIST:
        *list = (peft_list){0};
        list_split(o, list, text);
        return list->n ? OK : fail(e, E_USAGE, "%s: no name is given", r->name);
    case OPTION_STRINGS:
        if (!again) *list = (peft_list){0};
        list_add(o, list, text, strlen(text));
        return OK;
    case OPTION_INTS:
        return parse_ints(o, r, text, at, e);
    case OPTION_MAP:
        return parse_map(o, r, text, e);
    }
    return OK;
}

/* Texts, paths too, go into run.json and adapter_config.json, which hold nothing else than UTF-8. */
int option_set_text(options *o, const option_row *r, const char *text, option_origin from, err *e)
{
    size_t n = strlen(text);
    if (n && utf8_valid(text, n) < n)
        return fail(e, E_USAGE, "%s: not UTF-8 at byte %zu; convert it, or rename the file", r->name,
                    utf8_valid(text, n) + 1);
    int bad = set_field(o, r, text, from, e);
    if (!bad) o->origin[r - option_table] = (uint8_t)from;
    return bad;
}

char *option_text_of(const json_t *v)
{
    char *text = json_is_string(v) ? strdup(json_string_value(v))
                                   : json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17) | JSON_COMPACT);
    if (!text) abort();
    return text;
}

static int set_array(options *o, const option_row *r, const json_t *value, option_origin from, err *e)
{
    peft_list list = {0};
    for (size_t i = 0; i < json_array_size(value); i++) {
        char *text = option_text_of(json_array_get(value, i));
        list_add(o, &list, text, strlen(text));
        free(text);
    }
    *(peft_list *)field_of(o, r) = list;
    o->origin[r - option_table] = (uint8_t)from;
    return list.n ? OK : fail(e, E_USAGE, "%s: the list is empty", r->name);
}

int option_set_json(options *o, const option_row *r, const json_t *value, option_origin from, err *e)
{
    if (json_is_null(value)) return OK;
    bool is_list = r->type == OPTION_LIST || r->type == OPTION_STRINGS;
    if (json_is_array(value) && is_list) return set_array(o, r, value, from, e);
    if (json_is_object(value) && r->type != OPTION_MAP)
        return fail(e, E_USAGE, "%s takes one value, not a mapping", r->name);
    if (json_is_array(value) && r->type != OPTION_INTS)
        return fail(e, E_USAGE, "%s takes one value, not a list", r->name);
    if (json_is_object(value)) {
        o->origin[r - option_table] = (uint8_t)from;
        return set_map(o, r, value, e);
    }
    char *text = option_text_of(value);
    for (char *p = text; json_is_array(value) && *p; p++)
        if (*p == '"') *p = ' ';
    int bad = option_set_text(o, r, text, from, e);
    free(text);
    return bad;
}

static json_t *list_json(const peft_list *list)
{
    json_t *a = json_array();
    for (int64_t i = 0; i < list->n; i++) json_array_append_new(a, json_string(list->p[i]));
    return a;
}

static json_t *ints_json(const option_ints *ints)
{
    json_t *a = json_array();
    for (int64_t i = 0; i < ints->n; i++) json_array_append_new(a, json_integer(ints->p[i]));
    return a;
}

static json_t *map_json(const option_map *map)
{
    json_t *o = json_object();
    for (int64_t i = 0; i < map->n; i++) json_object_set_new(o, map->p[i].key, json_real(map->p[i].value));
    return o;
}

static json_t *field_json(const options *o, const option_row *r)
{
    const void *at = field_of(o, r);
    const char *text;
    switch (r->type) {
    case OPTION_TEXT:
        return (text = *(const char *const *)at) ? json_string(text) : json_null();
    case OPTION_INT:
        return json_integer(*(const int64_t *)at);
    case OPTION_NUMBER:
        return json_real(*(const double *)at);
    case OPTION_FLAG:
        return json_boolean(*(const bool *)at);
    case OPTION_LIST:
    case OPTION_STRINGS:
        return ((const peft_list *)at)->n ? list_json(at) : json_null();
    case OPTION_INTS:
        return ((const option_ints *)at)->n ? ints_json(at) : json_null();
    case OPTION_MAP:
        return ((const option_map *)at)->n ? map_json(at) : json_null();
    }
    return json_null();
}

json_t *options_json(const options *o)
{
    static const char *const origin[] = {"default", "file", "command line"};
    json_t *all = json_object();
    for (int i = 0; i < option_rows; i++) {
        const option_row *r = &option_table[i];
        if (!option_belongs(r, o->command) || !strcmp(r->name, "help")) continue;
        json_t *one = json_object();
        json_object_set_new(one, "value", field_json(o, r));
        json_object_set_new(one, "origin", json_string(origin[o->origin[i]]));
        json_object_set_new(all, r->name, one);
    }
    return all;
}

int option_bytes(int64_t *out, const char *name, const char *text, err *e)
{
    static const struct {
        const char *unit;
        double bytes;
    } units[] = {{"", 1}, {"B", 1}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"KB", 1e3},
                 {"MB", 1e6}, {"GB", 1e9}};
    char *unit;
    double n = strtod(text, &unit);
    unit += strspn(unit, " ");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (unit > text && !strcasecmp(unit, units[i].unit) && n * units[i].bytes >= 0x1p20 &&
            n * units[i].bytes < 0x1p60)
            return *out = (int64_t)(n * units[i].bytes), OK;
    return fail(e, E_USAGE, "%s: \"%s\" is no amount such as 4GiB or 512MiB, of at least 1 MiB", name, text);
}
