/* tables.c -- summary, the table of runs, what a comparison found, and each run's recipe. */
#include "lib/report/impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of many sentences, those that claim nothing or repeat the table's numbers. */
static bool folds(const char *line)
{
    static const char *const begins[] = {"no difference", "speed: no difference", "memory:"};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (line && !strncmp(line, begins[i], strlen(begins[i]))) return true;
    return false;
}

static void sentences(const json_t *lines, bool all, bool folded, str *out)
{
    str_puts(out, "<ul>");
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const char *line = json_string_value(json_array_get(lines, i));
        if (!all && folds(line) != folded) continue;
        str_puts(out, "<li>");
        html_text(out, line);
        str_puts(out, "</li>\n");
    }
    str_puts(out, "</ul>");
}

void section_summary(const json_t *page, str *out)
{
    enum { MANY = 16 };
    const json_t *lines = json_object_get(page, "summary");
    size_t rest = 0;
    for (size_t i = 0; i < json_array_size(lines); i++) rest += folds(json_string_value(json_array_get(lines, i)));
    const bool all = json_array_size(lines) <= MANY || !rest;
    str_puts(out, "<section id=\"summary\"><h2>In words</h2>\n");
    sentences(lines, all, false, out);
    if (!all) {
        str_fmt(out, "<details><summary>%zu more: what shows no difference, and memory</summary>\n", rest);
        sentences(lines, all, true, out);
        str_puts(out, "</details>");
    }
    str_puts(out, "</section>\n");
}

/* Columns of the table of runs, of which those are shown that some run has. */
static const struct {
    const char *key, *label;
    double unit;
} columns[] = {
    {"loss", "held-out loss", 1},
    {"loss_before", "before training", 1},
    {"token_accuracy", "token accuracy", 1},
    {"accuracy", "accuracy", 1},
    {"macro_f1", "macro F1", 1},
    {"micro_f1", "micro F1", 1},
    {"entity_f1", "entity F1", 1},
    {"chrf", "chrF", 1},
    {"bleu", "BLEU", 1},
    {"rougeL", "ROUGE-L", 1},
    {"coverage", "coverage", 1},
    {"slot_error_rate", "slot errors", 1},
    {"seconds", "seconds", 1},
    {"tokens", "tokens", 1},
    {"tokens_per_second", "tokens/s", 1},
    {"memory", "memory, MiB", 0x1p20},
    {"adapter_bytes", "adapter, MiB", 0x1p20},
    {"trainable_parameters", "parameters", 1},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static bool any_has(const json_t *runs, const char *key)
{
    for (size_t i = 0; i < json_array_size(runs); i++)
        if (isfinite(report_num(json_array_get(runs, i), key))) return true;
    return false;
}

static void heading(str *out, const char *label)
{
    str_puts(out, "<th scope=\"col\"><button type=\"button\">");
    html_text(out, label);
    str_puts(out, "</button></th>");
}

void section_table(const json_t *page, str *out)
{
    const json_t *runs = json_object_get(page, "runs");
    if (!json_array_size(runs)) return;
    str_puts(out, "<section id=\"runs\"><h2>Runs</h2>\n<div class=\"wide\"><table "
                  "class=\"sortable\"><thead><tr>");
    heading(out, "run");
    for (int k = 0; k < COLUMNS; k++)
        if (any_has(runs, columns[k].key)) heading(out, columns[k].label);
    str_puts(out, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < json_array_size(runs); i++) {
        const json_t *r = json_array_get(runs, i);
        int group = report_group(page, report_text(r, "group"));
        str_fmt(out, "<tr><th scope=\"row\"><i class=\"key c%d\"></i>", group % 8);
        html_text(out, report_text(r, "name"));
        str_puts(out, "</th>");
        for (int k = 0; k < COLUMNS; k++) {
            double x = report_num(r, columns[k].key) / columns[k].unit;
            if (!any_has(runs, columns[k].key)) continue;
            str_fmt(out, isfinite(x) ? "<td data-value=\"%.17g\">" : "<td data-value=\"\">", x);
            html_number(out, x);
            str_puts(out, "</td>");
        }
        str_puts(out, "</tr>\n");
    }
    str_puts(out, "</tbody></table></div></section>\n");
}

void report_csv(const json_t *page, str *out)
{
    const json_t *runs = json_object_get(page, "runs");
    str_puts(out, "run,group,seed");
    for (int k = 0; k < COLUMNS; k++) str_fmt(out, ",%s", columns[k].key);
    str_putc(out, '\n');
    for (size_t i = 0; i < json_array_size(runs); i++) {
        const json_t *r = json_array_get(runs, i);
        const char *const names[] = {report_text(r, "name"), report_text(r, "group")};
        for (int k = 0; k < 2; k++) {
            bool plain = !strpbrk(names[k], ",\"\n");
            if (!plain) str_putc(out, '"');
            for (const char *p = names[k]; *p; p++) str_fmt(out, *p == '"' ? "\"\"" : "%c", *p);
            str_puts(out, plain ? "," : "\",");
        }
        str_fmt(out, "%lld", (long long)json_integer_value(json_object_get(r, "seed")));
        for (int k = 0; k < COLUMNS; k++) {
            double x = report_num(r, columns[k].key);
            str_fmt(out, isfinite(x) ? ",%.10g" : ",", x);
        }
        str_putc(out, '\n');
    }
}

/* ------------------------------------------------------------------------- a comparison */

static const struct {
    const char *key, *label;
} scores[] = {{"loss", "held-out loss"}, {"token_accuracy", "token accuracy"}, {"accuracy", "accuracy"},
              {"macro_f1", "macro F1"},  {"micro_f1", "micro F1"},
              {"entity_f1", "entity F1"}, {"chrf", "chrF"},
              {"rougeL", "ROUGE-L"},     {"coverage", "attribute coverage"},   {"slot_error_rate",
                                                                                "slot error rate"}};

static const json_t *difference(const json_t *told, const char *recipe, const char *score)
{
    const json_t *list = json_object_get(told, "differences");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *d = json_array_get(list, i);
        if (!strcmp(report_text(d, "recipe"), recipe) && !strcmp(report_text(d, "score"), score)) return d;
    }
    return NULL;
}

static void score_cell(str *out, const json_t *told, const json_t *r, const char *key)
{
    const json_t *v = json_object_get(r, key), *d = difference(told, report_text(r, "name"), key);
    str_fmt(out, "<td data-value=\"%.17g\">", report_num(v, "value"));
    html_number(out, report_num(v, "value"));
    str_puts(out, " <small>");
    html_number(out, report_num(v, "low"));
    str_puts(out, " to ");
    html_number(out, report_num(v, "high"));
    str_puts(out, "</small>");
    if (d) {
        bool shown = json_is_true(json_object_get(d, "shown"));
        str_fmt(out, "<br><span class=\"%s\">%+.4g <small>%+.4g to %+.4g</small>%s</span>",
                shown ? "shown" : "unshown",
                report_num(d, "value"), report_num(d, "low"), report_num(d, "high"),
                    shown ? "" : " not shown");
    }
    str_puts(out, "</td>");
}

static void number_row(str *out, const json_t *list, const char *label, const char *inside, const char *key,
                       double unit)
{
    str_puts(out, "<tr><th scope=\"row\">");
    html_text(out, label);
    str_puts(out, "</th>");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *r = json_array_get(list, i);
        str_puts(out, "<td>");
        html_number(out, report_num(inside ? json_object_get(r, inside) : r, key) / unit);
        str_puts(out, "</td>");
    }
    str_puts(out, "</tr>\n");
}

static void costs(str *out, const json_t *told, const json_t *list)
{
    static const char *const items[] = {"weights", "mapped", "adapter", "gradients", "moments", "temporaries",
                                        "tokens"};
    char label[80];
    number_row(out, list, "loss before training", "before", "loss", 1);
    number_row(out, list, "KL of the base from its file, nats a label", "before", "kl", 1);
    number_row(out, list, "tokens/s", NULL, "tokens_per_second", 1);
    number_row(out, list, "seconds", NULL, "seconds", 1);
    number_row(out, list, "seconds to the best loss", NULL, "seconds_to_best", 1);
    snprintf(label, sizeof label, "seconds to loss %.4f", report_num(told, "equal_loss"));
    number_row(out, list, label, NULL, "seconds_to_equal_loss", 1);
    number_row(out, list, "base, MiB", NULL, "base_bytes", 0x1p20);
    number_row(out, list, "adapter, MiB", NULL, "adapter_bytes", 0x1p20);
    number_row(out, list, "peak memory, MiB", "memory", "total", 0x1p20);
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        snprintf(label, sizeof label, "  of it %s", items[i]);
        number_row(out, list, label, "memory", items[i], 0x1p20);
    }
}

void section_compare(const json_t *page, str *out)
{
    const json_t *told = json_object_get(page, "compare"), *list = json_object_get(told, "results");
    if (!list) return;
    str_fmt(out, "<section id=\"compare\"><h2>Comparison</h2>\n<p class=\"note\">%lld seeds of each recipe "
                 "on the same rows; "
                 "small: 95 %% intervals by paired bootstrap over rows and seeds. Second line: difference "
                 "from the first "
                 "recipe. Costs are means over the runs.</p>\n<div class=\"wide\"><table "
                 "class=\"compare\"><thead><tr><td></td>",
            (long long)json_integer_value(json_object_get(told, "seeds")));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = report_text(json_array_get(list, i), "name");
        str_fmt(out, "<th scope=\"col\"><i class=\"key c%d\"></i>", report_group(page, name) % 8);
        html_text(out, name);
        str_puts(out, "</th>");
    }
    str_puts(out, "</tr></thead><tbody>\n");
    for (size_t k = 0; k < sizeof scores / sizeof *scores; k++) {
        if (!json_object_get(json_array_get(list, 0), scores[k].key)) continue;
        str_fmt(out, "<tr><th scope=\"row\">%s</th>", scores[k].label);
        for (size_t i = 0; i < json_array_size(list); i++) score_cell(out, told, json_array_get(list, i),
                                                                      scores[k].key);
        str_puts(out, "</tr>\n");
    }
    costs(out, told, list);
    str_puts(out, "</tbody></table></div></section>\n");
}

/* ------------------------------------------------------------------------------- recipes */

void section_recipes(const json_t *page, str *out)
{
    const json_t *runs = json_object_get(page, "runs");
    if (!json_array_size(runs)) return;
    str_puts(out, "<section id=\"recipes\"><h2>Recipes</h2>\n<p class=\"note\">What was chosen for each run; "
                  "everything else is "
                  "the default of its program.</p>\n");
    for (size_t i = 0; i < json_array_size(runs); i++) {
        const json_t *r = json_array_get(runs, i);
        const char *name;
        json_t *v;
        str_puts(out, "<details><summary>");
        html_text(out, report_text(r, "name"));
        str_puts(out, "</summary><div class=\"command\"><button type=\"button\" "
                      "class=\"copy\">copy</button><code>");
        html_text(out, report_text(r, "command"));
        str_puts(out, "</code></div><table class=\"options\">\n");
        json_object_foreach(json_object_get(r, "options"), name, v)
        {
            char *text = option_text_of(v);
            str_puts(out, "<tr><th scope=\"row\">");
            html_text(out, name);
            str_puts(out, "</th><td>");
            html_text(out, text);
            str_puts(out, "</td></tr>\n");
            free(text);
        }
        str_puts(out, "</table></details>\n");
    }
    str_puts(out, "</section>\n");
}
