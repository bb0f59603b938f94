/* options_check.c -- what a command needs, and which options cannot stand together. */
#include "lib/options.h"

#include <string.h>

static int needs(const options *o, const char *value, const char *option, err *e)
{
    if (value && *value) return OK;
    return fail(e, E_USAGE, "%s needs %s; see lorac %s --help", command_name(o->command), option,
                command_name(o->command));
}

static int check_tune(const options *o, err *e)
{
    if (needs(o, o->space, "--space FILE", e)) return E_USAGE;
    if (!o->budget && strcmp(o->strategy, "grid") && !o->add_runs)
        return needs(o, NULL, "--budget AMOUNT", e);
    if (o->resume || o->overwrite)
        return fail(e, E_USAGE, "a study goes on when the same command is given again; choose another "
                                "--out for a new one");
    static const char *const schedule[] = {"lr_scheduler_type", "lr_scheduler_kwargs"};
    for (int i = 0; i < 2; i++)
        if (!strcmp(o->early_stopping, "halving") && options_origin(o, schedule[i]) != FROM_DEFAULT)
            return fail(e, E_USAGE,
                        "%s: with halving every run's schedule is warmup_stable_decay; leave it out, or give "
                        "--early_stopping none or median",
                        schedule[i]);
    if (o->adapter) return fail(e, E_UNSUPPORTED, "--adapter: a study trains fresh adapters; leave it out");
    return OK;
}

static int check_compare(const options *o, err *e)
{
    if (options_origin(o, "quantization") != FROM_DEFAULT ||
        options_origin(o, "double_quant") != FROM_DEFAULT)
        return fail(e, E_USAGE,
                    "quantization is what the recipes say: --recipes lora,nf4,fp4+dq, or a file of each");
    if (o->resume || o->overwrite)
        return fail(e, E_USAGE,
                    "a comparison goes on when the same command is given again; choose another --out for a "
                    "new one");
    if (o->adapter)
        return fail(e, E_UNSUPPORTED, "--adapter: a comparison trains fresh adapters; leave it out");
    return OK;
}

/* Where rows, prompts and held-out rows come from. */
static int check_data(const options *o, err *e)
{
    if (o->completion_template && o->completion_column)
        return fail(e, E_USAGE,
                    "--completion-template and --completion-column say the same; give one of them");
    if (o->prompt && o->data)
        return fail(e, E_USAGE, "--prompt and --data are two sources of prompts; give one");
    if (o->eval_split > 0 && o->data && !strcmp(o->data, "-"))
        return fail(e, E_USAGE,
                    "eval_split reads the data twice, and the standard input can be read once; give a file");
    if (o->eval_split > 0 && o->eval_data)
        return fail(e, E_USAGE, "eval_split and --eval-data are two sources of held-out rows; give one");
    return OK;
}

static int check_eval(const options *o, err *e)
{
    const char *scores = o->synonyms       ? "synonyms"
                         : o->train_data   ? "train_data"
                         : o->attributes.n ? "attribute"
                                           : NULL;
    if (scores && !o->generate)
        return fail(e, E_USAGE, "--%s is about generated texts; add --generate", scores);
    return OK;
}

static int check_training(const options *o, err *e)
{
    if (o->max_steps == 0 || (o->max_steps < 0 && o->epochs <= 0))
        return fail(e, E_USAGE, "nothing to train: max_steps or num_train_epochs has to be above 0");
    bool asks_eval = strcmp(o->eval_strategy, "auto") && strcmp(o->eval_strategy, "no");
    if ((asks_eval || o->best_at_end) && !o->eval_data && o->eval_split == 0)
        return fail(e, E_USAGE, "%s needs --eval-data FILE or --eval_split SHARE",
                    o->best_at_end ? "load_best_model_at_end" : "eval_strategy");
    return OK;
}

int options_check(options *o, err *e)
{
    if (o->command == COMMAND_TUNE && !strcmp(o->action, "show")) return OK;
    if (o->command == COMMAND_REPORT)
        return o->folders.n ? OK : needs(o, NULL, "a folder: of runs, a comparison or a study", e);
    if (o->command != COMMAND_BENCH &&
        needs(o, o->model, o->command == COMMAND_INFO ? "a PATH" : "--model PATH", e))
        return E_USAGE;
    const unsigned learns = COMMAND_TRAIN | COMMAND_TUNE | COMMAND_COMPARE;
    if (o->command & (learns | COMMAND_EVAL | COMMAND_DATA) && needs(o, o->data, "--data FILE", e))
        return E_USAGE;
    if (check_data(o, e)) return e->code;
    if (o->command == COMMAND_EVAL && check_eval(o, e)) return e->code;
    if (o->command & (learns | COMMAND_EVAL) && !*o->out)
        return fail(e, E_USAGE, "--output_dir is empty; name a folder");
    if (o->command == COMMAND_COMPARE) return check_compare(o, e);
    if (o->command == COMMAND_TUNE && check_tune(o, e)) return e->code;
    return o->command & (COMMAND_TRAIN | COMMAND_TUNE) ? check_training(o, e) : OK;
}
