/* data.c -- lorac data: what a model will learn from a data file, and a view of the mask, token by token.
 *
 * In colour labels are green and what is only read is grey; without colour a label stands in [brackets]. Line
 * ends and other control characters are shown as \n, \t, \xNN. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GREEN "\033[32m"
#define GREY "\033[90m"
#define RESET "\033[0m"

static bool colored(const options *o)
{
    if (!strcmp(o->color, "always")) return true;
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    if (!strcmp(o->color, "never") || (no && *no) || (term && !strcmp(term, "dumb"))) return false;
    return output_is_terminal();
}

static void add_token(str *out, const json_t *t, bool color)
{
    bool label = json_is_true(json_object_get(t, "label"));
    str_puts(out, color ? (label ? GREEN : GREY) : label ? "[" : "");
    output_visible(out, result_text(t, "text"));
    str_puts(out, color ? RESET "|" : label ? "]" : "|");
}

static void add_view(str *out, const json_t *view, bool color)
{
    for (size_t i = 0; i < json_array_size(view); i++) {
        const json_t *row = json_array_get(view, i), *tokens = json_object_get(row, "tokens");
        str_fmt(out, "\nrow %lld, line %lld: %zu tokens, %lld labels%s\n", (long long)result_int(row, "row"),
                (long long)result_int(row, "line"), json_array_size(tokens),
                (long long)result_int(row, "label_tokens"),
                json_is_true(json_object_get(row, "full")) ? ", max_length" : "");
        for (size_t k = 0; k < json_array_size(tokens); k++) add_token(out, json_array_get(tokens, k), color);
        str_putc(out, '\n');
    }
}

static void add_count(str *out, const json_t *r, const char *label, const char *key)
{
    str n = {0};
    output_count(&n, result_int(r, key));
    output_row(out, label, "%s", str_c(&n));
    str_free(&n);
}

static void add_summary(str *out, const json_t *r)
{
    add_count(out, r, "rows", "rows");
    add_count(out, r, "used", "used");
    add_count(out, r, "dropped", "dropped");
    add_count(out, r, "truncated", "truncated");
    add_count(out, r, "tokens", "tokens");
    add_count(out, r, "label tokens", "label_tokens");
    add_count(out, r, "longest", "longest");
    if (json_object_get(r, "micro_batches"))
        output_row(out, "packed", "%lld micro-batches, %.1f %% full; a row has %.1f tokens in the mean",
                   (long long)result_int(r, "micro_batches"), 100 * result_num(r, "filled"),
                   result_num(r, "mean_length"));
    const json_t *findings = json_object_get(r, "findings");
    for (size_t i = 0; i < json_array_size(findings); i++)
        output_row(out, i ? "" : "findings", "%s", json_string_value(json_array_get(findings, i)));
}

int cli_data(const options *o, err *e)
{
    json_t *r;
    job_hooks h = progress_hooks();
    int code = job_data(o, &h, &r, e);
    if (code != OK) return code;
    str out = {0};
    if (!o->json) {
        add_summary(&out, r);
        add_view(&out, json_object_get(r, "view"), colored(o));
    }
    progress_end();
    code = o->json ? output_json(r, e) : output_put(&out, e);
    str_free(&out);
    json_decref(r);
    return code;
}
