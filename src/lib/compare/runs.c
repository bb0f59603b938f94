/* runs.c -- the trainings of a comparison, each with its losses row by row and its texts. What is done is
 * left. */
#include "lib/compare/compare.h"

#include "base/file.h"
#include "lib/job_score.h"
#include "train/snapshot.h"

#include <math.h>
#include <string.h>

enum { CURVE_POINTS = 4, LOG_LINES = 20, PACE_STEPS = 3, TEXTS = 24 };

static void add_verdicts(json_t *out, const trial_judged *j)
{
    bool one = true;
    for (int64_t i = 0; i < j->n; i++) one = one && j->class[i].truth >= 0;
    json_t *a = json_array(), *b = json_array();
    double sum = 0;
    for (int64_t i = 0; i < j->n; i++) {
        const evaluator_verdict *v = &j->class[i];
        json_array_append_new(a, one ? json_integer(v->truth) : json_integer((json_int_t)v->f1));
        json_array_append_new(b, one ? json_integer(v->said) : json_integer((json_int_t)v->f1_of));
        sum += v->f1_of;
    }
    if (one || sum > 0) {
        json_object_set(out, one ? "truth" : "f1", a);
        json_object_set(out, one ? "said" : "f1_of", b);
    }
    json_decref(a);
    json_decref(b);
}

int compare_save_rows(const trial_judged *j, const job_rows *rows, const char *path, err *e)
{
    json_t *row = json_array(), *labels = json_array(), *loss = json_array(), *hits = json_array();
    for (int64_t i = 0; i < j->n; i++) {
        json_array_append_new(row, json_integer((json_int_t)rows->set.line[i]));
        json_array_append_new(labels, json_integer((json_int_t)j->labels[i]));
        json_array_append_new(loss, json_real(j->loss[i]));
        json_array_append_new(hits, json_integer((json_int_t)j->hits[i]));
    }
    json_t *out = json_pack("{s:o, s:o, s:o, s:o}", "line", row, "labels", labels, "loss", loss, "hits",
                            hits);
    if (j->class) add_verdicts(out, j);
    int bad = json_save(out, path, 0, false, e);
    json_decref(out);
    return bad;
}

static int64_t steps_of(const options *o, int64_t rows)
{
    if (o->max_steps > 0) return o->max_steps;
    double each = ceil((double)rows / (double)(o->train_batch * o->accumulation));
    return (int64_t)ceil(o->epochs * each);
}

static void set_number(options *o, const char *name, int64_t n)
{
    char text[32];
    err e = {0};
    if (options_origin(o, name) != FROM_DEFAULT) return;
    snprintf(text, sizeof text, "%lld", (long long)(n > 1 ? n : 1));
    BUG_IF(options_set(o, name, text, FROM_FILE, &e));
}

/* Enough points for a curve, and checkpoints to go on from, unless the recipe says how often. */
static void set_pace(options *o, int64_t steps)
{
    err e = {0};
    if (options_origin(o, "eval_strategy") == FROM_DEFAULT)
        BUG_IF(options_set(o, "eval_strategy", "steps", FROM_FILE, &e));
    set_number(o, "eval_steps", (steps + CURVE_POINTS - 1) / CURVE_POINTS);
    set_number(o, "save_steps", (steps + CURVE_POINTS - 1) / CURVE_POINTS);
    set_number(o, "logging_steps", steps / LOG_LINES);
    set_number(o, "save_total_limit", 1);
}

/* The texts of a run, or with adapter NULL of a base, into folder/eval. */
static int write_texts(comparison *c, const job_model *base, const char *folder, json_t *result, err *e)
{
    options o = *c->o;
    job_score s = {0};
    o.command = COMMAND_EVAL;
    o.generate = true;
    o.out = arena_fmt(&c->mem, "%s/eval", folder);
    o.generate_rows = o.generate_rows > 0 ? o.generate_rows : TEXTS;
    int bad = job_score_open(&s, c->held, base, &o, NULL, e);
    if (!bad) bad = job_score_run(&s, base, &o, c->h, result, e);
    job_score_close(&s);
    return bad;
}

static json_t *loss_json(const trial_judged *j)
{
    const class_scores *s = &j->all.scores;
    const struct {
        const char *name;
        double value;
    } all[] = {{"accuracy", s->accuracy}, {"macro_f1", s->macro_f1},   {"micro_f1", s->micro_f1},
               {"mse", s->mse},           {"entity_f1", s->entity_f1}, {"pearson", s->pearson}};
    if (j->class) {
        json_t *o = json_pack("{s:I, s:I, s:f}", "rows", (json_int_t)j->n, "labels", (json_int_t)j->all.labels,
                              "loss", j->all.loss);
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            if (isfinite(all[i].value)) json_object_set_new(o, all[i].name, json_real(all[i].value));
        return o;
    }
    return json_pack("{s:I, s:I, s:f, s:f}", "rows", (json_int_t)j->n, "label_tokens",
                     (json_int_t)j->all.labels, "loss",
                     j->all.loss, "token_accuracy", j->all.token_accuracy);
}

/* Losses and texts of a model in `folder`/eval; eval.json comes last and says that all is there. */
static int judge(comparison *c, const job_model *base, const char *folder, int64_t batch, err *e)
{
    trial_judged j;
    str eval = {0};
    str_fmt(&eval, "%s/eval", folder);
    size_t n = eval.n;
    int bad = file_mkdirs(eval.p, e);
    if (!bad) bad = trial_judge_base(base, c->held, batch, c->h, &j, e);
    if (bad) {
        str_free(&eval);
        return bad;
    }
    str_puts(&eval, "/rows.json");
    bad = compare_save_rows(&j, c->held, eval.p, e);
    json_t *result = loss_json(&j);
    if (!bad && c->texts) bad = write_texts(c, base, folder, result, e);
    eval.n = n;
    str_puts(&eval, "/eval.json");
    if (!bad) bad = json_save(result, eval.p, 2, false, e);
    json_decref(result);
    trial_judged_free(&j);
    str_free(&eval);
    return bad;
}

/* A run that was trained and not judged before the process ended. */
static int judge_saved(comparison *c, const options *o, err *e)
{
    options with = *o;
    job_model base;
    with.adapter = o->out;
    int bad = stock_open_for(c->s, &base, &with, &c->class.head, e);
    if (bad) return bad;
    bad = job_adapter_open(&base, &with, NULL, e);
    if (!bad) bad = judge(c, &base, o->out, o->eval_batch, e);
    stock_close(c->s, &base);
    return bad ? bad : job_folder_clear(o, e);
}

static int train(comparison *c, options *o, err *e)
{
    trial *t;
    json_t *result;
    trial_go_on(o);
    int bad = trial_open(&t, c->s, o, c->h, e);
    if (bad) return bad;
    bad = trial_run(t, NULL, &result, e);
    if (!bad) bad = judge(c, &t->base, o->out, o->eval_batch, e);
    json_decref(result);
    trial_close(t);
    return bad ? bad : job_folder_clear(o, e);
}

int compare_run(comparison *c, int which, int64_t seed, err *e)
{
    const contender *r = &c->recipe[which];
    const char *name = compare_run_name(c, which, seed);
    options o = r->o;
    o.origin = arena_new(&c->mem, (size_t)option_rows);
    memcpy(o.origin, r->o.origin, (size_t)option_rows);
    o.out = compare_path(c, name, NULL);
    o.seed = seed;
    if (r->steps) o.max_steps = r->steps;
    set_pace(&o, steps_of(&o, c->train->set.n));
    if (file_exists(compare_path(c, name, "eval/eval.json"))) return OK;
    job_note(c->h, "training %s", name);
    int bad = trial_state_of(o.out) == TRIAL_DONE ? judge_saved(c, &o, e) : train(c, &o, e);
    if (!bad) return OK;
    err why = *e;
    *e = (err){0};
    return bad == E_STOPPED ? fail(e, bad, "%s: %s", name, "stopped; give the same command again to go on")
                            : fail(e, bad, "%s: %s", name, why.msg);
}

/* ------------------------------------------------------------------------------ equal time */

/* Seconds of a step, from a few in a folder that is removed again. */
static int pace_of(comparison *c, int which, double *seconds, err *e)
{
    options o = c->recipe[which].o;
    trial *t;
    json_t *result;
    o.out = compare_path(c, ".pace", NULL);
    o.max_steps = PACE_STEPS;
    o.overwrite = true;
    o.eval_strategy = "no";
    o.save_strategy = "no";
    int bad = trial_open(&t, c->s, &o, NULL, e);
    if (bad) return bad;
    bad = trial_run(t, NULL, &result, e);
    *seconds = json_number_value(json_object_get(result, "seconds")) / PACE_STEPS;
    json_decref(result);
    trial_close(t);
    return bad ? bad : file_remove_tree(o.out, e);
}

int compare_pace(comparison *c, err *e)
{
    const json_t *known = json_object_get(c->told, "steps");
    double first = 0, own;
    if (!c->o->equal_time) return OK;
    int64_t steps = steps_of(&c->recipe[0].o, c->train->set.n);
    json_t *all = json_object();
    int bad = OK;
    for (int i = 0; i < c->recipes && !bad; i++) {
        contender *r = &c->recipe[i];
        r->steps = json_integer_value(json_object_get(known, r->name));
        if (!r->steps && !first) bad = pace_of(c, 0, &first, e);
        if (!bad && !r->steps && !(bad = pace_of(c, i, &own, e))) {
            if (!i) first = own; /* the time before has warmed caches, for the others too */
            r->steps = i ? (int64_t)llround((double)steps * first / own) : steps;
            if (r->steps < 1) r->steps = 1;
            job_note(c->h, "equal time: %s trains %lld steps", r->name, (long long)r->steps);
        }
        json_object_set_new(all, r->name, json_integer((json_int_t)r->steps));
    }
    json_object_set_new(c->told, "steps", all);
    return bad ? bad : compare_save(c, e);
}
