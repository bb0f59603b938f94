/* test_generate.c -- sampling by hand, and greedy texts of the bundled 260K-parameter model against what the
 * reference program (llama2.c, f32) writes; the same texts for any number of threads, the same greedy texts
 * alone and in a batch. */
#include "gen/generate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MODEL "test/data/models/stories260k/stories260K.gguf"

static const float logits[6] = {1.0f, 3.0f, 2.0f, 3.0f, -1.0f, 0.0f};

static void test_greedy(void **state)
{
    (void)state;
    token_sampler s;
    token_sampler_init(&s, 6);
    assert_int_equal(sample(&s, &sampling_greedy, logits, NULL, 0, 0, 0), 1); /* the first of equals */
    sampling how = sampling_greedy;
    how.repetition_penalty = 4;
    int32_t seen[] = {1, 3, 1};
    assert_int_equal(sample(&s, &how, logits, seen, 3, 0, 0), 2); /* 3 / 4 once, however often it was seen */
    how.repetition_penalty = 1.4;
    assert_int_equal(sample(&s, &how, logits, seen, 3, 0, 0), 1); /* 3 / 1.4 once is above 2, twice below */
    static const float below_zero[6] = {-1, -2, -3, -3, -3, -3};  /* there the penalty multiplies */
    how.repetition_penalty = 3;
    assert_int_equal(sample(&s, &how, below_zero, (int32_t[]){0}, 1, 0, 0), 1);
    token_sampler_release(&s);
}

/* Frequencies over many places of one stream against the softmax, five standard errors. */
static void frequencies(sampling how, const double want[6])
{
    enum { N = 20000 };
    int count[6] = {0};
    token_sampler s;
    token_sampler_init(&s, 6);
    for (uint64_t i = 0; i < N; i++) count[sample(&s, &how, logits, NULL, 0, 3, i)]++;
    for (int k = 0; k < 6; k++) {
        double off = fabs((double)count[k] / N - want[k]);
        if (!(off <= 5 * sqrt(want[k] * (1 - want[k]) / N)))
            fail_msg("token %d: %.4f, expected %.4f", k, (double)count[k] / N, want[k]);
    }
    token_sampler_release(&s);
}

static void softmax(double p[6], const int *keep, double temperature)
{
    double sum = 0;
    for (int k = 0; k < 6; k++) sum += p[k] = keep[k] ? exp((double)logits[k] / temperature) : 0;
    for (int k = 0; k < 6; k++) p[k] /= sum;
}

static void test_sampling(void **state)
{
    (void)state;
    double p[6];
    sampling how = {.temperature = 1.5, .top_p = 1, .repetition_penalty = 1, .seed = 11};
    softmax(p, (int[]){1, 1, 1, 1, 1, 1}, 1.5);
    frequencies(how, p);
    how.top_k = 3;
    softmax(p, (int[]){0, 1, 1, 1, 0, 0}, 1.5);
    frequencies(how, p);
    how = (sampling){.temperature = 1, .top_p = 0.8, .repetition_penalty = 1, .seed = 5};
    softmax(p, (int[]){0, 1, 0, 1, 0, 0},
            1); /* the two likeliest have 0.39 each, together not 0.8: a third comes in */
    softmax(p, (int[]){0, 1, 1, 1, 0, 0}, 1);
    frequencies(how, p);
    how = (sampling){.temperature = 1, .top_p = 1, .min_p = 0.3, .repetition_penalty = 1, .seed = 5};
    softmax(p, (int[]){0, 1, 1, 1, 0, 0}, 1); /* exp(-1) = 0.37 of the likeliest stays, exp(-2) does not */
    frequencies(how, p);
    how = (sampling){.temperature = 2, .top_p = 1, .repetition_penalty = 1, .seed = 5};
    token_sampler s;
    token_sampler_init(&s, 6);
    int same = 0;
    for (uint64_t i = 0; i < 64; i++)
        same += sample(&s, &how, logits, NULL, 0, 0, i) == sample(&s, &how, logits, NULL, 0, 1, i);
    assert_true(same < 48); /* rows have streams of their own */
    token_sampler_release(&s);
    err e = {0};
    how.top_p = 0;
    assert_int_equal(sampling_check(&how, &e), E_USAGE);
    assert_non_null(strstr(e.msg, "top_p"));
}

typedef struct rig {
    device *d;
    model *m;
    tokenizer *t;
} rig;

static void must(int code, const err *e)
{
    if (code != OK) fail_msg("%s", e->msg);
}

static rig rig_open(const char *which, int threads)
{
    rig r = {0};
    err e = {0};
    must(device_open(&r.d, which, threads, &e), &e);
    must(model_open(&r.m, MODEL, "as-is", MODEL_DOUBLE_QUANT, NULL, &e), &e);
    must(tokenizer_open(&r.t, r.m->file, &e), &e);
    return r;
}

static void rig_close(rig *r)
{
    tokenizer_close(r->t);
    model_close(r->m);
    device_close(r->d);
}

/* One text per prompt; the caller releases it. */
static generate_result generate(const rig *r, const char *const *texts, int n, const generate_options *o,
                                const generate_hooks *hooks)
{
    token_vec ids[8] = {{0}};
    generate_prompt prompts[8];
    err e = {0};
    for (int i = 0; i < n; i++) {
        token_vec_push(&ids[i], (int32_t)tokenizer_bos(r->t));
        must(tokenizer_encode(r->t, texts[i], strlen(texts[i]), TOKENIZE_PLAIN, &ids[i], &e), &e);
        prompts[i] = (generate_prompt){ids[i].p, (int64_t)ids[i].n};
    }
    generate_result out;
    must(generate_run(&out, r->m, NULL, r->t, prompts, n, o, hooks, r->d, &e), &e);
    for (int i = 0; i < n; i++) token_vec_free(&ids[i]);
    return out;
}

static const char *const story =
    ", there was a little girl named Lily. She loved to play outside in the park. One day, she saw a "
    "big, red ball. She wanted to play with it";

static void test_story(void **state)
{
    (void)state;
    static const char *const devices[] = {"reference", "cpu:generic", "auto"};
    for (int k = 0; k < 3; k++) {
        rig r = rig_open(devices[k], 2);
        generate_options o = {.max_new_tokens = 50, .batch = 1, .how = sampling_greedy};
        generate_result g = generate(&r, (const char *[]){"Once upon a time"}, 1, &o, NULL);
        assert_true(str_starts(g.row[0].text, story));
        assert_int_equal(g.row[0].why, STOP_LENGTH);
        assert_int_equal(g.row[0].tokens, 50);
        generate_release(&g);
        rig_close(&r);
    }
}

static void collect(void *arg, int64_t row, const char *text, size_t n)
{
    str_add((str *)arg + row, text, n);
}

static const char *const openings[5] = {"Once upon a time", "The dog",
                                        "Lily and Tom went to the big park to see the", "A", "One day, a"};

/* Runs the openings each of these ways; all have to give the same texts, and the pieces have to add up to
 * them. */
static void same_texts(generate_options o, const int ways[][2], size_t n)
{
    char *first[5] = {0};
    for (size_t w = 0; w < n; w++) {
        rig r = rig_open("auto", ways[w][1]);
        o.batch = ways[w][0];
        str pieces[5] = {{0}};
        generate_hooks hooks = {.piece = collect, .arg = pieces};
        generate_result g = generate(&r, openings, 5, &o, &hooks);
        for (int i = 0; i < 5; i++) {
            assert_string_equal(str_c(&pieces[i]), g.row[i].text);
            if (!first[i])
                first[i] = strdup(g.row[i].text);
            else
                assert_string_equal(g.row[i].text, first[i]);
            str_free(&pieces[i]);
        }
        generate_release(&g);
        rig_close(&r);
    }
    for (int i = 0; i < 5; i++) free(first[i]);
}

static void test_threads(void **state)
{
    (void)state;
    generate_options o = {
        .max_new_tokens = 30,
        .how = {.temperature = 0.8, .top_k = 40, .top_p = 0.95, .repetition_penalty = 1.1, .seed = 9}};
    same_texts(o, (const int[][2]){{3, 1}, {3, 2}, {3, 3}}, 3);
    same_texts(o, (const int[][2]){{5, 1}, {5, 2}}, 2);
}

static void test_batches(void **state)
{
    (void)state;
    generate_options o = {.max_new_tokens = 30, .how = sampling_greedy};
    same_texts(o, (const int[][2]){{1, 1}, {2, 1}, {5, 2}}, 3);
}

static void test_stops(void **state)
{
    (void)state;
    rig r = rig_open("auto", 1);
    str piece = {0};
    generate_hooks hooks = {.piece = collect, .arg = &piece};
    generate_options o = {.max_new_tokens = 50,
                          .batch = 1,
                          .how = sampling_greedy,
                          .stop = (const char *[]){"zzz", " Lily"},
                          .stops = 2};
    generate_result g = generate(&r, (const char *[]){"Once upon a time"}, 1, &o, &hooks);
    assert_int_equal(g.row[0].why, STOP_STRING);
    assert_string_equal(g.row[0].text, ", there was a little girl named");
    assert_string_equal(str_c(&piece), g.row[0].text);
    str_clear(&piece);
    generate_release(&g);
    /* over several tokens, nothing of it told before it is whole; of two at once the one that begins first */
    o.stop = (const char *[]){"saw a big, red ball.", "red ball."};
    g = generate(&r, (const char *[]){"Once upon a time"}, 1, &o, &hooks);
    assert_int_equal(g.row[0].why, STOP_STRING);
    assert_true(str_ends(g.row[0].text, "One day, she "));
    assert_string_equal(str_c(&piece), g.row[0].text);
    str_free(&piece);
    generate_release(&g);
    err e = {0};
    generate_prompt none = {NULL, 0};
    assert_int_equal(generate_run(&g, r.m, NULL, r.t, &none, 1, &o, NULL, r.d, &e), E_USAGE);
    assert_string_equal(e.msg, "prompt 1 is empty");
    o.max_new_tokens = 1 << 20;
    e = (err){0};
    generate_prompt one = {(int32_t[]){1}, 1};
    assert_int_equal(generate_run(&g, r.m, NULL, r.t, &one, 1, &o, NULL, r.d, &e), E_USAGE);
    assert_non_null(strstr(e.msg, "context"));
    rig_close(&r);
}

/* Any of the configuration's ends stops a text, and is no part of it. */
static void test_ends(void **state)
{
    (void)state;
    rig r = rig_open("auto", 1);
    generate_options o = {.max_new_tokens = 50, .batch = 1, .how = sampling_greedy};
    generate_result whole = generate(&r, (const char *[]){"Once upon a time"}, 1, &o, NULL);
    model_config *c = (model_config *)(uintptr_t)r.m->config;
    assert_true(c->n_eos < CONFIG_MAX_EOS);
    c->eos[c->n_eos++] = tokenizer_find(r.t, "\u2581Lily");
    generate_result g = generate(&r, (const char *[]){"Once upon a time"}, 1, &o, NULL);
    assert_int_equal(g.row[0].why, STOP_EOS);
    assert_true(str_ends(g.row[0].text, " girl named"));
    generate_release(&g);
    o.ignore_eos = true;
    g = generate(&r, (const char *[]){"Once upon a time"}, 1, &o, NULL);
    assert_int_equal(g.row[0].why, STOP_LENGTH);
    assert_string_equal(g.row[0].text, whole.row[0].text);
    generate_release(&g);
    generate_release(&whole);
    rig_close(&r);
}

/* Weights that are no numbers end in an error that says where. */
static void test_not_finite(void **state)
{
    (void)state;
    rig r = rig_open("reference", 1);
    err e = {0};
    model_close(r.m);
    must(model_open(&r.m, MODEL, "bf16", MODEL_DOUBLE_QUANT, NULL, &e), &e);
    const tensor *w = weights_find(r.m->weights, "model.embed_tokens.weight");
    memset((void *)(uintptr_t)w->data, 0xff, w->bytes);
    generate_options o = {.max_new_tokens = 3, .batch = 1, .how = sampling_greedy};
    generate_prompt one = {(int32_t[]){1}, 1};
    generate_result g;
    assert_int_equal(generate_run(&g, r.m, NULL, r.t, &one, 1, &o, NULL, r.d, &e), E_NUMERIC);
    assert_non_null(strstr(e.msg, "tensor token_embd.weight holds a NaN or an infinity"));
    assert_null(g.row);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_greedy),  cmocka_unit_test(test_sampling),
                                       cmocka_unit_test(test_story),   cmocka_unit_test(test_threads),
                                       cmocka_unit_test(test_batches), cmocka_unit_test(test_stops),
                                       cmocka_unit_test(test_ends),    cmocka_unit_test(test_not_finite)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
