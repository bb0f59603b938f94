/* trainer_report.c -- what a run tells: reports after a step, lines of the log, the result. */
#include "train/trainer_impl.h"

#include "base/file.h"

#include <math.h>
#include <stdio.h>

static double over(double x, double y) { return y > 0 ? x / y : 0; }

void trainer_tell(trainer *t, double loss)
{
    if (!t->hooks->step) return;
    double rate = over(t->here.seconds, (double)t->here.steps);
    trainer_report report = {
        .step = t->at.step,
        .steps = t->steps,
        .epoch = trainer_epoch(t),
        .loss = loss,
        .grad_norm = t->at.grad_norm,
        .learning_rate = t->at.learning_rate,
        .tokens_per_second = over((double)t->here.tokens, t->here.seconds),
        .speed_of_light = over(over(t->here.operations, t->here.seconds), t->peak),
        .seconds = t->at.seconds,
        .seconds_left = rate * (double)(t->steps - t->at.step),
    };
    t->hooks->step(t->hooks->arg, &report);
}

static json_t *new_line(const trainer *t)
{
    json_t *o = json_object();
    json_object_set_new(o, "step", json_integer(t->at.step));
    json_object_set_new(o, "epoch", json_real(trainer_epoch(t)));
    return o;
}

static void put(json_t *o, const char *key, double x) { json_object_set_new(o, key, json_real(x)); }

/* The scores that there are; PREFIXaccuracy, PREFIXf1 (macro), PREFIXentity_f1, PREFIXmse, PREFIXpearson. */
static void put_scores(json_t *o, const char *prefix, const class_scores *s)
{
    const struct {
        const char *name;
        double value;
    } all[] = {{"accuracy", s->accuracy},
               {"f1", s->macro_f1},
               {"entity_precision", s->entity_precision},
               {"entity_recall", s->entity_recall},
               {"entity_f1", s->entity_f1},
               {"mse", s->mse},
               {"pearson", s->pearson}};
    for (size_t i = 0; s->n && i < sizeof all / sizeof *all; i++) {
        char key[48];
        snprintf(key, sizeof key, "%s%s", prefix, all[i].name);
        if (isfinite(all[i].value)) put(o, key, all[i].value);
    }
}

static int log_line(trainer *t, json_t *line, err *e)
{
    json_incref(line);
    int code = runlog_add(&t->log, line, e);
    if (code == OK && t->hooks->logged) t->hooks->logged(t->hooks->arg, line);
    json_decref(line);
    return code;
}

int trainer_log_step(trainer *t, err *e)
{
    json_t *o = new_line(t);
    put(o, "loss", t->at.window_loss / (double)t->at.window_steps);
    put(o, "grad_norm", t->at.grad_norm);
    put(o, "learning_rate", t->at.learning_rate);
    json_object_set_new(o, "tokens", json_integer(t->at.tokens));
    put(o, "seconds", t->at.seconds);
    put(o, "tokens_per_second", over((double)t->window.tokens, t->window.seconds));
    put(o, "speed_of_light", over(over(t->window.operations, t->window.seconds), t->peak));
    t->at.window_steps = 0;
    t->at.window_loss = 0;
    t->at.logged_step = t->at.step;
    t->window.tokens = 0;
    t->window.seconds = t->window.operations = 0;
    return log_line(t, o, e);
}

int trainer_log_evaluation(trainer *t, const evaluation *v, err *e)
{
    json_t *o = new_line(t);
    put(o, "eval_loss", v->loss);
    if (!v->scores.n) put(o, "eval_token_accuracy", v->token_accuracy);
    put_scores(o, "eval_", &v->scores);
    put(o, "eval_runtime", v->seconds);
    put(o, "eval_samples_per_second", over((double)v->rows, v->seconds));
    json_object_set_new(o, "tokens", json_integer(t->at.tokens));
    put(o, "seconds", t->at.seconds);
    return log_line(t, o, e);
}

int trainer_log_end(trainer *t, err *e)
{
    json_t *o = new_line(t);
    put(o, "train_loss", over(t->at.total_loss, (double)t->at.step));
    put(o, "train_runtime", t->at.seconds);
    put(o, "train_samples_per_second", over((double)t->at.examples, t->at.seconds));
    put(o, "train_steps_per_second", over((double)t->at.step, t->at.seconds));
    put(o, "total_flos", t->at.operations);
    return log_line(t, o, e);
}

void trainer_fill_result(const trainer *t, trainer_result *out)
{
    *out = (trainer_result){
        .steps = t->at.step,
        .epochs = trainer_epoch(t),
        .examples = t->at.examples,
        .tokens = t->at.tokens,
        .labels = t->at.labels,
        .train_loss = over(t->at.total_loss, (double)t->at.step),
        .eval_loss_before = t->at.eval_before,
        .eval_loss = t->at.eval_last,
        .token_accuracy = t->at.eval_accuracy,
        .best_step = t->at.best_step,
        .best_loss = t->at.best_loss,
        .seconds = t->at.seconds,
        .tokens_per_second = over((double)t->at.tokens, t->at.seconds),
        .speed_of_light = over(over(t->at.operations, t->at.seconds), t->peak),
    };
}

trainer_state trainer_state_of(const trainer *t)
{
    str best = {0};
    str_fmt(&best, "%s/checkpoint-%lld", t->r.output_dir, (long long)t->at.best_step);
    trainer_state state = {
        .step = t->at.step,
        .steps = t->steps,
        .epoch = trainer_epoch(t),
        .tokens = t->at.tokens,
        .operations = t->at.operations,
        .best_step = t->at.best_step,
        .best_loss = t->at.best_loss,
        .best_saved = file_is_dir(best.p),
        .history = &t->log.history,
    };
    str_free(&best);
    return state;
}
