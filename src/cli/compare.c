/* compare.c -- lorac compare: a table of the recipes, and what it shows. */
#include "cli/cli.h"

#include <stdio.h>

static void cell(str *out, const char *fmt, double x, int width)
{
    char number[64];
    snprintf(number, sizeof number, fmt, x);
    str_fmt(out, "%*s", width, number);
}

/* A score with half its interval, when the recipes have it. */
static void row_of_score(str *out, const json_t *list, const char *label, const char *key, int digits)
{
    if (!json_object_get(json_array_get(list, 0), key)) return;
    str_fmt(out, "%-26s", label);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_object_get(json_array_get(list, i), key);
        char text[64];
        snprintf(text, sizeof text, "%.*f +- %.*f", digits, result_num(v, "value"), digits,
                 (result_num(v, "high") - result_num(v, "low")) / 2);
        str_fmt(out, "%20s", text);
    }
    str_putc(out, '\n');
}

static void row_of_number(str *out, const json_t *list, const char *label, const char *fmt,
                          const char *object,
                          const char *key, double unit)
{
    str_fmt(out, "%-26s", label);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *r = json_array_get(list, i);
        cell(out, fmt, result_num(object ? json_object_get(r, object) : r, key) / unit, 20);
    }
    str_putc(out, '\n');
}

static void table(str *out, const json_t *told)
{
    static const char *const items[] = {"weights", "mapped", "adapter", "gradients", "moments", "temporaries",
                                        "tokens"};
    const json_t *list = json_object_get(told, "results");
    str_fmt(out, "%-26s", "");
    for (size_t i = 0; i < json_array_size(list); i++)
        str_fmt(out, "%20s", result_text(json_array_get(list, i), "name"));
    str_putc(out, '\n');
    row_of_score(out, list, "held-out loss", "loss", 4);
    row_of_score(out, list, "token accuracy", "token_accuracy", 4);
    row_of_score(out, list, "chrF", "chrf", 2);
    row_of_score(out, list, "ROUGE-L", "rougeL", 4);
    row_of_score(out, list, "attribute coverage", "coverage", 4);
    row_of_score(out, list, "slot error rate", "slot_error_rate", 4);
    row_of_number(out, list, "loss before training", "%.4f", "before", "loss", 1);
    row_of_number(out, list, "KL of the base", "%.4f", "before", "kl", 1);
    row_of_number(out, list, "tokens trained on", "%.0f", NULL, "tokens", 1);
    row_of_number(out, list, "tokens/s", "%.0f", NULL, "tokens_per_second", 1);
    row_of_number(out, list, "seconds", "%.1f", NULL, "seconds", 1);
    row_of_number(out, list, "seconds to the best", "%.1f", NULL, "seconds_to_best", 1);
    str label = {0};
    str_fmt(&label, "seconds to loss %.4f", result_num(told, "equal_loss"));
    row_of_number(out, list, str_c(&label), "%.1f", NULL, "seconds_to_equal_loss", 1);
    str_free(&label);
    row_of_number(out, list, "base, MiB", "%.1f", NULL, "base_bytes", 0x1p20);
    row_of_number(out, list, "adapter, MiB", "%.1f", NULL, "adapter_bytes", 0x1p20);
    row_of_number(out, list, "peak memory, MiB", "%.1f", "memory", "total", 0x1p20);
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        char name[32];
        snprintf(name, sizeof name, "  %s", items[i]);
        row_of_number(out, list, name, "%.1f", "memory", items[i], 0x1p20);
    }
}

static void words(str *out, const json_t *told)
{
    const json_t *list = json_object_get(told, "verdict");
    str_fmt(out, "\n+- is half a 95 %% interval over rows and seeds; %lld %s of each recipe, means over "
                 "them\n\n",
            (long long)result_int(told, "seeds"), result_int(told, "seeds") == 1 ? "training" : "trainings");
    for (size_t i = 0; i < json_array_size(list); i++) {
        output_visible(out, json_string_value(json_array_get(list, i)));
        str_putc(out, '\n');
    }
    if (*result_text(told, "report")) str_fmt(out, "\nreport: %s\n", result_text(told, "report"));
}

int cli_compare(const options *o, err *e)
{
    json_t *told = NULL;
    job_hooks h = progress_hooks();
    signals_begin();
    int code = job_compare(o, &h, &told, e);
    progress_end();
    if (!told) return code;
    str out = {0};
    if (!o->json) {
        table(&out, told);
        words(&out, told);
    }
    int wrote = o->json ? output_json(told, e) : output_put(&out, e);
    str_free(&out);
    json_decref(told);
    return code != OK ? code : wrote;
}
