/* train.c -- lorac train: the run is in its folder; the standard output tells how it went. */
#include "cli/cli.h"

#include <stdio.h>

static void add_result(str *out, const json_t *r)
{
    str n = {0}, m = {0};
    output_row(out, "out", "%s", result_text(r, "out"));
    output_row(out, "steps", "%lld (%.4g epochs)", (long long)result_int(r, "steps"),
               result_num(r, "epochs"));
    output_count(&n, result_int(r, "tokens"));
    output_count(&m, result_int(r, "label_tokens"));
    output_row(out, "tokens", "%s, of them %s labels", str_c(&n), str_c(&m));
    output_row(out, "train loss", "%.4f", result_num(r, "train_loss"));
    if (json_is_number(json_object_get(r, "eval_loss")))
        output_row(out, "eval loss", "%.4f, before training %.4f", result_num(r, "eval_loss"),
                   result_num(r, "eval_loss_before"));
    str_clear(&n);
    output_time(&n, result_num(r, "seconds"));
    output_row(out, "time", "%s, %.1f tokens/s, %.0f %% of this machine's float peak", str_c(&n),
               result_num(r, "tokens_per_second"), 100 * result_num(r, "speed_of_light"));
    str_clear(&n);
    output_size(&n, result_num(r, "peak_bytes"));
    output_row(out, "memory", "%s at most", str_c(&n));
    if (json_object_get(r, "operators")) output_operators(out, r);
    str_free(&n);
    str_free(&m);
}

int cli_train(const options *o, err *e)
{
    json_t *r = NULL;
    job_hooks h = progress_hooks();
    signals_begin();
    int code = job_train(o, &h, &r, e);
    progress_end();
    if (!r) return code;
    str out = {0};
    if (!o->json) add_result(&out, r);
    int wrote = o->json ? output_json(r, e) : output_put(&out, e);
    str_free(&out);
    json_decref(r);
    return code != OK ? code : wrote;
}
