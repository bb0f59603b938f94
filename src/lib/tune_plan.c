/* tune_plan.c -- what the options say about a study: see tune.h. */
#include "lib/tune.h"

#include "train/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    bool larger, text;
} metrics[] = {
    {"eval_loss", false, false},
    {"eval_token_accuracy", true, false},
    {"eval_accuracy", true, false},
    {"eval_f1", true, false},
    {"eval_entity_f1", true, false},
    {"seconds", false, false},
    {"memory", false, false},
    {"tokens_per_second", true, false},
    {"trainable_parameters", false, false},
    {"bleu", true, true},
    {"chrf", true, true},
    {"rouge1", true, true},
    {"rouge2", true, true},
    {"rougeL", true, true},
    {"coverage", true, true},
    {"slot_error_rate", false, true},
    {"distinct1", true, true},
    {"distinct2", true, true},
    {"repetition", false, true},
};
enum { METRICS = sizeof metrics / sizeof *metrics };

int tune_objective(objective *out, const char *name, err *e)
{
    str all = {0};
    for (int i = 0; i < METRICS; i++) {
        if (option_same_name(metrics[i].name, name)) {
            *out = (objective){metrics[i].name, metrics[i].larger};
            str_free(&all);
            return OK;
        }
        str_fmt(&all, "%s%s", i ? ", " : "", metrics[i].name);
    }
    int bad = fail(e, E_USAGE, "objective: \"%s\" is not one of %s", name, str_c(&all));
    str_free(&all);
    return bad;
}

bool tune_is_text_metric(const char *name)
{
    for (int i = 0; i < METRICS; i++)
        if (!strcmp(metrics[i].name, name)) return metrics[i].text;
    return false;
}

int tune_budget(study_rules *r, const char *text, err *e)
{
    static const struct {
        const char *unit;
        double seconds;
    } times[] = {{"s", 1}, {"sec", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}};
    char *unit;
    double n = strtod(text, &unit);
    if (unit > text && n > 0 && isfinite(n)) {
        unit += strspn(unit, " ");
        for (size_t i = 0; i < sizeof times / sizeof *times; i++)
            if (!strcasecmp(unit, times[i].unit)) return r->seconds = n * times[i].seconds, OK;
        if (!strcasecmp(unit, "tokens")) return r->tokens = n, OK;
        if (!strcasecmp(unit, "runs") && n == floor(n)) return r->runs = (int64_t)n, OK;
    }
    return fail(e, E_USAGE, "budget: \"%s\" is no amount such as 60min, 2h, 40runs or 2e6tokens", text);
}

/* Accuracy and F1 are those of labels, entities those of labels that name them. */
static bool has_metric(const tune *t, const char *name)
{
    const bool text = t->class.head.task == TASK_CAUSAL_LM;
    entity_tags tags;
    if (!strcmp(name, "eval_token_accuracy")) return text;
    if (!strcmp(name, "eval_accuracy") || !strcmp(name, "eval_f1"))
        return !text && t->class.labels.kind != LABEL_VALUE;
    if (strcmp(name, "eval_entity_f1")) return true;
    const label_set *l = &t->class.labels;
    if (text || l->kind != LABEL_TOKENS || !entity_tags_init(&tags, l->name, l->n)) return false;
    entity_tags_release(&tags);
    return true;
}

static int read_objectives(tune *t, err *e)
{
    const peft_list *list = &t->o->objectives;
    if (list->n > OBJECTIVES_MAX)
        return fail(e, E_USAGE, "objective: %lld are given; at most %d are possible", (long long)list->n,
                    OBJECTIVES_MAX);
    for (int64_t i = 0; i < list->n; i++) {
        int bad = tune_objective(&t->objective[i], list->p[i], e);
        if (bad) return bad;
        if (tune_is_text_metric(t->objective[i].name) && !t->texts)
            return fail(e, E_USAGE, "objective: %s needs prompts with references to compare texts with, "
                                    "and the "
                                    "held-out rows have none; use eval_loss",
                        t->objective[i].name);
        if (!has_metric(t, t->objective[i].name))
            return fail(e, E_USAGE, "objective: %s is not measured of %s", t->objective[i].name,
                        t->class.head.task == TASK_CAUSAL_LM ? "models that write text, but of classifiers"
                                                             : "this classifier");
        for (int64_t k = 0; k < i; k++)
            if (t->objective[k].name == t->objective[i].name)
                return fail(e, E_USAGE, "objective: %s comes twice", t->objective[i].name);
    }
    if (list->n > 1 && t->how.stop == EARLY_MEDIAN)
        return fail(e, E_USAGE, "early_stopping median goes by one objective; use halving or none with "
                                "several");
    t->rules.objective = t->objective;
    t->rules.objectives = (int)list->n;
    return OK;
}

/* Rows that a run of the options' own length sees. */
static double whole_length(const tune *t)
{
    const options *o = t->o;
    if (o->max_steps > 0) return (double)(o->max_steps * o->train_batch * o->accumulation);
    return o->epochs * (double)t->train->set.n;
}

/* eta apart, from the whole length down. A first rung of fewer rows than two steps of the options' batch
 * tells nothing, so there are no more rungs than fit above that. */
static void set_rungs(tune *t)
{
    int most = t->how.stop == EARLY_NONE ? 1 : t->how.stop == EARLY_MEDIAN ? 4 : (int)t->o->rungs;
    double whole = whole_length(t), least = 2.0 * (double)(t->o->train_batch * t->o->accumulation);
    if (t->how.stop == EARLY_HALVING)
        while (most > 1 && whole / pow(t->how.eta, most - 1) < least) most--;
    for (int k = 0; k < most; k++)
        t->rows[k] = t->how.stop == EARLY_HALVING ? whole / pow(t->how.eta,
                                                                most - 1 - k) : whole * (k + 1) / most;
    t->rules.rungs = most;
}

int tune_plan(tune *t, err *e)
{
    t->how = (search){.how = strategy_find(t->o->strategy),
                      .stop = early_find(t->o->early_stopping),
                      .eta = (int)t->o->eta,
                      .last = (int)(t->o->final_runs ? t->o->final_runs : 1),
                      .seed = (uint64_t)t->o->seed};
    t->rules.s = &t->space;
    t->rules.how = &t->how;
    int bad = read_objectives(t, e);
    if (!bad && t->o->budget) bad = tune_budget(&t->rules, t->o->budget, e);
    if (!bad && whole_length(t) < 1) bad = fail(e, E_USAGE, "a run would see no row; raise num_train_epochs");
    if (!bad) set_rungs(t);
    return bad;
}

/* ------------------------------------------------------------------------------- one run */

static int64_t steps_of(double rows, const options *of)
{
    double steps = floor(rows / (double)(of->train_batch * of->accumulation) + 0.5);
    return steps < 2 ? 2 : (int64_t)steps;
}

/* A fifth decays, at least one step. */
rung_shape tune_shape(const tune *t, const options *of, int rung)
{
    int64_t steps = steps_of(t->rows[rung], of), decay = (int64_t)floor(0.2 * (double)steps + 0.5);
    return (rung_shape){steps, steps - (decay < 1 ? 1 : decay)};
}

/* As the options say of the whole length, but never more than half of the first rung's trunk. */
static int64_t warmup_of(const tune *t, const options *of)
{
    bool steps_given = options_origin(of, "warmup_steps") != FROM_DEFAULT,
         share_given = options_origin(of, "warmup_ratio") != FROM_DEFAULT;
    double share = steps_given && !share_given ? 0 : of->warmup_ratio;
    int64_t asked = schedule_warmup(of->warmup_steps, share, steps_of(t->rows[t->rules.rungs - 1], of)),
            most = tune_shape(t, of, 0).trunk / 2;
    return asked < most ? asked : most;
}

static int set_int(options *o, const char *name, int64_t n, err *e)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)n);
    return options_set(o, name, text, FROM_FILE, e);
}

/* The schedule of the whole run at a rung: with halving, trunk and branch in one. */
static int set_schedule(options *out, const tune *t, int rung, err *e)
{
    rung_shape s = tune_shape(t, out, rung);
    int bad = set_int(out, "max_steps", s.steps, e);
    if (t->how.stop != EARLY_HALVING || bad) return bad;
    char decay[48];
    snprintf(decay, sizeof decay, "{\"num_decay_steps\": %lld}", (long long)(s.steps - s.trunk));
    bad = set_int(out, "warmup_steps", warmup_of(t, out), e);
    if (!bad) bad = options_set(out, "warmup_ratio", "0", FROM_FILE, e);
    if (!bad) bad = options_set(out, "lr_scheduler_type", "warmup_stable_decay", FROM_FILE, e);
    return bad ? bad : options_set(out, "lr_scheduler_kwargs", decay, FROM_FILE, e);
}

static bool apart(const tune *t) { return t->judges != t->eval; }

void tune_judge_apart(const tune *t, options *o) { o->judged_on = apart(t) ? ROWS_JUDGING : 0; }

int tune_whole(options *out, const tune *t, const point *at, int rung, int64_t seed, const char *folder,
               err *e)
{
    int bad = tune_options(out, &t->base, &t->space, at, e);
    out->judged_on = apart(t) ? ROWS_GUIDING : 0;
    if (!bad && t->o->max_memory) {
        int64_t bytes;
        bad = option_bytes(&bytes, "max_memory", t->o->max_memory, e);
        if (!bad) bad = set_int(out, "memory_limit", bytes >> 20, e);
    }
    if (!bad) bad = set_schedule(out, t, t->how.stop == EARLY_HALVING ? rung : t->rules.rungs - 1, e);
    if (!bad) bad = set_int(out, "seed", seed, e);
    if (!bad) bad = options_set(out, "output_dir", folder, FROM_FILE, e);
    if (!bad) bad = options_set(out, "eval_strategy", "no", FROM_FILE, e);
    if (!bad) bad = options_set(out, "save_total_limit", "1", FROM_FILE, e);
    if (!bad) bad = set_int(out, "save_steps", (out->max_steps + 7) / 8, e);
    return bad ? bad : options_check(out, e);
}
