/* schedule.c -- see schedule.h. */
#include "train/schedule.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static const double PI = 3.141592653589793;

static const char *const names[SCHEDULE_COUNT] = {
    "linear",
    "cosine",
    "cosine_with_restarts",
    "cosine_with_min_lr",
    "polynomial",
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
    "warmup_stable_decay",
};

const char *schedule_name(schedule_type t) { return names[t]; }

schedule_type schedule_find(const char *name)
{
    int t = 0;
    while (t < SCHEDULE_COUNT && strcmp(names[t], name) != 0) t++;
    return (schedule_type)t;
}

int64_t schedule_warmup(double warmup_steps, double warmup_ratio, int64_t steps)
{
    if (warmup_steps >= 1) return (int64_t)warmup_steps;
    return (int64_t)ceil((double)steps * (warmup_steps > 0 ? warmup_steps : warmup_ratio));
}

static double otherwise(double asked, double standard) { return asked < 0 ? standard : asked; }

/* An option that the type has no use for would be ignored without a word. */
static int check_used(schedule_type type, const schedule_options *o, err *e)
{
    const bool cosine = type == SCHEDULE_COSINE || type == SCHEDULE_COSINE_WITH_RESTARTS,
               floored = type == SCHEDULE_COSINE_WITH_MIN_LR || type == SCHEDULE_WARMUP_STABLE_DECAY,
               polynomial = type == SCHEDULE_POLYNOMIAL;
    const struct {
        const char *name;
        double value;
        bool used;
    } all[] = {{"num_cycles", o->num_cycles, cosine || floored},
               {"power", o->power, polynomial},
               {"lr_end", o->lr_end, polynomial},
               {"min_lr", o->min_lr, floored},
               {"min_lr_rate", o->min_lr_rate, floored},
               {"num_decay_steps", (double)o->num_decay_steps, type == SCHEDULE_WARMUP_STABLE_DECAY}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].value >= 0 && !all[i].used)
            return fail(e, E_USAGE, "lr_scheduler_kwargs: lr_scheduler_type %s has no %s; leave it out",
                        names[type], all[i].name);
    return OK;
}

int schedule_init(schedule *s, schedule_type type, double learning_rate, int64_t warmup, int64_t steps,
                  const schedule_options *options, err *e)
{
    const schedule_options *o = options;
    *s = (schedule){type, learning_rate, warmup, steps, .decay = o->num_decay_steps};
    s->cycles = otherwise(o->num_cycles, type == SCHEDULE_COSINE_WITH_RESTARTS ? 1.0 : 0.5);
    s->power = otherwise(o->power, 1.0);
    s->lr_end = otherwise(o->lr_end, 1e-7);
    s->floor = otherwise(o->min_lr_rate, o->min_lr < 0 || learning_rate <= 0 ? 0 : o->min_lr / learning_rate);
    if (check_used(type, options, e) != OK) return E_USAGE;
    if (!(learning_rate >= 0) || isinf(learning_rate))
        return fail(e, E_USAGE, "learning_rate %g: has to be a positive number, such as 2e-4", learning_rate);
    if (o->min_lr >= 0 && o->min_lr_rate >= 0)
        return fail(e, E_USAGE, "min_lr and min_lr_rate: give one of the two");
    if (type == SCHEDULE_COSINE_WITH_MIN_LR && o->min_lr < 0 && o->min_lr_rate < 0)
        return fail(e, E_USAGE, "lr_scheduler_type cosine_with_min_lr: needs min_lr or min_lr_rate");
    if (s->floor > 1)
        return fail(e, E_USAGE, "min_lr %g: is above the learning rate %g", s->floor * learning_rate,
                    learning_rate);
    if (type == SCHEDULE_POLYNOMIAL && !(learning_rate > s->lr_end))
        return fail(e, E_USAGE, "lr_scheduler_type polynomial: lr_end %g is not below the learning rate %g",
                    s->lr_end, learning_rate);
    if (type == SCHEDULE_WARMUP_STABLE_DECAY && o->num_decay_steps < 0)
        return fail(e, E_USAGE, "lr_scheduler_type warmup_stable_decay: needs num_decay_steps");
    return OK;
}

static double cosine(double turns) { return 0.5 * (1.0 + cos(PI * 2.0 * turns)); }
static double positive(double x) { return x > 0 ? x : 0; }
static double share(int64_t part, int64_t whole) { return (double)part / (double)(whole > 1 ? whole : 1); }

static double polynomial(const schedule *s, int64_t step)
{
    double lr = s->learning_rate;
    if (step > s->steps) return s->lr_end / lr;
    double left = 1.0 - share(step - s->warmup, s->steps - s->warmup);
    return ((lr - s->lr_end) * pow(left, s->power) + s->lr_end) / lr;
}

static double stable_decay(const schedule *s, int64_t step)
{
    int64_t stable = s->steps - s->warmup - s->decay;
    double f = 0;
    if (step < s->warmup)
        f = share(step, s->warmup);
    else if (step < s->warmup + stable)
        return 1;
    else if (step < s->warmup + stable + s->decay)
        f = cosine(s->cycles * share(step - s->warmup - stable, s->decay));
    return positive(f * (1.0 - s->floor) + s->floor);
}

double schedule_factor(const schedule *s, int64_t step)
{
    if (s->type == SCHEDULE_CONSTANT) return 1;
    if (s->type == SCHEDULE_WARMUP_STABLE_DECAY) return stable_decay(s, step);
    if (step < s->warmup) return share(step, s->warmup);
    double p = share(step - s->warmup, s->steps - s->warmup);
    double scale = s->warmup ? (double)s->warmup : 10000.0;
    switch (s->type) {
    case SCHEDULE_LINEAR:
        return positive(share(s->steps - step, s->steps - s->warmup));
    case SCHEDULE_COSINE:
        return positive(cosine(s->cycles * p));
    case SCHEDULE_COSINE_WITH_RESTARTS:
        return p >= 1 ? 0 : positive(cosine(0.5 * fmod(s->cycles * p, 1.0)));
    case SCHEDULE_COSINE_WITH_MIN_LR:
        return positive(cosine(s->cycles * p) * (1.0 - s->floor) + s->floor);
    case SCHEDULE_POLYNOMIAL:
        return polynomial(s, step);
    case SCHEDULE_INVERSE_SQRT:
        return 1.0 / sqrt(((double)step + scale - (double)s->warmup) / scale);
    default:
        return 1;
    }
}
