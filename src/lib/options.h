/* options.h -- every option of every command: one table row each, and the one struct they fill.
 *
 * A row (options_table.c) holds an option's name, aliases, type, place in `struct options`, default, range,
 * commands and help. The command line, the configuration file, --help and run.json all read that table,
 * so an option cannot exist in one of them only.
 *
 * Names are those of TRL, transformers and PEFT; `-` and `_` between words are the same. Values come, the
 * later winning, from the table, from `--config FILE` (YAML with TRL's keys, or a run.json), from the command
 * line.
 * Keys of those libraries that this program knows without having an option for them are in compat.h. */
#ifndef LIB_OPTIONS_H
#define LIB_OPTIONS_H

#include "base/json.h"
#include "format/peft.h"

typedef enum command {
    COMMAND_TRAIN = 1,
    COMMAND_EVAL = 2,
    COMMAND_GENERATE = 4,
    COMMAND_INFO = 8,
    COMMAND_DATA = 16,
    COMMAND_BENCH = 32,
    COMMAND_COMPARE = 64,
    COMMAND_REPORT = 128,
    COMMAND_TUNE = 256,
    COMMAND_CHAT = 512,
    COMMAND_ALL = 1023,
} command;

typedef struct option_ints {
    const int64_t *p;
    int64_t n;
} option_ints;

typedef struct option_map {
    const peft_pattern *p;
    int64_t n;
} option_map;

/* Text is NULL where the default is "none" and nobody gave it. */
typedef struct options {
    command command;

    /* model and machine */
    const char *model, *adapter, *quantization, *device, *compute;
    bool double_quant;
    const char *cache_dir, *cache_limit;
    int64_t threads, memory_limit;

    /* data */
    const char *task_type, *problem_type, *label_column;
    peft_list text_columns;
    const char *data, *eval_data, *text_field, *prompt_template, *completion_template, *completion_column;
    const char *invalid_utf8;         /* "error", "replace" */
    const char *completion_only_loss; /* "auto", "true", "false" */
    const char *chat_template_path, *chat_template_kwargs, *system;
    bool assistant_only_loss;
    double eval_split; /* share of the data's rows that is held out; 0: none */
    int64_t max_length, split_seed;
    bool packing;

    /* adapter */
    int64_t lora_r;
    double lora_alpha, lora_dropout;
    peft_list target_modules, exclude_modules, layers_pattern, modules_to_save;
    option_ints layers;
    option_map rank_pattern, alpha_pattern, scheduler_kwargs;
    bool rslora;

    /* training */
    int64_t train_batch, eval_batch, accumulation, max_steps, seed;
    double epochs, learning_rate, weight_decay, beta1, beta2, epsilon, max_grad_norm;
    double warmup_ratio, warmup_steps, loraplus;
    const char *scheduler, *sampling, *base_dropout; /* the last: "config", "none" or NULL */
    bool checkpointing;

    /* logging, evaluation, saving */
    const char *out, *eval_strategy, *save_strategy, *resume;
    int64_t logging_steps, eval_steps, save_steps, save_limit;
    bool logging_first, best_at_end, overwrite;

    /* generation */
    const char *prompt, *out_file;
    int64_t max_new_tokens, top_k, batch;
    double temperature, top_p, min_p, repetition_penalty;
    bool do_sample;
    peft_list stop;

    /* eval, data, info, bench */
    const char *predictions, *per_token, *color, *synonyms, *train_data;
    bool generate;
    peft_list attributes;
    int64_t rows, row, bench_steps, bench_tokens;
    const char *shape;
    bool tensors;

    /* tune */
    const char *action, *space, *budget, *strategy, *early_stopping, *judge, *max_memory;
    peft_list objectives;
    int64_t eta, rungs, parallel, add_runs, final_runs, final_seeds;
    double judge_split;
    unsigned judged_on; /* of a study's trainings: ROWS_GUIDING or ROWS_JUDGING of the held-out rows; no option */

    /* compare, report */
    peft_list recipes, folders;
    int64_t seeds, generate_rows;
    bool equal_time, csv, plot;

    /* what a run prints; not repeated by --config run.json */
    const char *config;
    bool profile, quiet, json, help;

    arena mem;       /* owns every string above */
    uint8_t *origin; /* option_origin of each row */
    struct {
        bool four, eight, touched, applied;
        const char *type;
    } bnb; /* load_in_4bit and its companions */
} options;

typedef enum option_type {
    OPTION_TEXT,
    OPTION_INT,
    OPTION_NUMBER,
    OPTION_FLAG,
    OPTION_LIST, /* names, separated by commas or spaces; one expression with regex characters stays whole */
    OPTION_STRINGS, /* given once for each string */
    OPTION_INTS,
    OPTION_MAP, /* {"name": number} */
} option_type;

typedef enum option_origin { FROM_DEFAULT, FROM_FILE, FROM_COMMAND_LINE } option_origin;

enum { OPTION_NOT_REPEATED = 1, OPTION_POSITIONAL = 2 };

/* A row without a name is the heading of the rows that follow. */
typedef struct option_row {
    const char *name, *alias; /* alias: separated by spaces; single letters go with one dash */
    option_type type;
    size_t at;             /* in struct options */
    const char *otherwise; /* the default as a user would write it; "none": nothing */
    unsigned commands;
    const char *metavar, *help;
    double low, high;    /* numbers: inclusive; both 0: no limit */
    const char *choices; /* text: "a b c"; NULL: anything */
    unsigned flags;      /* OPTION_POSITIONAL: a word without dashes is this option, for `positional` */
    unsigned positional; /* commands */
} option_row;

extern const option_row option_table[];
extern const int option_rows;

/* Has the command this option? One that trains has all of train's. */
bool option_belongs(const option_row *r, command c);

/* Reads `lorac COMMAND argv[0..argc)`. E_USAGE, E_IO or E_FORMAT with what is wrong. Whatever comes back,
 * options_release() frees it. */
int options_parse(options *o, command c, int argc, char *const *argv, err *e);
/* The defaults of a command, and one option after the other, for callers without a command line. */
void options_init(options *o, command c);
int options_set(options *o, const char *name, const char *value, option_origin from, err *e);
/* The same for whatever the command line takes: keys of compat.h, and config, whose file is read at once. */
int options_give(options *o, const char *name, const char *value, err *e);
/* What can be said about options together: contradictions, and what the command cannot do without. */
int options_check(options *o, err *e);
void options_release(options *o);

/* Where the value of an option came from. */
option_origin options_origin(const options *o, const char *name);

/* The help of a command: every option with its default. */
void options_help(command c, str *out);

/* {"name": {"value": ..., "origin": ...}} of the command's options. */
json_t *options_json(const options *o);

const char *command_name(command c);
const char *command_summary(command c);
/* The command of that name, 0 when there is none; then *nearest is the name closest to it. */
command command_find(const char *name, const char **nearest);

/* For the files options_*.c and compat.c. */
const option_row *option_find(command c, const char *name);
bool option_same_name(const char *a, const char *b); /* `-` and `_` are the same */
/* The value as it is written on the command line, or as it stands in a file (string, array, object, null:
 * nothing happens). Messages begin with the option's name. */
int option_set_text(options *o, const option_row *r, const char *text, option_origin from, err *e);
int option_set_json(options *o, const option_row *r, const json_t *value, option_origin from, err *e);
/* A scalar, list or object as text, on the heap. */
char *option_text_of(const json_t *value);
/* Holds a character that no module's name has: one expression, not a list of names. */
bool option_is_regex(const char *text);
/* "4GiB", "512 MiB", 3e9: at least 1 MiB. Messages begin with `name`. */
int option_bytes(int64_t *out, const char *name, const char *text, err *e);
/* true, yes, on, 1 are 1; false, no, off, 0 are 0; else -1. */
int option_bool(const char *text);

#endif
