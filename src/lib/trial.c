/* trial.c -- see trial.h.
 *
 * run.json is written before the first step, so that a run that dies can be repeated, and again with the
 * result. */
#include "lib/trial.h"

#include "base/cpu.h"
#include "base/file.h"
#include "lib/job_recipe.h"
#include "train/snapshot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* An adapter that is gone on with keeps its shape; its dropout is a matter of training and may be chosen
 * anew. */
static void keep_shape(const trial *t)
{
    static const char *const shaping[] = {
        "lora_r",          "lora_alpha",          "use_rslora",     "lora_target_modules",
        "exclude_modules", "layers_to_transform", "layers_pattern", "rank_pattern",
        "alpha_pattern"};
    for (size_t i = 0; i < sizeof shaping / sizeof *shaping; i++)
        if (options_origin(t->o, shaping[i]) != FROM_DEFAULT)
            job_note(t->h, "%s is that of %s; the one asked for is not used", shaping[i], t->o->adapter);
    if (options_origin(t->o, "lora_dropout") != FROM_DEFAULT)
        t->base.adapter->config.dropout = t->o->lora_dropout;
    adapter_set_base(t->base.adapter, t->base.model);
}

enum { SAVED = 18 };

/* As PEFT: what was asked for, and the heads of classifiers by their usual names. */
static int choose_saved(const trial *t, peft_config *config, const char **saved, err *e)
{
    const peft_list asked = t->o->modules_to_save;
    if (t->class.head.task == TASK_CAUSAL_LM && !asked.n) return OK;
    if (asked.n > SAVED - 2) return fail(e, E_USAGE, "modules_to_save: at most %d names", SAVED - 2);
    for (int64_t i = 0; i < asked.n; i++) saved[i] = asked.p[i];
    saved[asked.n] = "classifier";
    saved[asked.n + 1] = "score";
    config->modules_to_save = (peft_list){saved, asked.n + 2};
    config->task_type = model_task_name(t->class.head.task);
    return OK;
}

static int open_adapter(trial *t, err *e)
{
    if (t->o->adapter) {
        keep_shape(t);
        return OK;
    }
    peft_config config;
    const char *saved[SAVED];
    int bad = job_adapter_config(&config, t->o, t->base.model, e);
    if (!bad) bad = choose_saved(t, &config, saved, e);
    return bad ? bad : adapter_new(&t->base.adapter, t->base.model, &config, (uint64_t)t->o->seed, e);
}

static void add_data(trial *t, const char *path, const table *rows)
{
    json_array_append_new(t->data, job_data_json(path, str_c(&rows->source), rows->source.n, rows->rows));
}

/* A classifier's rows. */
static int open_own(trial *t, bool split, err *e)
{
    const options *o = t->o;
    int bad = job_class_rows(&t->class, &t->own[0], o->data, split ? ROWS_TRAINED : ROWS_ALL, o, &t->base,
                             t->h, e);
    t->train = &t->own[0];
    if (bad || !(split || o->eval_data) || t->unjudged) return bad;
    t->eval = &t->own[1];
    return job_class_rows(&t->class, &t->own[1], split ? o->data : o->eval_data,
                          (split ? ROWS_HELD_OUT : ROWS_ALL) | o->judged_on, o, &t->base, t->h, e);
}

static int open_stocked(trial *t, bool split, err *e)
{
    const options *o = t->o;
    int bad = stock_rows(t->s, &t->train, o->data, split ? ROWS_TRAINED : ROWS_ALL, o, &t->base, t->h, e);
    if (!bad && (split || o->eval_data) && !t->unjudged)
        bad = stock_rows(t->s, &t->eval, split ? o->data : o->eval_data,
                         (split ? ROWS_HELD_OUT : ROWS_ALL) | o->judged_on, o, &t->base, t->h, e);
    return bad;
}

static int open_rows(trial *t, err *e)
{
    const options *o = t->o;
    bool split = !o->eval_data && o->eval_split > 0;
    int bad = t->class.head.task == TASK_CAUSAL_LM ? open_stocked(t, split, e) : open_own(t, split, e);
    if (bad) return bad;
    t->data = json_array();
    add_data(t, o->data, &t->train->table);
    if (t->eval) add_data(t, split ? o->data : o->eval_data, &t->eval->table);
    return OK;
}

static int open_all(trial *t, err *e)
{
    int bad = job_folder_open(t->o, &t->resume, e);
    if (!bad) bad = job_class_open(&t->class, t->o, CLASS_LEARN, e);
    if (!bad) bad = stock_open_for(t->s, &t->base, t->o, &t->class.head, e);
    if (!bad) bad = job_class_check_task(t->o, t->base.model, e);
    if (!bad) bad = job_adapter_open(&t->base, t->o, t->h, e);
    if (!bad) bad = job_recipe(&t->recipe, t->o, t->base.model, e);
    if (!bad) bad = open_rows(t, e);
    if (!bad) bad = open_adapter(t, e);
    if (!bad) bad = adapter_check_head(t->base.adapter, t->base.model, e);
    t->recipe.resume_from_checkpoint = t->resume;
    if (!bad)
        bad = trainer_new(&t->trainer, t->base.model, t->base.adapter, &t->train->set,
                          t->eval ? &t->eval->set : NULL, &t->recipe, t->base.device, e);
    return bad;
}

static int open_trial(trial **out, trial with, err *e)
{
    trial *t = xcalloc(1, sizeof *t);
    *t = with;
    int bad = open_all(t, e);
    if (bad)
        trial_close(t);
    else
        *out = t;
    return bad;
}

int trial_open(trial **out, stock *s, const options *o, const job_hooks *h, err *e)
{
    return open_trial(out, (trial){.o = o, .h = h, .s = s}, e);
}

int trial_open_unjudged(trial **out, stock *s, const options *o, const job_hooks *h, err *e)
{
    return open_trial(out, (trial){.o = o, .h = h, .s = s, .unjudged = true}, e);
}

void trial_close(trial *t)
{
    if (!t) return;
    trainer_free(t->trainer);
    for (int i = 0; i < 2; i++) job_rows_close(&t->own[i]);
    stock_close(t->s, &t->base);
    job_class_close(&t->class);
    json_decref(t->data);
    free(t->resume);
    free(t);
}

/* -------------------------------------------------------------------------------------- hooks */

static void on_message(void *arg, const char *line) { job_note(((trial *)arg)->h, "%s", line); }

static void on_step(void *arg, const trainer_report *r)
{
    const trial *t = arg;
    job_progress p = {"train",
                      r->step,
                      r->steps,
                      r->loss,
                      r->learning_rate,
                      r->grad_norm,
                      r->tokens_per_second,
                      r->speed_of_light,
                      r->seconds_left};
    if (t->h && t->h->progress) t->h->progress(t->h->arg, &p);
}

static void on_logged(void *arg, const json_t *line)
{
    const trial *t = arg;
    if (t->h && t->h->logged) t->h->logged(t->h->arg, line);
}

static void on_evaluating(void *arg, int64_t done, int64_t rows)
{
    const trial *t = arg;
    job_progress p = {"eval", done, rows, -1, -1, -1, -1, -1, -1};
    if (t->h && t->h->progress) t->h->progress(t->h->arg, &p);
}

/* An adapter that is new changes nothing yet, so the first evaluation is the bare base's. */
static int on_evaluated(void *arg, int64_t at, const evaluation *v)
{
    trial *t = arg;
    t->scores = v->scores;
    if (at == 0 && !t->o->adapter && t->eval != &t->own[1]) stock_set_before(t->s, &t->base, t->eval, v);
    bool ask = at > 0 && t->watch && t->watch->evaluated;
    return ask ? t->watch->evaluated(t->watch->arg, at, v) : 0;
}

/* ------------------------------------------------------------------------------------- result */

static json_t *number(double x) { return isfinite(x) ? json_real(x) : json_null(); }

json_t *trial_memory_json(const trial *t)
{
    trainer_memory m = trainer_memory_of(t->trainer);
    const struct {
        const char *name;
        size_t bytes;
    } item[] = {{"weights", m.weights},     {"mapped", m.mapped},   {"adapter", m.adapter},
                {"gradients", m.gradients}, {"moments", m.moments}, {"temporaries", m.slab + m.workspace},
                {"tokens", m.tokens}};
    json_t *out = json_object();
    size_t all = 0;
    for (size_t i = 0; i < sizeof item / sizeof *item; i++) {
        json_object_set_new(out, item[i].name, json_integer((json_int_t)item[i].bytes));
        all += item[i].bytes;
    }
    json_object_set_new(out, "total", json_integer((json_int_t)all));
    return out;
}

static void add_scores(const trial *t, json_t *out, const trainer_result *r)
{
    const struct {
        const char *name;
        double value;
    } all[] = {{"eval_accuracy", t->scores.accuracy},
               {"eval_f1", t->scores.macro_f1},
               {"eval_entity_f1", t->scores.entity_f1},
               {"eval_pearson", t->scores.pearson}};
    if (t->class.head.task == TASK_CAUSAL_LM)
        json_object_set_new(out, "eval_token_accuracy", number(r->token_accuracy));
    for (size_t i = 0; t->scores.n && i < sizeof all / sizeof *all; i++)
        if (isfinite(all[i].value)) json_object_set_new(out, all[i].name, json_real(all[i].value));
}

static json_t *result_json(const trial *t, const trainer_result *r)
{
    json_t *out = json_pack("{s:s, s:I, s:f, s:I, s:I, s:I}", "out", t->o->out, "steps", (json_int_t)r->steps,
                            "epochs", r->epochs, "examples", (json_int_t)r->examples, "tokens",
                            (json_int_t)r->tokens, "label_tokens", (json_int_t)r->labels);
    json_object_set_new(out, "train_loss", number(r->train_loss));
    json_object_set_new(out, "eval_loss_before", number(r->eval_loss_before));
    json_object_set_new(out, "eval_loss", number(r->eval_loss));
    if (isfinite(r->eval_loss)) add_scores(t, out, r);
    if (r->best_step >= 0) {
        json_object_set_new(out, "best_step", json_integer(r->best_step));
        json_object_set_new(out, "best_loss", number(r->best_loss));
    }
    json_object_set_new(out, "seconds", number(r->seconds));
    json_object_set_new(out, "tokens_per_second", number(r->tokens_per_second));
    json_object_set_new(out, "speed_of_light", number(r->speed_of_light));
    json_object_set_new(out, "peak_bytes", json_integer((json_int_t)cpu_peak_rss()));
    json_object_set_new(out, "memory", trial_memory_json(t));
    if (t->o->profile)
        json_object_set_new(out, "operators",
                            job_profile(t->seconds, (double)r->tokens / r->tokens_per_second, WITH_REST));
    json_int_t trained = (json_int_t)t->base.adapter->count;
    json_object_set_new(out, "trainable_parameters", json_integer(trained));
    json_object_set_new(out, "all_parameters", json_integer(trained + (json_int_t)t->base.model->parameters));
    return out;
}

static int write_run(const trial *t, const json_t *result, bool card, err *e)
{
    json_t *root = job_run_json(t->o, &t->base, json_incref(t->data), result);
    str path = {0};
    str_fmt(&path, "%s/run.json", t->o->out);
    int bad = card ? job_card_write(t->o, &t->base, root, e) : OK;
    if (!bad) bad = json_save(root, str_c(&path), 2, false, e);
    str_free(&path);
    json_decref(root);
    return bad;
}

int trial_run(trial *t, const trial_watch *watch, json_t **result, err *e)
{
    t->watch = watch;
    *result = NULL;
    if (t->o->overwrite && !t->resume && job_folder_clear(t->o, e)) return e->code;
    int bad = write_run(t, NULL, false, e);
    if (!bad && t->class.head.task != TASK_CAUSAL_LM) bad = job_class_write(&t->class, t->o, e);
    if (bad) return bad;
    trainer_hooks hooks = {.arg = t,
                           .message = on_message,
                           .step = on_step,
                           .logged = on_logged,
                           .evaluating = on_evaluating,
                           .stop = t->h ? t->h->stop : NULL,
                           .evaluate_at = watch ? watch->evaluate_at : NULL,
                           .n_evaluate_at = watch ? watch->n_evaluate_at : 0,
                           .evaluated = on_evaluated,
                           .before = t->o->adapter || t->eval == &t->own[1]
                                         ? NULL
                                         : stock_before(t->s, &t->base, t->eval),
                           .seconds = t->o->profile ? t->seconds : NULL};
    trainer_result r;
    bad = trainer_run(t->trainer, &hooks, &r, e);
    if (bad && bad != E_STOPPED) return bad;
    if (!bad && !t->scores.n && t->class.head.task != TASK_CAUSAL_LM && t->eval) {
        trial_judged again; /* gone on with behind its last evaluation */
        bad = trial_judge(t, t->eval, &again, e);
        if (bad) return bad;
        t->scores = again.all.scores;
        trial_judged_free(&again);
    }
    *result = result_json(t, &r);
    if (bad) return bad;
    bad = trainer_save(t->trainer, DT_F32, e);
    if (!bad) bad = write_run(t, *result, true, e);
    if (!bad) return OK;
    json_decref(*result);
    *result = NULL;
    return bad;
}

/* -------------------------------------------------------------------------------- the folder */

static bool has_result(const char *folder)
{
    str path = {0};
    err e = {0};
    str_fmt(&path, "%s/run.json", folder);
    json_t *facts = file_exists(path.p) ? json_parse_file(path.p, &e) : NULL;
    bool done = json_is_object(json_object_get(facts, "result"));
    json_decref(facts);
    str_free(&path);
    return done;
}

trial_state trial_state_of(const char *folder)
{
    if (!file_is_dir(folder)) return TRIAL_NEW;
    if (has_result(folder)) return TRIAL_DONE;
    char *newest = snapshot_newest(folder);
    trial_state s = newest ? TRIAL_UNFINISHED : TRIAL_NEW;
    free(newest);
    return s;
}

void trial_go_on(options *o)
{
    bool unfinished = trial_state_of(o->out) == TRIAL_UNFINISHED;
    o->resume = unfinished ? "latest" : NULL;
    o->overwrite = !unfinished;
}
