/* study.c -- a study of lorac tune as runs of the page: every run that was judged, as it was at its last
 * rung. */
#include "lib/report/impl.h"

#include "base/file.h"
#include "lib/report/gathering.h"
#include "lib/tune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool report_is_study(const char *folder)
{
    str path = {0};
    str_fmt(&path, "%s/study.db", folder);
    bool is = file_exists(path.p);
    str_free(&path);
    return is;
}

/* Where the run's last training lies: a branch of its last rung, or without halving the run itself. */
static void folder_of(str *out, const char *folder, long long number, int64_t rung)
{
    str_clear(out);
    str_fmt(out, "%s/runs/%lld/rung-%lld", folder, number, (long long)rung + 1);
    if (file_is_dir(out->p)) return;
    str_clear(out);
    str_fmt(out, "%s/runs/%lld/run", folder, number);
}

static const char *group_of(const json_t *told, long long number)
{
    const json_t *winner = json_object_get(told, "winner"), *best = json_object_get(told, "best");
    if (!winner) winner = best;
    if (json_is_integer(winner) && json_integer_value(winner) == number) return "winner";
    return number ? "others" : "default";
}

static int add_run(gathering *g, const char *folder, const json_t *told, const json_t *one, err *e)
{
    static const char *const keys[] = {"seconds", "tokens", "tokens_per_second", "memory",
                                       "trainable_parameters"};
    const json_t *rungs = json_object_get(one, "rungs");
    size_t n = json_array_size(rungs);
    long long number = json_integer_value(json_object_get(one, "run"));
    if (!n) return OK;
    const json_t *last = json_array_get(rungs, n - 1);
    json_t *r = json_pack("{s:o, s:s, s:O}", "name", json_sprintf("run %lld", number), "group",
                          group_of(told, number), "options", json_object_get(one, "options"));
    str path = {0};
    json_object_set_new(r, "loss", json_real(report_num(last, "eval_loss")));
    json_object_set_new(r, "token_accuracy", json_real(report_num(last, "eval_token_accuracy")));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_object_get(last, keys[i])) json_object_set(r, keys[i], json_object_get(last, keys[i]));
    folder_of(&path, folder, number, (int64_t)n - 1);
    int bad = gathering_log(r, path.p, e);
    if (!bad) bad = gathering_command(r, path.p, e);
    gathering_group(g, group_of(told, number));
    json_array_append_new(g->runs, r);
    str_free(&path);
    return bad;
}

static void say(json_t *lines, const json_t *told)
{
    const json_t *won = json_object_get(json_object_get(told, "won"), "eval_loss"),
                 *hints = json_object_get(told, "hints"), *spent = json_object_get(told, "spent");
    json_array_append_new(lines, json_sprintf("A study of %.0f runs, %.0f tokens trained on, by %s with %s.",
                                              report_num(spent, "runs"), report_num(spent, "tokens"),
                                              report_text(told, "strategy"),
                                              report_text(told, "early_stopping")));
    if (won && isfinite(report_num(won, "low")))
        json_array_append_new(
            lines,
            json_sprintf("On %.0f seeds%s the search has not seen, the winner's held-out loss is "
                         "that of the default %+.4f (95 %%: %+.4f to %+.4f).",
                         report_num(won, "seeds"),
                         report_num(json_object_get(told, "held_out"), "share") > 0 ? " and rows" : "",
                         report_num(won, "difference"), report_num(won, "low"), report_num(won, "high")));
    else
        json_array_append_new(lines, json_string("The winner was not trained again on further seeds: how "
                                                 "much "
                                                 "of its loss is luck is not known."));
    for (size_t i = 0; i < json_array_size(hints); i++)
        json_array_append(lines, json_array_get(hints, i));
}

int report_add_study(gathering *g, const char *folder, err *e)
{
    json_t *told;
    int bad = tune_show(folder, &told, e);
    if (bad) return bad;
    const json_t *runs = json_object_get(told, "runs");
    json_t *lines = json_array();
    static const char *const groups[] = {"winner", "default", "others"}; /* and their colours */
    for (size_t i = 0; i < 3; i++) gathering_group(g, groups[i]);
    for (size_t i = 0; i < json_array_size(runs) && !bad; i++)
        bad = add_run(g, folder, told, json_array_get(runs, i), e);
    say(lines, told);
    json_object_set_new(told, "lines", lines);
    json_object_set_new(g->page, "study", told);
    return bad;
}
