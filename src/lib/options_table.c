/* options_table.c -- the table of options.h: every option, its default and its help, in the order of --help.
 */
#include "lib/options.h"

#include <stddef.h>

#define AT(field) offsetof(options, field)
#define TRAIN COMMAND_TRAIN
#define EVAL COMMAND_EVAL
#define GENERATE COMMAND_GENERATE
#define INFO COMMAND_INFO
#define DATA COMMAND_DATA
#define BENCH COMMAND_BENCH
#define TUNE COMMAND_TUNE
#define COMPARE COMMAND_COMPARE
#define REPORT COMMAND_REPORT
#define CHAT COMMAND_CHAT
#define WRITES (GENERATE | EVAL | COMPARE) /* commands that write texts for rows */
#define DRAWS (WRITES | CHAT)              /* commands that choose tokens */
#define ALL COMMAND_ALL
#define MODELS (ALL & ~REPORT) /* commands about a model */
#define RUNS (TRAIN | EVAL | GENERATE | CHAT | BENCH) /* commands that run a model */
#define READS (TRAIN | EVAL | GENERATE | DATA) /* commands that read rows */

#define HEADING(text) \
    {                 \
        .help = text  \
    }
#define TEXT(n, a, f, d, c, m, h)                              \
    {                                                          \
        n, a, OPTION_TEXT, AT(f), d, c, m, h, 0, 0, NULL, 0, 0 \
    }
#define CHOICE(n, a, f, d, c, m, h)                              \
    {                                                            \
        n, a, OPTION_TEXT, AT(f), d, c, "WORD", h, 0, 0, m, 0, 0 \
    }
#define FLAG(n, a, f, d, c, h)                                    \
    {                                                             \
        n, a, OPTION_FLAG, AT(f), d, c, NULL, h, 0, 0, NULL, 0, 0 \
    }
#define INT(n, a, f, d, c, lo, hi, h)                             \
    {                                                             \
        n, a, OPTION_INT, AT(f), d, c, "N", h, lo, hi, NULL, 0, 0 \
    }
#define NUMBER(n, a, f, d, c, lo, hi, h)                             \
    {                                                                \
        n, a, OPTION_NUMBER, AT(f), d, c, "X", h, lo, hi, NULL, 0, 0 \
    }
#define LIST(n, a, f, d, c, m, h)                              \
    {                                                          \
        n, a, OPTION_LIST, AT(f), d, c, m, h, 0, 0, NULL, 0, 0 \
    }
#define ANY 1e15

const option_row option_table[] = {
    HEADING("Search"),
    {"action", NULL, OPTION_TEXT, AT(action), "search", TUNE, "WORD",
     "search, or show what a study has found", 0, 0, "search show",
     OPTION_POSITIONAL | OPTION_NOT_REPEATED, TUNE},
    TEXT("space", NULL, space, "none", TUNE, "FILE",
         "what to search, YAML with options and their values (docs/TUNE.md), or qlora, a ready space"),
    TEXT("budget", NULL, budget, "none", TUNE, "AMOUNT",
         "begin no further runs after so much: 60min, 2h, 40runs, 2e6tokens"),
    CHOICE("strategy", NULL, strategy, "tpe", TUNE, "tpe random grid", "how to choose what to try"),
    CHOICE("early_stopping", NULL, early_stopping, "halving", TUNE, "halving median none",
           "which runs are trained to the end: the best of each length, those not worse than the median on "
           "the way, or all"),
    INT("eta", NULL, eta, "3", TUNE, 2, 16,
        "halving: one run in so many goes on, to a length so many times as long"),
    INT("rungs", NULL, rungs, "4", TUNE, 1, 8,
        "halving: lengths at which runs are judged, fewer for short runs"),
    LIST("objective", "objectives", objectives, "eval_loss", TUNE, "NAMES",
         "what to search for, several for a Pareto front: eval_loss, eval_token_accuracy, seconds, memory, "
         "a metric of eval --generate such as chrf; of classifiers eval_accuracy, eval_f1, eval_entity_f1"),
    TEXT("max_memory", NULL, max_memory, "none", TUNE, "AMOUNT",
         "refuse runs that their plan says take more: 4GiB, 512MiB"),
    INT("parallel", NULL, parallel, "1", TUNE, 1, 64,
        "runs side by side, where that is measured to be faster"),
    INT("add_runs", NULL, add_runs, "0", TUNE, 0, 1e6, "go on with a finished study for so many more runs"),
    INT("final_runs", NULL, final_runs, "3", TUNE, 0, 15,
        "at the end, judge so many of the best on generated texts"),
    INT("final_seeds", NULL, final_seeds, "3", TUNE, 0, 64,
        "at the end, train the winner and the default again on so many further seeds"),
    NUMBER("judge_split", NULL, judge_split, "0.5", TUNE, 0, 0.999999,
           "share of the held-out rows that the search never sees and the judging at the end is made on; "
           "0: both on all"),
    TEXT("judge", NULL, judge, "chrf", TUNE, "NAME", "the metric of generated texts that names the winner"),

    HEADING("Comparison"),
    LIST("recipes", NULL, recipes, "lora,qlora", COMPARE, "NAMES",
         "what to compare: lora, qlora (nf4 with double quantization), a type such as as-is, nf4, nf4+dq, "
         "fp4, q4_0, or YAML files with train's options; the first is what the others are held against"),
    INT("seeds", NULL, seeds, "3", COMPARE, 1, 100, "trainings of each recipe: seed, seed + 1, ..."),
    FLAG("equal_time", NULL, equal_time, "false", COMPARE,
         "as many steps for each recipe as fit the time of the first, instead of the same steps"),
    {"folders", NULL, OPTION_STRINGS, AT(folders), "none", REPORT, "DIR",
     "run folders, or folders of a comparison; may be given again", 0, 0, NULL, OPTION_POSITIONAL, REPORT},

    HEADING("Model"),
    {"model_name_or_path", "model m", OPTION_TEXT, AT(model), "none", MODELS, "PATH",
     "GGUF file or Hugging Face model folder", 0, 0, NULL, OPTION_POSITIONAL, INFO},
    TEXT("adapter", "adapter_name_or_path", adapter, "none", TRAIN | EVAL | GENERATE | CHAT, "DIR",
         "PEFT folder to put on the model (train: to go on from)"),
    TEXT("quantization", NULL, quantization, "as-is", RUNS, "TYPE",
         "weights as: as-is (what the file holds), none (f32), bf16, nf4, fp4, int8, or a GGUF type such as "
         "q8_0"),
    FLAG("double_quant", NULL, double_quant, "true", RUNS, "with nf4, fp4: quantize the block scales too"),
    {"cache_dir", NULL, OPTION_TEXT, AT(cache_dir), "auto", RUNS | COMPARE | TUNE, "DIR",
     "keep quantized weights here for the next command; auto: those of 16 MiB and more, in lorac/quantized below "
     "$XDG_CACHE_HOME or ~/.cache; none: nowhere", 0, 0, NULL, OPTION_NOT_REPEATED, 0},
    {"cache_limit", NULL, OPTION_TEXT, AT(cache_limit), "8GiB", RUNS | COMPARE | TUNE, "AMOUNT",
     "as much of them at most: those that were not used for longest go first", 0, 0, NULL, OPTION_NOT_REPEATED, 0},

    HEADING("Data"),
    {"dataset_name", "data d", OPTION_TEXT, AT(data), "none", READS, "FILE",
     "JSONL, JSON, CSV or TSV, told apart by content; - reads the standard input", 0, 0, NULL,
     OPTION_POSITIONAL, DATA},
    CHOICE("invalid_utf8", NULL, invalid_utf8, "error", READS, "error replace",
           "bytes of data that are no UTF-8: an error, or U+FFFD for each broken part"),
    TEXT("eval_data", "eval_dataset", eval_data, "none", TRAIN, "FILE", "rows to evaluate on while training"),
    NUMBER("eval_split", NULL, eval_split, "0", TRAIN | EVAL, 0, 0.999999,
           "hold out this share of the data's rows, those of one prompt together; eval: read only those"),
    INT("split_seed", NULL, split_seed, "0", TRAIN | EVAL, 0, ANY, "which rows eval_split holds out"),
    TEXT("prompt_template", NULL, prompt_template, "none", READS, "TEXT",
         "prompt from a row's columns: 'Name: {name}\\nDescription:'"),
    TEXT("completion_template", NULL, completion_template, "none", TRAIN | EVAL | DATA, "TEXT",
         "completion from a row's columns: ' {description}'"),
    TEXT("completion_column", NULL, completion_column, "none", TRAIN | EVAL | DATA, "NAME",
         "short for --completion-template ' {NAME}'"),
    TEXT("dataset_text_field", NULL, text_field, "text", TRAIN | EVAL | DATA, "NAME",
         "column of plain text to learn whole"),
    CHOICE("task_type", "lora_task_type", task_type, "auto", TRAIN | EVAL,
           "auto CAUSAL_LM SEQ_2_SEQ_LM SEQ_CLS TOKEN_CLS",
           "what is learned: texts (CAUSAL_LM, with an encoder SEQ_2_SEQ_LM), a label for each row (SEQ_CLS) or "
           "word (TOKEN_CLS); auto: as the adapter, else texts"),
    LIST("text_column_names", NULL, text_columns, "none", TRAIN | EVAL, "NAMES",
         "of a classifier: the column of the text, or two of a pair; none: by the usual names (text, "
         "sentence, sentence1 and sentence2, tokens, ...)"),
    TEXT("label_column_name", NULL, label_column, "none", TRAIN | EVAL, "NAME",
         "of a classifier: the column of the labels; none: by the usual names (label, category, ner_tags, "
         "...)"),
    CHOICE("problem_type", NULL, problem_type, "auto", TRAIN | EVAL,
           "auto single_label_classification multi_label_classification regression",
           "of SEQ_CLS; auto: by the labels: lists are several, numbers with a fraction values"),
    INT("max_length", NULL, max_length, "1024", TRAIN | EVAL | DATA, 2, 1 << 24,
        "longest row in tokens; what is longer loses its end"),
    FLAG("packing", NULL, packing, "false", TRAIN | DATA, "fill micro-batches to max_length tokens"),
    CHOICE("completion_only_loss", NULL, completion_only_loss, "auto", TRAIN | EVAL | DATA, "auto true false",
           "learn the completion alone; auto: where there is a prompt"),
    FLAG("assistant_only_loss", NULL, assistant_only_loss, "false", TRAIN | EVAL | DATA,
         "of conversations, learn what the assistant says and the end of its turns"),
    TEXT("chat_template_path", NULL, chat_template_path, "none", READS | CHAT, "PATH",
         "chat template to use instead of the model's: a .jinja file, a model folder or a GGUF file"),
    TEXT("chat_template_kwargs", NULL, chat_template_kwargs, "none", READS | CHAT, "JSON",
         "further variables of the chat template: {\"enable_thinking\": false}"),

    HEADING("Adapter"),
    INT("lora_r", "r rank", lora_r, "16", TRAIN | BENCH, 1, 65536, "rank"),
    NUMBER("lora_alpha", "alpha", lora_alpha, "32", TRAIN, 1e-9, ANY, "scale is alpha / r"),
    NUMBER("lora_dropout", NULL, lora_dropout, "0", TRAIN, 0, 0.999999, "dropout on the adapter's input"),
    LIST("lora_target_modules", "target_modules", target_modules, "all-linear", TRAIN, "NAMES",
         "projections to adapt: names or their ends, one regular expression, or all-linear; T5 and BART, unless "
         "said: q, v"),
    LIST("exclude_modules", "lora_exclude_modules", exclude_modules, "none", TRAIN, "NAMES",
         "projections to leave out"),
    LIST("modules_to_save", "lora_modules_to_save", modules_to_save, "none", TRAIN, "NAMES",
         "modules of a classifier to train and save whole, besides its classifier or score: pooler, "
         "pre_classifier"),
    {"layers_to_transform", NULL, OPTION_INTS, AT(layers), "none", TRAIN, "N,N", "layers to adapt; none: all",
     0, 0, NULL, 0, 0},
    LIST("layers_pattern", NULL, layers_pattern, "none", TRAIN, "NAMES",
         "where layers_to_transform finds the layer's number"),
    {"rank_pattern", NULL, OPTION_MAP, AT(rank_pattern), "none", TRAIN, "JSON",
     "other ranks: {\"q_proj\": 32}", 1, 65536, NULL, 0, 0},
    {"alpha_pattern", NULL, OPTION_MAP, AT(alpha_pattern), "none", TRAIN, "JSON",
     "other alphas: {\"q_proj\": 64}", 1e-9, ANY, NULL, 0, 0},
    FLAG("use_rslora", NULL, rslora, "false", TRAIN, "scale is alpha / sqrt(r)"),

    HEADING("Training"),
    INT("per_device_train_batch_size", NULL, train_batch, "8", TRAIN | BENCH, 1, 1 << 20,
        "rows in a micro-batch"),
    INT("gradient_accumulation_steps", NULL, accumulation, "1", TRAIN, 1, 1 << 20,
        "micro-batches in an optimizer step"),
    NUMBER("num_train_epochs", "epochs", epochs, "3", TRAIN, 0, 1e6, "passes over the data"),
    INT("max_steps", NULL, max_steps, "-1", TRAIN, -1, ANY,
        "optimizer steps; when positive, epochs do not count"),
    NUMBER("learning_rate", "lr", learning_rate, "2e-4", TRAIN, 0, 1e6, "highest learning rate"),
    CHOICE("lr_scheduler_type", NULL, scheduler, "linear", TRAIN,
           "linear cosine cosine_with_restarts polynomial constant constant_with_warmup inverse_sqrt "
           "cosine_with_min_lr warmup_stable_decay",
           "how the learning rate falls"),
    {"lr_scheduler_kwargs", NULL, OPTION_MAP, AT(scheduler_kwargs), "none", TRAIN, "JSON",
     "its parameters: num_cycles, power, lr_end, min_lr, min_lr_rate, num_decay_steps", 0, ANY, NULL, 0, 0},
    NUMBER("loraplus_lr_ratio", NULL, loraplus, "1", TRAIN, 1e-6, 1e6,
           "LoRA+: the learning rate of B over that of A"),
    NUMBER("warmup_ratio", NULL, warmup_ratio, "0.03", TRAIN, 0, 1, "share of the steps that warm up"),
    NUMBER("warmup_steps", NULL, warmup_steps, "0", TRAIN, 0, 1e9,
           "steps that warm up; below 1 a share; given, even as 0, instead of warmup_ratio"),
    NUMBER("weight_decay", NULL, weight_decay, "0", TRAIN, 0, 1e6, "AdamW: decoupled decay"),
    NUMBER("adam_beta1", NULL, beta1, "0.9", TRAIN, 0, 0.9999999, "AdamW"),
    NUMBER("adam_beta2", NULL, beta2, "0.999", TRAIN, 0, 0.9999999, "AdamW"),
    NUMBER("adam_epsilon", NULL, epsilon, "1e-8", TRAIN, 0, 1, "AdamW"),
    NUMBER("max_grad_norm", NULL, max_grad_norm, "1", TRAIN, 0, ANY,
           "gradients are scaled down to this norm; 0: not"),
    CHOICE("train_sampling_strategy", NULL, sampling, "random", TRAIN, "random sequential group_by_length",
           "order of the rows"),
    CHOICE("base_dropout", NULL, base_dropout, "none", TRAIN, "none config",
           "dropout in the frozen base while training, nowhere by default; config: where transformers has it, with "
           "the probabilities of the model's config.json"),
    FLAG("gradient_checkpointing", NULL, checkpointing, "false", TRAIN | BENCH,
         "compute all blocks twice instead of keeping them: less memory, the same bits"),
    INT("memory_limit", NULL, memory_limit, "0", TRAIN, 0, 1 << 24,
        "MiB to plan within, by computing as many blocks twice as needed; 0: what is free now"),
    INT("seed", NULL, seed, "42", TRAIN | DRAWS, 0, ANY, "of everything random"),

    HEADING("Generation"),
    {"prompt", "p", OPTION_TEXT, AT(prompt), "none", GENERATE, "TEXT",
     "text to go on from; without it and without --data, the standard input", 0, 0, NULL, OPTION_POSITIONAL,
     GENERATE},
    TEXT("system", NULL, system, "none", CHAT, "TEXT", "the system message that the conversation begins with"),
    FLAG("generate", "predict_with_generate", generate, "false", EVAL,
         "write a text for every prompt and score it: BLEU, chrF, ROUGE, attribute coverage, repetition"),
    INT("generate_rows", NULL, generate_rows, "0", EVAL | COMPARE, -1, ANY,
        "texts for so many prompts, the first of the held-out rows; 0: all (compare: 24); -1: none"),
    INT("max_new_tokens", "n", max_new_tokens, "256", DRAWS | TUNE, 1, 1 << 24, "stop after as many tokens"),
    FLAG("do_sample", NULL, do_sample, "false", DRAWS, "draw tokens; else always the likeliest"),
    NUMBER("temperature", NULL, temperature, "1", DRAWS, 0, 1e6, "of do_sample; 0: the likeliest"),
    INT("top_k", NULL, top_k, "50", DRAWS, 0, INT32_MAX, "draw among so many; 0: all"),
    NUMBER("top_p", NULL, top_p, "1", DRAWS, 0, 1, "draw among the likeliest of that mass"),
    NUMBER("min_p", NULL, min_p, "0", DRAWS, 0, 1,
           "draw among those this likely, of the likeliest's probability"),
    NUMBER("repetition_penalty", NULL, repetition_penalty, "1", DRAWS, 1e-3, 1e3,
           "above 1: what was said is less likely"),
    {"stop", "stop_strings", OPTION_STRINGS, AT(stop), "none", WRITES, "TEXT",
     "stop where this text appears; may be given again", 0, 0, NULL, 0, 0},
    INT("batch_size", NULL, batch, "8", WRITES | TUNE, 1, 4096, "rows generated together"),

    HEADING("Logging, evaluation, saving"),
    {"output_dir", "out o", OPTION_TEXT, AT(out), "lorac-out", TRAIN | EVAL | REPORT, "DIR",
     "run folder; eval: where eval.json goes, with --generate or when given; report: where report.html goes; "
     "tune: the study",
     0, 0, NULL, OPTION_POSITIONAL, TUNE},
    INT("logging_steps", NULL, logging_steps, "10", TRAIN, 1, ANY, "steps between log lines"),
    FLAG("logging_first_step", NULL, logging_first, "false", TRAIN, "log the first step too"),
    CHOICE("eval_strategy", "evaluation_strategy", eval_strategy, "auto", TRAIN, "auto no steps epoch",
           "when to evaluate; auto: each epoch when there is eval data"),
    INT("eval_steps", NULL, eval_steps, "0", TRAIN, 0, 1e12, "steps between evaluations; 0: logging_steps"),
    INT("per_device_eval_batch_size", NULL, eval_batch, "8", TRAIN | EVAL, 1, 1 << 20,
        "rows evaluated together"),
    CHOICE("save_strategy", NULL, save_strategy, "steps", TRAIN, "no steps epoch",
           "when to save a checkpoint"),
    INT("save_steps", NULL, save_steps, "500", TRAIN, 1, ANY, "steps between checkpoints"),
    INT("save_total_limit", NULL, save_limit, "0", TRAIN, 0, ANY, "checkpoints to keep; 0: all"),
    FLAG("load_best_model_at_end", NULL, best_at_end, "false", TRAIN,
         "end with the adapter of the lowest eval loss"),
    {"resume_from_checkpoint", "resume", OPTION_TEXT, AT(resume), "none", TRAIN, "WHICH",
     "go on from a checkpoint folder; true or latest: from the last one in output_dir", 0, 0, NULL,
     OPTION_NOT_REPEATED, 0},
    {"overwrite_output_dir", NULL, OPTION_FLAG, AT(overwrite), "false", TRAIN, NULL, "replace a finished run",
     0, 0, NULL, OPTION_NOT_REPEATED, 0},

    HEADING("Result"),
    TEXT("output_file", "out o", out_file, "none", GENERATE, "FILE",
         "write the result here instead of the standard output"),
    TEXT("predictions", NULL, predictions, "none", EVAL, "FILE",
         "of a classifier: write a line for each row: row, label, probability (or value) between tabs"),
    TEXT("per_token", NULL, per_token, "none", EVAL, "FILE",
         "write a line for each label: row, position, id, cross entropy"),
    {"attribute", NULL, OPTION_STRINGS, AT(attributes), "none", EVAL | COMPARE | TUNE, "NAME",
     "with --generate: check only this column, or attribute of a meaning representation; may be given again",
     0, 0, NULL, 0, 0},
    TEXT("synonyms", NULL, synonyms, "none", EVAL | COMPARE | TUNE, "FILE",
         "with --generate: other words for attribute values, lines of ATTRIBUTE, VALUE, PHRASE between tabs"),
    TEXT("train_data", "train_dataset", train_data, "none", EVAL | COMPARE, "FILE",
         "with --generate: rows that were trained on, to count texts that repeat one"),
    INT("rows", NULL, rows, "1", DATA, 0, ANY, "rows to show token by token"),
    INT("row", NULL, row, "0", DATA, 0, ANY, "show this row alone, counted from 1; 0: the first `rows`"),
    CHOICE("color", "colour", color, "auto", DATA, "auto always never", "colours in the token view"),
    FLAG("tensors", NULL, tensors, "false", INFO, "list every tensor"),
    CHOICE("shape", NULL, shape, "smollm-135m", BENCH, "smollm-135m llama-316m tinyllama-1.1b",
           "built-in shape to measure without a model"),
    INT("tokens", NULL, bench_tokens, "1024", BENCH, 16, 1 << 20, "token rows of a step"),
    INT("steps", NULL, bench_steps, "3", BENCH, 1, 1000000, "steps to measure"),
    FLAG("csv", NULL, csv, "false", REPORT, "print the table of runs as CSV"),
    FLAG("plot", NULL, plot, "false", REPORT, "print the learning curves as text"),
    {"json", NULL, OPTION_FLAG, AT(json), "false", ALL, NULL, "print the result as one JSON value", 0, 0,
     NULL, OPTION_NOT_REPEATED, 0},

    HEADING("General"),
    {"config", "c", OPTION_TEXT, AT(config), "none", ALL, "FILE",
     "options from a YAML file or a run.json; the command line wins", 0, 0, NULL, OPTION_NOT_REPEATED, 0},
    TEXT("device", NULL, device, "auto", RUNS, "NAME",
         "auto, cpu, cpu:ISA (generic, avx2, avx512, avx512vnni, neon) or reference"),
    CHOICE("compute", NULL, compute, "auto", RUNS, "auto f32 i16 i8",
           "matrix products in 32-bit floats; in 16-bit integers, faster and within 0.02 %; or (i8) with codes of "
           "quantized weights as they are and 8-bit activations forward, within 1 %, and in 16-bit integers back; "
           "auto: i16 where the processor has AVX2"),
    INT("threads", "t", threads, "0", RUNS, 0, 1024, "threads; 0: as many as there are cores"),
    {"profile", NULL, OPTION_FLAG, AT(profile), "false", TRAIN, NULL, "tell where the time went, by operator",
     0, 0, NULL, OPTION_NOT_REPEATED, 0},
    {"quiet", "q", OPTION_FLAG, AT(quiet), "false", ALL, NULL, "no progress and no notes", 0, 0, NULL,
     OPTION_NOT_REPEATED, 0},
    {"help", "h", OPTION_FLAG, AT(help), "false", ALL, NULL, "this text", 0, 0, NULL, OPTION_NOT_REPEATED, 0},
};
const int option_rows = sizeof option_table / sizeof *option_table;
