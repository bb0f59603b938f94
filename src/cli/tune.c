/* tune.c -- lorac tune: what a search found, what mattered, what to try next. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

/* "learning_rate 0.0004  lora_r 16": an object of texts and numbers. */
static void add_values(str *out, const json_t *o)
{
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)o, name, v)
    {
        if (out->n) str_puts(out, "  ");
        if (json_is_string(v))
            str_fmt(out, "%s %s", name, json_string_value(v));
        else
            str_fmt(out, "%s %.4g", name, json_number_value(v));
    }
}

static const json_t *run_of(const json_t *r, int64_t number)
{
    return json_array_get(json_object_get(r, "runs"), (size_t)number);
}

/* The objectives at the last rung that the run came to. */
static void add_objectives(str *out, const json_t *r, const json_t *run)
{
    const json_t *rungs = json_object_get(run, "rungs"), *last = json_array_get(rungs,
                                                                                json_array_size(rungs) - 1);
    const json_t *objectives = json_object_get(r, "objectives");
    for (size_t i = 0; i < json_array_size(objectives); i++) {
        const char *name = result_text(json_array_get(objectives, i), "name");
        if (json_object_get(last, name)) str_fmt(out, "%s%s %.5g", out->n ? "  " : "", name,
                                                 result_num(last, name));
    }
}

static void add_run(str *out, const char *label, const json_t *r, int64_t number)
{
    const json_t *run = run_of(r, number);
    str text = {0};
    add_objectives(&text, r, run);
    output_row(out, label, "run %lld  %s", (long long)number, str_c(&text));
    str_clear(&text);
    add_values(&text, json_object_get(run, "options"));
    output_row(out, "", "%s", str_c(&text));
    str_free(&text);
}

static void add_front(str *out, const json_t *r)
{
    const json_t *front = json_object_get(r, "front");
    if (json_array_size(json_object_get(r, "objectives")) < 2) return;
    for (size_t i = 0; i < json_array_size(front); i++)
        add_run(out, i ? "" : "front", r, json_integer_value(json_array_get(front, i)));
}

/* What mattered most first. */
static void add_importance(str *out, const json_t *r)
{
    json_t *left = json_copy(json_object_get(r, "importance"));
    const char *label = "importance";
    while (json_object_size(left)) {
        const char *name, *most = NULL;
        json_t *v;
        json_object_foreach(left, name, v) if (!most || json_number_value(v) > result_num(left, most)) most = name;
        output_row(out, label, "%5.1f %%  %s", 100 * result_num(left, most), most);
        json_object_del(left, most);
        label = "";
    }
    json_decref(left);
}

/* What the winner was judged on, and what the search. */
static void add_judges(str *out, const json_t *r)
{
    const json_t *h = json_object_get(r, "held_out");
    long long guiding = result_int(h, "guiding"), judging = result_int(h, "judging");
    if (!json_object_get(r, "winner")) return;
    if (result_num(h, "share") > 0)
        output_row(out, "judged on", "%lld held-out rows that the search never saw (it saw %lld others)",
                   judging, guiding);
    else
        output_row(out, "judged on", "the held-out rows that the search was judged on too");
}

static void add_won(str *out, const json_t *r)
{
    const json_t *won = json_object_get(r, "won");
    const char *name, *label = "won";
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)won, name, v)
    {
        if (!json_is_object(v)) continue;
        str text = {0};
        if (json_object_get(v, "low"))
            str_fmt(&text, ", 95 %% between %+.4g and %+.4g", result_num(v, "low"), result_num(v, "high"));
        output_row(out, label, "%s %+.4g against run 0 on %lld further seeds%s", name,
                   result_num(v, "difference"), (long long)result_int(v, "seeds"), str_c(&text));
        label = "";
        str_free(&text);
    }
}

static void add_next(str *out, const json_t *r)
{
    const json_t *hints = json_object_get(r, "hints");
    str text = {0};
    add_values(&text, json_object_get(r, "next"));
    if (text.n) output_row(out, "try next", "%s", str_c(&text));
    if (text.n) output_row(out, "", "which the same command does with --add_runs 1, or more");
    str_free(&text);
    for (size_t i = 0; i < json_array_size(hints); i++)
        output_row(out, i ? "" : "hint", "%s", json_string_value(json_array_get(hints, i)));
}

static void add_result(str *out, const json_t *r)
{
    const json_t *spent = json_object_get(r, "spent");
    str n = {0}, states = {0};
    add_values(&states, json_object_get(r, "states"));
    output_row(out, "out", "%s", result_text(r, "out"));
    output_row(out, "runs", "%lld: %s", (long long)result_int(spent, "runs"), str_c(&states));
    output_count(&n, (int64_t)result_num(spent, "tokens"));
    output_row(out, "trained", "%s tokens", str_c(&n));
    if (json_is_integer(json_object_get(r, "best"))) add_run(out, "best", r, result_int(r, "best"));
    if (json_object_get(r, "winner")) add_run(out, "winner", r, result_int(r, "winner"));
    add_judges(out, r);
    if (json_array_size(json_object_get(r, "runs"))) add_run(out, "default", r, 0);
    add_front(out, r);
    add_won(out, r);
    add_importance(out, r);
    add_next(out, r);
    if (json_object_get(r, "report")) output_row(out, "report", "%s", result_text(r, "report"));
    str_free(&n);
    str_free(&states);
}

int cli_tune(const options *o, err *e)
{
    json_t *r = NULL;
    job_hooks h = progress_hooks();
    signals_begin();
    int code = job_tune(o, &h, &r, e);
    progress_end();
    if (code != OK) return code;
    str out = {0};
    if (!o->json) add_result(&out, r);
    code = o->json ? output_json(r, e) : output_put(&out, e);
    str_free(&out);
    json_decref(r);
    return code;
}
