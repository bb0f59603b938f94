/* job_recipe.c -- see job_recipe.h. */
#include "lib/job_recipe.h"

#include "base/cpu.h"

#include <math.h>
#include <string.h>

static int scheduler_kwargs(schedule_options *s, const option_map *map, err *e)
{
    *s = SCHEDULE_DEFAULTS;
    for (int64_t i = 0; i < map->n; i++) {
        const char *key = map->p[i].key;
        double v = map->p[i].value;
        if (!strcmp(key, "num_cycles"))
            s->num_cycles = v;
        else if (!strcmp(key, "power"))
            s->power = v;
        else if (!strcmp(key, "lr_end"))
            s->lr_end = v;
        else if (!strcmp(key, "min_lr"))
            s->min_lr = v;
        else if (!strcmp(key, "min_lr_rate"))
            s->min_lr_rate = v;
        else if (!strcmp(key, "num_decay_steps"))
            s->num_decay_steps = (int64_t)v;
        else
            return fail(e, E_USAGE,
                        "lr_scheduler_kwargs: \"%s\" is not one of num_cycles, power, lr_end, min_lr, "
                        "min_lr_rate, num_decay_steps",
                        key);
    }
    return OK;
}

static recipe_when when_of(const char *word)
{
    return !strcmp(word, "steps") ? WHEN_STEPS : !strcmp(word, "epoch") ? WHEN_EPOCH : WHEN_NO;
}

static recipe_when eval_when(const options *o)
{
    if (!o->eval_data && o->eval_split == 0) return WHEN_NO;
    return strcmp(o->eval_strategy, "auto") ? when_of(o->eval_strategy) : WHEN_EPOCH;
}

static recipe_sampling sampling_of(const char *word)
{
    return !strcmp(word, "sequential") ? SAMPLING_SEQUENTIAL
           : !strcmp(word, "random")   ? SAMPLING_RANDOM
                                       : SAMPLING_BY_LENGTH;
}

int job_recipe(recipe *r, const options *o, const model *m, err *e)
{
    *r = (recipe){
        .learning_rate = o->learning_rate,
        .weight_decay = o->weight_decay,
        .adam_beta1 = o->beta1,
        .adam_beta2 = o->beta2,
        .adam_epsilon = o->epsilon,
        .max_grad_norm = o->max_grad_norm,
        .loraplus_lr_ratio = o->loraplus,
        .lr_scheduler_type = schedule_find(o->scheduler),
        .warmup_ratio = o->warmup_ratio,
        .warmup_steps = o->warmup_steps,
        .num_train_epochs = o->epochs,
        .max_steps = o->max_steps,
        .per_device_train_batch_size = o->train_batch,
        .per_device_eval_batch_size = o->eval_batch,
        .gradient_accumulation_steps = o->accumulation,
        .train_sampling_strategy = sampling_of(o->sampling),
        .packing = o->packing,
        .max_length = o->max_length,
        .seed = (uint64_t)o->seed,
        .base_dropout = o->base_dropout && !strcmp(o->base_dropout, "config"),
        .keep = o->checkpointing ? REDO_BLOCKS : KEEP_ALL,
        .redo_blocks = o->checkpointing ? (int)m->config->layers : 0,
        .memory_limit = o->memory_limit ? (size_t)o->memory_limit << 20
                                        : model_bytes_held(m) + cpu_memory_free() / 10 * 9,
        .logging_steps = o->logging_steps,
        .logging_first_step = o->logging_first,
        .eval_strategy = eval_when(o),
        .save_strategy = when_of(o->save_strategy),
        .eval_steps = o->eval_steps,
        .save_steps = o->save_steps,
        .save_total_limit = o->save_limit,
        .load_best_model_at_end = o->best_at_end,
        .output_dir = o->out,
    };
    /* a warm-up of 0 steps that somebody asked for is none; the ratio's default does not take its place */
    if (options_origin(o, "warmup_steps") != FROM_DEFAULT &&
        options_origin(o, "warmup_ratio") == FROM_DEFAULT)
        r->warmup_ratio = 0;
    int bad = scheduler_kwargs(&r->lr_scheduler_kwargs, &o->scheduler_kwargs, e);
    if (!bad && r->base_dropout) bad = config_check_dropout(m->config, checkpoint_path(m->file), e);
    return bad ? bad : recipe_check(r, e);
}

/* A list of one entry that is an expression (or "all-linear") is that expression for whole paths, as in PEFT.
 */
static void targets(peft_list list, peft_list *names, const char **regex)
{
    if (list.n == 1 && (option_is_regex(list.p[0]) || !strcasecmp(list.p[0], "all-linear")))
        *regex = list.p[0];
    else
        *names = list;
}

peft_list job_usual_targets(const options *o, const model *m)
{
    static const char *const t5[] = {"q", "v"}, *const bart[] = {"q_proj", "v_proj"};
    const char *words = m->config->family->lora;
    if (!words || options_origin(o, "lora_target_modules") != FROM_DEFAULT) return (peft_list){NULL, 0};
    return (peft_list){family_lists(words, "q") ? t5 : bart, 2};
}

int job_adapter_config(peft_config *c, const options *o, const model *m, err *e)
{
    *c = (peft_config){
        .r = o->lora_r,
        .alpha = o->lora_alpha,
        .dropout = o->lora_dropout,
        .rslora = o->rslora,
        .layers = o->layers.n ? o->layers.p : NULL,
        .n_layers = o->layers.n,
        .layers_pattern = o->layers_pattern,
        .rank_pattern = o->rank_pattern.p,
        .n_rank_pattern = o->rank_pattern.n,
        .alpha_pattern = o->alpha_pattern.p,
        .n_alpha_pattern = o->alpha_pattern.n,
        .base_model_name = o->model,
        .task_type = m->config->encoder_layers ? "SEQ_2_SEQ_LM" : "CAUSAL_LM",
        .init = "true",
    };
    targets(o->target_modules, &c->targets, &c->target_regex);
    const peft_list usual = job_usual_targets(o, m);
    if (usual.n) c->targets = usual, c->target_regex = NULL;
    targets(o->exclude_modules, &c->exclude, &c->exclude_regex);
    for (int64_t i = 0; i < c->n_rank_pattern; i++)
        if (c->rank_pattern[i].value != floor(c->rank_pattern[i].value))
            return fail(e, E_USAGE, "rank_pattern: %s: a rank is a whole number", c->rank_pattern[i].key);
    if (c->n_layers && c->target_regex && strcasecmp(c->target_regex, "all-linear"))
        return fail(e, E_USAGE, "layers_to_transform needs names in lora_target_modules, not an expression");
    return OK;
}
