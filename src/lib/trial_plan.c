/* trial_plan.c -- what a training is about to do, in lines for people. */
#include "lib/trial.h"

#include <string.h>

static void add_count(str *s, long long n)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%lld", n);
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0) str_putc(s, ',');
        str_putc(s, digits[i]);
    }
}

static void put(json_t *plan, const char *key, str *s)
{
    json_object_set_new(plan, key, json_string(str_c(s)));
    str_clear(s);
}

/* PEFT's line; all parameters are the base's and the adapter's. */
static void add_parameters(const trial *t, json_t *plan, str *s)
{
    long long trained = (long long)t->base.adapter->count,
              all = trained + (long long)t->base.model->parameters;
    str_puts(s, "trainable params: ");
    add_count(s, trained);
    str_puts(s, " || all params: ");
    add_count(s, all);
    str_fmt(s, " || trainable%%: %.4f", 100.0 * (double)trained / (double)all);
    put(plan, "parameters", s);
}

static void add_rows(const trial *t, json_t *plan, str *s)
{
    add_count(s, (long long)t->train->set.n);
    str_puts(s, " examples, ");
    add_count(s, (long long)t->train->set.tokens);
    str_puts(s, " tokens, of them ");
    add_count(s, (long long)t->train->set.label_tokens);
    str_fmt(s, " labels; longest %lld", (long long)t->train->set.longest);
    put(plan, "data", s);
    if (!t->eval) return;
    add_count(s, (long long)t->eval->set.n);
    str_puts(s, " examples, ");
    add_count(s, (long long)t->eval->set.tokens);
    str_puts(s, " tokens");
    if (!t->o->eval_data)
        str_fmt(s, ", held out of the data by eval_split %g, split_seed %lld", t->o->eval_split,
                (long long)t->o->split_seed);
    put(plan, "eval data", s);
}

static void add_memory(const trial *t, json_t *plan, str *s)
{
    trainer_memory m = trainer_memory_of(t->trainer);
    json_t *items = trial_memory_json(t), *bytes;
    const char *name, *comma = "";
    str_fmt(s, "%.1f MiB:", json_number_value(json_object_get(items, "total")) / 0x1p20);
    json_object_del(items, "total");
    json_object_foreach(items, name, bytes)
    {
        str_fmt(s, "%s %s %.1f", comma, name, json_number_value(bytes) / 0x1p20);
        comma = ",";
    }
    json_decref(items);
    if (m.redo_cheap) str_puts(s, "; norms and activations are computed twice");
    if (m.redo_blocks)
        str_fmt(s, "; %d of %lld blocks are computed twice", m.redo_blocks,
                (long long)t->base.model->config->layers);
    put(plan, "memory", s);
}

/* Those of a source pass through the encoder alone. */
static double tokens_through(const model *m, const rowset *set, const char *module)
{
    const bool encoder = set->source && str_starts(module, m->config->family->blocks);
    return (double)(encoder ? set->source_offset[set->n] : set->offset[set->n]);
}

/* The matrix products that cannot be avoided, at the measured peak: projections forward and backward over the
 * tokens, the head over the labels, the adapters three times. Attention and all else come on top. */
static void add_time(const trial *t, json_t *plan, str *s)
{
    const model *m = t->base.model;
    const bool text = m->head.task == TASK_CAUSAL_LM;
    double linear = 0, head = (double)(text ? m->config->vocab : m->head.outputs) * (double)m->config->width;
    const rowset *set = &t->train->set;
    for (int64_t i = 0; i < m->linears; i++)
        linear += (double)m->linear[i].in * (double)m->linear[i].out * tokens_through(m, set, m->linear[i].name);
    double rows =
        (double)(trainer_steps(t->trainer) * t->o->train_batch * t->o->accumulation) / (double)set->n;
    double flops = 4 * linear + 6 * (double)t->base.adapter->count * (double)set->offset[set->n];
    flops += (double)set->label_tokens * 4 * head;
    double seconds = rows * flops / device_peak(t->base.device, COMPUTE_F32);
    if (seconds < 60)
        str_fmt(s, "at least %.1f s", seconds);
    else
        str_fmt(s, "at least %.0f min", seconds / 60);
    put(plan, "expected", s);
}

void trial_tell_plan(const trial *t)
{
    if (!t->h || !t->h->banner) return;
    const options *o = t->o;
    json_t *plan = json_object();
    str s = {0};
    str_fmt(&s, "%s (%s)", o->model, t->base.model->config->architecture);
    put(plan, "model", &s);
    add_parameters(t, plan, &s);
    str_puts(&s, o->quantization);
    put(plan, "quantization", &s);
    add_rows(t, plan, &s);
    str_fmt(&s, "%lld steps of %lld examples (%lld x %lld)", (long long)trainer_steps(t->trainer),
            (long long)(o->train_batch * o->accumulation), (long long)o->train_batch,
            (long long)o->accumulation);
    put(plan, "steps", &s);
    add_memory(t, plan, &s);
    add_time(t, plan, &s);
    str_fmt(&s, "%s, products in %s", device_name(t->base.device),
            compute_name(device_compute(t->base.device)));
    put(plan, "device", &s);
    str_puts(&s, o->out);
    put(plan, "out", &s);
    t->h->banner(t->h->arg, plan);
    json_decref(plan);
    str_free(&s);
}
