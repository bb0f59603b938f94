/* parameters.c -- runs that differ in their options: parallel coordinates, and how much of the losses'
 * variance goes with each option alone. */
#include "lib/report/impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a run lies, and what its seed is, is no recipe. */
static bool counts(const char *name)
{
    static const char *const not[] = {"output_dir", "seed", "save_steps", "logging_steps", "eval_steps",
                                      "threads",
                                      "save_total_limit", "overwrite_output_dir", "eval_strategy",
                                          "save_strategy"};
    for (size_t i = 0; i < sizeof not / sizeof *not; i++)
        if (!strcmp(name, not[i])) return false;
    return true;
}

static void add_names(varied *v, const json_t *trials)
{
    json_t *seen = json_object(), *value;
    const char *name;
    for (size_t i = 0; i < json_array_size(trials); i++)
        json_object_foreach(json_object_get(json_array_get(trials, i), "options"), name, value)
            if (counts(name)) json_object_set(seen, name, value);
    v->option = xcalloc(json_object_size(seen) + 1, sizeof *v->option);
    json_object_foreach(seen, name, value)
    {
        bool differs = false;
        for (size_t i = 0; i < json_array_size(trials); i++) {
            json_t *w = json_object_get(json_object_get(json_array_get(trials, i), "options"), name);
            differs |= !w || !json_equal(w, value);
        }
        if (differs) v->option[v->options++] = arena_strdup(&v->mem, name);
    }
    json_decref(seen);
}

void varied_of(const json_t *page, varied *v)
{
    const json_t *trials = json_object_get(page, "runs");
    *v = (varied){.runs = (int64_t)json_array_size(trials)};
    add_names(v, trials);
    v->text = xcalloc((size_t)(v->runs * v->options) + 1, sizeof *v->text);
    v->loss = xcalloc((size_t)v->runs + 1, sizeof *v->loss);
    v->group = xcalloc((size_t)v->runs + 1, sizeof *v->group);
    for (int64_t i = 0; i < v->runs; i++) {
        const json_t *t = json_array_get(trials, (size_t)i);
        v->loss[i] = report_num(t, "loss");
        v->group[i] = *report_text(t, "group") ? report_group(page, report_text(t, "group")) : 0;
        for (int64_t k = 0; k < v->options; k++) {
            const json_t *w = json_object_get(json_object_get(t, "options"), v->option[k]);
            char *text = w ? option_text_of(w) : NULL;
            v->text[i * v->options + k] = arena_strdup(&v->mem, text ? text : "");
            free(text);
        }
    }
}

void varied_free(varied *v)
{
    free(v->option);
    free(v->text);
    free(v->loss);
    free(v->group);
    arena_free(&v->mem);
}

/* ------------------------------------------------------------------- the values of an option */

typedef struct column {
    const char **value; /* different ones: numbers by size, or as they come */
    int64_t n;
    bool numbers;
} column;

static bool is_number(const char *text)
{
    char *end;
    strtod(text, &end);
    return end != text && !*end;
}

static int by_number(const void *a, const void *b)
{
    double x = strtod(*(const char *const *)a, NULL), y = strtod(*(const char *const *)b, NULL);
    return (x > y) - (x < y);
}

static int64_t place(const column *c, const char *text)
{
    int64_t i = 0;
    while (i < c->n && strcmp(c->value[i], text)) i++;
    return i;
}

static column column_of(const varied *v, int64_t k)
{
    column c = {.value = xcalloc((size_t)v->runs + 1, sizeof *c.value), .numbers = true};
    for (int64_t i = 0; i < v->runs; i++) {
        const char *text = v->text[i * v->options + k];
        if (place(&c, text) < c.n) continue;
        c.value[c.n++] = text;
        c.numbers &= is_number(text);
    }
    if (c.numbers) qsort(c.value, (size_t)c.n, sizeof *c.value, by_number);
    return c;
}

double varied_importance(const varied *v, int64_t option)
{
    enum { GROUPS = 4 };
    column c = column_of(v, option);
    double *sum = xcalloc((size_t)c.n + 1, sizeof *sum), all = 0, square = 0, between = 0;
    int64_t *size = xcalloc((size_t)c.n + 1, sizeof *size), n = 0, groups = 0;
    for (int64_t i = 0; i < v->runs; i++) {
        if (!isfinite(v->loss[i])) continue;
        int64_t at = place(&c, v->text[i * v->options + option]);
        if (c.numbers && c.n > GROUPS) at = at * GROUPS / c.n;
        sum[at] += v->loss[i], size[at]++;
        all += v->loss[i], square += v->loss[i] * v->loss[i], n++;
    }
    for (int64_t k = 0; k < c.n; k++)
        if (size[k]) between += sum[k] * sum[k] / (double)size[k], groups++;
    double mean = n ? all * all / (double)n : 0, total = square - mean, share = 0;
    if (n > groups && groups > 1 && total > 1e-12 * square)
        share = 1 - (1 - (between - mean) / total) * (double)(n - 1) / (double)(n - groups);
    free(sum);
    free(size);
    free(c.value);
    return share > 0 ? share : 0;
}

/* ---------------------------------------------------------------------- parallel coordinates */

enum { EACH = 96, LEAST = 900, HEIGHT = 320, TOP = 46, BOTTOM = 20, SIDE = 60, LABEL = 18 };

static double width_of(const varied *v)
{
    double width = 2.0 * SIDE + EACH * (double)v->options;
    return width > LEAST ? width : LEAST;
}

static double axis_at(const varied *v, int64_t k)
{
    return SIDE + (double)k * (width_of(v) - 2 * SIDE) / (double)v->options; /* the last axis is the loss */
}

static double up(double share) { return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM); }

static void short_text(str *out, const char *text)
{
    char cut[LABEL + 4];
    const char *told = *text ? text : "default";
    if (is_number(text) && strlen(text) > 7)
        snprintf(cut, sizeof cut, "%.3g", strtod(text, NULL));
    else
        snprintf(cut, sizeof cut, "%.*s%s", html_cut(told, LABEL), told, strlen(told) > LABEL ? "..." : "");
    html_text(out, cut);
}

static void one_axis(str *out, const varied *v, int64_t k, const char *name)
{
    double x = axis_at(v, k);
    str_fmt(out, "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>", x, x, TOP,
            HEIGHT - BOTTOM);
    str_fmt(out, "<text class=\"label\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", x, k % 2 ? 32 : 16);
    short_text(out, name);
    str_puts(out, "</text>");
}

static double share_of(const column *c, const char *text)
{
    return c->n > 1 ? (double)place(c, text) / (double)(c->n - 1) : 0.5;
}

static void lines(str *out, const varied *v, const column *c, range losses)
{
    for (int64_t i = 0; i < v->runs; i++) {
        if (!isfinite(v->loss[i])) continue;
        double share = losses.high > losses.low ? (v->loss[i] - losses.low) / (losses.high - losses.low) :
            0.5;
        str_fmt(out, "<polyline tabindex=\"0\" role=\"img\" class=\"way q%d\"", (int)(share * 4.999));
        for (int again = 0; again < 2; again++) { /* told to those who see, and to those who hear */
            str_fmt(out, " %s=\"loss %.4f", again ? "data-tip" : "aria-label", v->loss[i]);
            for (int64_t k = 0; k < v->options; k++)
                html_fmt(out, ", %s %s", v->option[k], v->text[i * v->options + k]);
            str_puts(out, "\"");
        }
        str_puts(out, " points=\"");
        for (int64_t k = 0; k < v->options; k++)
            str_fmt(out, "%.1f,%.1f ", axis_at(v, k), up(share_of(&c[k], v->text[i * v->options + k])));
        str_fmt(out, "%.1f,%.1f\"/>\n", axis_at(v, v->options), up(share));
    }
}

static void coordinates(const varied *v, str *out)
{
    column *c = xcalloc((size_t)v->options + 1, sizeof *c);
    range losses = RANGE_EMPTY;
    for (int64_t i = 0; i < v->runs; i++) range_add(&losses, v->loss[i]);
    str_fmt(out, "<div class=\"wide\"><svg viewBox=\"0 0 %.0f %d\" role=\"group\" aria-label=\"Parallel "
                 "coordinates\">\n", width_of(v),
            HEIGHT);
    for (int64_t k = 0; k < v->options; k++) {
        c[k] = column_of(v, k);
        one_axis(out, v, k, v->option[k]);
    }
    one_axis(out, v, v->options, "held-out loss");
    lines(out, v, c, losses);
    for (int64_t k = 0; k < v->options; k++) {
        for (int64_t i = 0; i < c[k].n; i++) {
            if (c[k].n > 12 && i % (c[k].n / 6)) continue;
            str_fmt(out, "<text class=\"value\" x=\"%.1f\" y=\"%.1f\">", axis_at(v, k) + 5,
                    up(share_of(&c[k], c[k].value[i])) + 4);
            short_text(out, c[k].value[i]);
            str_puts(out, "</text>");
        }
        free(c[k].value);
    }
    for (int end = 0; end < 2; end++)
        str_fmt(out, "<text class=\"value\" x=\"%.1f\" y=\"%.1f\">%.4f</text>", axis_at(v, v->options) + 5,
                up(end) + 4,
                end ? losses.high : losses.low);
    str_puts(out, "</svg></div>\n");
    free(c);
}

/* -------------------------------------------------------------------------------- importance */

static void bar(str *out, const char *name, double share)
{
    str_puts(out, "<tr><th scope=\"row\">");
    html_text(out, name);
    str_fmt(out, "</th><td class=\"bar\"><span style=\"width:%.1f%%\"></span></td><td>%.2f</td></tr>\n",
            100 * (share < 1 ? share : 1), share);
}

static void importance(const json_t *page, const varied *v, str *out)
{
    const json_t *known = json_object_get(json_object_get(page, "study"), "importance");
    str_fmt(out, "<h3>Importance</h3>\n<p class=\"note\">%s</p><table class=\"bars\">\n",
            known ? "As the study's own model of its runs sees it: see <code>lorac tune show</code>."
                  : "Share of the variance of the losses that lies between the values of one option alone "
                    "(adjusted "
                    "eta squared; numbers in four groups). What options do together is in none of them.");
    const char *name;
    json_t *share;
    if (known)
        json_object_foreach((json_t *)(uintptr_t)known, name, share) bar(out, name, json_number_value(share));
    for (int64_t k = 0; k < v->options && !known; k++) bar(out, v->option[k], varied_importance(v, k));
    str_puts(out, "</table>\n");
}

void section_parameters(const json_t *page, str *out)
{
    enum { LEAST_RUNS = 4, MOST_OPTIONS = 12 };
    varied v;
    varied_of(page, &v);
    if (v.options > MOST_OPTIONS) v.options = 0; /* runs that have little to do with each other */
    bool few = json_array_size(json_object_get(page, "groups")) < 3 && !json_object_get(page, "study");
    if (v.runs >= LEAST_RUNS && v.options > 0 && !few) {
        str_puts(out, "<section id=\"parameters\"><h2>Options and loss</h2>\n<p class=\"note\">Each line is "
                      "a run through the "
                      "values of its options to its loss; the darker, the lower.</p>\n");
        coordinates(&v, out);
        importance(page, &v, out);
        str_puts(out, "</section>\n");
    }
    varied_free(&v);
}
