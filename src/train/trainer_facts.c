/* trainer_facts.c -- what a run is made of, as text, so that a checkpoint can be told from another run's. */
#include "train/trainer_impl.h"

#include "base/rng.h"

#include <string.h>

typedef enum agree { TOLD, HAS_TO_AGREE } agree;

static void add(trainer *t, const char *name, agree how, const char *text)
{
    BUG_IF(t->n_facts == MAX_FACTS);
    t->facts[t->n_facts++] = (fact){name, text, how == HAS_TO_AGREE};
}

static void add_int(trainer *t, const char *name, agree how, int64_t n)
{
    add(t, name, how, arena_fmt(&t->mem, "%lld", (long long)n));
}

static void add_real(trainer *t, const char *name, double x)
{
    add(t, name, TOLD, arena_fmt(&t->mem, "%.9g", x));
}

/* "nf4 210, f32 62": the types that the weights are trained in. */
static const char *types_of(arena *mem, const weights *w)
{
    int64_t count[DT_COUNT] = {0};
    for (int64_t i = 0; i < weights_count(w); i++) count[weights_at(w, i)->type]++;
    const char *text = "";
    for (int k = 0; k < DT_COUNT; k++)
        if (count[k])
            text = arena_fmt(mem, "%s%s%s %lld", text, *text ? ", " : "", dtype_name((dtype)k),
                             (long long)count[k]);
    return text;
}

/* Over every token of every row and its source, and whether it is a label. */
static uint64_t rows_fingerprint(const rowset *r)
{
    uint64_t h = rng_mix((uint64_t)r->n);
    for (int64_t i = 0; i < r->n; i++) {
        h = rng_mix(h ^ (uint64_t)(r->offset[i + 1] - r->offset[i]));
        for (int64_t k = r->offset[i]; k < r->offset[i + 1]; k++)
            h = rng_mix(h ^ ((uint64_t)(uint32_t)r->ids[k] << 1 | r->mask[k]));
        for (int64_t k = r->source ? r->source_offset[i] : 0; r->source && k < r->source_offset[i + 1]; k++)
            h = rng_mix(h ^ (uint64_t)(uint32_t)r->source[k]);
    }
    return h;
}

static const char *hex(arena *mem, uint64_t x) { return arena_fmt(mem, "%016llx", (unsigned long long)x); }

/* "none", or the probabilities that the configuration names. */
static const char *base_dropout(trainer *t)
{
    const double *p = t->m->config->dropout;
    if (!t->r.base_dropout) return "none";
    const char *text = "config";
    for (int k = 0; k < DROPOUT_KINDS; k++) text = arena_fmt(&t->mem, "%s %.9g", text, p[k]);
    return text;
}

void trainer_collect_facts(trainer *t)
{
    static const char *const sampling[] = {"random", "sequential", "group_by_length"};
    const recipe *r = &t->r;
    const schedule_options *o = &r->lr_scheduler_kwargs;
    const char *which = device_name(t->d);
    char *base = arena_new(&t->mem, 17);
    add(t, "model", HAS_TO_AGREE, checkpoint_fingerprint_text(t->m->file, base));
    add(t, "weights", HAS_TO_AGREE, types_of(&t->mem, t->m->weights));
    add(t, "data", HAS_TO_AGREE, hex(&t->mem, rows_fingerprint(t->train)));
    add(t, "eval_data", TOLD, t->eval ? hex(&t->mem, rows_fingerprint(t->eval)) : "none");
    add(t, "seed", HAS_TO_AGREE, arena_fmt(&t->mem, "%llu", (unsigned long long)r->seed));
    add_int(t, "per_device_train_batch_size", HAS_TO_AGREE, r->per_device_train_batch_size);
    add_int(t, "gradient_accumulation_steps", HAS_TO_AGREE, r->gradient_accumulation_steps);
    add(t, "train_sampling_strategy", HAS_TO_AGREE, sampling[r->train_sampling_strategy]);
    add(t, "packing", HAS_TO_AGREE,
        r->packing ? arena_fmt(&t->mem, "to %lld tokens", (long long)r->max_length) : "no");
    add(t, "base_dropout", HAS_TO_AGREE, base_dropout(t));
    add_int(t, "steps", TOLD, t->steps);
    add(t, "lr_scheduler_type", TOLD, schedule_name(r->lr_scheduler_type));
    add(t, "lr_scheduler_kwargs", TOLD,
        arena_fmt(&t->mem, "%.9g %.9g %.9g %.9g %.9g %lld", o->num_cycles, o->power, o->lr_end, o->min_lr,
                  o->min_lr_rate, (long long)o->num_decay_steps));
    add_int(t, "warm-up steps", TOLD, t->schedule.warmup);
    add_real(t, "learning_rate", r->learning_rate);
    add_real(t, "loraplus_lr_ratio", r->loraplus_lr_ratio);
    add_real(t, "weight_decay", r->weight_decay);
    add_real(t, "adam_beta1", r->adam_beta1);
    add_real(t, "adam_beta2", r->adam_beta2);
    add_real(t, "adam_epsilon", r->adam_epsilon);
    add_real(t, "max_grad_norm", r->max_grad_norm);
    add(t, "compute", TOLD, compute_name(device_compute(t->d)));
    add(t, "device", TOLD, arena_strndup(&t->mem, which, strcspn(which, ",")));
}
