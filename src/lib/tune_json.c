/* tune_json.c -- a study as JSON, for --json, `lorac tune show` and the report page: see tune.h.
 *
 * {"out", "objectives": [{"name", "larger"}], "strategy", "early_stopping", "rungs": [rows], "spent":
 * {"runs", "seconds", "tokens"}, "states": {state: count}, "best": run, "winner": run, "default": 0,
 * "held_out": {"share", "guiding": rows, "judging": rows}, "front": [run], "importance": {name: share},
 * "next": {name: value}, "hints": [line], "judged": [...], "won": {...}, "runs": [{"run", "state", "rung",
 * "options", "why", "rungs": [{"rung", metric: value}]}]} */
#include "lib/tune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void set(json_t *o, const char *key, double x)
{
    json_object_set_new(o, key, isfinite(x) ? json_real(x) : json_null());
}

static void add_plan(const tune *t, json_t *out)
{
    json_t *objectives = json_array(), *rungs = json_array();
    for (int i = 0; i < t->rules.objectives; i++)
        json_array_append_new(objectives, json_pack("{s:s, s:b}", "name", t->objective[i].name, "larger",
                                                    t->objective[i].larger));
    for (int k = 0; k < t->rules.rungs; k++) json_array_append_new(rungs, json_real(t->rows[k]));
    json_object_set_new(out, "objectives", objectives);
    json_object_set_new(out, "strategy", json_string(strategy_name(t->how.how)));
    json_object_set_new(out, "early_stopping", json_string(early_name(t->how.stop)));
    json_object_set_new(out, "rung_rows", rungs);
    json_t *held_out = json_object_get(study_facts(t->study), "judge_split");
    if (held_out) json_object_set(out, "held_out", held_out);
}

static int add_spent(const tune *t, json_t *out, err *e)
{
    study_spent spent;
    int bad = study_spent_so_far(t->study, &spent, e);
    if (!bad)
        json_object_set_new(out, "spent", json_pack("{s:I, s:f, s:f}", "runs", (json_int_t)spent.runs,
                                                    "seconds", spent.seconds, "tokens", spent.tokens));
    return bad;
}

static void add_states(const history *h, json_t *out)
{
    int64_t count[RUN_STATES] = {0};
    json_t *states = json_object();
    for (int64_t i = 0; i < h->n; i++) count[h->run[i].state]++;
    for (int s = 0; s < RUN_STATES; s++)
        if (count[s]) json_object_set_new(states, run_state_name((run_state)s),
                                          json_integer((json_int_t)count[s]));
    json_object_set_new(out, "states", states);
}

static void add_importance(const tune *t, const history *h, json_t *out)
{
    double share[SPACE_MAX];
    json_t *all = json_object();
    history_importance(h, share);
    for (int i = 0; i < t->space.n; i++)
        if (space_levels(&t->space.param[i]) != 1) set(all, t->space.param[i].name, share[i]);
    json_object_set_new(out, "importance", all);
}

/* Whether the option takes nothing beyond the end of what was searched: a dropout below 0. */
static bool is_limit(const space_param *p, bool upper)
{
    const option_row *r = option_find(COMMAND_TRAIN, p->name);
    double end = p->kind != PARAM_CHOICE ? (upper ? p->high : p->low)
                                         : strtod(p->choice[upper ? p->choices - 1 : 0], NULL);
    return r && r->low < r->high && (upper ? end >= r->high : end <= r->low);
}

/* A best value at the end of its range: what lies beyond may be better, where the option has something there. */
static void add_hints(const tune *t, const history *h, int64_t best, json_t *out)
{
    json_t *hints = json_array();
    for (int i = 0; i < t->space.n && best >= 0; i++) {
        const space_param *p = &t->space.param[i];
        double v = h->run[best].at.v[i];
        bool number = p->kind != PARAM_CHOICE || p->ordered;
        if (isnan(v) || !number || (p->kind == PARAM_CHOICE && p->choices < 3)) continue;
        double place = space_place(p, v), edge = p->kind == PARAM_CHOICE ? 0.5 / p->choices + 1e-9 : 0.05;
        if (place > edge && place < 1 - edge) continue;
        if (is_limit(p, place > edge)) continue;
        str text = {0};
        space_text(&t->space, &h->run[best].at, i, &text);
        bool low = place <= edge;
        json_array_append_new(
            hints, json_sprintf("%s: the best run has %s, at the %s end of what was searched; "
                                "try %s values",
                                p->name, str_c(&text), low ? "lower" : "upper", low ? "lower" : "higher"));
        str_free(&text);
    }
    json_object_set_new(out, "hints", hints);
}

static void add_next(const tune *t, const history *h, json_t *out)
{
    point next;
    if (propose(t->how.how, h, t->how.seed, &next) == PROPOSAL_POINT)
        json_object_set_new(out, "next", space_json(&t->space, &next));
}

static int add_history(const tune *t, json_t *out, err *e)
{
    history h;
    int bad = study_history(t->study, &t->rules, &h, e);
    if (bad) return bad;
    int64_t *front = xmalloc((size_t)(h.n + 1) * sizeof *front), n = history_front(&h, front);
    int64_t best = history_best(&h);
    json_t *list = json_array();
    for (int64_t i = 0; i < n; i++) json_array_append_new(list, json_integer((json_int_t)front[i]));
    json_object_set_new(out, "best", best < 0 ? json_null() : json_integer((json_int_t)best));
    json_object_set_new(out, "front", list);
    add_states(&h, out);
    add_importance(t, &h, out);
    add_hints(t, &h, best, out);
    add_next(t, &h, out);
    free(front);
    history_release(&h);
    return OK;
}

/* ----------------------------------------------------------------------------- the judging */

/* The 97.5 % point of Student's distribution for 1, 2, ... degrees of freedom. */
static double student(int64_t freedom)
{
    static const double t[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                               2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086};
    int64_t most = sizeof t / sizeof *t;
    double n = (double)freedom; /* Cornish and Fisher's expansion about the normal point: 2.079 for 21 */
    return freedom > most ? 1.96 + 2.372 / n + 2.823 / (n * n) : t[freedom - 1];
}

/* What the search won in a metric, over seeds it has not seen: winner minus default, seed by seed. */
static json_t *won_in(const json_t *pairs, const char *name)
{
    double sum = 0, square = 0;
    int64_t n = 0;
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *pair = json_array_get(pairs, i);
        const json_t *a = json_object_get(json_object_get(pair, "winner"), name),
                     *b = json_object_get(json_object_get(pair, "default"), name);
        if (!json_is_number(a) || !json_is_number(b)) continue;
        double d = json_number_value(a) - json_number_value(b);
        sum += d, square += d * d, n++;
    }
    if (!n) return NULL;
    double mean = sum / (double)n;
    json_t *out = json_pack("{s:I, s:f}", "seeds", (json_int_t)n, "difference", mean);
    if (n < 2) return out;
    double spread = sqrt(fmax(0, square - (double)n * mean * mean) / (double)(n - 1));
    set(out, "deviation", spread);
    set(out, "low", mean - student(n - 1) * spread / sqrt((double)n));
    set(out, "high", mean + student(n - 1) * spread / sqrt((double)n));
    return out;
}

static int add_won(const tune *t, int64_t winner, json_t *out, err *e)
{
    static const char *const names[] = {"eval_loss", "eval_token_accuracy", "eval_accuracy", "eval_f1",
                                        "eval_entity_f1", "chrf", "bleu", "rougeL", "coverage", "seconds"};
    json_t *pairs = json_array(), *won = json_object();
    for (int64_t k = 1; k <= 64; k++) {
        int64_t seed = (int64_t)t->how.seed + k;
        json_t *a = study_final(t->study, winner, "seed", seed, e),
            *b = study_final(t->study, 0, "seed", seed, e);
        if (a && b)
            json_array_append_new(pairs, json_pack("{s:I, s:O, s:O}", "seed", (json_int_t)seed, "winner", a,
                                                   "default", b));
        json_decref(a);
        json_decref(b);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *one = won_in(pairs, names[i]);
        if (one) json_object_set_new(won, names[i], one);
    }
    json_object_set_new(won, "pairs", pairs);
    json_object_set_new(out, "won", won);
    return e->code;
}

static int add_judged(const tune *t, json_t *out, err *e)
{
    json_t *judged = json_array();
    double winner = 0;
    size_t n = json_array_size(json_object_get(out, "runs"));
    int bad = study_get(t->study, "winner", &winner, e);
    for (size_t i = 0; i < n && !bad; i++) {
        json_t *m = study_final(t->study, (int64_t)i, "texts", 0, e);
        if (m) json_array_append_new(judged, json_pack("{s:I, s:o}", "run", (json_int_t)i, "metrics", m));
        bad = e->code;
    }
    json_object_set_new(out, "judged", judged);
    if (bad || winner < 1) return bad;
    json_object_set_new(out, "winner", json_integer((json_int_t)winner - 1));
    return add_won(t, (int64_t)winner - 1, out, e);
}

int tune_json(tune *t, json_t **out, err *e)
{
    json_t *all = json_object(), *runs = NULL;
    json_object_set_new(all, "out", json_string(t->o->out));
    add_plan(t, all);
    int bad = add_spent(t, all, e);
    if (!bad) bad = add_history(t, all, e);
    if (!bad) bad = study_runs_json(t->study, &runs, e);
    if (runs) json_object_set_new(all, "runs", runs);
    if (!bad) bad = add_judged(t, all, e);
    if (!bad) return *out = all, OK;
    json_decref(all);
    return bad;
}

/* --------------------------------------------------------------------- without the model */

static int restore(tune *t, err *e)
{
    const json_t *facts = study_facts(t->study), *objectives = json_object_get(facts, "objectives"),
                 *rungs = json_object_get(facts, "rung_rows"), *v;
    const char *how = json_string_value(json_object_get(facts, "strategy")),
               *stop = json_string_value(json_object_get(facts, "early_stopping"));
    t->how = (search){.how = how ? strategy_find(how) : STRATEGY_COUNT,
                      .stop = stop ? early_find(stop) : EARLY_COUNT,
                      .eta = (int)json_integer_value(json_object_get(facts, "eta")),
                      .seed = (uint64_t)json_integer_value(json_object_get(facts, "seed"))};
    t->rules = (study_rules){.s = &t->space, .how = &t->how, .objective = t->objective};
    size_t i;
    int bad = space_read(&t->space, json_object_get(facts, "space"), json_object_get(facts, "start"), e);
    bool fits = t->how.how < STRATEGY_COUNT && t->how.stop < EARLY_COUNT &&
        json_array_size(rungs) <= RUNGS_MAX &&
                json_array_size(objectives) <= OBJECTIVES_MAX && t->how.eta >= 2;
    if (bad || !fits) return bad ? bad : fail(e, E_FORMAT, "%s: its facts are damaged", t->o->out);
    json_array_foreach(objectives, i, v)
    {
        const char *name = json_string_value(v);
        if (!bad) bad = tune_objective(&t->objective[i], name ? name : "", e);
    }
    json_array_foreach(rungs, i, v) { t->rows[i] = json_number_value(v); }
    t->rules.objectives = (int)json_array_size(objectives);
    t->rules.rungs = (int)json_array_size(rungs);
    return bad;
}

int tune_show(const char *folder, json_t **out, err *e)
{
    options o = {.out = folder};
    tune t = {.o = &o};
    int bad = study_open(&t.study, folder, STUDY_LOOK, NULL, e);
    if (!bad) bad = restore(&t, e);
    if (!bad) bad = tune_json(&t, out, e);
    space_release(&t.space);
    study_close(t.study);
    return bad;
}
