/* space_read.c -- a space from its definition: see space.h for the form. */
#include "tune/space.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* YAML gives every scalar as text, JSON may give numbers: both are the text an option takes. */
static const char *text_of(arena *mem, const json_t *v)
{
    if (json_is_string(v)) return arena_strdup(mem, json_string_value(v));
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) | JSON_COMPACT);
    const char *copy = arena_strdup(mem, text ? text : "");
    free(text);
    return copy;
}

static bool number_of(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && isfinite(*out);
}

static bool is_true(arena *mem, const json_t *v)
{
    const char *text = v ? text_of(mem, v) : "false";
    return !strcasecmp(text, "true") || !strcasecmp(text, "yes") || !strcmp(text, "1");
}

static int read_choices(space *s, space_param *p, const json_t *list, err *e)
{
    double before = -INFINITY, x;
    p->kind = PARAM_CHOICE;
    p->ordered = true;
    size_t n = json_array_size(list);
    if (!n) return fail(e, E_USAGE, "%s: no choice is given", p->name);
    if (n > SPACE_CHOICES)
        return fail(e, E_USAGE, "%s: %zu choices; at most %d are possible", p->name, n, SPACE_CHOICES);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        if (json_is_object(v) || json_is_array(v) || json_is_null(v))
            return fail(e, E_USAGE, "%s: a choice is one value, such as 8 or nf4", p->name);
        const char *text = text_of(&s->mem, v);
        for (int k = 0; k < p->choices; k++)
            if (!strcmp(p->choice[k], text)) return fail(e, E_USAGE, "%s: %s comes twice", p->name, text);
        p->ordered = p->ordered && number_of(text, &x) && x > before;
        before = p->ordered ? x : before;
        p->choice[p->choices++] = text;
    }
    return OK;
}

static int read_ends(space *s, space_param *p, const json_t *ends, err *e)
{
    double end[2];
    for (size_t i = 0; i < 2; i++)
        if (json_array_size(ends) != 2 || !number_of(text_of(&s->mem, json_array_get(ends, i)), &end[i]))
            return fail(e, E_USAGE, "%s: a range is two numbers, [low, high]", p->name);
    p->low = end[0], p->high = end[1];
    if (!(p->low < p->high))
        return fail(e, E_USAGE, "%s: the range from %g to %g is empty", p->name, p->low, p->high);
    if (!isfinite(p->high - p->low)) /* places in it could not be told */
        return fail(e, E_USAGE, "%s: the range from %g to %g is too wide; narrow it", p->name, p->low,
                    p->high);
    if (p->kind == PARAM_INT && (p->low != floor(p->low) || p->high != floor(p->high) || fabs(p->low) > 1e9 ||
                                 fabs(p->high) > 1e9))
        return fail(e, E_USAGE, "%s: int takes whole numbers, not %g to %g", p->name, p->low, p->high);
    if (p->scale == SCALE_LOG && p->low <= 0)
        return fail(e, E_USAGE, "%s: a logarithmic range begins above 0, not at %g", p->name, p->low);
    return OK;
}

static int read_when(space *s, space_param *p, const json_t *when, err *e)
{
    const char *name = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)when));
    if (json_object_size(when) != 1)
        return fail(e, E_USAGE, "%s: when is one name and its values, {quantization: nf4}", p->name);
    p->when = space_find(s, name);
    if (p->when < 0 || s->param[p->when].kind != PARAM_CHOICE)
        return fail(e, E_USAGE, "%s: when names %s, which is no choice that stands before it", p->name, name);
    const space_param *of = &s->param[p->when];
    const json_t *given = json_object_get(when, name);
    size_t n = json_is_array(given) ? json_array_size(given) : 1;
    for (size_t i = 0; i < n; i++) {
        const char *text = text_of(&s->mem, json_is_array(given) ? json_array_get(given, i) : given);
        int c = 0;
        while (c < of->choices && strcmp(of->choice[c], text)) c++;
        if (c == of->choices) return fail(e, E_USAGE, "%s: when: %s is never %s", p->name, name, text);
        p->when_any |= (uint64_t)1 << c;
    }
    return OK;
}

static int check_keys(const space_param *p, const json_t *o, err *e)
{
    static const char *const known[] = {"choice", "int", "range", "log", "default", "points", "when"};
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)o, key, v)
    {
        bool ok = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) ok = ok || !strcmp(key, known[i]);
        if (!ok)
            return fail(e, E_USAGE, "%s: \"%s\" is not one of choice, int, range, log, default, points, when",
                        p->name, key);
    }
    return OK;
}

static int read_object(space *s, space_param *p, const json_t *o, err *e)
{
    const json_t *choice = json_object_get(o, "choice"), *whole = json_object_get(o, "int"),
                 *range = json_object_get(o, "range"), *logarithm = json_object_get(o, "log");
    int bad = check_keys(p, o, e);
    if (bad) return bad;
    if (json_is_array(logarithm) && !whole && !range) range = logarithm;
    if (!choice + !whole + !range != 2)
        return fail(e, E_USAGE, "%s: give one of choice, int, range or log", p->name);
    if (choice) {
        if ((bad = read_choices(s, p, choice, e))) return bad;
    } else {
        p->kind = whole ? PARAM_INT : PARAM_REAL;
        p->scale = (range && range == logarithm) || is_true(&s->mem, logarithm) ? SCALE_LOG : SCALE_LINEAR;
        if ((bad = read_ends(s, p, whole ? whole : range, e))) return bad;
    }
    double points = 0;
    const json_t *v = json_object_get(o, "points");
    if (v && (!number_of(text_of(&s->mem, v), &points) || points < 2 || points > 1e6 || choice))
        return fail(e, E_USAGE, "%s: points is how many values a grid takes of a range, from 2", p->name);
    p->points = (int64_t)points;
    v = json_object_get(o, "when");
    return v ? read_when(s, p, v, e) : OK;
}

/* The nearest choice in number, else the first. */
static double nearest_choice(const space_param *p, const char *text)
{
    double x, y, best = INFINITY;
    int at = 0;
    for (int c = 0; c < p->choices; c++) {
        if (!strcmp(p->choice[c], text)) return c;
        if (number_of(text, &x) && number_of(p->choice[c], &y) && fabs(x - y) < best) best = fabs(x - y),
            at = c;
    }
    return at;
}

static double middle(const space_param *p) { return p->kind == PARAM_CHOICE ? 0 : space_value(p, 0.5); }

static int read_standard(space *s, space_param *p, const json_t *spec, const json_t *standard, err *e)
{
    const json_t *own = json_is_object(spec) ? json_object_get(spec, "default") : NULL;
    const json_t *v = own ? own : json_object_get(standard, p->name);
    p->standard = middle(p);
    if (!v || json_is_null(v)) return OK;
    const char *text = text_of(&s->mem, v);
    double x;
    if (p->kind == PARAM_CHOICE) {
        p->standard = nearest_choice(p, text);
        if (own && strcmp(p->choice[(int)p->standard], text))
            return fail(e, E_USAGE, "%s: the default %s is none of the choices", p->name, text);
        return OK;
    }
    if (!number_of(text, &x))
        return own ? fail(e, E_USAGE, "%s: the default %s is no number", p->name, text) : OK;
    if (own && (x < p->low || x > p->high))
        return fail(e, E_USAGE, "%s: the default %s is outside the range %g to %g", p->name, text, p->low,
                    p->high);
    p->standard = x < p->low ? p->low : x > p->high ? p->high : x;
    if (p->kind == PARAM_INT) p->standard = floor(p->standard + 0.5);
    return OK;
}

static int read_param(space *s, const char *name, const json_t *spec, const json_t *standard, err *e)
{
    if (s->n == SPACE_MAX) return fail(e, E_USAGE, "%s: a space has at most %d parameters", name, SPACE_MAX);
    space_param *p = &s->param[s->n];
    *p = (space_param){.name = arena_strdup(&s->mem, name), .when = -1};
    int bad;
    if (json_is_object(spec))
        bad = read_object(s, p, spec, e);
    else if (json_is_array(spec))
        bad = read_choices(s, p, spec, e);
    else {
        json_t *one = json_array();
        json_array_append(one, (json_t *)(uintptr_t)spec);
        bad = read_choices(s, p, one, e);
        json_decref(one);
    }
    if (!bad) bad = read_standard(s, p, spec, standard, e);
    if (!bad) s->n++;
    return bad;
}

int space_read(space *s, const json_t *definition, const json_t *standard, err *e)
{
    *s = (space){0};
    int bad = json_object_size(definition) ? OK : fail(e, E_USAGE,
                                                       "the space is empty; name an option to search");
    const char *name;
    json_t *spec;
    json_object_foreach((json_t *)(uintptr_t)definition, name, spec)
    {
        if (!bad) bad = read_param(s, name, spec, standard, e);
    }
    if (bad) space_release(s);
    return bad;
}
