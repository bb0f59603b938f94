/* test_adapter_base.c -- which modules an adapter is put on, and what its file says of its base, on a Llama
 * of two layers. */
#include "model/adapter.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MODEL "test/data/model/tiny-llama"

static model *base;

static int open_base(void **state)
{
    (void)state;
    err e = {0};
    return model_open(&base, MODEL, "as-is", MODEL_DOUBLE_QUANT, NULL, &e);
}

static int close_base(void **state)
{
    (void)state;
    model_close(base);
    return 0;
}

static adapter *make(const peft_config *c)
{
    err e = {0};
    adapter *a;
    if (adapter_new(&a, base, c, 1, &e) != OK) fail_msg("%s", e.msg);
    return a;
}

static void expect_refusal(const peft_config *c, const char *message)
{
    err e = {0};
    adapter *a;
    assert_int_equal(adapter_new(&a, base, c, 1, &e), E_USAGE);
    assert_string_equal(e.msg, message);
}

/* "all-linear" with layers is a list of names once it is saved, which is what PEFT accepts. */
static void test_all_linear_in_some_layers(void **state)
{
    (void)state;
    static const int64_t one[] = {1};
    peft_config c = {.r = 2, .alpha = 4, .target_regex = "all-linear", .layers = one, .n_layers = 1};
    adapter *a = make(&c), *b;
    assert_int_equal(a->modules, 7);
    for (int64_t i = 0; i < a->modules; i++) assert_non_null(strstr(a->module[i].name, ".layers.1."));
    assert_null(a->config.target_regex);
    assert_int_equal(a->config.targets.n, 7);
    assert_string_equal(a->config.targets.p[0], "q_proj");
    err e = {0};
    char *folder = scratch_new();
    assert_int_equal(adapter_save(a, folder, DT_F32, &e), OK);
    if (adapter_open(&b, base, folder, &e) != OK) fail_msg("%s", e.msg);
    assert_int_equal(b->modules, 7);
    scratch_free(folder);
    adapter_close(a);
    adapter_close(b);
}

static void test_layers_that_are_not_there(void **state)
{
    (void)state;
    static const int64_t layers[] = {0, 7};
    static const char *const names[] = {"q_proj"}, *const tail[] = {"yers"}, *const whole[] = {"layers"};
    peft_config c = {.r = 2, .alpha = 4, .targets = {names, 1}, .layers = layers, .n_layers = 2};
    expect_refusal(
        &c, "layers_to_transform: the targets have no module in a layer 7 (the model has layers 0 to 1; "
            "layers_pattern names what holds them)");
    c.n_layers = 1;
    c.layers_pattern = (peft_list){tail, 1};
    expect_refusal(
        &c, "layers_to_transform: the targets have no module in a layer 0 (the model has layers 0 to 1; "
            "layers_pattern names what holds them)");
    c.layers_pattern = (peft_list){whole, 1};
    adapter *a = make(&c);
    assert_int_equal(a->modules, 1);
    adapter_close(a);
}

static void test_patterns_that_fit_nothing(void **state)
{
    (void)state;
    static const peft_pattern rank[] = {{"q_proj", 4}, {"1.self_attn.v_proj", 8}}, alpha[] = {{"w_proj", 4}};
    peft_config c = {
        .r = 2, .alpha = 4, .target_regex = "all-linear", .rank_pattern = rank, .n_rank_pattern = 2};
    adapter_close(make(&c));
    c.alpha_pattern = alpha;
    c.n_alpha_pattern = 1;
    expect_refusal(&c,
                   "alpha_pattern: \"w_proj\" fits no module that is adapted; give the end of a path such as "
                   "model.layers.0.self_attn.q_proj");
}

/* The file names the base; how the weights were requantized at load makes no difference. */
static void test_base_in_the_file(void **state)
{
    (void)state;
    err e = {0};
    model *nf4;
    adapter *a, *b;
    peft_config c = {.r = 2, .alpha = 4, .target_regex = "all-linear"};
    char *folder = scratch_new(), path[4096], text[17];
    assert_int_equal(model_open(&nf4, MODEL, "nf4", MODEL_DOUBLE_QUANT, NULL, &e), OK);
    assert_int_equal(adapter_new(&a, nf4, &c, 1, &e), OK);
    assert_int_equal(adapter_save(a, folder, DT_F32, &e), OK);
    assert_int_equal(adapter_open(&b, base, folder, &e), OK);
    assert_string_equal(b->base, checkpoint_fingerprint_text(base->file, text));
    snprintf(path, sizeof path, "%s/adapter_model.safetensors", folder);
    safetensors *file;
    assert_int_equal(safetensors_open(&file, path, &e), OK);
    assert_string_equal(safetensors_metadata(file, "format"), "pt"); /* PEFT and transformers ask for it */
    assert_string_equal(safetensors_metadata(file, "base_fingerprint"), text);
    safetensors_close(file);
    adapter_close(a);
    adapter_close(b);
    assert_int_equal(adapter_open(&b, base, MODEL "/adapter", &e), OK); /* as PEFT wrote it */
    assert_string_equal(b->base, "");
    adapter_close(b);
    scratch_free(folder);
    model_close(nf4);
}

/* The experts of a projection are adapted all alike: one value of a step holds all their adapters. */
static void test_experts(void **state)
{
    (void)state;
    model *m;
    adapter *a;
    err e = {0};
    assert_int_equal(model_open(&m, "test/data/model/tiny/mixtral", "as-is", MODEL_DOUBLE_QUANT, NULL, &e),
                     OK);
    static const char *const all[] = {"w1"}, *const some[] = {"experts.1.w1"};
    static const peft_pattern rank[] = {{"experts.2.w1", 4}};
    peft_config c = {.r = 2, .alpha = 4, .targets = {all, 1}};
    assert_int_equal(adapter_new(&a, m, &c, 1, &e), OK);
    assert_int_equal(a->modules, 2 * 4);
    assert_string_equal(a->module[1].name, "model.layers.0.block_sparse_moe.experts.1.w1");
    adapter_close(a);
    c.targets.p = some;
    assert_int_equal(adapter_new(&a, m, &c, 1, &e), E_UNSUPPORTED);
    assert_non_null(
        strstr(e.msg, "experts.0.w1 and model.layers.0.block_sparse_moe.experts.1.w1: the experts"));
    c.targets.p = all;
    c.rank_pattern = rank;
    c.n_rank_pattern = 1;
    e = (err){0};
    assert_int_equal(adapter_new(&a, m, &c, 1, &e), E_UNSUPPORTED);
    assert_non_null(
        strstr(e.msg, "experts.1.w1 and model.layers.0.block_sparse_moe.experts.2.w1: the experts"));
    model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_experts),
        cmocka_unit_test(test_all_linear_in_some_layers), cmocka_unit_test(test_layers_that_are_not_there),
        cmocka_unit_test(test_patterns_that_fit_nothing), cmocka_unit_test(test_base_in_the_file)};
    return cmocka_run_group_tests(tests, open_base, close_base);
}
