/* curves.c -- learning curves, and quality against what it cost with the Pareto front. */
#include "lib/report/impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS, SECONDS };

static double at(const json_t *point, size_t i) { return json_number_value(json_array_get(point, i)); }

static const json_t *runs_of(const json_t *page) { return json_object_get(page, "runs"); }

static void legend(const json_t *page, str *out)
{
    const json_t *groups = json_object_get(page, "groups");
    str_puts(out, "<p class=\"legend\">");
    for (size_t i = 0; i < json_array_size(groups); i++) {
        str_fmt(out, "<button type=\"button\" class=\"c%zu\" data-group=\"%zu\" aria-pressed=\"true\">",
                i % 8, i);
        html_text(out, json_string_value(json_array_get(groups, i)));
        str_puts(out, "</button> ");
    }
    str_puts(out, "</p>\n");
}

static void ranges(const json_t *page, const char *key, size_t x, range *xs, range *ys)
{
    for (size_t i = 0; i < json_array_size(runs_of(page)); i++) {
        const json_t *list = json_object_get(json_array_get(runs_of(page), i), key);
        for (size_t k = 0; k < json_array_size(list); k++) {
            range_add(xs, at(json_array_get(list, k), x));
            range_add(ys, at(json_array_get(list, k), 2));
        }
    }
}

static void one_curve(chart *c, const json_t *page, const json_t *run, const char *key, size_t x)
{
    const json_t *list = json_object_get(run, key);
    size_t n = json_array_size(list);
    double *points = xcalloc(2 * n + 1, sizeof *points);
    int group = report_group(page, report_text(run, "group"));
    bool eval = !strcmp(key, "eval");
    for (size_t k = 0; k < n; k++) {
        points[2 * k] = at(json_array_get(list, k), x);
        points[2 * k + 1] = at(json_array_get(list, k), 2);
    }
    chart_line(c, group, eval ? "line" : "thin", points, (int64_t)n);
    for (size_t k = 0; k < n && eval; k++) {
        char tip[256];
        const json_t *p = json_array_get(list, k);
        const char *name = report_text(run, "name");
        snprintf(tip, sizeof tip, "%.*s: loss %.4f after %.0f tokens, %.1f s", html_cut(name, 60), name,
                 at(p, 2), at(p, 0), at(p, 1));
        chart_point(c, group, points[2 * k], points[2 * k + 1], tip);
    }
    free(points);
}

static void curves(const json_t *page, size_t x, str *out)
{
    range xs = RANGE_EMPTY, ys = RANGE_EMPTY;
    chart c;
    range_add(&xs, 0);
    ranges(page, "train", x, &xs, &ys);
    ranges(page, "eval", x, &xs, &ys);
    chart_begin(&c, out, x == TOKENS ? "Loss over tokens" : "Loss over seconds of training",
                x == TOKENS ? "tokens trained on" : "seconds", xs, "loss", ys);
    for (size_t i = 0; i < json_array_size(runs_of(page)); i++) {
        one_curve(&c, page, json_array_get(runs_of(page), i), "train", x);
        one_curve(&c, page, json_array_get(runs_of(page), i), "eval", x);
    }
    chart_end(&c);
}

void section_curves(const json_t *page, str *out)
{
    range xs = RANGE_EMPTY, ys = RANGE_EMPTY;
    ranges(page, "train", TOKENS, &xs, &ys);
    ranges(page, "eval", TOKENS, &xs, &ys);
    if (xs.low > xs.high) return;
    str_puts(out, "<section id=\"curves\"><h2>Learning curves</h2>\n<p class=\"note\">Thick with dots: "
                  "held-out rows; thin: "
                  "the rows trained on, before each step. A name hides its runs; a dot tells its "
                  "numbers.</p>\n");
    legend(page, out);
    str_puts(out, "<div class=\"charts\">");
    curves(page, TOKENS, out);
    curves(page, SECONDS, out);
    str_puts(out, "</div></section>\n");
}

/* ---------------------------------------------------------------------------------- fronts */

typedef struct dot {
    double cost, loss;
    const json_t *run;
} dot;

static int by_cost(const void *a, const void *b)
{
    const dot *x = a, *y = b;
    if (x->cost != y->cost) return x->cost < y->cost ? -1 : 1;
    return (x->loss > y->loss) - (x->loss < y->loss);
}

/* What nothing beats in both: a stair from cheap to good. */
static void front(chart *c, const dot *d, size_t n)
{
    double *points = xcalloc(4 * n + 4, sizeof *points), best = INFINITY;
    int64_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (d[i].loss >= best) continue;
        if (k) points[2 * k] = d[i].cost, points[2 * k + 1] = best, k++;
        best = d[i].loss;
        points[2 * k] = d[i].cost, points[2 * k + 1] = best, k++;
    }
    if (k > 1) chart_line(c, 0, "front", points, k);
    free(points);
}

static void against(const json_t *page, const char *key, double unit, const char *title, const char *label,
                    str *out)
{
    size_t runs = json_array_size(runs_of(page)), n = 0;
    dot *d = xcalloc(runs + 1, sizeof *d);
    range xs = RANGE_EMPTY, ys = RANGE_EMPTY;
    for (size_t i = 0; i < runs; i++) {
        const json_t *r = json_array_get(runs_of(page), i);
        dot one = {report_num(r, key) / unit, report_num(r, "loss"), r};
        if (!isfinite(one.cost) || !isfinite(one.loss)) continue;
        d[n++] = one;
        range_add(&xs, one.cost);
        range_add(&ys, one.loss);
    }
    if (n > 1) {
        chart c;
        qsort(d, n, sizeof *d, by_cost);
        chart_begin(&c, out, title, label, xs, "held-out loss", ys);
        front(&c, d, n);
        for (size_t i = 0; i < n; i++) {
            char tip[256];
            const char *name = report_text(d[i].run, "name");
            snprintf(tip, sizeof tip, "%.*s: loss %.4f, %.1f %s", html_cut(name, 60), name, d[i].loss,
                     d[i].cost, label);
            chart_point(&c, report_group(page, report_text(d[i].run, "group")), d[i].cost, d[i].loss, tip);
        }
        chart_end(&c);
    }
    free(d);
}

void section_fronts(const json_t *page, str *out)
{
    str charts = {0};
    against(page, "seconds", 1, "Loss against training time", "seconds", &charts);
    against(page, "memory", 0x1p20, "Loss against memory", "MiB", &charts);
    if (charts.n)
        str_fmt(out, "<section id=\"fronts\"><h2>Quality against cost</h2>\n<p class=\"note\">The dashed "
                     "stair is the Pareto "
                     "front: of the runs on it no other is both cheaper and better. It knows nothing of "
                     "chance.</p>\n"
                     "<div class=\"charts\">%s</div></section>\n",
                charts.p);
    str_free(&charts);
}
