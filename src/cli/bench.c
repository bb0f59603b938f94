/* bench.c -- lorac bench: this machine's peaks, and training steps measured against them. */
#include "cli/cli.h"

static void add_summary(str *out, const json_t *b)
{
    str n = {0};
    output_row(out, "processor", "%s", result_text(b, "processor"));
    output_row(out, "device", "%s, products in %s", result_text(b, "device"), result_text(b, "compute"));
    output_row(out, "peak", "%.1f GFLOP/s, in integers of 16 bits %.1f, of 8 bits %.1f; %.1f GB/s from memory",
               result_num(b, "peak_flops") / 1e9, result_num(b, "peak_i16") / 1e9,
               result_num(b, "peak_i8") / 1e9, result_num(b, "peak_bandwidth") / 1e9);
    output_count(&n, result_int(b, "parameters"));
    output_row(out, "model", "%s, %s parameters", result_text(b, "model"), str_c(&n));
    output_row(out, "step", "%lld tokens in %.3f s, %.1f tokens/s", (long long)result_int(b, "tokens"),
               result_num(b, "seconds_per_step"), result_num(b, "tokens_per_second"));
    output_row(out, "speed", "%.1f GFLOP/s, %.1f %% of the float peak",
               result_num(b, "flops_per_step") / result_num(b, "seconds_per_step") / 1e9,
               100 * result_num(b, "speed_of_light"));
    str_clear(&n);
    output_size(&n, result_num(b, "slab_bytes"));
    output_row(out, "temporaries", "%s", str_c(&n));
    str_free(&n);
}

int cli_bench(const options *o, err *e)
{
    json_t *b;
    job_hooks h = progress_hooks();
    signals_begin();
    int code = job_bench(o, &h, &b, e);
    if (code != OK) return code;
    str out = {0};
    if (!o->json) {
        add_summary(&out, b);
        output_operators(&out, b);
    }
    progress_end();
    code = o->json ? output_json(b, e) : output_put(&out, e);
    str_free(&out);
    json_decref(b);
    return code;
}
