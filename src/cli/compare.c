/* compare.c -- lorac compare: a table of the recipes, and what it shows. Few recipes are columns; many are rows. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

enum { FEW = 4, LABEL = 26, COLUMN = 20 };

/* A thing told of each recipe: a score with half its interval, or a number. */
typedef struct figure {
    const char *label, *brief;
    const char *object, *key; /* object NULL: the recipe's own */
    int digits;
    double unit; /* numbers are divided by it; 0: a score */
} figure;

static const figure scores[] = {
    {"held-out loss", "loss", NULL, "loss", 4, 0},
    {"token accuracy", "token accuracy", NULL, "token_accuracy", 4, 0},
    {"accuracy", "accuracy", NULL, "accuracy", 4, 0},
    {"macro F1", "macro F1", NULL, "macro_f1", 4, 0},
    {"micro F1", "micro F1", NULL, "micro_f1", 4, 0},
    {"entity F1", "entity F1", NULL, "entity_f1", 4, 0},
    {"chrF", "chrF", NULL, "chrf", 2, 0},
    {"ROUGE-L", "ROUGE-L", NULL, "rougeL", 4, 0},
    {"attribute coverage", "coverage", NULL, "coverage", 4, 0},
    {"slot error rate", "slot errors", NULL, "slot_error_rate", 4, 0},
};
static const figure costs[] = {
    {"loss before training", "before", "before", "loss", 4, 1},
    {"KL of the base", "KL", "before", "kl", 4, 1},
    {"tokens trained on", "tokens", NULL, "tokens", 0, 1},
    {"tokens/s", "tokens/s", NULL, "tokens_per_second", 0, 1},
    {"seconds", "seconds", NULL, "seconds", 1, 1},
    {"seconds to the best", "to best", NULL, "seconds_to_best", 1, 1},
    {"seconds to loss", "to loss", NULL, "seconds_to_equal_loss", 1, 1},
    {"base, MiB", "base MiB", NULL, "base_bytes", 1, 0x1p20},
    {"adapter, MiB", "adapter", NULL, "adapter_bytes", 1, 0x1p20},
    {"peak memory, MiB", "peak", "memory", "total", 1, 0x1p20},
};
static const figure items[] = {
    {"  weights", "", "memory", "weights", 1, 0x1p20},
    {"  mapped", "", "memory", "mapped", 1, 0x1p20},
    {"  adapter", "", "memory", "adapter", 1, 0x1p20},
    {"  gradients", "", "memory", "gradients", 1, 0x1p20},
    {"  moments", "", "memory", "moments", 1, 0x1p20},
    {"  temporaries", "", "memory", "temporaries", 1, 0x1p20},
    {"  tokens", "", "memory", "tokens", 1, 0x1p20},
};
#define COUNT(list) (sizeof(list) / sizeof *(list))

static bool is_told(const json_t *told, const figure *f)
{
    const json_t *first = json_array_get(json_object_get(told, "results"), 0);
    if (f->unit == 0) return json_object_get(first, f->key) != NULL;
    return !f->object || !json_object_get(json_object_get(first, f->object), "without_head");
}

static void cell(str *out, const json_t *recipe, const figure *f, int width)
{
    const json_t *of = f->object ? json_object_get(recipe, f->object) : recipe;
    char text[64];
    if (f->unit > 0)
        snprintf(text, sizeof text, "%.*f", f->digits, result_num(of, f->key) / f->unit);
    else {
        const json_t *v = json_object_get(of, f->key);
        snprintf(text, sizeof text, "%.*f +- %.*f", f->digits, result_num(v, "value"), f->digits,
                 (result_num(v, "high") - result_num(v, "low")) / 2);
    }
    str_fmt(out, "%*s", width, text);
}

/* A row a figure. */
static void rows_of(str *out, const json_t *told, const figure *f, size_t n)
{
    const json_t *list = json_object_get(told, "results");
    for (size_t i = 0; i < n; i++) {
        if (!is_told(told, &f[i])) continue;
        str label = {0};
        str_puts(&label, f[i].label);
        if (!strcmp(f[i].key, "seconds_to_equal_loss")) str_fmt(&label, " %.4f", result_num(told, "equal_loss"));
        str_fmt(out, "%-*s", LABEL, str_c(&label));
        str_free(&label);
        for (size_t k = 0; k < json_array_size(list); k++) cell(out, json_array_get(list, k), &f[i], COLUMN);
        str_putc(out, '\n');
    }
}

/* A row a recipe. */
static void columns_of(str *out, const json_t *told, const figure *f, size_t n)
{
    const json_t *list = json_object_get(told, "results");
    int widest = 0;
    for (size_t k = 0; k < json_array_size(list); k++) {
        int length = (int)strlen(result_text(json_array_get(list, k), "name"));
        if (length > widest) widest = length;
    }
    for (size_t k = 0; k <= json_array_size(list); k++) { /* the first line is the heading */
        const json_t *recipe = k ? json_array_get(list, k - 1) : NULL;
        str_fmt(out, "%-*s", widest, k ? result_text(recipe, "name") : "");
        for (size_t i = 0; i < n; i++) {
            const int width = f[i].unit > 0 ? 10 : f[i].digits < 4 ? 16 : 18;
            if (!is_told(told, &f[i])) continue;
            if (k)
                cell(out, recipe, &f[i], width);
            else
                str_fmt(out, "%*s", width, f[i].brief);
        }
        str_putc(out, '\n');
    }
}

static void table(str *out, const json_t *told)
{
    const json_t *list = json_object_get(told, "results");
    if (json_array_size(list) > FEW) {
        columns_of(out, told, scores, COUNT(scores));
        str_putc(out, '\n');
        columns_of(out, told, costs, COUNT(costs));
        str_fmt(out,
                "\nbefore and KL: of the bare base; to loss: seconds to %.4f, which every run reaches; "
                "memory by item is in the report\n",
                result_num(told, "equal_loss"));
        return;
    }
    str_fmt(out, "%-*s", LABEL, "");
    for (size_t i = 0; i < json_array_size(list); i++)
        str_fmt(out, "%*s", COLUMN, result_text(json_array_get(list, i), "name"));
    str_putc(out, '\n');
    rows_of(out, told, scores, COUNT(scores));
    rows_of(out, told, costs, COUNT(costs));
    rows_of(out, told, items, COUNT(items));
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
