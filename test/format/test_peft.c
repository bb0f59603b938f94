/* test_peft.c -- adapter folders: what of adapter_config.json arrives, what is refused and in which
 * words, names, pairs, patterns, and saving in each type. */
#include "format/peft.h"
#include "support.h"

#include <math.h>

static char *folder;

static int setup(void **state)
{
    (void)state;
    folder = scratch_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scratch_free(folder);
    return 0;
}

static const float values[64] = {1, -2, 3.5f, 0x1p-20f, 65504, 1e-3f, -7, 0.1f};

static tensor matrix(const char *name, int64_t rows, int64_t cols)
{
    return (tensor){.name = name, .type = DT_F32, .ndim = 2, .dim = {rows, cols, 1, 1}, .data = values,
                    .bytes = (size_t)(rows * cols) * 4};
}

static void write_tensors(const tensor *t, int64_t n)
{
    str path = {0};
    err e = {0};
    str_fmt(&path, "%s/adapter_model.safetensors", folder);
    check_ok(safetensors_write(path.p, t, n, NULL, 0, &e), &e);
    str_free(&path);
}

/* A pair of rank 2 on m.q_proj. */
static void write_pair(void)
{
    tensor t[] = {matrix("base_model.model.m.q_proj.lora_A.weight", 2, 4),
                  matrix("base_model.model.m.q_proj.lora_B.weight", 6, 2)};
    write_tensors(t, 2);
}

/* adapter_config.json of rank 2 with those members changed. */
static void write_config(const char *changes)
{
    static const char base[] =
        "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 3, \"target_modules\": [\"q_proj\"]}";
    err e = {0};
    str path = {0};
    json_t *o = json_parse(base, strlen(base), "base", &e),
           *c = json_parse(changes, strlen(changes), changes, &e);
    check_ok(OK, &e);
    json_object_update(o, c);
    str_fmt(&path, "%s/adapter_config.json", folder);
    check_ok(json_save(o, path.p, 0, false, &e), &e);
    json_decref(o);
    json_decref(c);
    str_free(&path);
}

static void check_refused(int code, const char *text)
{
    peft *p;
    err e = {0};
    if (peft_open(&p, folder, &e) == OK) fail_msg("accepted, not refused with %s", text);
    assert_null(p);
    check_failed(&e, code, text);
}

static peft *open_good(void)
{
    peft *p;
    err e = {0};
    check_ok(peft_open(&p, folder, &e), &e);
    return p;
}

static void test_files(void **state)
{
    (void)state;
    check_refused(E_IO, "holds no adapter_config.json");
    write_config("{}");
    check_refused(E_IO, "adapter_model.safetensors");
    scratch_text(folder, "adapter_model.bin", "x");
    check_refused(E_UNSUPPORTED, "convert it to adapter_model.safetensors");
    write_pair();
    peft_close(open_good());
    scratch_text(folder, "adapter_config.json", "{");
    check_refused(E_FORMAT, "not valid JSON");
    scratch_text(folder, "adapter_config.json", "[]");
    check_refused(E_FORMAT, "not an adapter configuration");
}

static void test_config(void **state)
{
    (void)state;
    write_pair();
    write_config(
        "{\"target_modules\": \".*q_proj\", \"exclude_modules\": [\"k\"], \"layers_to_transform\": 3,"
        "\"init_lora_weights\": \"gaussian\", \"fan_in_fan_out\": true, \"new_key\": 1, \"revision\": "
        "\"main\"}");
    peft *p = open_good();
    const peft_config *c = peft_get_config(p);
    assert_string_equal(c->target_regex, ".*q_proj");
    assert_int_equal(c->targets.n, 0);
    assert_string_equal(c->exclude.p[0], "k");
    assert_true(c->n_layers == 1 && c->layers[0] == 3);
    assert_string_equal(c->init, "gaussian");
    assert_string_equal(c->revision, "main");
    assert_true(c->unknown.n == 1 && !strcmp(c->unknown.p[0], "new_key"));
    assert_null(c->task_type);
    peft_close(p);
    write_config("{\"lora_alpha\": 3.5, \"layers_to_transform\": [0, 2], \"layers_pattern\": \"layers\","
                 "\"init_lora_weights\": false, \"exclude_modules\": \"x.*\"}");
    p = open_good();
    c = peft_get_config(p);
    assert_true(c->alpha == 3.5 && c->n_layers == 2 && c->layers[1] == 2 && c->dropout == 0 && !c->rslora);
    assert_true(c->layers_pattern.n == 1 && !strcmp(c->layers_pattern.p[0], "layers"));
    assert_string_equal(c->init, "false");
    assert_string_equal(c->exclude_regex, "x.*");
    peft_close(p);
}

static void test_refused_keys(void **state)
{
    (void)state;
    const struct {
        const char *changes;
        int         code;
        const char *text;
    } bad[] = {
        {"{\"peft_type\": \"IA3\"}", E_UNSUPPORTED, "type \"IA3\""},
        {"{\"peft_type\": null}", E_UNSUPPORTED, "type \"\""},
        {"{\"use_dora\": true}", E_UNSUPPORTED, "DoRA (\"use_dora\")"},
        {"{\"lora_bias\": true}", E_UNSUPPORTED, "\"lora_bias\""},
        {"{\"bias\": \"all\"}", E_UNSUPPORTED, "\"bias\""},
        {"{\"layer_replication\": [[0, 4]]}", E_UNSUPPORTED, "\"layer_replication\""},
        {"{\"trainable_token_indices\": [1]}", E_UNSUPPORTED, "\"trainable_token_indices\""},
        {"{\"target_parameters\": [\"x\"]}", E_UNSUPPORTED, "\"target_parameters\""},
        {"{\"megatron_config\": {\"a\": 1}}", E_UNSUPPORTED, "\"megatron_config\""},
        {"{\"use_qalora\": true}", E_UNSUPPORTED, "\"use_qalora\""},
        {"{\"alora_invocation_tokens\": [1]}", E_UNSUPPORTED, "\"alora_invocation_tokens\""},
        {"{\"init_lora_weights\": \"pissa_niter_4\"}", E_UNSUPPORTED, "\"pissa_niter_4\" changed the base"},
        {"{\"init_lora_weights\": \"olora\"}", E_UNSUPPORTED, "\"olora\" changed the base"},
        {"{\"init_lora_weights\": \"loftq\"}", E_UNSUPPORTED, "\"loftq\" changed the base"},
        {"{\"r\": 0}", E_FORMAT, "a rank of 0 makes"},
        {"{\"r\": \"2\"}", E_FORMAT, "\"r\" has to be a whole number"},
        {"{\"lora_dropout\": 1}", E_FORMAT, "a dropout of 1"},
        {"{\"lora_dropout\": -0.1}", E_FORMAT, "a dropout of -0.1"},
        {"{\"target_modules\": [1]}", E_FORMAT, "\"target_modules\" has to be a list of strings"},
        {"{\"target_modules\": {\"a\": 1}}", E_FORMAT, "\"target_modules\" has to be a list of strings"},
        {"{\"layers_to_transform\": \"0\"}", E_FORMAT, "\"layers_to_transform\""},
        {"{\"layers_to_transform\": [0.5]}", E_FORMAT, "\"layers_to_transform\""},
        {"{\"rank_pattern\": [1]}", E_FORMAT, "\"rank_pattern\" has to be an object"},
        {"{\"rank_pattern\": {\"q\": \"8\"}}", E_FORMAT, "\"q\" has to be a number"},
        {"{\"rank_pattern\": {\"(\": 8}}", E_FORMAT, "\"(\" is not a regular expression"},
        {"{\"rank_pattern\": {\"q_proj\": 2.5}}", E_FORMAT, "a rank of 2.5"},
        {"{\"rank_pattern\": {\"q_proj\": 4}}", E_FORMAT, "has rank 2, adapter_config.json says 4"},
        {"{\"r\": 4}", E_FORMAT, "has rank 2, adapter_config.json says 4"},
    };
    write_pair();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_config(bad[i].changes);
        check_refused(bad[i].code, bad[i].text);
    }
}

static void test_names(void **state)
{
    (void)state;
    write_config("{}");
    static const char *const good[] = {"base_model.model.a.q.lora_%c.weight", "a.q.lora_%c.weight",
                                       "base_model.model.a.q.lora_%c.default.weight"};
    for (int i = 0; i < 3; i++) {
        char a[80], b[80];
        snprintf(a, sizeof a, good[i], 'A');
        snprintf(b, sizeof b, good[i], 'B');
        tensor t[] = {matrix(a, 2, 4), matrix(b, 6, 2)};
        write_tensors(t, 2);
        peft *p = open_good();
        assert_int_equal(weights_count(peft_weights(p)), 2);
        assert_int_equal(weights_find(peft_weights(p), "a.q.lora_A.weight")->dim[1], 4);
        assert_int_equal(weights_find(peft_weights(p), "a.q.lora_B.weight")->dim[0], 6);
        peft_close(p);
    }
    write_config("{\"modules_to_save\": [\"x\"]}"); /* saved whole, of a name shorter than A.weight */
    tensor whole[] = {matrix("a.q.lora_A.weight", 2, 4), matrix("a.q.lora_B.weight", 6, 2),
                      matrix("base_model.model.x", 2, 2)};
    write_tensors(whole, 3);
    peft *p = open_good();
    assert_non_null(weights_find(peft_weights(p), "x"));
    peft_close(p);
    write_config("{}");
    static const char *const strange[] = {
        "base_model.model.a.q.lora_magnitude_vector", "base_model.model.a.q.lora_embedding_A",
        "base_model.model.lm_head.weight",            "base_model.model.a.q.lora_B.bias",
        "base_model.model.a.q.base_layer.bias",       "base_model.model.lora_A.weight",
        "base_model.model.a.lora_A.x.y.weight",       "base_model.model.a.lora_A..weight",
        "base_model.model.a.lora_Aweight",            ".lora_A.weight",
    };
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        tensor t[] = {matrix("base_model.model.a.q.lora_A.weight", 2, 4),
                      matrix("base_model.model.a.q.lora_B.weight", 6, 2), matrix(strange[i], 2, 2)};
        write_tensors(t, 3);
        check_refused(E_UNSUPPORTED, strange[i]);
    }
}

static void test_pairs(void **state)
{
    (void)state;
    write_config("{}");
    tensor t[] = {matrix("a.q.lora_A.weight", 2, 4), matrix("a.q.lora_B.weight", 6, 2),
                  matrix("a.q.lora_A.default.weight", 2, 4)};
    write_tensors(t, 0);
    check_refused(E_FORMAT, "holds no tensors");
    write_tensors(t, 1);
    check_refused(E_FORMAT, "a.q.lora_A.weight has no a.q.lora_B.weight");
    write_tensors(t + 1, 1);
    check_refused(E_FORMAT, "a.q.lora_B.weight has no a.q.lora_A.weight");
    write_tensors(t, 3);
    check_refused(E_FORMAT, "a.q.lora_A.weight is there twice");
    t[1].dim[0] = 4;
    t[1].dim[1] = 3;
    write_tensors(t, 2);
    check_refused(E_FORMAT, "a.q.lora_B.weight has rank 3");
    t[1] = matrix("a.q.lora_B.weight", 0, 2);
    write_tensors(t, 2);
    check_refused(E_FORMAT, "a.q.lora_B.weight");
    t[1] = matrix("a.q.lora_B.weight", 6, 2);
    t[1].ndim = 1;
    t[1].dim[0] = 12;
    t[1].dim[1] = 1;
    write_tensors(t, 2);
    check_refused(E_FORMAT, "has to be a matrix in F32, F16 or BF16");
    t[1] = matrix("a.q.lora_B.weight", 6, 2);
    t[1].type = DT_I32;
    write_tensors(t, 2);
    check_refused(E_FORMAT, "has to be a matrix in F32, F16 or BF16");
}

static void test_patterns(void **state)
{
    (void)state;
    const peft_pattern ranks[] = {
        {"^model.layers.0.q_proj", 3}, {"layers\\.[12]\\.q_proj", 4}, {"q_proj", 5}};
    const peft_pattern alphas[] = {{"v_proj", 7}};
    const peft_config c = {.r = 8, .alpha = 16, .rank_pattern = ranks, .n_rank_pattern = 3,
                           .alpha_pattern = alphas, .n_alpha_pattern = 1};
    err e = {0};
    assert_int_equal(peft_rank(&c, "model.layers.0.q_proj", &e), 3);
    assert_int_equal(peft_rank(&c, "x.model.layers.0.q_proj", &e), 5);
    assert_int_equal(peft_rank(&c, "model.layers.1.q_proj", &e), 4);
    assert_int_equal(peft_rank(&c, "model.layers.3.q_proj", &e), 5);
    assert_int_equal(peft_rank(&c, "q_proj", &e), 5);
    assert_int_equal(peft_rank(&c, "model.layers.1.xq_proj", &e), 8);
    assert_int_equal(peft_rank(&c, "model.layers.1.q_proj.x", &e), 8);
    assert_true(peft_scale(&c, "model.layers.1.q_proj", &e) == 4);
    assert_true(peft_scale(&c, "a.v_proj", &e) == 7.0 / 8);
    assert_true(peft_scale(&c, "a.k_proj", &e) == 16.0 / 8);
    peft_config root = c;
    root.rslora = true;
    assert_true(fabs(peft_scale(&root, "a.k_proj", &e) - 16 / sqrt(8)) < 1e-15);
    check_ok(OK, &e);
    const peft_pattern endless[] = {{"(a|aa)+[bd]", 3}}, broken[] = {{"[", 3}};
    peft_config slow = c;
    slow.rank_pattern = endless;
    slow.n_rank_pattern = 1;
    assert_true(peft_rank(&slow, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", &e) < 0);
    check_failed(&e, E_FORMAT, "too costly");
    e = (err){0};
    slow = c;
    slow.alpha_pattern = broken;
    assert_true(peft_scale(&slow, "x", &e) < 0);
    check_failed(&e, E_FORMAT, "\"[\" is not a regular expression");
}

/* Saved in each type and read again: values rounded as the type does, configuration and metadata kept. */
static void test_save(void **state)
{
    (void)state;
    static const dtype types[] = {DT_F32, DT_F16, DT_BF16};
    static const char *const targets[] = {"q_proj", "down_proj"};
    static const int64_t layers[] = {0, 5};
    const peft_pattern ranks[] = {{"z", 1}, {"a", 9}};
    const peft_config config = {.r = 2,
                                .alpha = 2.5,
                                .dropout = 0.25,
                                .rslora = true,
                                .targets = {targets, 2},
                                .layers = layers,
                                .n_layers = 2,
                                .rank_pattern = ranks,
                                .n_rank_pattern = 2,
                                .base_model_name = "some/base",
                                .task_type = "CAUSAL_LM",
                                .init = "gaussian"};
    tensor t[] = {matrix("m.q_proj.lora_A.weight", 2, 4), matrix("m.q_proj.lora_B.weight", 4, 2)};
    const safetensors_pair pair = {"lorac", "x"};
    for (int i = 0; i < 3; i++) {
        err e = {0};
        str inner = {0};
        peft *p;
        str_fmt(&inner, "%s/a/%s", folder, dtype_name(types[i]));
        check_ok(peft_save(inner.p, &config, t, 2, types[i], &pair, 1, &e), &e);
        check_ok(peft_open(&p, inner.p, &e), &e);
        const tensor *a = weights_find(peft_weights(p), "m.q_proj.lora_A.weight");
        assert_true(a->type == types[i] && a->dim[0] == 2 && a->dim[1] == 4);
        float row[4];
        tensor_decode(a, 0, 0, 4, row);
        for (int k = 0; k < 4; k++) {
            float want = i == 0   ? values[k]
                         : i == 1 ? f16_to_f32(f32_to_f16(values[k]))
                                  : bf16_to_f32(f32_to_bf16(values[k]));
            assert_true(row[k] == want);
        }
        const peft_config *c = peft_get_config(p);
        assert_true(c->r == 2 && c->alpha == 2.5 && c->dropout == 0.25 && c->rslora);
        assert_string_equal(c->targets.p[0], "down_proj"); /* sorted */
        assert_string_equal(c->base_model_name, "some/base");
        assert_string_equal(c->init, "gaussian");
        assert_true(c->n_layers == 2 && c->layers[1] == 5 && c->n_rank_pattern == 2 && c->unknown.n == 0);
        assert_string_equal(c->rank_pattern[0].key, "a"); /* sorted keys, as PEFT writes them */
        assert_string_equal(peft_metadata(p, "lorac"), "x");
        assert_string_equal(peft_metadata(p, "format"), "pt");
        peft_close(p);
        str_free(&inner);
    }
}

static void test_save_refuses(void **state)
{
    (void)state;
    tensor t = matrix("m.q_proj.lora_A.weight", 2, 4);
    peft_config config = {.r = 2, .alpha = 2, .base_model_name = "\xff"};
    err e = {0};
    assert_int_equal(peft_save(folder, &config, &t, 1, DT_F32, NULL, 0, &e), E_FORMAT);
    check_failed(&e, E_FORMAT, "not UTF-8");
    str inner = {0};
    str_fmt(&inner, "%s/adapter_model.safetensors", folder);
    assert_false(file_exists(inner.p));
    str_clear(&inner);
    config.base_model_name = NULL;
    e = (err){0};
    assert_int_equal(peft_save(folder, &config, &t, 1, DT_Q8_0, NULL, 0, &e), E_USAGE);
    check_failed(&e, E_USAGE, "not in q8_0");
    scratch_text(folder, "file", "x");
    str_fmt(&inner, "%s/file", folder);
    e = (err){0};
    assert_int_equal(peft_save(inner.p, &config, &t, 1, DT_F32, NULL, 0, &e), E_IO);
    str_free(&inner);
}

static void read_whole(str *out, const char *path)
{
    err e = {0};
    check_ok(file_read(out, path, 1 << 20, &e), &e);
}

/* When the configuration cannot be written, the matrices that were there stay. */
static void test_save_both_or_none(void **state)
{
    (void)state;
    static const char *const targets[] = {"q_proj"};
    err e = {0};
    peft_config config = {.r = 2, .alpha = 4, .targets = {targets, 1}};
    tensor t[] = {matrix("m.q_proj.lora_A.weight", 2, 4), matrix("m.q_proj.lora_B.weight", 4, 2)};
    str path = {0}, before = {0}, after = {0};
    check_ok(peft_save(folder, &config, t, 2, DT_F32, NULL, 0, &e), &e);
    str_fmt(&path, "%s/adapter_config.json", folder);
    check_ok(file_remove_tree(path.p, &e), &e);
    check_ok(file_mkdirs(path.p, &e), &e);
    str_clear(&path);
    str_fmt(&path, "%s/adapter_model.safetensors", folder);
    read_whole(&before, path.p);
    assert_int_equal(peft_save(folder, &config, t, 2, DT_BF16, NULL, 0, &e), E_IO);
    read_whole(&after, path.p);
    assert_int_equal(before.n, after.n);
    assert_memory_equal(before.p, after.p, before.n);
    str_free(&path);
    str_free(&before);
    str_free(&after);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_files), TEST(test_config),   TEST(test_refused_keys), TEST(test_names),
        TEST(test_pairs), TEST(test_patterns), TEST(test_save),         TEST(test_save_refuses),
        TEST(test_save_both_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
