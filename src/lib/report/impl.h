/* impl.h -- what the files of the report share: JSON members, HTML, charts. */
#ifndef LIB_REPORT_IMPL_H
#define LIB_REPORT_IMPL_H

#include "lib/report/report.h"

double report_num(const json_t *o, const char *key); /* NAN where there is none */
const char *report_text(const json_t *o, const char *key); /* "" where there is none */
int report_group(const json_t *page, const char *name); /* its number, which chooses its colour */

/* Text from outside as HTML text and attribute values; NULL is nothing. */
void html_text(str *out, const char *text);
int html_cut(const char *text, int most); /* bytes of whole characters, at most so many */
void html_fmt(str *out, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* escaped */
/* 12,345; 0.0123; as few digits as tell. */
void html_number(str *out, double x);
void report_command(const json_t *chosen, str *out); /* the command line of a run's options */

/* A chart: SVG of 440 x 300 units that scales with the page. y grows upwards. */
typedef struct axis {
    const char *label;
    double low, high, step; /* step: between ticks */
} axis;

typedef struct chart {
    str *out;
    axis x, y;
} chart;

typedef struct range {
    double low, high;
} range;

#define RANGE_EMPTY ((range){INFINITY, -INFINITY})
void range_add(range *r, double x);
/* Opens figure and SVG with grid and labels; the axes reach round numbers around the ranges. */
void chart_begin(chart *c, str *out, const char *title, const char *x, range xs, const char *y, range ys);
void chart_end(chart *c);
/* Lines and points have the colour of their group, and hide with it. points: (n, 2). */
void chart_line(chart *c, int group, const char *style, const double *points, int64_t n);
void chart_point(chart *c, int group, double x, double y, const char *tip);

/* Sections, each with its heading, or nothing when there is nothing to show. */
void section_summary(const json_t *page, str *out);
void section_table(const json_t *page, str *out);
void section_compare(const json_t *page, str *out);
void section_curves(const json_t *page, str *out);
void section_fronts(const json_t *page, str *out);
void section_parameters(const json_t *page, str *out);
void section_attributes(const json_t *page, str *out);
void section_texts(const json_t *page, str *out);
void section_recipes(const json_t *page, str *out);

/* Runs or trials with the options in which they differ: what parallel coordinates and importance are
 * drawn from. */
typedef struct varied {
    int64_t runs, options;
    const char **option; /* (options) */
    char **text;         /* (runs, options) values, "" where not given */
    double *loss;        /* (runs) NAN: none */
    int *group;          /* (runs) */
    arena mem;
} varied;

void varied_of(const json_t *page, varied *v);
void varied_free(varied *v);
/* Share of the variance of the losses that lies between the values of one option, adjusted for the number
 * of values: 1 - (1 - eta^2) (n - 1) / (n - k), at least 0. Numbers with more than 4 values count in 4
 * groups of equal size. */
double varied_importance(const varied *v, int64_t option);

#endif
