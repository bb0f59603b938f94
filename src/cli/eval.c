/* eval.c -- lorac eval: loss, perplexity and token accuracy on a data file; with --generate the scores of
 * texts. */
#include "cli/cli.h"

static void row_of_count(str *out, const char *label, int64_t n)
{
    str text = {0};
    output_count(&text, n);
    output_row(out, label, "%s", str_c(&text));
    str_free(&text);
}

/* Of a classifier: the scores that there are. */
static void scores(str *out, const json_t *r)
{
    static const struct {
        const char *key, *label;
    } all[] = {{"accuracy", "accuracy"},
               {"macro_f1", "macro F1"},
               {"micro_f1", "micro F1"},
               {"entity_precision", "entity precision"},
               {"entity_recall", "entity recall"},
               {"entity_f1", "entity F1"},
               {"mse", "squared error"},
               {"pearson", "Pearson"}};
    row_of_count(out, "rows", result_int(r, "rows"));
    row_of_count(out, "labels", result_int(r, "labels"));
    output_row(out, "loss", "%.6f", result_num(r, "loss"));
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (json_object_get(r, all[i].key)) output_row(out, all[i].label, "%.4f", result_num(r, all[i].key));
    const char *type;
    json_t *s;
    json_object_foreach(json_object_get(r, "entities"), type, s)
    {
        str name = {0};
        output_visible(&name, type);
        output_row(out, str_c(&name), "F1 %.4f, precision %.4f, recall %.4f of %lld", result_num(s, "f1"),
                   result_num(s, "precision"), result_num(s, "recall"), (long long)result_int(s, "entities"));
        str_free(&name);
    }
}

static void loss(str *out, const json_t *r)
{
    row_of_count(out, "rows", result_int(r, "rows"));
    row_of_count(out, "label tokens", result_int(r, "label_tokens"));
    output_row(out, "loss", "%.6f", result_num(r, "loss"));
    if (json_is_number(json_object_get(r, "perplexity")))
        output_row(out, "perplexity", "%.4f", result_num(r, "perplexity"));
    else
        output_row(out, "perplexity", "beyond what a double holds");
    output_row(out, "token accuracy", "%.4f", result_num(r, "token_accuracy"));
}

static void texts(str *out, const json_t *r)
{
    const json_t *p = json_object_get(r, "bleu_precisions");
    double precision[4];
    for (size_t i = 0; i < 4; i++) precision[i] = json_number_value(json_array_get(p, i));
    str n = {0};
    output_count(&n, result_int(r, "prompts"));
    str_puts(&n, " with ");
    output_count(&n, result_int(r, "references"));
    output_row(out, "prompts", "%s references: rows with the same prompt are references of one text",
               str_c(&n));
    str_free(&n);
    output_row(out, "BLEU", "%.2f  (%.1f/%.1f/%.1f/%.1f, brevity penalty %.3f)", result_num(r, "bleu"),
               precision[0], precision[1], precision[2], precision[3], result_num(r, "bleu_brevity_penalty"));
    output_row(out, "chrF", "%.2f", result_num(r, "chrf"));
    output_row(out, "ROUGE-1, -2, -L", "%.4f  %.4f  %.4f", result_num(r, "rouge1"), result_num(r, "rouge2"),
               result_num(r, "rougeL"));
    output_row(out, "words in a text", "%.1f", result_num(r, "words"));
    output_row(out, "distinct-1, -2", "%.4f  %.4f", result_num(r, "distinct1"), result_num(r, "distinct2"));
    output_row(out, "repeated 4-grams", "%.2f %%", 100 * result_num(r, "repetition"));
    if (result_int(r, "empty")) row_of_count(out, "empty texts", result_int(r, "empty"));
    if (result_int(r, "cut")) row_of_count(out, "cut by length", result_int(r, "cut"));
    if (json_object_get(r, "copied"))
        output_row(out, "copies", "%lld of %lld texts are training texts", (long long)result_int(r, "copied"),
                   (long long)result_int(r, "prompts"));
}

static void coverage(str *out, const json_t *r)
{
    const json_t *list = json_object_get(r, "attributes"), *total = json_object_get(r, "slots");
    if (!list) return;
    output_row(out, "coverage", "%.2f %% of %lld attribute values are said", 100 * result_num(r, "coverage"),
               (long long)result_int(total, "slots"));
    output_row(out, "slot error rate", "%.2f %%  (the references: %.2f %%)",
               100 * result_num(r, "slot_error_rate"), 100 * result_num(r, "references_slot_error_rate"));
    str_fmt(out, "\n%-24s %8s %8s %8s %8s %8s %8s\n", "attribute", "slots", "realized", "missing", "wrong",
            "added", "errors");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *a = json_array_get(list, i);
        str name = {0};
        output_visible(&name, result_text(a, "attribute"));
        str_fmt(out, "%-24s %8lld %8lld %8lld %8lld %8lld %6.2f %%\n", str_c(&name),
                (long long)result_int(a, "slots"), (long long)result_int(a, "realized"),
                (long long)result_int(a, "missing"), (long long)result_int(a, "wrong"),
                (long long)result_int(a, "added"), 100 * result_num(a, "slot_error_rate"));
        str_free(&name);
    }
}

int cli_eval(const options *o, err *e)
{
    json_t *r;
    job_hooks h = progress_hooks();
    signals_begin();
    int code = job_eval(o, &h, &r, e);
    if (code != OK) return code;
    str out = {0};
    if (json_object_get(r, "labels")) scores(&out, r);
    else loss(&out, r);
    if (o->generate) {
        texts(&out, r);
        coverage(&out, r);
    }
    progress_end();
    code = o->json ? output_json(r, e) : output_put(&out, e);
    str_free(&out);
    json_decref(r);
    return code;
}
