/* tune_final.c -- the judging at the end: see tune.h.
 *
 * The best runs of the search have the lowest loss of many that were tried, and so look better than they
 * are. They are judged again: on the task's own metric (texts generated for the held-out prompts), which
 * names the winner, and then the winner and the first run, where the options stood, are trained again on
 * seeds that the search has not seen, both with the same rows in the same order for each. The differences
 * on those seeds say what the search has won. All of that on held-out rows that no run of the search was judged
 * on (--judge_split), as long as there are enough. */
#include "lib/tune.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

typedef struct finalists {
    int64_t run[16]; /* the best first, then run 0 where it is not among them */
    int n, best;     /* best: how many of them are */
} finalists;

static int find_finalists(tune *t, finalists *f, err *e)
{
    history h;
    *f = (finalists){0};
    int bad = study_history(t->study, &t->rules, &h, e);
    if (bad) return bad;
    int64_t *order = xmalloc((size_t)(h.n + 1) * sizeof *order), n = history_order(&h, order);
    bool first = false;
    for (int64_t i = 0; i < n && f->n < t->o->final_runs; i++) {
        if (h.run[order[i]].state != RUN_DONE) continue;
        first = first || order[i] == 0;
        f->run[f->n++] = order[i];
    }
    f->best = f->n;
    if (f->n && !first && h.run[0].state == RUN_DONE) f->run[f->n++] = 0;
    free(order);
    history_release(&h);
    return OK;
}

static int options_of(tune *t, int64_t number, point *at, err *e)
{
    history h;
    int bad = study_history(t->study, &t->rules, &h, e);
    if (bad) return bad;
    *at = h.run[number].at;
    history_release(&h);
    return OK;
}

/* Does `work` unless it is done or another process is at it. */
typedef int final_work(tune *t, int64_t number, int64_t seed, json_t *metrics, err *e);

static int judge(tune *t, int64_t number, const char *kind, int64_t seed, final_work *work, move *left,
                 err *e)
{
    move what = MOVE_NOTHING;
    err ignored = {0};
    int bad = study_claim_final(t->study, number, kind, seed, &what, e);
    if (what == MOVE_WAIT) *left = MOVE_WAIT;
    if (bad || what != MOVE_BEGIN) return bad;
    json_t *metrics = json_object();
    bad = work(t, number, seed, metrics, e);
    if (!bad) bad = study_report_final(t->study, number, kind, seed, metrics, e);
    if (bad) study_drop_final(t->study, number, kind, seed, &ignored);
    json_decref(metrics);
    return bad;
}

static int write_texts(tune *t, int64_t number, int64_t seed, json_t *metrics, err *e)
{
    (void)seed;
    point at;
    options o;
    int bad = options_of(t, number, &at, e);
    if (bad) return bad;
    char *folder = tune_rung_folder(t, number, t->rules.rungs - 1);
    bad = tune_options(&o, &t->base, &t->space, &at, e);
    tune_judge_apart(t, &o);
    job_note(t->h, "run %lld: generating texts for the held-out prompts", (long long)number);
    if (!bad) bad = tune_texts(t, &o, folder, metrics, e);
    options_release(&o);
    free(folder);
    return bad;
}

static int train_again(tune *t, int64_t number, int64_t seed, json_t *metrics, err *e)
{
    point at;
    options o;
    tune_verdict v = {0};
    char part[32];
    int bad = options_of(t, number, &at, e);
    if (bad) return bad;
    snprintf(part, sizeof part, "seed-%lld", (long long)seed);
    char *folder = tune_folder(t, number, part);
    bad = tune_whole(&o, t, &at, t->rules.rungs - 1, seed, folder, e);
    trial_go_on(&o);
    tune_judge_apart(t, &o);
    if (!bad) bad = tune_trial(t, &o, PART_JUDGED, NULL, &v, e);
    if (!bad && v.metrics) json_object_update(metrics, v.metrics);
    if (!bad && v.state != RUN_DONE) json_object_set_new(metrics, "why", json_string(str_c(&v.why)));
    if (!bad && v.state == RUN_DONE && t->texts) bad = tune_texts(t, &o, folder, metrics, e);
    if (!bad)
        job_note(t->h, "run %lld, seed %lld: eval_loss %.6g", (long long)number, (long long)seed,
                 json_number_value(json_object_get(metrics, "eval_loss")));
    options_release(&o);
    json_decref(v.metrics);
    str_free(&v.why);
    free(folder);
    return bad;
}

/* The one of the best with the best judgement; the first where texts were not judged. -1: not known yet. */
static int64_t winner(tune *t, const finalists *f, err *e)
{
    objective by;
    if (!f->n || !t->texts || tune_objective(&by, t->o->judge, e)) return f->n ? f->run[0] : -1;
    int64_t best = -1;
    double most = 0;
    for (int i = 0; i < f->best; i++) {
        json_t *m = study_final(t->study, f->run[i], "texts", 0, e), *v = json_object_get(m, by.name);
        double x = json_number_value(v) * (by.larger ? 1 : -1);
        bool known = m != NULL, better = known && (best < 0 || x > most);
        json_decref(m);
        if (!known) return -1;
        if (better) best = f->run[i], most = x;
    }
    return best;
}

int tune_finish(tune *t, move *left, err *e)
{
    finalists f;
    *left = MOVE_NOTHING;
    int bad = find_finalists(t, &f, e);
    for (int i = 0; i < f.n && t->texts && !bad; i++)
        bad = judge(t, f.run[i], "texts", 0, write_texts, left, e);
    int64_t best = bad || *left == MOVE_WAIT ? -1 : winner(t, &f, e);
    if (best < 0 || bad) return bad ? bad : e->code;
    bad = study_set(t->study, "winner", (double)best + 1, e);
    bool pair = best != 0 && f.run[f.n - 1] == 0;
    for (int i = 0; i < f.n; i++) pair = pair || (best != 0 && f.run[i] == 0);
    for (int64_t k = 1; k <= t->o->final_seeds && pair && !bad; k++) {
        bad = judge(t, best, "seed", t->o->seed + k, train_again, left, e);
        if (!bad) bad = judge(t, 0, "seed", t->o->seed + k, train_again, left, e);
    }
    return bad;
}

/* ------------------------------------------------------------------------------- best.yaml */

/* What a user would not put into a recipe: where it lies, and how often this study saved and looked. */
static bool is_own_business(const char *name)
{
    static const char *const ours[] = {"output_dir", "eval_strategy", "save_steps", "save_total_limit",
                                       "memory_limit", "threads"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (!strcmp(ours[i], name)) return true;
    return false;
}

/* JSON is YAML. */
static void add_recipe(const options *o, str *out)
{
    json_t *all = options_json(o), *v;
    const char *name;
    json_object_foreach(all, name, v)
    {
        const option_row *r = option_find(COMMAND_TRAIN, name);
        if (o->origin[r - option_table] == FROM_DEFAULT || is_own_business(name)) continue;
        char *text = json_dumps(json_object_get(v, "value"), JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
        if (text) str_fmt(out, "%s: %s\n", name, text);
        free(text);
    }
    json_decref(all);
}

static int write_best(tune *t, int64_t number, err *e)
{
    str path = {0}, text = {0};
    point at;
    options o;
    int bad = options_of(t, number, &at, e);
    if (bad) return bad;
    bad = tune_whole(&o, t, &at, t->rules.rungs - 1, t->o->seed, t->o->out, e);
    str_fmt(&text, "# run %lld of this study; lorac train --config best.yaml --out FOLDER repeats it\n",
            (long long)number);
    if (!bad) add_recipe(&o, &text);
    str_fmt(&path, "%s/best.yaml", t->o->out);
    if (!bad) bad = file_write(path.p, text.p, text.n, e);
    options_release(&o);
    str_free(&path);
    str_free(&text);
    return bad;
}

int tune_write(tune *t, const json_t *result, err *e)
{
    const json_t *number = json_object_get(result, "winner");
    if (!number) number = json_object_get(result, "best");
    str path = {0};
    str_fmt(&path, "%s/study.json", t->o->out);
    int bad = json_save(result, path.p, 1, false, e);
    str_free(&path);
    return bad || !json_is_integer(number) ? bad : write_best(t, json_integer_value(number), e);
}
