/* tune_run.c -- one run to its next rung: see tune.h. */
#include "lib/tune.h"

#include "base/file.h"
#include "train/snapshot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

char *tune_folder(const tune *t, int64_t number, const char *part)
{
    str s = {0};
    str_fmt(&s, "%s/runs/%lld/%s", t->o->out, (long long)number, part);
    return s.p;
}

char *tune_rung_folder(const tune *t, int64_t number, int rung)
{
    char part[24] = "run";
    if (t->how.stop == EARLY_HALVING) snprintf(part, sizeof part, "rung-%d", rung + 1);
    return tune_folder(t, number, part);
}

static void drop_verdict(tune_verdict *v)
{
    json_decref(v->metrics);
    str_free(&v->why);
    *v = (tune_verdict){0};
}

/* ------------------------------------------------------------------- halving: trunk, branch */

static bool holds_checkpoint(const char *folder, int64_t at_step)
{
    str path = {0};
    str_fmt(&path, "%s/checkpoint-%lld", folder, (long long)at_step);
    bool there = file_is_dir(path.p);
    str_free(&path);
    return there;
}

/* From the folder's newest checkpoint, else from `otherwise`, else from the start. newest: on the heap. */
static void go_on_from(options *o, char **newest, const char *otherwise)
{
    *newest = snapshot_newest(o->out);
    o->resume = *newest ? *newest : otherwise;
    o->overwrite = !o->resume;
}

static int set_steps(options *o, int64_t steps, err *e)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)steps);
    return options_set(o, "max_steps", text, FROM_FILE, e);
}

/* Brings the trunk to `steps`. */
static int train_trunk(tune *t, const study_task *task, int64_t steps, tune_verdict *v, err *e)
{
    char *folder = tune_folder(t, task->run, "trunk"), *newest = NULL;
    options o;
    *v = (tune_verdict){.state = RUN_DONE};
    int bad = tune_whole(&o, t, &task->at, task->rung, t->o->seed, folder, e);
    if (!bad && !holds_checkpoint(folder, steps)) {
        o.scheduler = "constant_with_warmup";
        o.scheduler_kwargs = (option_map){0};
        bad = set_steps(&o, steps, e);
        go_on_from(&o, &newest, NULL);
        if (!bad) bad = tune_trial(t, &o, PART_TRUNK, NULL, v, e);
    }
    options_release(&o);
    free(newest);
    free(folder);
    return bad;
}

/* A branch from the trunk's checkpoint, or from its own where it was broken off. */
static int train_branch(tune *t, const study_task *task, const rung_shape *s, tune_verdict *v, err *e)
{
    char *folder = tune_rung_folder(t, task->run, task->rung), *trunk = tune_folder(t, task->run, "trunk"),
        *newest;
    options o;
    str from = {0};
    int bad = tune_whole(&o, t, &task->at, task->rung, t->o->seed, folder, e);
    str_fmt(&from, "%s/checkpoint-%lld", trunk, (long long)s->trunk);
    *v = (tune_verdict){.state = RUN_DONE};
    go_on_from(&o, &newest, from.p);
    if (!bad) bad = tune_trial(t, &o, PART_JUDGED, NULL, v, e);
    options_release(&o);
    free(newest);
    str_free(&from);
    free(trunk);
    free(folder);
    return bad;
}

/* Checkpoints inside a finished branch, the branches before it, and of a run that is over its trunk. */
static int tidy(tune *t, const study_task *task, run_state state, err *e)
{
    char *branch = tune_rung_folder(t, task->run, task->rung), *newest;
    int bad = OK;
    while (!bad && (newest = snapshot_newest(branch)) != NULL) {
        bad = file_remove_tree(newest, e);
        free(newest);
    }
    free(branch);
    for (int k = 0; k < task->rung && !bad && t->how.stop == EARLY_HALVING; k++) {
        char *old = tune_rung_folder(t, task->run, k);
        if (file_is_dir(old)) bad = file_remove_tree(old, e);
        free(old);
    }
    char *trunk = tune_folder(t, task->run, "trunk");
    if (!bad && state != RUN_PAUSED && file_is_dir(trunk)) bad = file_remove_tree(trunk, e);
    free(trunk);
    return bad;
}

static double number(const json_t *o, const char *key) { return json_number_value(json_object_get(o, key)); }

/* "tokens" is what was trained now: the trunk since the last rung, and the branch, a fifth of the whole. */
static int count_tokens(tune *t, const study_task *task, json_t *metrics, err *e)
{
    json_t *before = task->rung > 0 ? study_metrics(t->study, task->run, task->rung - 1, e) : NULL;
    double whole = number(metrics, "trained_tokens"), trunk = 0.8 * number(before, "trained_tokens");
    json_object_set_new(metrics, "tokens", json_real(floor(whole - trunk + 0.5)));
    json_decref(before);
    return e->code;
}

static bool wants_texts(const tune *t)
{
    for (int i = 0; i < t->rules.objectives; i++)
        if (tune_is_text_metric(t->objective[i].name)) return true;
    return false;
}

static int train_to_rung(tune *t, const study_task *task, tune_verdict *v, err *e)
{
    options whole;
    *v = (tune_verdict){.state = RUN_DONE};
    err inner = {0};
    int bad = tune_options(&whole, &t->base, &t->space, &task->at, &inner);
    if (bad) {
        options_release(&whole);
        return tune_refuse(v, bad, &inner, e);
    }
    rung_shape s = tune_shape(t, &whole, task->rung);
    bad = train_trunk(t, task, s.trunk, v, e);
    if (!bad && v->state == RUN_DONE) {
        drop_verdict(v);
        bad = train_branch(t, task, &s, v, e);
    }
    if (!bad && v->metrics) bad = count_tokens(t, task, v->metrics, e);
    if (!bad && v->state == RUN_DONE && task->rung < t->rules.rungs - 1) v->state = RUN_PAUSED;
    if (!bad && v->metrics && wants_texts(t) && v->state != RUN_DIVERGED) {
        char *folder = tune_rung_folder(t, task->run, task->rung);
        bad = tune_texts(t, &whole, folder, v->metrics, e);
        free(folder);
    }
    options_release(&whole);
    return bad;
}

/* ------------------------------------------------------------------------ without halving */

/* What an evaluation on the way says, by the names of objectives. */
static json_t *metrics_of(const evaluation *v)
{
    const class_scores *s = &v->scores;
    json_t *out = json_pack("{s:f}", "eval_loss", v->loss);
    if (!s->n) json_object_set_new(out, "eval_token_accuracy", json_real(v->token_accuracy));
    if (s->n && isfinite(s->accuracy)) json_object_set_new(out, "eval_accuracy", json_real(s->accuracy));
    if (s->n && isfinite(s->macro_f1)) json_object_set_new(out, "eval_f1", json_real(s->macro_f1));
    if (s->entities) json_object_set_new(out, "eval_entity_f1", json_real(s->entity_f1));
    return out;
}

typedef struct median {
    tune *t;
    const study_task *task;
    int64_t at[RUNGS_MAX]; /* steps */
    int rung;              /* the one that comes next */
    bool stops;
    err e;
} median;

/* A report on the way, and whether it is worse than most had there. */
static int on_evaluated(void *arg, int64_t at_step, const evaluation *v)
{
    median *m = arg;
    tune *t = m->t;
    int last = t->rules.rungs - 1, bad = OK;
    if (m->rung >= last || at_step != m->at[m->rung]) return 0;
    json_t *metrics = metrics_of(v);
    for (; m->rung < last && at_step == m->at[m->rung] && !bad; m->rung++) /* few steps: one is several */
        bad = study_report(t->study, m->task->run, m->rung, metrics, RUN_BUSY, NULL, &m->e);
    json_decref(metrics);
    history h = {0};
    if (!bad) bad = study_history(t->study, &t->rules, &h, &m->e);
    m->stops = !bad && median_stops(&h, &h.run[m->task->run], m->rung - 1);
    history_release(&h);
    return bad || m->stops;
}

static int train_whole(tune *t, const study_task *task, tune_verdict *v, err *e)
{
    char *folder = tune_rung_folder(t, task->run, 0), *newest = NULL;
    median m = {.t = t, .task = task, .rung = task->rung};
    trial_watch watch = {m.at, t->rules.rungs - 1, on_evaluated, &m};
    options o;
    err inner = {0};
    int bad = tune_whole(&o, t, &task->at, 0, t->o->seed, folder, &inner);
    *v = (tune_verdict){.state = RUN_DONE};
    int64_t rungs = t->rules.rungs; /* rounded up: nothing is judged before the first step */
    for (int64_t k = 0; k < rungs; k++) m.at[k] = (o.max_steps * (k + 1) + rungs - 1) / rungs;
    go_on_from(&o, &newest, NULL);
    if (bad)
        bad = tune_refuse(v, bad, &inner, e);
    else
        bad = tune_trial(t, &o, PART_JUDGED, &watch, v, e);
    if (m.e.code && m.e.code != E_STOPPED) *e = m.e, bad = m.e.code;
    if (bad == E_STOPPED && m.stops) {
        *e = (err){0};
        bad = OK, v->state = RUN_STOPPED;
        str_fmt(&v->why, "worse than the median at rung %d of %d", m.rung, t->rules.rungs);
    }
    if (!bad && v->metrics)
        json_object_set(v->metrics, "tokens", json_object_get(v->metrics, "trained_tokens"));
    if (!bad && v->state == RUN_DONE && wants_texts(t)) bad = tune_texts(t, &o, folder, v->metrics, e);
    options_release(&o);
    free(newest);
    free(folder);
    return bad;
}

/* -------------------------------------------------------------------------------- a task */

static void tell(tune *t, const study_task *task, const tune_verdict *v)
{
    str line = {0};
    str_fmt(&line, "run %lld", (long long)task->run);
    if (t->rules.rungs > 1) str_fmt(&line, ", rung %d of %d", task->rung + 1, t->rules.rungs);
    for (int i = 0; i < t->rules.objectives && v->metrics; i++) {
        const json_t *x = json_object_get(v->metrics, t->objective[i].name);
        if (x) str_fmt(&line, "  %s %.6g", t->objective[i].name, json_number_value(x));
    }
    if (v->why.n) str_fmt(&line, "  %s: %s", run_state_name(v->state), v->why.p);
    json_t *at = space_json(&t->space, &task->at);
    char *values = json_dumps(at, JSON_COMPACT | JSON_REAL_PRECISION(4));
    str_fmt(&line, "  %s", values);
    tune_note(t, line.p);
    free(values);
    json_decref(at);
    str_free(&line);
}

static int report(tune *t, const study_task *task, const tune_verdict *v, err *e)
{
    pthread_mutex_lock(&t->lock);
    t->refused = v->state == RUN_REFUSED ? t->refused + 1 : 0;
    pthread_mutex_unlock(&t->lock);
    bool judged = v->metrics && json_object_get(v->metrics, "eval_loss") && v->state != RUN_STOPPED;
    int rung = t->how.stop == EARLY_MEDIAN ? t->rules.rungs - 1 : task->rung;
    if (judged) return study_report(t->study, task->run, rung, v->metrics, v->state, v->why.p, e);
    return study_end(t->study, task->run, v->state, number(v->metrics, "tokens"), v->why.p, e);
}

int tune_train(tune *t, const study_task *task, err *e)
{
    tune_verdict v;
    int bad = t->how.stop == EARLY_HALVING ? train_to_rung(t, task, &v, e) : train_whole(t, task, &v, e);
    if (!bad) tell(t, task, &v);
    if (!bad) bad = report(t, task, &v, e);
    if (bad) { /* also after a failure: others of this process, which lives on, would wait for it for ever */
        err ignored = {0};
        study_end(t->study, task->run, RUN_PAUSED, 0, NULL, &ignored);
    }
    if (!bad) bad = tidy(t, task, v.state, e);
    drop_verdict(&v);
    return bad;
}

