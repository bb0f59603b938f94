/* trainer_step.c -- one optimizer step: see trainer.h for the mathematics. */
#include "train/trainer_impl.h"

#include "base/clock.h"
#include "base/rng.h"
#include "train/clip.h"
#include "train/feed.h"

#include <math.h>
#include <string.h>

static bool stop_asked(const trainer *t) { return t->hooks->stop && *t->hooks->stop; }

double trainer_epoch(const trainer *t)
{
    return (double)t->at.epoch + (double)t->at.batch / (double)sampler_micro_batches(t->s);
}

/* Labels of the next n micro-batches: what the weights of all of them depend on. */
static int64_t window_labels(trainer *t, int64_t n)
{
    int64_t sum = 0;
    for (int64_t k = 0; k < n; k++) {
        int64_t tokens, labels;
        sampler_count(t->s, t->at.epoch, t->at.batch + k, &tokens, &labels);
        sum += labels;
    }
    return sum;
}

/* Adds the gradient of one micro-batch and what it counted. */
static int micro_step(trainer *t, progress *at, float weight, double *loss, err *e)
{
    const micro_batch *b = &t->batch;
    sampler_fill(t->s, at->epoch, at->batch, &t->batch);
    for (int64_t k = 0; k < b->labels; k++) b->weight[k] = weight;
    const step_input in = feed_of(b);
    step_run(t->run, &in, rng_key(t->r.seed, (uint64_t)at->micro));
    *loss += step_loss(t->run);
    at->batch++;
    at->micro++;
    at->examples += b->n_docs;
    at->tokens += b->tokens + b->source;
    at->labels += b->labels;
    at->operations += step_operations(t->run);
    if (isfinite(*loss)) return OK;
    if (model_check_finite(t->m, e) != OK) return E_NUMERIC;
    const char *where = step_not_finite(t->run);
    return fail(
        e, E_NUMERIC,
        "step %lld: the loss is not a finite number (%s is not); nothing was overwritten; try a lower "
        "learning_rate",
        (long long)at->step + 1, where ? where : "the loss");
}

static int gradient_not_finite(const trainer *t, err *e)
{
    size_t k = clip_not_finite(t->a->grad, t->a->count);
    int64_t i = t->a->wholes - 1;
    while (i >= 0 && t->a->whole[i].at > k) i--;
    if (i >= 0)
        return fail(e, E_NUMERIC,
                    "step %lld: the gradient of %s is not finite; nothing was overwritten; try a lower "
                    "learning_rate",
                    (long long)t->at.step + 1, t->a->whole[i].name);
    i = 0;
    while (i + 1 < t->a->modules && t->a->module[i + 1].a <= k) i++;
    const adapter_module *n = &t->a->module[i];
    return fail(
        e, E_NUMERIC,
        "step %lld: the gradient of %s.%s is not finite; nothing was overwritten; try a lower learning_rate",
        (long long)t->at.step + 1, n->name, k < n->b ? "lora_A" : "lora_B");
}

/* Clips and moves the parameters; the step is counted by the caller's progress. */
static int update(trainer *t, progress *at, err *e)
{
    pool *team = device_pool(t->d);
    at->grad_norm = clip_norm(t->a->grad, t->a->count, t->tile, team);
    if (!isfinite(at->grad_norm)) return gradient_not_finite(t, e);
    at->learning_rate = t->r.learning_rate * schedule_factor(&t->schedule, at->step);
    at->step++;
    adamw_step(&t->opt, t->a->param, t->a->grad, t->group, t->groups, at->step, at->learning_rate,
               clip_coefficient(at->grad_norm, t->r.max_grad_norm), team);
    return OK;
}

static void count_time(trainer *t, progress *at, double seconds)
{
    int64_t tokens = at->tokens - t->at.tokens;
    double operations = at->operations - t->at.operations;
    at->seconds += seconds;
    t->here.steps++;
    t->here.tokens += tokens, t->window.tokens += tokens;
    t->here.seconds += seconds, t->window.seconds += seconds;
    t->here.operations += operations, t->window.operations += operations;
}

int trainer_step(trainer *t, double *loss, err *e)
{
    double start = clock_seconds();
    int64_t batches = sampler_micro_batches(t->s), left = batches - t->at.batch;
    int64_t n = left < t->r.gradient_accumulation_steps ? left : t->r.gradient_accumulation_steps;
    float weight = (float)(1.0 / (double)window_labels(t, n));
    progress at = t->at; /* becomes t->at when the step is complete */
    memset(t->a->grad, 0, t->a->count * sizeof *t->a->grad);
    *loss = 0;
    int code = OK;
    for (int64_t k = 0; k < n && code == OK; k++) {
        if (stop_asked(t)) return E_STOPPED;
        code = micro_step(t, &at, weight, loss, e);
    }
    if (code == OK) code = update(t, &at, e);
    if (code != OK) return code;
    if (at.batch == batches) at.batch = 0, at.epoch++;
    at.window_steps++;
    at.window_loss += *loss;
    at.total_loss += *loss;
    count_time(t, &at, clock_seconds() - start);
    t->at = at;
    return OK;
}
