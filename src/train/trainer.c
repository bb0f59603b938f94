/* trainer.c -- see trainer.h: the loop, what follows a step, stopping and the end. */
#include "train/trainer_impl.h"

#include "base/file.h"

#include <string.h>

static bool due(recipe_when when, int64_t every, const trainer *t)
{
    if (when == WHEN_STEPS) return t->at.step % every == 0;
    return when == WHEN_EPOCH && t->at.batch == 0;
}

static bool at_end(const trainer *t) { return t->at.step == t->steps; }

static bool log_due(const trainer *t)
{
    if (t->at.step == 0 || t->at.logged_step == t->at.step) return false;
    return t->at.step % t->r.logging_steps == 0 || (t->at.step == 1 && t->r.logging_first_step) || at_end(t);
}

static bool asked_for(const trainer *t)
{
    for (int64_t i = 0; i < t->hooks->n_evaluate_at; i++)
        if (t->hooks->evaluate_at[i] == t->at.step) return true;
    return false;
}

static bool evaluation_due(const trainer *t)
{
    if (!t->judge || t->at.evaluated_step == t->at.step) return false;
    int64_t every = t->r.eval_steps > 0 ? t->r.eval_steps : t->r.logging_steps;
    return t->at.step == 0 || at_end(t) || due(t->r.eval_strategy, every, t) || asked_for(t);
}

static bool save_due(const trainer *t)
{
    if (t->at.step == 0 || t->saved_step == t->at.step) return false;
    if (t->r.load_best_model_at_end && t->at.best_step == t->at.step) return true;
    return t->r.save_strategy != WHEN_NO && (at_end(t) || due(t->r.save_strategy, t->r.save_steps, t));
}

static int evaluate(trainer *t, err *e)
{
    evaluator_hooks hooks = {.arg = t->hooks->arg, .progress = t->hooks->evaluating, .stop = t->hooks->stop};
    evaluation v;
    err why = {0};
    bool known = t->at.step == 0 && t->hooks->before;
    if (known) v = *t->hooks->before;
    int code = known ? OK : evaluator_run(t->judge, &hooks, &v, &why);
    if (code == E_STOPPED) return code;
    if (code != OK) return fail(e, code, "after step %lld: %s", (long long)t->at.step, why.msg);
    t->at.evaluated_step = t->at.step;
    t->at.eval_last = v.loss;
    t->at.eval_accuracy = v.token_accuracy;
    t->saved_step = -1; /* a checkpoint of this step that was made before is missing this */
    if (t->at.step == 0)
        t->at.eval_before = v.loss;
    else if (!(v.loss >= t->at.best_loss)) { /* also when there is none yet */
        t->at.best_loss = v.loss;
        t->at.best_step = t->at.step;
    }
    code = trainer_log_evaluation(t, &v, e);
    if (code != OK || known || !t->hooks->evaluated) return code;
    bool enough = t->hooks->evaluated(t->hooks->arg, t->at.step, &v) != 0;
    return enough && !at_end(t) ? E_STOPPED : OK;
}

static snapshot snapshot_of(trainer *t)
{
    return (snapshot){
        .a = t->a, .m = t->opt.m, .v = t->opt.v, .at = &t->at, .facts = t->facts, .n_facts = t->n_facts};
}

static int save(trainer *t, err *e)
{
    trainer_state state = trainer_state_of(t);
    snapshot s = snapshot_of(t);
    state.best_saved |= t->at.best_step == t->at.step; /* it is about to be */
    int code = snapshot_save(t->r.output_dir, &s, &state, &t->r, e);
    if (code != OK) return code;
    t->saved_step = t->at.step;
    if (t->hooks->saved) {
        str path = {0};
        str_fmt(&path, "%s/checkpoint-%lld", t->r.output_dir, (long long)t->at.step);
        t->hooks->saved(t->hooks->arg, path.p);
        str_free(&path);
    }
    return snapshot_rotate(t->r.output_dir, t->r.save_total_limit, t->at.step, t->at.best_step, e);
}

/* What is due after the steps done so far; what was done already, before a resume too, is not done again. */
static int after_step(trainer *t, err *e)
{
    int code = log_due(t) ? trainer_log_step(t, e) : OK;
    if (code == OK && evaluation_due(t)) code = evaluate(t, e);
    if (code == OK && save_due(t)) code = save(t, e);
    return code;
}

static void message(const trainer *t, const char *line)
{
    if (t->hooks->message) t->hooks->message(t->hooks->arg, line);
}

static int resume(trainer *t, json_t **history, err *e)
{
    snapshot s = snapshot_of(t);
    str differs = {0};
    int code = snapshot_load(t->r.resume_from_checkpoint, &s, t->m, history, &differs, e);
    if (code == OK && t->at.step > t->steps)
        code =
            fail(e, E_USAGE,
                 "%s: is at step %lld, but this run has only %lld; give more num_train_epochs or max_steps",
                 t->r.resume_from_checkpoint, (long long)t->at.step, (long long)t->steps);
    if (code == OK && t->at.batch >= sampler_micro_batches(t->s))
        code = fail(e, E_FORMAT,
                    "%s/state.json: there is no micro-batch %lld in an epoch; resume from another "
                    "checkpoint",
                    t->r.resume_from_checkpoint, (long long)t->at.batch);
    char *rest = differs.p;
    for (char *line; code == OK && rest && (line = strsep(&rest, "\n")) != NULL && *line;) message(t, line);
    str_free(&differs);
    if (code != OK) return code;
    t->saved_step = t->at.step;
    return OK;
}

static int begin(trainer *t, err *e)
{
    json_t *history = NULL;
    t->at = progress_start();
    t->saved_step = -1;
    int code = t->r.resume_from_checkpoint ? resume(t, &history, e) : OK;
    if (code == OK) code = file_mkdirs(t->r.output_dir, e);
    if (code == OK) code = runlog_open(&t->log, t->r.output_dir, history, e);
    json_decref(history);
    if (code == OK) t->peak = device_peak(t->d, COMPUTE_F32);
    return code;
}

static int load_best(trainer *t, err *e)
{
    if (!t->r.load_best_model_at_end || t->at.best_step < 0 || t->at.best_step == t->at.step) return OK;
    str path = {0};
    str_fmt(&path, "%s/checkpoint-%lld", t->r.output_dir, (long long)t->at.best_step);
    int code = OK;
    if (file_is_dir(path.p))
        code = snapshot_load_adapter(path.p, t->a, t->m, e);
    else
        message(t,
                "the best checkpoint is not in this folder any more; the adapter is that of the last step");
    str_free(&path);
    return code;
}

static int stop(trainer *t, err *e)
{
    int code = t->saved_step == t->at.step ? OK : save(t, e);
    if (code != OK) return code;
    return fail(e, E_STOPPED,
                "stopped after step %lld of %lld; go on with --resume_from_checkpoint %s/checkpoint-%lld",
                (long long)t->at.step, (long long)t->steps, t->r.output_dir, (long long)t->at.step);
}

static int loop(trainer *t, err *e)
{
    int code = after_step(t, e); /* before the first step, or what a stop cut short */
    while (code == OK && t->at.step < t->steps) {
        double loss;
        code = trainer_step(t, &loss, e);
        if (code != OK) break;
        trainer_tell(t, loss);
        code = after_step(t, e);
    }
    if (code == OK) code = trainer_log_end(t, e);
    if (code == OK) code = load_best(t, e);
    return code;
}

int trainer_run(trainer *t, const trainer_hooks *hooks, trainer_result *result, err *e)
{
    static const trainer_hooks none;
    BUG_IF(t->log.path); /* a trainer runs once */
    t->hooks = hooks ? hooks : &none;
    step_profile(t->run, t->hooks->seconds);
    int code = begin(t, e);
    if (code == OK) code = loop(t, e);
    if (code == E_STOPPED) code = stop(t, e);
    trainer_fill_result(t, result);
    return code;
}

int trainer_save(const trainer *t, dtype type, err *e)
{
    trainer_state state = trainer_state_of(t);
    int code = adapter_save(t->a, t->r.output_dir, type, e);
    if (code == OK) code = trainer_state_write(t->r.output_dir, &state, &t->r, e);
    return code;
}

int64_t trainer_steps(const trainer *t) { return t->steps; }
trainer_memory trainer_memory_of(const trainer *t) { return t->memory; }
