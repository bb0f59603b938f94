/* peft_copy.c -- a configuration with all that it points to. */
#include "format/peft.h"

static peft_list copy_list(arena *mem, peft_list from)
{
    const char **p = arena_new(mem, (size_t)(from.n ? from.n : 1) * sizeof *p);
    for (int64_t i = 0; i < from.n; i++) p[i] = arena_strdup(mem, from.p[i]);
    return (peft_list){from.p ? p : NULL, from.n};
}

static const char *copy_text(arena *mem, const char *s) { return s ? arena_strdup(mem, s) : NULL; }

static const peft_pattern *copy_patterns(arena *mem, const peft_pattern *from, int64_t n)
{
    peft_pattern *p = arena_new(mem, (size_t)(n ? n : 1) * sizeof *p);
    for (int64_t i = 0; i < n; i++) p[i] = (peft_pattern){arena_strdup(mem, from[i].key), from[i].value};
    return p;
}

peft_config peft_copy_config(arena *mem, const peft_config *from)
{
    peft_config c = *from;
    c.targets = copy_list(mem, from->targets);
    c.exclude = copy_list(mem, from->exclude);
    c.layers_pattern = copy_list(mem, from->layers_pattern);
    c.unknown = copy_list(mem, from->unknown);
    c.modules_to_save = copy_list(mem, from->modules_to_save);
    c.target_regex = copy_text(mem, from->target_regex);
    c.exclude_regex = copy_text(mem, from->exclude_regex);
    c.base_model_name = copy_text(mem, from->base_model_name);
    c.revision = copy_text(mem, from->revision);
    c.task_type = copy_text(mem, from->task_type);
    c.init = copy_text(mem, from->init);
    c.rank_pattern = copy_patterns(mem, from->rank_pattern, from->n_rank_pattern);
    c.alpha_pattern = copy_patterns(mem, from->alpha_pattern, from->n_alpha_pattern);
    int64_t *layers = arena_new(mem, (size_t)(from->n_layers ? from->n_layers : 1) * sizeof *layers);
    for (int64_t i = 0; i < from->n_layers; i++) layers[i] = from->layers[i];
    c.layers = from->layers ? layers : NULL;
    return c;
}
