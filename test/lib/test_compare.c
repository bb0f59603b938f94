/* test_compare.c -- words that claim what the intervals show and no more; predictions of one base against
 * another. */
#include "lib/compare/compare.h"

#include "base/file.h"
#include "lib/divergence.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scratch.h"

static const char *const told_text =
    "{\"seeds\": 3, \"results\": [{\"name\": \"a\", \"base_bytes\": 400, \"memory\": {\"total\": 1000}, "
    "\"before\":"
    "{\"type\": \"f32\"}, \"runs\": [{\"tokens_per_second\": 10}, {\"tokens_per_second\": 20}]}, {\"name\": "
    "\"b\","
    "\"base_bytes\": 100, \"memory\": {\"total\": 990}, \"before\": {\"type\": \"nf4\", \"kl\": 0.25, "
    "\"kl_labels\": 9,"
    "\"same_token\": 0.5}, \"runs\": [{\"tokens_per_second\": 11}, {\"tokens_per_second\": 15}]}],"
    "\"differences\": [%s]}";

/* The sentence about one difference. */
static str sentence(const char *score, double mean, double low, double high, const char *shown)
{
    char one[512], all[2048];
    err e = {0};
    str out = {0};
    snprintf(one, sizeof one,
             "{\"score\": \"%s\", \"recipe\": \"b\", \"against\": \"a\", \"rows\": 120, \"level\": 0.95, "
             "\"value\": %g,"
             "\"low\": %g, \"high\": %g, \"shown\": %s}",
             score, mean, low, high, shown);
    snprintf(all, sizeof all, told_text, one);
    json_t *told = json_parse(all, strlen(all), "told", &e);
    if (!told) fail_msg("%s", e.msg);
    json_t *words = compare_verdict(told);
    str_puts(&out, json_string_value(json_array_get(words, 0)));
    json_decref(words);
    json_decref(told);
    return out;
}

static void says(const char *score, double mean, double low, double high, const char *shown,
                 const char *text)
{
    str s = sentence(score, mean, low, high, shown);
    assert_string_equal(str_c(&s), text);
    str_free(&s);
}

static void no_more_than_the_interval(void **state)
{
    (void)state;
    says("loss", -0.004, -0.015, 0.007, "false",
         "no difference between b and a that 120 rows and 3 seeds can show: loss -0.0040 +- 0.0110");
    says("loss", 0.006, -0.001, 0.01, "false",
         "no difference between b and a that 120 rows and 3 seeds can show: loss +0.0060 +- 0.0070");
    says("loss", -0.02, -0.03, -0.01, "true",
         "loss: b is better than a by 0.0200 (95 %: 0.0100 to 0.0300; 120 rows and 3 seeds)");
    says("loss", 0.02, 0.01, 0.03, "true",
         "loss: b is worse than a by 0.0200 (95 %: 0.0100 to 0.0300; 120 rows and 3 seeds)");
    says("chrf", 2, 1, 3, "true", "chrF: b is better than a by 2.00 (95 %: 1.00 to 3.00; 120 texts and 3 "
                                  "seeds)");
    says("slot_error_rate", 0.1, 0.05, 0.15, "true",
         "slot error rate: b is worse than a by 0.1000 (95 %: 0.0500 to 0.1500; 120 texts and 3 seeds)");
}

/* What shows nothing is said once for a recipe's rows and once for its texts. */
static void nothing_shown_is_said_together(void **state)
{
    (void)state;
    static const char *const one[] = {"loss", "token_accuracy", "chrf", "rougeL"};
    static const char *const want[] = {
        "no difference between b and a that 120 rows and 3 seeds can show: loss -0.0040 +- 0.0110, token accuracy "
        "-0.0040 +- 0.0110",
        "no difference between b and a that 120 texts and 3 seeds can show: chrF -0.00 +- 0.01",
        "ROUGE-L: b is worse than a by 0.0040 (95 %: 0.0070 to 0.0150; 120 texts and 3 seeds)"};
    char list[1024] = "", all[2048];
    err e = {0};
    for (int i = 0; i < 4; i++) {
        size_t n = strlen(list);
        snprintf(list + n, sizeof list - n,
                 "%s{\"score\": \"%s\", \"recipe\": \"b\", \"against\": \"a\", \"rows\": 120, \"level\": 0.95, "
                 "\"value\": -0.004, \"low\": -0.015, \"high\": 0.007, \"shown\": %s}",
                 i ? ", " : "", one[i], i == 3 ? "true" : "false");
    }
    snprintf(all, sizeof all, told_text, list);
    json_t *told = json_parse(all, strlen(all), "told", &e);
    if (!told) fail_msg("%s", e.msg);
    json_t *words = compare_verdict(told);
    for (size_t i = 0; i < 3; i++) assert_string_equal(json_string_value(json_array_get(words, i)), want[i]);
    json_decref(words);
    json_decref(told);
}

static void costs(void **state)
{
    (void)state;
    char all[2048];
    err e = {0};
    snprintf(all, sizeof all, told_text, "");
    json_t *told = json_parse(all, strlen(all), "told", &e);
    json_t *words = compare_verdict(told);
    static const char *const want[] = {
        "speed: no difference between b and a that 2 pairs of runs can show: 0.75 to 1.10 times as many "
        "tokens a "
        "second",
        "memory: against a, b takes 4.00 times less for the base, as much at most in all",
        "before training: f32 is the base as its file holds it",
        "before training: holding the base as nf4 moves its predictions by a KL of 0.2500 nats a label over "
        "9 labels, and it finds the same token likeliest for 50.0 % of them"};
    assert_int_equal(json_array_size(words), 4);
    for (size_t i = 0; i < 4; i++) assert_string_equal(json_string_value(json_array_get(words, i)), want[i]);
    json_decref(words);
    json_decref(told);
}

static void one_pair_of_runs_shows_no_speed(void **state)
{
    (void)state;
    static const char text[] =
        "{\"seeds\": 1, \"results\": [{\"name\": \"a\", \"runs\": [{\"tokens_per_second\": 10}]}, "
        "{\"name\": \"b\", \"runs\": [{\"tokens_per_second\": 20}]}], \"differences\": []}";
    err e = {0};
    json_t *told = json_parse(text, sizeof text - 1, "told", &e), *words = compare_verdict(told);
    assert_string_equal(json_string_value(json_array_get(words, 0)),
                        "speed: one pair of runs can show no difference between b and a: 2.00 times as many "
                        "tokens a second");
    json_decref(words);
    json_decref(told);
}

/* ------------------------------------------------------------------------------- terms */

static int begin(const char *out, const char *recipes, const char *tokens, comparison *c, options *o, err *e)
{
    const char *const words[] = {"--model", "test/data/models/stories260k/stories260K.gguf", "--data",
                                 "test/cli/data/stories.jsonl", "--out", out, "--recipes", recipes,
                                 "--max_new_tokens", tokens};
    static const job_rows none;
    *e = (err){0};
    if (options_parse(o, COMMAND_COMPARE, 10, (char *const *)(uintptr_t)words, e)) fail_msg("%s", e->msg);
    o->eval_split = 0.1; /* as job_compare() does where nothing is said */
    *c = (comparison){.o = o, .train = &none, .held = &none};
    int bad = compare_recipes(c, e);
    return bad ? bad : compare_begin(c, e);
}

static void end(comparison *c, options *o)
{
    json_decref(c->told);
    for (int i = 0; i < c->recipes; i++) options_release(&c->recipe[i].o);
    free(c->recipe);
    arena_free(&c->mem);
    options_release(o);
}

/* Runs whose texts were written in another way are of another comparison. */
static void texts_are_written_alike(void **state)
{
    (void)state;
    static const struct {
        const char *tokens;
        int code;
    } again[] = {{"12", OK}, {"12", OK}, {"13", E_USAGE}};
    char *dir = scratch_new();
    for (size_t i = 0; i < 3; i++) {
        comparison c;
        options o;
        err e;
        assert_int_equal(begin(dir, "lora,qlora", again[i].tokens, &c, &o, &e), again[i].code);
        if (e.code) assert_non_null(strstr(e.msg, "another comparison (max_new_tokens)"));
        end(&c, &o);
    }
    scratch_free(dir);
}

/* A share held out by default takes the place of no file that the recipes name. */
static void recipes_keep_their_held_out_rows(void **state)
{
    (void)state;
    static const char text[] = "eval_data: test/cli/data/stories.jsonl\n",
                      other[] = "eval_data: test/cli/data/stories.jsonl\nlora_r: 4\n";
    char *dir = scratch_new();
    str a = {0}, both = {0}, out = {0};
    comparison c;
    options o;
    err e = {0};
    str_fmt(&a, "%s/a.yaml", dir), str_fmt(&both, "%s,%s/b.yaml", a.p, dir), str_fmt(&out, "%s/out", dir);
    assert_int_equal(file_write(a.p, text, sizeof text - 1, &e), OK);
    assert_int_equal(file_write(strchr(both.p, ',') + 1, other, sizeof other - 1, &e), OK);
    assert_int_equal(begin(out.p, both.p, "12", &c, &o, &e), OK);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(c.recipe[i].o.eval_data, "test/cli/data/stories.jsonl");
        assert_true(c.recipe[i].o.eval_split == 0);
    }
    end(&c, &o);
    str_free(&a), str_free(&both), str_free(&out);
    scratch_free(dir);
}

/* Rows of one prompt are drawn together. */
static void rows_of_one_prompt_are_one(void **state)
{
    (void)state;
    static const char text[] = "a,b\nx,1\ny,2\nx,3\nz,4\ny,5\n";
    static const int64_t wanted[] = {0, 1, 0, 2, 1};
    char *dir = scratch_new();
    str path = {0};
    options o;
    job_model base;
    const job_rows *rows;
    int64_t *unit, n;
    err e = {0};
    stock *s = stock_new(NULL, NULL);
    str_fmt(&path, "%s/rows.csv", dir);
    assert_int_equal(file_write(path.p, text, sizeof text - 1, &e), OK);
    const char *const words[] = {"--model", "test/data/models/stories260k/stories260K.gguf", "--data", path.p,
                                 "--prompt_template", "{a}", "--completion_column", "b", "--device", "cpu:generic"};
    if (options_parse(&o, COMMAND_TRAIN, 10, (char *const *)(uintptr_t)words, &e)) fail_msg("%s", e.msg);
    assert_int_equal(stock_open(s, &base, &o, &e), OK);
    if (stock_rows(s, &rows, o.data, ROWS_ALL, &o, &base, NULL, &e)) fail_msg("%s", e.msg);
    assert_int_equal(compare_units(rows, &unit, &n, &e), OK);
    assert_int_equal(n, 3);
    assert_memory_equal(unit, wanted, sizeof wanted);
    free(unit);
    stock_close(s, &base);
    stock_free(s);
    options_release(&o);
    str_free(&path);
    scratch_free(dir);
}

/* ---------------------------------------------------------------------------- divergence */

static const char *const argv[] = {"--model", "test/data/models/stories260k/stories260K.gguf", "--data",
                                   "test/cli/data/stories.jsonl", "--device", "cpu:generic", "--compute",
                                       "f32"};

static divergence between(const char *type, err *e)
{
    options o, full;
    job_model p, q;
    const job_rows *rows;
    divergence d = {0};
    stock *s = stock_new(NULL, NULL);
    if (options_parse(&o, COMMAND_TRAIN, 8, (char *const *)(uintptr_t)argv, e)) fail_msg("%s", e->msg);
    full = o;
    full.quantization = type;
    assert_int_equal(stock_open(s, &p, &o, e), OK);
    assert_int_equal(stock_open(s, &q, &full, e), OK);
    assert_int_equal(stock_rows(s, &rows, o.data, ROWS_ALL, &o, &p, NULL, e), OK);
    if (divergence_run(&d, &p, &q, rows, 0, NULL, e)) fail_msg("%s", e->msg);
    assert_int_equal(d.labels, rows->set.label_tokens);
    stock_close(s, &p), stock_close(s, &q);
    stock_free(s);
    options_release(&o);
    return d;
}

static void of_a_base_from_itself_and_another(void **state)
{
    (void)state;
    err e = {0};
    divergence same = between("as-is", &e), f32 = between("none", &e), fine = between("int8", &e),
               coarse = between("nf4", &e);
    assert_true(same.kl == 0 && same.agree == 1 && same.worst == 0);
    assert_true(f32.kl >= 0 && f32.kl < fine.kl + 1e-12);
    assert_true(fine.kl > 0 && fine.kl < coarse.kl / 10); /* steps 16 times as fine, errors squared */
    assert_true(coarse.kl > 0.001 && coarse.kl < 2 && coarse.worst >= coarse.kl && coarse.agree < 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_than_the_interval),
        cmocka_unit_test(nothing_shown_is_said_together),
        cmocka_unit_test(costs),
        cmocka_unit_test(one_pair_of_runs_shows_no_speed),
        cmocka_unit_test(texts_are_written_alike),
        cmocka_unit_test(recipes_keep_their_held_out_rows),
        cmocka_unit_test(rows_of_one_prompt_are_one),
        cmocka_unit_test(of_a_base_from_itself_and_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
