/* test_recipe.c -- what the options of a command line become in the structs that training and adapters take.
 */
#include "format/family.h"
#include "lib/job_open.h"
#include "lib/job_recipe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Parses words separated by '|' after those every training run has. */
static options train(const char *words)
{
    static char copy[2048];
    char *argv[80];
    int argc = 0;
    options o;
    err e = {0};
    snprintf(copy, sizeof copy, "--model|m.gguf|--data|d.csv|%s", words);
    for (char *p = copy, *word; (word = strsep(&p, "|")) != NULL;) argv[argc++] = word;
    if (options_parse(&o, COMMAND_TRAIN, argc, argv, &e) != OK) fail_msg("%s: %s", words, e.msg);
    return o;
}

/* Seven layers and no weights. */
static model_config config = {.layers = 7};
static model bare = {.config = &config};

static int begin(void **state)
{
    (void)state;
    config.family = family_find("llama");
    bare.weights = weights_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    weights_free((weights *)(uintptr_t)bare.weights);
    return 0;
}

static recipe recipe_of(const options *o)
{
    recipe r;
    err e = {0};
    if (job_recipe(&r, o, &bare, &e) != OK) fail_msg("%s", e.msg);
    return r;
}

/* Every option has a value that no other has. */
static void test_numbers(void **state)
{
    (void)state;
    options o = train(
        "--learning_rate=2e-3|--weight_decay=0.01|--adam_beta1=0.8|--adam_beta2=0.95|--adam_epsilon=1e-7"
        "|--max_grad_norm=0.3|--loraplus_lr_ratio=16|--warmup_ratio=0.1|--warmup_steps=12"
        "|--num_train_epochs=2.5|--max_steps=90|--per_device_train_batch_size=4"
        "|--gradient_accumulation_steps=6|--max_length=300|--seed=8|--logging_steps=15|--eval_steps=22"
        "|--save_steps=33|--save_total_limit=2|--output_dir=there|--per_device_eval_batch_size=5|--memory_"
        "limit=300");
    recipe r = recipe_of(&o);
    assert_true(r.learning_rate == 2e-3 && r.weight_decay == 0.01 && r.adam_beta1 == 0.8 &&
                r.adam_beta2 == 0.95);
    assert_true(r.adam_epsilon == 1e-7 && r.max_grad_norm == 0.3 && r.loraplus_lr_ratio == 16);
    assert_true(r.warmup_ratio == 0.1 && r.warmup_steps == 12 && r.num_train_epochs == 2.5 &&
                r.max_steps == 90);
    assert_int_equal(r.per_device_train_batch_size, 4);
    assert_int_equal(r.per_device_eval_batch_size, 5);
    assert_int_equal(r.gradient_accumulation_steps, 6);
    assert_int_equal(r.max_length, 300);
    assert_int_equal(r.seed, 8);
    assert_int_equal(r.logging_steps, 15);
    assert_int_equal(r.eval_steps, 22);
    assert_int_equal(r.save_steps, 33);
    assert_int_equal(r.save_total_limit, 2);
    assert_int_equal(r.memory_limit, (size_t)300 << 20);
    assert_string_equal(r.output_dir, "there");
    assert_null(r.resume_from_checkpoint);
    options_release(&o);
}

/* Without options: what `lorac train --help` says. */
static void test_defaults(void **state)
{
    (void)state;
    const schedule_options kwargs = SCHEDULE_DEFAULTS;
    options o = train("--output_dir=lorac-out");
    recipe r = recipe_of(&o);
    assert_string_equal(r.output_dir, "lorac-out");
    assert_true(r.learning_rate == 2e-4 && r.adam_beta1 == 0.9 && r.adam_beta2 == 0.999);
    assert_true(r.adam_epsilon == 1e-8 && r.max_grad_norm == 1);
    assert_true(r.weight_decay == 0 && r.loraplus_lr_ratio == 1);
    assert_true(r.warmup_ratio == 0.03 && r.warmup_steps <= 0);
    assert_true(r.num_train_epochs == 3 && r.max_steps == -1 && r.seed == 42);
    assert_true(r.lr_scheduler_type == SCHEDULE_LINEAR && r.keep == KEEP_ALL && !r.redo_blocks);
    assert_true(r.save_strategy == WHEN_STEPS && r.save_steps == 500);
    assert_true(r.eval_strategy == WHEN_NO && r.train_sampling_strategy == SAMPLING_RANDOM);
    assert_true(!r.packing && !r.load_best_model_at_end && !r.logging_first_step && !r.save_total_limit);
    assert_memory_equal(&r.lr_scheduler_kwargs, &kwargs, sizeof kwargs);
    options_release(&o);
}

static void test_words(void **state)
{
    (void)state;
    options o = train("--gradient_checkpointing|--packing|--logging_first_step|--load_best_model_at_end"
                      "|--eval_data=e.csv|--train_sampling_strategy=group_by_length|--save_strategy=epoch"
                      "|--lr_scheduler_type=cosine_with_min_lr|--lr_scheduler_kwargs={\"min_lr_rate\": 0.1}");
    recipe r = recipe_of(&o);
    assert_int_equal(r.keep, REDO_BLOCKS);
    assert_int_equal(r.redo_blocks, 7);
    assert_true(r.packing && r.logging_first_step && r.load_best_model_at_end);
    assert_int_equal(r.train_sampling_strategy, SAMPLING_BY_LENGTH);
    assert_int_equal(r.save_strategy, WHEN_EPOCH);
    assert_int_equal(r.eval_strategy, WHEN_EPOCH); /* auto, and there is evaluation data */
    assert_int_equal(r.lr_scheduler_type, SCHEDULE_COSINE_WITH_MIN_LR);
    assert_true(r.lr_scheduler_kwargs.min_lr_rate == 0.1 && r.lr_scheduler_kwargs.min_lr < 0);
    options_release(&o);
    o = train(
        "--eval_data=e.csv|--eval_strategy=steps|--train_sampling_strategy=sequential|--save_strategy=no");
    r = recipe_of(&o);
    assert_int_equal(r.eval_strategy, WHEN_STEPS);
    assert_int_equal(r.train_sampling_strategy, SAMPLING_SEQUENTIAL);
    assert_int_equal(r.save_strategy, WHEN_NO);
    options_release(&o);
    o = train("--eval_data=e.csv|--eval_strategy=no");
    assert_int_equal(recipe_of(&o).eval_strategy, WHEN_NO);
    options_release(&o);
}

static peft_config config_of(const options *o, const model *m)
{
    peft_config c;
    err e = {0};
    if (job_adapter_config(&c, o, m, &e) != OK) fail_msg("%s", e.msg);
    return c;
}

static void test_adapter(void **state)
{
    (void)state;
    options o =
        train("--lora_r=6|--lora_alpha=9|--lora_dropout=0.05|--use_rslora|--target_modules=q_proj,v_proj"
              "|--exclude_modules=.*\\.0\\..*|--layers_to_transform=1,3|--layers_pattern=layers"
              "|--rank_pattern={\"q_proj\": 2}|--alpha_pattern={\"v_proj\": 5}");
    peft_config c = config_of(&o, &bare);
    assert_int_equal(c.r, 6);
    assert_true(c.alpha == 9 && c.dropout == 0.05 && c.rslora);
    assert_true(c.targets.n == 2 && !c.target_regex && !c.exclude.n);
    assert_string_equal(c.targets.p[1], "v_proj");
    assert_string_equal(c.exclude_regex, ".*\\.0\\..*");
    assert_true(c.n_layers == 2 && c.layers[1] == 3 && c.layers_pattern.n == 1);
    assert_true(c.n_rank_pattern == 1 && c.rank_pattern[0].value == 2);
    assert_true(c.n_alpha_pattern == 1 && c.alpha_pattern[0].value == 5);
    assert_string_equal(c.base_model_name, "m.gguf");
    options_release(&o);
    o = train("--quiet");
    c = config_of(&o, &bare);
    assert_string_equal(c.target_regex, "all-linear");
    assert_true(!c.targets.n && !c.layers && !c.exclude_regex);
    assert_string_equal(c.task_type, "CAUSAL_LM");
    const model_config two_stacks = {.family = family_find("t5"), .encoder_layers = 1, .layers = 2};
    const model both = {.config = &two_stacks};
    c = config_of(&o, &both);
    assert_string_equal(c.task_type, "SEQ_2_SEQ_LM");
    assert_true(c.targets.n == 2 && !strcmp(c.targets.p[0], "q") && !strcmp(c.targets.p[1], "v"));
    assert_null(c.target_regex);
    options_release(&o);
    o = train("--target_modules=all-linear");
    c = config_of(&o, &both);
    assert_string_equal(c.target_regex, "all-linear");
    options_release(&o);
}

static void test_refused(void **state)
{
    (void)state;
    recipe r;
    peft_config c;
    err e = {0};
    options o = train("--lr_scheduler_kwargs={\"gamma\": 1}");
    assert_int_equal(job_recipe(&r, &o, &bare, &e), E_USAGE);
    assert_non_null(strstr(e.msg, "\"gamma\" is not one of num_cycles"));
    options_release(&o);
    e = (err){0};
    o = train("--rank_pattern={\"q_proj\": 2.5}");
    assert_int_equal(job_adapter_config(&c, &o, &bare, &e), E_USAGE);
    assert_non_null(strstr(e.msg, "rank_pattern: q_proj: a rank is a whole number"));
    options_release(&o);
    e = (err){0};
    o = train("--target_modules=.*q_proj|--layers_to_transform=1");
    assert_int_equal(job_adapter_config(&c, &o, &bare, &e), E_USAGE);
    assert_non_null(strstr(e.msg, "layers_to_transform needs names"));
    options_release(&o);
}

static void test_compute(void **state)
{
    (void)state;
    const char *const words[] = {"--compute=auto", "--device=cpu", "--compute=f32", "--compute=i16",
                                 "--device=cpu:generic", "--device=reference|--compute=i16", "--compute=i8"};
    for (int k = 0; k < 7; k++) {
        options o = train(words[k]);
        device *d;
        assert_int_equal(job_device_open(&d, &o, NULL), OK);
        compute want = k == 2 || k == 5 ? COMPUTE_F32 : k == 3 ? COMPUTE_I16 : device_fastest(d);
        if (k == 6) want = COMPUTE_I8;
        assert_int_equal(device_compute(d), want);
        device_close(d);
        options_release(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers), cmocka_unit_test(test_defaults),
                                       cmocka_unit_test(test_words), cmocka_unit_test(test_adapter),
                                       cmocka_unit_test(test_refused), cmocka_unit_test(test_compute)};
    return cmocka_run_group_tests(tests, begin, end);
}
