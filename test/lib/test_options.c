/* test_options.c -- the option table: values and their origin from the command line, YAML and run.json; the
 * keys of other libraries; what is refused, and with which line. */
#include "lib/options.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = P_tmpdir "/lorac-options-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static const char *file_of(const char *text)
{
    const char *path = path_of("run.yaml");
    assert_int_equal(file_write(path, text, strlen(text), NULL), OK);
    return path;
}

/* Parses words separated by '|'. */
static int parse(options *o, command c, const char *words, err *e)
{
    static char copy[4096];
    char *argv[64];
    int argc = 0;
    *e = (err){0};
    snprintf(copy, sizeof copy, "%s", words);
    for (char *p = copy, *word; (word = strsep(&p, "|")) != NULL;)
        if (*words) argv[argc++] = word;
    return options_parse(o, c, argc, argv, e);
}

static options good(command c, const char *words)
{
    options o;
    err e;
    int bad = parse(&o, c, words, &e);
    if (bad) print_error("%s: %s\n", words, e.msg);
    assert_int_equal(bad, OK);
    return o;
}

static options train(const char *words)
{
    char all[4096];
    snprintf(all, sizeof all, "--model|m.gguf|--data|d.csv%s%s", *words ? "|" : "", words);
    return good(COMMAND_TRAIN, all);
}

static options with_file(const char *text)
{
    char words[256];
    snprintf(words, sizeof words, "--config|%s", file_of(text));
    return train(words);
}

static void refused(command c, const char *words, const char *message)
{
    options o;
    err e;
    int bad = parse(&o, c, words, &e);
    options_release(&o);
    if (!bad || !strstr(e.msg, message)) print_error("%s\n  gave: %s\n  want: %s\n", words, e.msg, message);
    assert_true(bad < 0 && strstr(e.msg, message));
}

static void refused_file(const char *text, const char *message)
{
    char words[256];
    snprintf(words, sizeof words, "--model|m|--data|d|--config|%s", file_of(text));
    refused(COMMAND_TRAIN, words, message);
}

static void test_defaults(void **state)
{
    (void)state;
    options o = train("");
    assert_int_equal(o.lora_r, 16);
    assert_true(o.lora_alpha == 32 && o.lora_dropout == 0 && o.learning_rate == 2e-4);
    assert_true(o.warmup_ratio == 0.03 && o.max_grad_norm == 1 && o.epochs == 3);
    assert_int_equal(o.seed, 42);
    assert_int_equal(o.train_batch, 8);
    assert_int_equal(o.max_length, 1024);
    assert_int_equal(o.logging_steps, 10);
    assert_string_equal(o.scheduler, "linear");
    assert_string_equal(o.quantization, "as-is");
    assert_int_equal(o.target_modules.n, 1);
    assert_string_equal(o.target_modules.p[0], "all-linear");
    assert_true(o.double_quant && !o.packing);
    assert_null(o.adapter);
    assert_int_equal(options_origin(&o, "seed"), FROM_DEFAULT);
    assert_int_equal(options_origin(&o, "model"), FROM_COMMAND_LINE);
    options_release(&o);
}

static void test_spellings(void **state)
{
    (void)state;
    options o =
        train("--learning-rate=5e-4|--max_steps|250|--lr-scheduler-type|constant|--packing|--seed|7|-o|x");
    assert_true(o.learning_rate == 5e-4 && o.packing);
    assert_int_equal(o.max_steps, 250);
    assert_int_equal(o.seed, 7);
    assert_string_equal(o.scheduler, "constant");
    assert_string_equal(o.out, "x");
    options_release(&o);
    o = train("--packing|false|--no-double-quant|--max-steps=-1|--use_rslora|yes");
    assert_true(!o.packing && !o.double_quant && o.rslora);
    assert_int_equal(o.max_steps, -1);
    options_release(&o);
    o = train("--packing|--lora_target_modules|q_proj|v_proj|--seed|1");
    assert_int_equal(o.target_modules.n, 2);
    assert_string_equal(o.target_modules.p[1], "v_proj");
    options_release(&o);
    o = train("--target-modules|q_proj,k_proj, v_proj");
    assert_int_equal(o.target_modules.n, 3);
    options_release(&o);
    o = train("--target-modules=.*\\.[qv]_proj{1,1}");
    assert_int_equal(o.target_modules.n, 1);
    assert_string_equal(o.target_modules.p[0], ".*\\.[qv]_proj{1,1}");
    options_release(&o);
    o = train("--rank_pattern|{\"q_proj\": 4, \"v_proj\": 8}|--layers_to_transform|0,2,5");
    assert_int_equal(o.rank_pattern.n, 2);
    assert_string_equal(o.rank_pattern.p[1].key, "v_proj");
    assert_true(o.rank_pattern.p[1].value == 8);
    assert_int_equal(o.layers.n, 3);
    assert_int_equal(o.layers.p[2], 5);
    options_release(&o);
    o = good(COMMAND_GENERATE, "--model|m|--stop|\n\n|--stop|a b|--|--an odd prompt");
    assert_int_equal(o.stop.n, 2);
    assert_string_equal(o.stop.p[1], "a b");
    assert_string_equal(o.prompt, "--an odd prompt");
    options_release(&o);
    o = good(COMMAND_GENERATE, "--model|m|-5 degrees, and"); /* a number is no option */
    assert_string_equal(o.prompt, "-5 degrees, and");
    options_release(&o);
    o = good(COMMAND_INFO, "file.gguf|--tensors");
    assert_string_equal(o.model, "file.gguf");
    assert_true(o.tensors);
    options_release(&o);
}

static void test_yaml(void **state)
{
    (void)state;
    options o =
        with_file("# a recipe\nlearning_rate: 1.0e-3\nlora_target_modules: [q_proj, 'v_proj']\npacking: yes\n"
                  "num_train_epochs: 2\nlora_r: 8\nrank_pattern:\n  q_proj: 4\nadapter: ~\n"
                  "layers_to_transform:\n- 1\n- 3\nsave_strategy: no\nuse_peft: true\nreport_to: none\n");
    assert_true(o.learning_rate == 1e-3 && o.packing && o.epochs == 2);
    assert_int_equal(o.lora_r, 8);
    assert_int_equal(o.target_modules.n, 2);
    assert_string_equal(o.target_modules.p[1], "v_proj");
    assert_int_equal(o.rank_pattern.n, 1);
    assert_int_equal(o.layers.n, 2);
    assert_int_equal(o.layers.p[1], 3);
    assert_string_equal(o.save_strategy, "no");
    assert_null(o.adapter);
    assert_int_equal(options_origin(&o, "lora_r"), FROM_FILE);
    assert_int_equal(options_origin(&o, "lora_alpha"), FROM_DEFAULT);
    options_release(&o);
}

/* Nothing, ~ and null leave an option alone; in quotes they are words. */
static void test_yaml_null(void **state)
{
    (void)state;
    options o = with_file("adapter:\ncompletion_column: null\neval_data: ~\n");
    assert_true(!o.adapter && !o.completion_column && !o.eval_data);
    options_release(&o);
    o = with_file("adapter: \"\"\ncompletion_column: 'null'\neval_data: \"~\"\n");
    assert_true(o.adapter && o.completion_column && o.eval_data);
    assert_string_equal(o.adapter, "");
    assert_string_equal(o.completion_column, "null");
    assert_string_equal(o.eval_data, "~");
    options_release(&o);
}

static void test_command_line_wins(void **state)
{
    (void)state;
    char words[256];
    const char *path = file_of("lora_r: 8\nseed: 5\nload_in_4bit: true\n");
    snprintf(words, sizeof words, "--lora_r|4|--config|%s", path);
    options o = train(words);
    assert_int_equal(o.lora_r, 4);
    assert_int_equal(o.seed, 5);
    assert_string_equal(o.quantization, "nf4");
    assert_int_equal(options_origin(&o, "quantization"), FROM_FILE);
    options_release(&o);
    snprintf(words, sizeof words, "--quantization|none|--config|%s", path);
    o = train(words);
    assert_string_equal(o.quantization, "none");
    options_release(&o);
    snprintf(words, sizeof words, "--load_in_4bit|false|--config|%s", path);
    o = train(words);
    assert_string_equal(o.quantization, "as-is");
    options_release(&o);
}

static void test_bits(void **state)
{
    (void)state;
    options o = train("--load_in_4bit|--bnb_4bit_quant_type|fp4|--bnb_4bit_use_double_quant|false");
    assert_string_equal(o.quantization, "fp4");
    assert_false(o.double_quant);
    options_release(&o);
    o = train("--load-in-8bit");
    assert_string_equal(o.quantization, "int8");
    options_release(&o);
    o = train("--load_in_4bit|--bnb_4bit_quant_type|FP4");
    assert_string_equal(o.quantization, "fp4");
    options_release(&o);
    char words[256];
    snprintf(words, sizeof words, "--quantization|q8_0|--load_in_4bit|false|--config|%s",
             file_of("load_in_4bit: true\n"));
    o = train(words);
    assert_string_equal(o.quantization, "q8_0");
    options_release(&o);
    refused(COMMAND_TRAIN, "--model|m|--data|d|--load_in_4bit|--load_in_8bit", "contradict");
    refused(COMMAND_TRAIN, "--model|m|--data|d|--load_in_4bit|--quantization|none",
            "contradicts load_in_4bit");
    refused(COMMAND_TRAIN, "--model|m|--data|d|--bnb_4bit_quant_type|int4",
            "--bnb_4bit_quant_type int4 is not supported");
}

/* Callers without a command line give the same names, one after the other. */
static void test_given(void **state)
{
    (void)state;
    options o;
    err e = {0};
    options_init(&o, COMMAND_TRAIN);
    assert_int_equal(options_give(&o, "config", file_of("lora_r: 4\nseed: 5\n"), &e), OK);
    assert_int_equal(options_give(&o, "seed", "6", &e), OK);
    assert_int_equal(options_give(&o, "load_in_4bit", "true", &e), OK);
    assert_string_equal(o.quantization, "nf4");
    assert_int_equal(options_give(&o, "bnb_4bit_quant_type", "fp4", &e), OK);
    assert_string_equal(o.quantization, "fp4");
    assert_int_equal(o.lora_r, 4);
    assert_int_equal(o.seed, 6);
    assert_int_equal(options_give(&o, "optim", "adafactor", &e), E_USAGE);
    e = (err){0};
    assert_int_equal(options_give(&o, "sede", "1", &e), E_USAGE);
    assert_string_equal(e.msg, "unknown key sede; did you mean seed?");
    options_release(&o);
}

/* A study writes texts without being asked to, so that what they are checked for can be said. */
static void test_study_checks_texts(void **state)
{
    (void)state;
    options o = good(COMMAND_TUNE, "--model|m|--data|d|--space|qlora|--budget|1h|--attribute|name|--synonyms|s.tsv");
    assert_int_equal(o.attributes.n, 1);
    options_release(&o);
    refused(COMMAND_EVAL, "--model|m|--data|d|--attribute|name",
            "--attribute is about generated texts; add --generate");
}

/* run.json gives back every value and its origin, except what concerns one run alone. */
static void test_run_json(void **state)
{
    (void)state;
    char words[256];
    options o =
        train("--lr|3e-4|--prompt-template|a \"{b}\"\\n\x7f|--target-modules|q_proj|--overwrite_output_dir"
              "|--alpha_pattern|{\"q_proj\": 0.1}|--quiet|--adam_epsilon=1e-9");
    json_t *root = json_pack("{s:o}", "options", options_json(&o));
    assert_int_equal(json_save(root, path_of("run.json"), 2, false, NULL), OK);
    snprintf(words, sizeof words, "--config|%s", path_of("run.json"));
    options p = good(COMMAND_TRAIN, words);
    assert_true(o.overwrite && !p.overwrite && o.quiet && !p.quiet);
    assert_string_equal(p.prompt_template, o.prompt_template);
    assert_int_equal(options_origin(&p, "lr"), FROM_FILE);
    assert_int_equal(options_origin(&p, "seed"), FROM_DEFAULT);
    json_t *again = json_pack("{s:o}", "options", options_json(&p));
    const char *name;
    json_t *one;
    json_object_foreach(json_object_get(root, "options"), name, one)
    {
        if (!strcmp(name, "overwrite_output_dir") || !strcmp(name, "quiet") || !strcmp(name, "config"))
            continue;
        const json_t *other = json_object_get(json_object_get(again, "options"), name);
        if (!json_equal(json_object_get(one, "value"), json_object_get(other, "value")))
            print_error("%s\n", name);
        assert_true(json_equal(json_object_get(one, "value"), json_object_get(other, "value")));
    }
    json_decref(root);
    json_decref(again);
    options_release(&o);
    options_release(&p);
}

static void test_refused(void **state)
{
    (void)state;
    const char *base = "--model|m|--data|d|";
    static const char *const cases[][2] = {
        {"--lerning-rate|1", "unknown option --lerning-rate; did you mean --learning_rate?"},
        {"--bf17", "did you mean --bf16?"},
        {"--qqqqqqqqqqq|1", "unknown option --qqqqqqqqqqq; see lorac train --help"},
        {"--bf16", "--bf16 true is not supported: training computes in 32-bit floats"},
        {"--use_dora|true", "--use_dora true is not supported"},
        {"--optim|adafactor", "--optim adafactor is not supported"},
        {"--report_to|wandb", "--report_to wandb is not supported"},
        {"--learning_rate|fast", "--learning_rate: \"fast\" is not a number"},
        {"--learning_rate|nan", "is not a number"},
        {"--seed|0x10", "--seed: \"0x10\" is not a number"},
        {"--learning_rate|-1", "is not between 0 and"},
        {"--lora_r|0", "--lora_r: 0 is not between 1 and 65536"},
        {"--lora_r|2.5", "--lora_r: 2.5 is not a whole number"},
        {"--lora_alpha|0", "--lora_alpha: 0 is below 1e-09"},
        {"--loraplus_lr_ratio|0", "--loraplus_lr_ratio: 0 is not between"},
        {"--max_steps|1e300", "--max_steps: 1e300 is above"},
        {"--out|run\xff", "--output_dir: not UTF-8 at byte 4"},
        {"--lora_dropout|1", "is not between 0 and"},
        {"--packing=maybe", "--packing is true or false, not \"maybe\""},
        {"--lr_scheduler_type|square", "\"square\" is not one of: linear"},
        {"--rank_pattern|q_proj", "--rank_pattern: expected JSON"},
        {"--layers_to_transform|a", "--layers_to_transform: \"a\" is not a number"},
        {"--learning_rate", "--learning_rate needs a value"},
        {"--learning_rate|--seed|1", "--learning_rate needs a value"},
        {"word", "unexpected word \"word\""},
        {"-x", "unknown option -x"},
        {"--max_steps|0", "nothing to train"},
        {"--eval_strategy|steps", "eval_strategy needs --eval-data FILE"},
        {"--out=", "--output_dir is empty"},
        {"--completion-column|a|--completion-template|b", "say the same"},
        {"--config|/nonexistent.yaml", "/nonexistent.yaml"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char words[256];
        snprintf(words, sizeof words, "%s%s", base, cases[i][0]);
        refused(COMMAND_TRAIN, words, cases[i][1]);
    }
    refused(COMMAND_TRAIN, "--data|d", "train needs --model PATH");
    refused(COMMAND_EVAL, "--model|m", "eval needs --data FILE");
    refused(COMMAND_GENERATE, "--model|m|--prompt|a|--data|b", "two sources");
    refused(COMMAND_EVAL, "--model|m|--data|d|--lora_r|8", "unknown option --lora_r");
}

static void test_refused_files(void **state)
{
    (void)state;
    refused_file("a: 1\nlerning_rate: 2\n", "run.yaml:1: unknown key a");
    refused_file("seed: 1\nlerning_rate: 2\n",
                 "run.yaml:2: unknown key lerning_rate; did you mean learning_rate?");
    refused_file("seed: 1\nbf16: true\n", "run.yaml:2: bf16 true is not supported");
    refused_file("seed: 1\nseed: 2\n", "run.yaml:2: key \"seed\" comes twice");
    refused_file("seed: [1, 2]\n", "seed takes one value, not a list");
    refused_file("seed: {a: 2}\n", "seed takes one value, not a mapping");
    refused_file("seed: &x 1\n", "anchors and aliases");
    refused_file("a: [[[[[[[[[[[[1]]]]]]]]]]]]\n", "nested too deeply");
    refused_file("- 1\n", "run.yaml:1: expected lines of the form key: value");
    refused_file("seed: 1\n---\nseed: 2\n", "a second document");
    refused_file("seed: 'x\n", "run.yaml:");
    refused_file("a: b: c\n", "run.yaml:1: ");
    refused_file("rank_pattern: {q_proj: 0}\n", "rank_pattern: 0 is not between 1 and");
    refused_file("{\"options\": 3", "run.yaml");
    refused_file("model_init_kwargs: {a: 1}\n", "model_init_kwargs {\"a\":\"1\"} is not supported");
}

static void test_empty_file(void **state)
{
    (void)state;
    options o = with_file("");
    assert_int_equal(o.seed, 42);
    options_release(&o);
    o = with_file(
        "report_to:\n- none\nmax_new_tokens: 5\ntorch_dtype: auto\noptim: adamw_torch_fused\nbf16: false\n"
        "trust_remote_code: true\nmodel_init_kwargs: {}\n");
    options_release(&o);
}

/* Every option appears in the help of its commands, and no line is wider than a terminal of 110. */
static void test_help(void **state)
{
    (void)state;
    for (int bit = 0; bit < 6; bit++) {
        str text = {0};
        options_help(1 << bit, &text);
        for (int i = 0; i < option_rows; i++) {
            char name[64];
            if (!option_table[i].name) continue;
            snprintf(name, sizeof name, "  --%s", option_table[i].name);
            bool there = false;
            for (const char *p = str_c(&text); !there && (p = strstr(p, name)); p++)
                there = strchr(" ,\n", p[strlen(name)]) != NULL;
            assert_int_equal(there, (option_table[i].commands >> bit) & 1);
        }
        for (char *p = text.p, *line; (line = strsep(&p, "\n")) != NULL;) assert_true(strlen(line) <= 110);
        str_free(&text);
    }
    const char *near = NULL;
    assert_int_equal(command_find("train", &near), COMMAND_TRAIN);
    assert_int_equal(command_find("trian", &near), 0);
    assert_string_equal(near, "train");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),   cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_yaml),       cmocka_unit_test(test_command_line_wins),
        cmocka_unit_test(test_bits),       cmocka_unit_test(test_run_json),
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_refused_files),
        cmocka_unit_test(test_empty_file), cmocka_unit_test(test_help),
        cmocka_unit_test(test_given),      cmocka_unit_test(test_study_checks_texts),
        cmocka_unit_test(test_yaml_null),
    };
    if (!mkdtemp(dir)) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    file_remove_tree(dir, NULL);
    return failed;
}
