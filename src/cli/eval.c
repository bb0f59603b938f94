/* eval.c -- lorac eval: loss, perplexity and token accuracy on a data file. */
#include "cli/cli.h"

int cli_eval(const options *o, err *e)
{
    json_t *r;
    job_hooks h = progress_hooks();
    signals_begin();
    int code = job_eval(o, &h, &r, e);
    if (code != OK) return code;
    str out = {0}, n = {0};
    output_count(&n, result_int(r, "rows"));
    output_row(&out, "rows", "%s", str_c(&n));
    str_clear(&n);
    output_count(&n, result_int(r, "label_tokens"));
    output_row(&out, "label tokens", "%s", str_c(&n));
    output_row(&out, "loss", "%.6f", result_num(r, "loss"));
    if (json_is_number(json_object_get(r, "perplexity")))
        output_row(&out, "perplexity", "%.4f", result_num(r, "perplexity"));
    else
        output_row(&out, "perplexity", "beyond what a double holds");
    output_row(&out, "token accuracy", "%.4f", result_num(r, "token_accuracy"));
    progress_end();
    code = o->json ? output_json(r, e) : output_put(&out, e);
    str_free(&n);
    str_free(&out);
    json_decref(r);
    return code;
}
