/* texts.c -- what the recipes write, side by side, with what of a row's attributes they say; errors by
 * attribute. */
#include "lib/report/impl.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

/* Where `value` begins in text, whole words without regard to case of ASCII letters; NULL: nowhere. */
static const char *find_value(const char *text, const char *value)
{
    size_t n = strlen(value);
    for (const char *p = text; n && *p; p++) {
        bool starts = p == text || !isalnum((unsigned char)p[-1]);
        if (starts && !strncasecmp(p, value, n) && !isalnum((unsigned char)p[n])) return p;
    }
    return NULL;
}

/* The text, with values that it realizes marked where they stand letter by letter. */
static void marked(str *out, const char *text, const json_t *slots)
{
    while (*text) {
        const char *first = NULL;
        size_t n = 0;
        for (size_t i = 0; i < json_array_size(slots); i++) {
            const json_t *s = json_array_get(slots, i);
            const char *value = report_text(s, "value"), *at = find_value(text, value);
            if (strcmp(report_text(s, "verdict"), "realized") || !at || (first && at >= first)) continue;
            first = at;
            n = strlen(value);
        }
        str part = {0};
        str_add(&part, text, first ? (size_t)(first - text) : strlen(text));
        html_text(out, str_c(&part));
        text += part.n;
        str_clear(&part);
        str_add(&part, text, n);
        if (first) str_puts(out, "<mark>");
        html_text(out, str_c(&part));
        if (first) str_puts(out, "</mark>");
        text += n;
        str_free(&part);
    }
}

static void chips(str *out, const json_t *slots)
{
    static const struct {
        const char *verdict, *sign;
    } signs[] = {{"realized", "&#10003;"}, {"missing", "&minus;"}, {"wrong", "&#10007;"}, {"added", "+"}};
    if (!json_array_size(slots)) return;
    str_puts(out, "<p class=\"chips\">");
    for (size_t i = 0; i < json_array_size(slots); i++) {
        const json_t *s = json_array_get(slots, i);
        const char *verdict = report_text(s, "verdict"), *said = report_text(s, "said");
        size_t k = 0;
        while (k < 3 && strcmp(signs[k].verdict, verdict)) k++;
        str_fmt(out, "<span class=\"%s\">%s ", signs[k].verdict, signs[k].sign);
        const char *value = report_text(s, "value");
        html_fmt(out, "%s%s%.*s", report_text(s, "attribute"), *value ? ": " : "", html_cut(value, 60), value);
        if (*said) html_fmt(out, " (says %.*s)", html_cut(said, 60), said);
        str_puts(out, "</span> ");
    }
    str_puts(out, "</p>");
}

void section_texts(const json_t *page, str *out)
{
    const json_t *texts = json_object_get(page, "texts");
    if (!json_array_size(texts)) return;
    str_puts(out, "<section id=\"texts\"><h2>Texts</h2>\n<p class=\"note\">For the same held-out rows, by "
                  "the first run of each "
                  "recipe. &#10003; said, &minus; missing, &#10007; another value is said, + said and not in "
                  "the row.</p>\n");
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const json_t *t = json_array_get(texts, i), *by = json_object_get(t, "by"),
                     *refs = json_object_get(t, "references");
        str_fmt(out, "<article><pre class=\"prompt\">");
        html_text(out, report_text(t, "prompt"));
        str_puts(out, "</pre><div class=\"side\">");
        for (size_t k = 0; k < json_array_size(by); k++) {
            const json_t *one = json_array_get(by, k);
            str_fmt(out, "<div class=\"text\"><h4><i class=\"key c%d\"></i>",
                    report_group(page, report_text(one, "group")) % 8);
            html_text(out, report_text(one, "group"));
            str_puts(out, "</h4><p>");
            marked(out, report_text(one, "text"), json_object_get(one, "slots"));
            str_puts(out, "</p>");
            chips(out, json_object_get(one, "slots"));
            str_puts(out, "</div>\n");
        }
        str_puts(out, "<div class=\"text reference\"><h4>reference</h4>");
        for (size_t k = 0; k < json_array_size(refs) && k < 3; k++) {
            str_puts(out, "<p>");
            html_text(out, json_string_value(json_array_get(refs, k)));
            str_puts(out, "</p>");
        }
        str_puts(out, "</div></div></article>\n");
    }
    str_puts(out, "</section>\n");
}

static void error_cell(str *out, const json_t *c)
{
    double slots = report_num(c, "slots");
    double errors = report_num(c, "missing") + report_num(c, "wrong") + report_num(c, "added");
    if (!(slots > 0)) {
        str_puts(out, "<td data-value=\"\">&ndash;</td>");
        return;
    }
    double rate = errors / slots;
    str_fmt(out, "<td class=\"bar\" data-value=\"%.6f\"><span style=\"width:%.1f%%\"></span>%.1f&nbsp;%% "
                 "<small>%.0f missing, "
                 "%.0f wrong, %.0f added of %.0f</small></td>",
            rate, 100 * fmin(rate, 1), 100 * rate, report_num(c, "missing"), report_num(c, "wrong"),
                report_num(c, "added"),
            slots);
}

void section_attributes(const json_t *page, str *out)
{
    const json_t *list = json_object_get(page, "attributes"), *groups = json_object_get(page, "groups");
    if (!json_array_size(list)) return;
    str_puts(out, "<section id=\"attributes\"><h2>Errors by attribute</h2>\n<p class=\"note\">Missing, wrong "
                  "and added values "
                  "over all values of the rows, all runs of a recipe together.</p>\n<div "
                  "class=\"wide\"><table "
                  "class=\"sortable\"><thead><tr><th scope=\"col\"><button "
                  "type=\"button\">attribute</button></th>");
    for (size_t i = 0; i < json_array_size(groups); i++) {
        str_puts(out, "<th scope=\"col\"><button type=\"button\">");
        html_text(out, json_string_value(json_array_get(groups, i)));
        str_puts(out, "</button></th>");
    }
    str_puts(out, "</tr></thead><tbody>\n");
    for (size_t k = 0; k < json_array_size(list); k++) {
        const json_t *a = json_array_get(list, k);
        str_puts(out, "<tr><th scope=\"row\">");
        html_text(out, report_text(a, "attribute"));
        str_puts(out, "</th>");
        for (size_t i = 0; i < json_array_size(groups); i++)
            error_cell(out, json_object_get(json_object_get(a, "by"), json_string_value(json_array_get(groups,
                                                                                                       i))));
        str_puts(out, "</tr>\n");
    }
    str_puts(out, "</tbody></table></div></section>\n");
}
