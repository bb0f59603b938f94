/* space.c -- points of a space: see space.h. space_read.c makes one from its definition. */
#include "tune/space.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void space_release(space *s)
{
    arena_free(&s->mem);
    *s = (space){0};
}

int space_find(const space *s, const char *name)
{
    for (int i = 0; i < s->n; i++)
        if (!strcmp(s->param[i].name, name)) return i;
    return -1;
}

int64_t space_levels(const space_param *p)
{
    if (p->kind == PARAM_CHOICE) return p->choices;
    return p->kind == PARAM_INT ? (int64_t)(p->high - p->low) + 1 : 0;
}

static double scaled(const space_param *p, double x) { return p->scale == SCALE_LOG ? log(x) : x; }
static double unscaled(const space_param *p, double x) { return p->scale == SCALE_LOG ? exp(x) : x; }
static double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

/* A whole number on a logarithmic scale owns what lies within half of it: cells of unequal width. */
double space_place(const space_param *p, double value)
{
    if (p->kind == PARAM_CHOICE) return (value + 0.5) / p->choices;
    double half = p->kind == PARAM_INT ? 0.5 : 0;
    double low = scaled(p, p->low - half), high = scaled(p, p->high + half);
    if (!(high > low)) return 0.5;
    return clamp((scaled(p, value) - low) / (high - low), 0, 1); /* an end may be rounded across */
}

double space_value(const space_param *p, double place)
{
    if (p->kind == PARAM_CHOICE) return clamp(floor(place * p->choices), 0, p->choices - 1);
    double half = p->kind == PARAM_INT ? 0.5 : 0;
    double low = scaled(p, p->low - half), high = scaled(p, p->high + half);
    double value = unscaled(p, low + place * (high - low));
    if (p->kind == PARAM_INT) value = floor(value + 0.5);
    return clamp(value, p->low, p->high);
}

bool space_on(const space *s, const point *at, int i)
{
    const space_param *p = &s->param[i];
    if (p->when < 0) return true;
    double v = at->v[p->when];
    return !isnan(v) && (p->when_any >> (int)v & 1);
}

void space_settle(const space *s, point *at)
{
    for (int i = 0; i < s->n; i++)
        if (!space_on(s, at, i)) at->v[i] = NAN;
}

point space_standard(const space *s)
{
    point at = {{0}};
    for (int i = 0; i < s->n; i++) at.v[i] = s->param[i].standard;
    space_settle(s, &at);
    return at;
}

bool space_same(const space *s, const point *a, const point *b)
{
    for (int i = 0; i < s->n; i++)
        if (a->v[i] != b->v[i] && !(isnan(a->v[i]) && isnan(b->v[i]))) return false;
    return true;
}

void space_text(const space *s, const point *at, int i, str *out)
{
    const space_param *p = &s->param[i];
    double v = at->v[i];
    if (isnan(v)) return;
    if (p->kind == PARAM_CHOICE)
        str_puts(out, p->choice[(int)v]);
    else
        str_fmt(out, p->kind == PARAM_INT ? "%.0f" : "%.6g", v);
}

json_t *space_json(const space *s, const point *at)
{
    json_t *o = json_object();
    for (int i = 0; i < s->n; i++) {
        const space_param *p = &s->param[i];
        double v = at->v[i];
        if (isnan(v)) continue;
        json_object_set_new(o, p->name,
                            p->kind == PARAM_CHOICE ? json_string(p->choice[(int)v])
                            : p->kind == PARAM_INT  ? json_integer((json_int_t)v)
                                                    : json_real(v));
    }
    return o;
}

static int value_of(const space_param *p, const json_t *value, double *out, err *e)
{
    const char *text = json_string_value(value);
    if (p->kind == PARAM_CHOICE) {
        for (int c = 0; text && c < p->choices; c++)
            if (!strcmp(p->choice[c], text)) {
                *out = c;
                return OK;
            }
    } else if (json_is_number(value)) {
        *out = json_number_value(value);
        if (*out >= p->low && *out <= p->high) return OK;
    }
    return fail(e, E_FORMAT, "%s: the recorded value is none of the space's", p->name);
}

int space_point(const space *s, const json_t *values, point *at, err *e)
{
    *at = (point){{0}};
    for (int i = 0; i < s->n; i++) {
        at->v[i] = NAN;
        if (!space_on(s, at, i)) continue;
        int bad = value_of(&s->param[i], json_object_get(values, s->param[i].name), &at->v[i], e);
        if (bad) return bad;
    }
    return OK;
}
