/* space.h -- what a search may choose: parameters, their ranges, and when each counts.
 *
 * A parameter is a choice among texts, a whole number or a real number, the latter two on a linear or a
 * logarithmic scale. A point holds a number for each parameter: the index of a choice, or the value; NAN
 * where the condition of the parameter does not hold. Choices that are numbers in rising order know that
 * neighbours are alike.
 *
 * A definition is an object of {name: specification}:
 *
 *   [a, b]                          a choice
 *   {"choice": [a, b]}              the same, with room for more
 *   {"int": [low, high]}            whole numbers, both ends included; "log": true for even steps of the
 *                                   logarithm
 *   {"range": [low, high]}          real numbers; "log": true likewise, or {"log": [low, high]}
 *   text                            this value in every run
 *
 * each with "default": value, "points": n (how finely a grid takes a range) and "when": {name: value or
 * [values]}, where name is a choice. A parameter with a condition is on only while the other one is on and
 * has that value. */
#ifndef TUNE_SPACE_H
#define TUNE_SPACE_H

#include "base/arena.h"
#include "base/json.h"

#include <stdint.h>

enum { SPACE_MAX = 48, SPACE_CHOICES = 64 };

typedef enum param_kind { PARAM_CHOICE, PARAM_INT, PARAM_REAL } param_kind;
typedef enum param_scale { SCALE_LINEAR, SCALE_LOG } param_scale;

typedef struct space_param {
    const char *name;
    param_kind kind;
    param_scale scale;
    double low, high; /* numbers: both included */
    const char *choice[SPACE_CHOICES];
    int choices;
    bool ordered;      /* the choices are numbers, rising */
    int64_t points;    /* of a grid; 0: not said */
    int when;          /* the parameter of the condition; -1: none */
    uint64_t when_any; /* bit c: choice c of it turns this one on */
    double standard;   /* where a search begins */
} space_param;

typedef struct space {
    arena mem;
    space_param param[SPACE_MAX];
    int n;
} space;

typedef struct point {
    double v[SPACE_MAX];
} point;

/* Reads a definition. `standard`, which may be NULL, has a default as text for names whose specification
 * has none; one outside the range counts as the nearest value inside. E_USAGE with the parameter's name for
 * what makes no sense: an empty range, a choice that comes twice, a condition on what is no choice. */
int space_read(space *s, const json_t *definition, const json_t *standard, err *e);
void space_release(space *s);

int space_find(const space *s, const char *name); /* -1: there is none */

/* How many values a parameter has; 0: not countable. */
int64_t space_levels(const space_param *p);

/* A parameter's place in [0, 1], and back. A countable parameter of n values owns n cells of equal width,
 * and its place is the middle of one; space_value() takes any place in the cell. */
double space_place(const space_param *p, double value);
double space_value(const space_param *p, double place);

/* Is parameter i on, given the values of those before it? */
bool space_on(const space *s, const point *at, int i);

/* Turns NAN what is off. Every point that leaves this folder has passed here. */
void space_settle(const space *s, point *at);

point space_standard(const space *s);
bool space_same(const space *s, const point *a, const point *b);

/* The value as an option takes it; nothing where it is off. */
void space_text(const space *s, const point *at, int i, str *out);

/* {name: value} of what is on, and back; E_FORMAT when it does not fit the space. */
json_t *space_json(const space *s, const point *at);
int space_point(const space *s, const json_t *values, point *at, err *e);

#endif
