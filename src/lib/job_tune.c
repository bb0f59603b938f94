/* job_tune.c -- lorac tune: a study is opened or made, worked on until its budget is spent, judged, and
 * told.
 *
 * What a study is bound to (its facts) is recorded when it is made and compared whenever it is opened:
 * space, objectives, lengths, strategy, model, data, and every option that was given of train, or of how
 * texts are written and judged. Several processes may run the same command at the same time. */
#include "base/cpu.h"
#include "base/file.h"
#include "lib/job_recipe.h"
#include "lib/job_score.h"
#include "lib/report/report.h"
#include "lib/tune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REFUSALS = 50 };
static const double HELD_OUT = 0.1;

void tune_note(tune *t, const char *line)
{
    pthread_mutex_lock(&t->lock);
    job_note(t->h, "%s", line);
    pthread_mutex_unlock(&t->lock);
}

/* ---------------------------------------------------------------------------------- opening */

/* The share that a study which is there was begun with, for one who does not say; without a judging at the end
 * there is nothing to leave rows for. */
static double judge_share(const options *o)
{
    if (options_origin(o, "judge_split") != FROM_DEFAULT) return o->judge_split;
    study *s = NULL;
    err ignored = {0};
    double share = o->final_runs ? o->judge_split : 0;
    if (study_open(&s, o->out, STUDY_LOOK, NULL, &ignored)) return share;
    share = json_number_value(json_object_get(json_object_get(study_facts(s), "judge_split"), "share"));
    study_close(s);
    return share;
}

/* A file, or a part of it, as the rows of a language model or of a classifier: number `which` of those that the
 * study keeps itself. */
static int open_part(tune *t, int which, const job_rows **out, const char *path, rows_part part,
                     const job_model *base, const job_hooks *h, err *e)
{
    if (t->class.head.task == TASK_CAUSAL_LM)
        return stock_rows(t->stock, out, path, part, t->o, base, h, e);
    *out = &t->rows_of[which];
    return job_class_rows(&t->class, &t->rows_of[which], path, part, t->o, base, h, e);
}

/* Part of the held-out rows is kept from the search, where both parts have prompts enough to tell anything. */
static int divide_rows(tune *t, const char *path, rows_part part, const job_model *base, err *e)
{
    enum { LEAST = 8 };
    int64_t guiding = 0, judging = 0;
    const job_rows *all = t->eval, *guides = NULL, *judges = NULL;
    t->judges = all;
    t->own.judge_split = judge_share(t->o);
    if (t->own.judge_split <= 0) return OK;
    int bad = job_rows_prompts(all, &guiding, e);
    if (!bad && guiding >= 2 * LEAST) {
        bad = open_part(t, 2, &guides, path, part | ROWS_GUIDING, base, NULL, e);
        if (!bad) bad = open_part(t, 3, &judges, path, part | ROWS_JUDGING, base, NULL, e);
        if (!bad) bad = job_rows_prompts(guides, &guiding, e);
        if (!bad) bad = job_rows_prompts(judges, &judging, e);
    }
    if (bad) return bad;
    if (guiding >= LEAST && judging >= LEAST) return t->eval = guides, t->judges = judges, OK;
    t->own.judge_split = 0;
    job_note(t->h,
             "%s: too few held-out prompts to keep %d from the search and leave it %d; the judging at the "
             "end is made on the rows that the search was judged on",
             path, LEAST, LEAST);
    return OK;
}

static int open_rows(tune *t, const job_model *base, err *e)
{
    const options *o = t->o;
    bool split = !o->eval_data;
    int bad = open_part(t, 0, &t->train, o->data, split ? ROWS_TRAINED : ROWS_ALL, base, t->h, e);
    if (!bad)
        bad = open_part(t, 1, &t->eval, split ? o->data : o->eval_data, split ? ROWS_HELD_OUT : ROWS_ALL, base,
                        t->h, e);
    if (!bad && t->eval->set.n < 2)
        bad = fail(e, E_USAGE, "%s: %lld held-out row judges nothing; give more rows with --eval-data, or "
                               "a larger "
                               "--eval-split",
                   split ? o->data : o->eval_data, (long long)t->eval->set.n);
    if (!bad)
        bad = divide_rows(t, split ? o->data : o->eval_data, split ? ROWS_HELD_OUT : ROWS_ALL, base, e);
    if (!bad) t->base.row_tokens = (double)t->train->set.tokens / (double)t->train->set.n;
    return bad;
}

/* Are there prompts with texts to compare with? What keeps them from being scored is no failure of a study.
 */
static bool can_score(tune *t, const job_model *base)
{
    job_score s = {0};
    err why = {0};
    int bad = job_score_open(&s, t->judges, base, t->o, NULL, &why);
    job_score_close(&s);
    return !bad;
}

static const char *fingerprint(const job_rows *r)
{
    const str *source = &r->table.source;
    json_t *facts = job_data_json("", str_c(source), source->n, r->table.rows);
    const char *text = json_string_value(json_object_get(facts, "fingerprint"));
    char *copy = strcpy(xmalloc(strlen(text) + 1), text);
    json_decref(facts);
    return copy;
}

/* Options that were given of train, and of eval for the texts, but for those that change no number of a
 * run. */
static json_t *given_options(const options *o)
{
    static const char *const skipped[] = {"model_name_or_path", "dataset_name", "eval_data", "output_dir",
                                          "threads", "memory_limit", "seed", "config",
                                          "batch_size"};
    json_t *all = options_json(o), *out = json_object(), *v;
    const char *name;
    json_object_foreach(all, name, v)
    {
        const option_row *r = option_find(COMMAND_TRAIN, name);
        if (!r) r = option_find(COMMAND_TUNE, name);
        bool skip = !r || !(r->commands & (COMMAND_TRAIN | COMMAND_EVAL)) ||
                    (r->flags & OPTION_NOT_REPEATED) || o->origin[r - option_table] == FROM_DEFAULT;
        for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++) skip = skip ||
            !strcmp(skipped[i], name);
        if (!skip) json_object_set(out, name, json_object_get(v, "value"));
    }
    json_decref(all);
    return out;
}

static json_t *facts_of(const tune *t, const job_model *base)
{
    char base_hash[17];
    const char *train = fingerprint(t->train), *eval = fingerprint(t->eval);
    json_t *objectives = json_array(), *rungs = json_array();
    for (int i = 0; i < t->rules.objectives; i++)
        json_array_append_new(objectives, json_string(t->objective[i].name));
    for (int k = 0; k < t->rules.rungs; k++) json_array_append_new(rungs, json_real(t->rows[k]));
    point at = space_standard(&t->space);
    json_t *facts = json_pack(
        "{s:O, s:o, s:o, s:o, s:s, s:s, s:I, s:I, s:s, s:s, s:s, s:f, s:o}", "space", t->definition, "start",
        space_json(&t->space, &at), "objectives", objectives, "rung_rows", rungs, "strategy",
        strategy_name(t->how.how), "early_stopping", early_name(t->how.stop), "eta", (json_int_t)t->how.eta,
            "seed",
        (json_int_t)t->how.seed, "model", checkpoint_fingerprint_text(base->model->file, base_hash), "data",
            train,
        "eval_data", eval, "eval_split", t->o->eval_data ? 0 : t->base.eval_split, "options",
            given_options(t->o));
    free((char *)(uintptr_t)train);
    free((char *)(uintptr_t)eval);
    return facts;
}

/* Studies from before there was such a thing have no fact of it, and go on without. */
static void add_judges(const tune *t, json_t *facts)
{
    study *s = NULL;
    err ignored = {0};
    bool before = false;
    if (t->o->judge_split <= 0 && !study_open(&s, t->o->out, STUDY_LOOK, NULL, &ignored))
        before = !json_object_get(study_facts(s), "judge_split");
    study_close(s);
    if (before) return;
    json_object_set_new(facts, "judge_split",
                        json_pack("{s:f, s:I, s:I}", "share", t->o->judge_split, "guiding",
                                  (json_int_t)t->eval->set.n, "judging", (json_int_t)t->judges->set.n));
}

static int open_study(tune *t, const job_model *base, err *e)
{
    int bad = tune_plan(t, e);
    if (!bad) bad = tune_space(&t->space, t->definition, &t->base, e);
    if (bad) return bad;
    json_t *facts = facts_of(t, base);
    add_judges(t, facts);
    bad = study_open(&t->study, t->o->out, STUDY_MAKE, facts, e);
    json_decref(facts);
    return bad;
}

/* What can be said before anything is opened. */
static int check_words(tune *t, err *e)
{
    int64_t bytes;
    tune_base b = {.o = t->o, .row_tokens = 1};
    study_rules rules;
    int bad = t->o->budget ? tune_budget(&rules, t->o->budget, e) : OK;
    if (!bad && t->o->max_memory) bad = option_bytes(&bytes, "max_memory", t->o->max_memory, e);
    objective some;
    for (int64_t i = 0; i < t->o->objectives.n && !bad; i++)
        bad = tune_objective(&some, t->o->objectives.p[i], e);
    if (!bad) bad = tune_objective(&some, t->o->judge, e);
    if (!bad && !tune_is_text_metric(some.name))
        bad = fail(e, E_USAGE, "judge: %s is no metric of generated texts, such as chrf", some.name);
    if (!bad) bad = tune_definition(&t->definition, t->o, NULL, e);
    if (!bad) bad = tune_space(&t->space, t->definition, &b, e);
    json_decref(t->definition);
    t->definition = NULL;
    if (!bad) space_release(&t->space);
    return bad;
}

static int open_all(tune *t, err *e)
{
    job_model base;
    int bad = check_words(t, e);
    if (bad) return bad;
    t->stock = stock_new(t->o, t->h);
    if (!t->o->eval_data && t->o->eval_split <= 0) t->own.eval_split = HELD_OUT;
    t->base = (tune_base){.o = t->o, .eval_split = t->own.eval_split};
    bad = job_class_open(&t->class, t->o, CLASS_LEARN, e);
    if (!bad) bad = stock_open_for(t->stock, &base, t->o, &t->class.head, e);
    if (bad) return bad;
    t->base.targets = job_usual_targets(t->o, base.model);
    bad = tune_definition(&t->definition, t->o, base.model, e);
    if (!bad) bad = open_rows(t, &base, e);
    if (!bad) t->texts = t->class.head.task == TASK_CAUSAL_LM && can_score(t, &base);
    if (!bad) bad = open_study(t, &base, e);
    stock_close(t->stock, &base);
    return bad;
}

/* --add_runs: of a study that has all its runs, the limit rises; one that was broken off goes on to the
 * limit it had. */
static int set_limit(tune *t, err *e)
{
    double limit = 0;
    study_spent spent;
    int bad = study_get(t->study, "runs", &limit, e);
    if (!bad) bad = study_spent_so_far(t->study, &spent, e);
    if (bad) return bad;
    if (t->o->add_runs && (double)spent.runs >= limit) limit = (double)(spent.runs + t->o->add_runs);
    if (!t->o->add_runs && t->rules.runs > (int64_t)limit) limit = (double)t->rules.runs;
    t->rules.runs = (int64_t)limit;
    if (t->o->add_runs) t->rules.seconds = t->rules.tokens = 0;
    return limit > 0 ? study_set(t->study, "runs", limit, e) : OK;
}

/* -------------------------------------------------------------------------------- the work */

static bool stop_asked(const tune *t) { return t->h && t->h->stop && *t->h->stop; }

static int wait_a_little(const tune *t, err *e)
{
    for (int i = 0; i < 10 && !stop_asked(t); i++) usleep(50000);
    return stop_asked(t) ? fail(e, E_STOPPED, "stopped; the same command goes on") : OK;
}

static int work(tune *t, err *e)
{
    study_task task = {.what = MOVE_WAIT};
    int bad = OK;
    while (!bad && task.what != MOVE_NOTHING) {
        if (stop_asked(t)) return fail(e, E_STOPPED, "stopped; the same command goes on");
        bad = study_claim(t->study, &t->rules, &task, e);
        if (!bad && task.what == MOVE_WAIT) bad = wait_a_little(t, e);
        if (!bad && task.what == MOVE_GO_ON) bad = tune_train(t, &task, e);
        if (!bad && t->refused > REFUSALS)
            bad = fail(e, E_USAGE, "%s: %d runs in a row were refused; see lorac tune show for the "
                                   "reasons, and change "
                                   "the space",
                       t->o->out, t->refused);
    }
    return bad;
}

typedef struct worker {
    tune *t;
    pthread_t thread;
    err e;
    int bad;
} worker;

static void *worker_main(void *arg)
{
    worker *w = arg;
    w->bad = work(w->t, &w->e);
    return NULL;
}

/* The first failure is told; the others heed a stop or come to their end. */
static int work_together(tune *t, err *e)
{
    worker *w = xcalloc((size_t)t->workers, sizeof *w);
    int bad = OK;
    for (int i = 0; i < t->workers; i++) {
        w[i].t = t;
        if (pthread_create(&w[i].thread, NULL, worker_main, &w[i])) BUG("no thread can be made");
    }
    for (int i = 0; i < t->workers; i++) {
        pthread_join(w[i].thread, NULL);
        if (w[i].bad && !bad) bad = fail(e, w[i].bad, "%s", w[i].e.msg);
    }
    free(w);
    return bad;
}

static int finish(tune *t, err *e)
{
    move left = MOVE_WAIT;
    int bad = OK;
    while (!bad && left == MOVE_WAIT) {
        bad = tune_finish(t, &left, e);
        if (!bad && left == MOVE_WAIT) bad = wait_a_little(t, e);
    }
    return bad;
}

static void release(tune *t)
{
    study_close(t->study);
    space_release(&t->space);
    json_decref(t->definition);
    for (int i = 0; i < 4; i++) job_rows_close(&t->rows_of[i]);
    stock_free(t->stock);
    job_class_close(&t->class);
    pthread_mutex_destroy(&t->lock);
}

int job_tune(const options *o, const job_hooks *h, json_t **out, err *e)
{
    *out = NULL;
    if (!strcmp(o->action, "show")) return tune_show(o->out, out, e);
    tune t = {.own = *o, .h = h, .workers = 1};
    t.o = &t.own;
    pthread_mutex_init(&t.lock, NULL);
    int bad = open_all(&t, e);
    if (!bad) bad = set_limit(&t, e);
    if (!bad) bad = tune_side_by_side(&t, e);
    if (!bad) bad = t.workers > 1 ? work_together(&t, e) : work(&t, e);
    if (!bad && t.o->final_runs > 0) bad = finish(&t, e);
    if (!bad) bad = tune_json(&t, out, e);
    if (!bad) bad = tune_write(&t, *out, e);
    if (!bad) bad = report_of_folder(o->out, e);
    if (!bad) json_object_set_new(*out, "report", json_sprintf("%s/report.html", o->out));
    if (bad) {
        json_decref(*out);
        *out = NULL;
    }
    release(&t);
    return bad;
}
