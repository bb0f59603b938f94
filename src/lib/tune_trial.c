/* tune_trial.c -- one `lorac train` of a study, watched: see tune.h.
 *
 * A run is given up when its loss is no number, when its mean over the last WINDOW steps is TRAIN_MARGIN
 * times that of the start (the higher of the first step's and the bare base's on held-out rows), or when
 * its held-out loss is EVAL_MARGIN times that of the bare base. The margins leave room for the noise of
 * batches. */
#include "lib/tune.h"

#include "base/clock.h"
#include "lib/job_score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 8, BEAT_SECONDS = 30 };
static const double TRAIN_MARGIN = 1.1, EVAL_MARGIN = 1.02;

/* ------------------------------------------------------------------------------- the start */

/* The rows that a training after o is judged on. */
static const job_rows *rows_of(const tune *t, const options *o)
{
    return o->judged_on == ROWS_JUDGING ? t->judges : t->eval;
}

static int judge_base(tune *t, const options *o, double *loss, err *e)
{
    job_model base;
    trial_judged judged;
    *loss = 0;
    if (t->class.head.task != TASK_CAUSAL_LM) return OK; /* its head is not trained yet and says nothing */
    int bad = stock_open(t->stock, &base, o, e);
    if (!bad) bad = trial_judge_base(&base, rows_of(t, o), o->eval_batch, NULL, &judged, e);
    if (!bad) {
        *loss = judged.all.loss;
        trial_judged_free(&judged);
    }
    stock_close(t->stock, &base);
    return bad;
}

/* The held-out loss of the bare base in the type that o asks for, worked out once a type and set of rows. */
static int start_of(tune *t, const options *o, double *loss, err *e)
{
    char key[TUNE_TYPE];
    snprintf(key, sizeof key, "%.40s %d %u", o->quantization, o->double_quant, o->judged_on);
    pthread_mutex_lock(&t->lock);
    int i = 0, bad = OK;
    while (i < t->starts && strcmp(t->start[i].type, key)) i++;
    if (i == t->starts) {
        bad = i < TUNE_TYPES ? judge_base(t, o, &t->start[i].loss, e)
                             : fail(e, E_USAGE, "a study takes at most %d types of weights", TUNE_TYPES);
        if (!bad) memcpy(t->start[t->starts++].type, key, sizeof key);
    }
    *loss = bad ? 0 : t->start[i].loss;
    pthread_mutex_unlock(&t->lock);
    return bad;
}

/* --------------------------------------------------------------------------- divergence */

typedef struct look {
    tune *t;
    double base; /* held-out loss of the bare base; 0: of a classifier, which has none */
    double loss[WINDOW];
    int64_t steps;
    double start; /* the higher of the first step's loss and the bare base's */
    double beat;  /* when this process last gave a sign of life */
    bool diverged;
    volatile int stop;
} look;

static double recent(const look *l)
{
    double sum = 0;
    for (int i = 0; i < WINDOW; i++) sum += l->loss[i];
    return sum / WINDOW;
}

static void look_at_loss(look *l, double loss)
{
    if (!l->steps) l->start = fmax(l->base, loss);
    l->loss[l->steps++ % WINDOW] = loss;
    if (l->steps < WINDOW || !(recent(l) > TRAIN_MARGIN * l->start)) return;
    l->diverged = true;
    l->stop = 1;
}

static void on_progress(void *arg, const job_progress *p)
{
    look *l = arg;
    tune *t = l->t;
    const job_hooks *h = t->h;
    err ignored = {0}; /* the next report fails aloud */
    if (!strcmp(p->what, "train")) look_at_loss(l, p->loss);
    if (clock_seconds() - l->beat > BEAT_SECONDS) {
        study_beat(t->study, &ignored);
        l->beat = clock_seconds();
    }
    if (h && h->stop && *h->stop) l->stop = 1;
    if (h && h->progress && t->workers == 1) h->progress(h->arg, p);
}

/* ------------------------------------------------------------------------------ one trial */

static json_t *metrics_of(const json_t *result)
{
    static const char *const kept[] = {"eval_loss",      "eval_token_accuracy", "eval_accuracy",
                                       "eval_f1",        "eval_entity_f1",      "seconds",
                                       "tokens_per_second", "trainable_parameters"};
    json_t *out = json_object();
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        json_t *v = json_object_get(result, kept[i]);
        if (json_is_number(v)) json_object_set(out, kept[i], v);
    }
    json_object_set(out, "memory", json_object_get(json_object_get(result, "memory"), "total"));
    json_object_set(out, "trained_tokens", json_object_get(result, "tokens"));
    return out;
}

static void judge(double base, tune_verdict *v)
{
    const json_t *loss = json_object_get(v->metrics, "eval_loss");
    if (!loss || base == 0 || json_number_value(loss) <= EVAL_MARGIN * base) return;
    v->state = RUN_DIVERGED;
    str_fmt(&v->why, "held-out loss %.4g is above the bare model's %.4g", json_number_value(loss), base);
}

int tune_refuse(tune_verdict *v, int bad, const err *why, err *e)
{
    if (bad != E_USAGE && bad != E_MEMORY && bad != E_UNSUPPORTED) return fail(e, bad, "%s", why->msg);
    v->state = RUN_REFUSED;
    str_puts(&v->why, why->msg);
    return OK;
}

static int run_trial(trial *one, const trial_watch *watch, look *l, tune_verdict *v, err *e)
{
    json_t *result = NULL;
    err inner = {0};
    int bad = trial_run(one, watch, &result, &inner);
    v->metrics = result ? metrics_of(result) : NULL;
    json_decref(result);
    if (bad == E_NUMERIC || l->diverged) {
        v->state = RUN_DIVERGED;
        json_object_del(v->metrics, "eval_loss"); /* one of the way, not of the end */
        if (l->diverged)
            str_fmt(&v->why, "the loss of the last %d steps, %.4g, is above the start's %.4g", WINDOW,
                    recent(l), l->start);
        else
            str_puts(&v->why, inner.msg);
        return OK;
    }
    if (bad) return fail(e, bad, "%s", inner.msg);
    judge(l->base, v);
    return OK;
}

int tune_trial(tune *t, const options *o, tune_part part, const trial_watch *watch, tune_verdict *v, err *e)
{
    look l = {.t = t, .beat = clock_seconds()};
    job_hooks h = {.arg = &l, .progress = on_progress, .stop = &l.stop};
    trial *one = NULL;
    err inner = {0};
    *v = (tune_verdict){.state = RUN_DONE};
    int bad = start_of(t, o, &l.base, &inner);
    if (!bad && part == PART_TRUNK) bad = trial_open_unjudged(&one, t->stock, o, &h, &inner);
    if (!bad && part == PART_JUDGED) bad = trial_open(&one, t->stock, o, &h, &inner);
    if (bad) return tune_refuse(v, bad, &inner, e);
    bad = run_trial(one, watch, &l, v, e);
    trial_close(one);
    return bad;
}

/* ------------------------------------------------------------------------ generated texts */

int tune_texts(tune *t, const options *like, const char *folder, json_t *metrics, err *e)
{
    options o = *t->o; /* with the run's weights and adapter; shares what it points to */
    o.adapter = o.out = folder;
    o.quantization = like->quantization;
    o.double_quant = like->double_quant;
    job_model base = {0};
    job_score score = {0};
    int bad = stock_open(t->stock, &base, &o, e);
    if (!bad) bad = job_adapter_open(&base, &o, NULL, e);
    if (!bad) bad = job_score_open(&score, rows_of(t, like), &base, &o, NULL, e);
    if (!bad) bad = job_score_run(&score, &base, &o, t->h, metrics, e);
    job_score_close(&score);
    stock_close(t->stock, &base);
    return bad;
}
