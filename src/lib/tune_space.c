/* tune_space.c -- see tune_space.h. */
#include "lib/tune_space.h"

#include "lib/tune_qlora.h"
#include "lib/yaml.h"
#include "tune/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const own[] = {"alpha_ratio", "batch_tokens"};

static bool is_own(const char *name)
{
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (option_same_name(own[i], name)) return true;
    return false;
}

/* Options whose difference would make two runs incomparable, or that a run has no say in. */
static bool is_fixed(const char *name)
{
    static const char *const fixed[] = {
        "model_name_or_path", "adapter",         "dataset_name",        "eval_data",
        "task_type",          "problem_type",    "text_column_names",   "label_column_name",
        "eval_split",         "split_seed",      "dataset_text_field",  "completion_only_loss",
        "assistant_only_loss", "max_length",     "prompt_template",     "completion_template",
        "completion_column",  "chat_template_path", "chat_template_kwargs", "num_train_epochs",
        "max_steps",          "seed",            "output_dir",          "logging_steps",
        "logging_first_step", "eval_strategy",   "eval_steps",          "save_strategy",
        "save_steps",         "save_total_limit", "load_best_model_at_end", "resume_from_checkpoint",
        "overwrite_output_dir", "memory_limit",  "threads",             "per_device_eval_batch_size",
        "config",             "profile",         "quiet",               "json",
        "help",               "invalid_utf8"};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (!strcmp(fixed[i], name)) return true;
    return false;
}

/* -------------------------------------------------------------------------------- the file */

/* The option's full name; NULL with e set when a space cannot have it. */
static const char *full_name(const char *name, err *e)
{
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (option_same_name(own[i], name)) return own[i];
    const option_row *r = option_find(COMMAND_TRAIN, name);
    if (r && !is_fixed(r->name)) return r->name;
    if (r) {
        fail(e, E_USAGE, "%s is the same in all runs of a study, or they could not be compared; leave it "
                         "out", name);
        return NULL;
    }
    options scratch;
    options_init(&scratch, COMMAND_TRAIN);
    options_set(&scratch, name, "", FROM_FILE, e); /* fails, with the nearest name */
    options_release(&scratch);
    return NULL;
}

static int read_file(json_t *out, const char *path, err *e)
{
    yaml_file f;
    if (yaml_read(&f, path, e)) return e->code;
    int bad = f.is_run ? fail(e, E_USAGE, "%s: is a run.json, not a space", path) : OK;
    for (size_t i = 0; i < f.n && !bad; i++) {
        err inner = {0};
        const char *name = full_name(f.entry[i].key, &inner);
        if (name && json_object_get(out, name)) fail(&inner, E_USAGE, "%s comes twice", name);
        if (inner.code)
            bad = fail(e, inner.code, "%s:%d: %s", path, f.entry[i].line, inner.msg);
        else
            json_object_set(out, name, f.entry[i].value);
    }
    yaml_release(&f);
    return bad;
}

int tune_definition(json_t **out, const options *o, const struct model *m, err *e)
{
    int bad = OK;
    if (!strcmp(o->space, "qlora"))
        *out = tune_qlora(m);
    else
        bad = read_file(*out = json_object(), o->space, e);
    if (!bad) return OK;
    json_decref(*out);
    *out = NULL;
    return bad;
}

/* ------------------------------------------------------------------------------- the space */

static void set_number(json_t *o, const char *name, double x) { json_object_set_new(o, name,
                                                                                    json_sprintf("%.6g",
                                                                                                 x)); }

/* Where the options stand. */
static json_t *standard_of(const tune_base *b)
{
    json_t *all = options_json(b->o), *out = json_object(), *v;
    const char *name;
    json_object_foreach(all, name, v)
    {
        json_t *value = json_object_get(v, "value");
        char *text = json_is_null(value) ? NULL : option_text_of(value);
        if (text && !json_is_array(value)) json_object_set_new(out, name, json_string(text));
        if (json_array_size(value) == 1) json_object_set(out, name, json_array_get(value, 0));
        free(text);
    }
    json_decref(all);
    if (b->targets.n) {
        str names = {0};
        for (int64_t i = 0; i < b->targets.n; i++) str_fmt(&names, "%s%s", i ? "," : "", b->targets.p[i]);
        json_object_set_new(out, "lora_target_modules", json_string(names.p));
        str_free(&names);
    }
    set_number(out, "alpha_ratio", b->o->lora_alpha / (double)b->o->lora_r);
    set_number(out, "batch_tokens", (double)(b->o->train_batch * b->o->accumulation) * b->row_tokens);
    return out;
}

static int check_value(options *scratch, const char *name, const char *text, err *e)
{
    char *end;
    double x = strtod(text, &end);
    if (!is_own(name)) return options_set(scratch, name, text, FROM_FILE, e);
    if (end == text || *end || !(x > 0) || isinf(x))
        return fail(e, E_USAGE, "%s: \"%s\" is no number above 0", name, text);
    return OK;
}

/* Every choice and both ends of a range are values that the option takes. */
static int check_param(options *scratch, const space_param *p, err *e)
{
    int bad = OK;
    for (int c = 0; c < p->choices && !bad; c++) bad = check_value(scratch, p->name, p->choice[c], e);
    for (int k = 0; k < 2 && p->kind != PARAM_CHOICE && !bad; k++) {
        char text[40];
        snprintf(text, sizeof text, "%.15g", k ? p->high : p->low);
        bad = check_value(scratch, p->name, text, e);
    }
    const option_row *r = option_find(COMMAND_TRAIN, p->name);
    bool counts = r && (r->type == OPTION_INT || r->type == OPTION_NUMBER);
    if (!bad && p->kind != PARAM_CHOICE && !counts && !is_own(p->name))
        bad = fail(e, E_USAGE, "%s: is no number; list its values instead of a range", p->name);
    if (!bad && p->kind == PARAM_REAL && r && r->type == OPTION_INT)
        bad = fail(e, E_USAGE, "%s: takes whole numbers; write {int: [low, high]}", p->name);
    return bad;
}

static int check_alpha(const space *s, err *e)
{
    if (space_find(s, "lora_alpha") < 0 || space_find(s, "alpha_ratio") < 0) return OK;
    return fail(e, E_USAGE, "lora_alpha and alpha_ratio: both set alpha; give one of them");
}

static int check_batch(const space *s, err *e)
{
    bool rows = space_find(s, "per_device_train_batch_size") >= 0,
         steps = space_find(s, "gradient_accumulation_steps") >= 0;
    if (space_find(s, "batch_tokens") < 0 || (!rows && !steps)) return OK;
    return fail(e, E_USAGE, "batch_tokens sets the batch; leave %s out of the space",
                rows ? "per_device_train_batch_size" : "gradient_accumulation_steps");
}

/* With halving a run is a trunk and branches of warmup_stable_decay (tune_plan.c). */
static int check_schedule(const space *s, const options *o, err *e)
{
    static const char *const names[] = {"lr_scheduler_type", "lr_scheduler_kwargs"};
    for (int i = 0; i < 2; i++)
        if (space_find(s, names[i]) >= 0 && early_find(o->early_stopping) == EARLY_HALVING)
            return fail(e, E_USAGE,
                        "%s: with halving every run's schedule is warmup_stable_decay; leave it out, or give "
                        "--early_stopping none or median",
                        names[i]);
    return OK;
}

int tune_space(space *s, const json_t *definition, const tune_base *b, err *e)
{
    json_t *standard = standard_of(b);
    err inner = {0};
    options scratch;
    int bad = space_read(s, definition, standard, &inner);
    json_decref(standard);
    if (bad) return fail(e, bad, "%s: %s", b->o->space, inner.msg);
    options_init(&scratch, COMMAND_TRAIN);
    for (int i = 0; i < s->n && !bad; i++) bad = check_param(&scratch, &s->param[i], &inner);
    options_release(&scratch);
    if (!bad) bad = check_alpha(s, &inner);
    if (!bad) bad = check_batch(s, &inner);
    if (!bad) bad = check_schedule(s, b->o, &inner);
    if (!bad) return OK;
    space_release(s);
    return fail(e, bad, "%s: %s", b->o->space, inner.msg);
}

/* ------------------------------------------------------------------------- a run's options */

/* What tune was given of train's options. */
static int copy_options(options *out, const options *o, err *e)
{
    json_t *all = options_json(o), *v;
    const char *name;
    int bad = OK;
    json_object_foreach(all, name, v)
    {
        const option_row *r = option_find(COMMAND_TRAIN, name);
        option_origin from = r ? (option_origin)o->origin[r - option_table] : FROM_DEFAULT;
        if (from == FROM_DEFAULT || (r->flags & OPTION_NOT_REPEATED) || bad) continue;
        bad = option_set_json(out, r, json_object_get(v, "value"), from, e);
    }
    json_decref(all);
    return bad;
}

static double number_at(const space *s, const point *at, const char *name)
{
    int i = space_find(s, name);
    if (i < 0 || isnan(at->v[i])) return NAN;
    const space_param *p = &s->param[i];
    return p->kind == PARAM_CHOICE ? strtod(p->choice[(int)at->v[i]], NULL) : at->v[i];
}

static void set_batch(options *out, const tune_base *b, double tokens)
{
    double rows = fmax(1, floor(tokens / b->row_tokens + 0.5));
    if (rows < (double)out->train_batch) out->train_batch = (int64_t)rows;
    out->accumulation = (int64_t)fmax(1, floor(rows / (double)out->train_batch + 0.5));
}

/* Values that were worked out count as chosen: run.json repeats them. */
static void mark(options *out, const char *name)
{
    out->origin[option_find(COMMAND_TRAIN, name) - option_table] = FROM_FILE;
}

int tune_options(options *out, const tune_base *b, const space *s, const point *at, err *e)
{
    options_init(out, COMMAND_TRAIN);
    int bad = copy_options(out, b->o, e);
    str text = {0};
    for (int i = 0; i < s->n && !bad; i++) {
        if (is_own(s->param[i].name) || isnan(at->v[i])) continue;
        str_clear(&text);
        space_text(s, at, i, &text);
        bad = options_set(out, s->param[i].name, str_c(&text), FROM_FILE, e);
    }
    str_free(&text);
    double ratio = number_at(s, at, "alpha_ratio"), tokens = number_at(s, at, "batch_tokens");
    if (isnan(ratio)) ratio = b->o->lora_alpha / (double)b->o->lora_r;
    if (space_find(s, "lora_alpha") < 0) out->lora_alpha = ratio * (double)out->lora_r;
    if (!isnan(tokens)) set_batch(out, b, tokens);
    if (!b->o->eval_data) out->eval_split = b->eval_split;
    out->judge_split = b->o->judge_split;
    if (b->threads) out->threads = b->threads;
    mark(out, "eval_split");
    mark(out, "lora_alpha");
    mark(out, "per_device_train_batch_size");
    mark(out, "gradient_accumulation_steps");
    return bad;
}
