/* test_adapter.c -- which projections a configuration names, what a fresh adapter holds, and an adapter saved
 * and opened again, whole and damaged. */
#include "model/adapter.h"

#include "base/file.h"
#include "model/match.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static model *base;
static char folder[] = P_tmpdir "/lorac-adapter-XXXXXX";

static int begin(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return -1;
    return model_open(&base, "test/data/model/tiny-llama", "as-is", MODEL_DOUBLE_QUANT, NULL, NULL);
}

static int end(void **state)
{
    (void)state;
    model_close(base);
    return file_remove_tree(folder, NULL);
}

static void must(int code, const err *e)
{
    if (code != OK) fail_msg("%s", e->msg);
}

/* One letter a projection of the model, q k v o g u d of both blocks: upper case where it is matched. */
static const char *matched(const peft_config *c)
{
    static char text[15];
    err e = {0};
    match *k = match_new(c, &e);
    if (!k) fail_msg("%s", e.msg);
    for (int64_t i = 0; i < base->linears; i++) {
        char letter = strrchr(base->linear[i].name, '.')[1];
        text[i] = match_module(k, base->linear[i].name) ? (char)(letter - 'a' + 'A') : letter;
    }
    match_free(k);
    return text;
}

#define NAMES(...)                                                                                 \
    {                                                                                              \
        (const char *const[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *) \
    }

static void test_targets(void **state)
{
    (void)state;
    static const int64_t second[] = {1};
    const struct {
        peft_config c;
        const char *want;
    } cases[] = {
        {{.targets = NAMES("q_proj", "down_proj")}, "QkvoguDQkvoguD"},
        {{.targets = NAMES("self_attn.q_proj")}, "QkvogudQkvogud"},
        {{.targets = NAMES("model.layers.1.mlp.up_proj")}, "qkvogudqkvogUd"},
        {{.targets = NAMES("proj", "attn.q_proj")}, "qkvogudqkvogud"}, /* not from within a component */
        {{.target_regex = "All-Linear"}, "QKVOGUDQKVOGUD"},
        {{.target_regex = ".*\\.(q|v)_proj"}, "QkVogudQkVogud"},
        {{.target_regex = "model\\.layers\\.0"}, "qkvogudqkvogud"}, /* the path has to match whole */
        {{.target_regex = "q_proj"}, "qkvogudqkvogud"},
        {{.targets = NAMES("q_proj"), .layers = second, .n_layers = 1}, "qkvogudQkvogud"},
        {{.targets = NAMES("q_proj"), .layers = second, .n_layers = 1, .layers_pattern = NAMES("layers")},
         "qkvogudQkvogud"},
        {{.targets = NAMES("q_proj"), .layers = second, .n_layers = 1, .layers_pattern = NAMES("blocks")},
         "qkvogudqkvogud"},
        {{.target_regex = "all-linear", .exclude = NAMES("mlp.up_proj", "proj")}, "QKVOGuDQKVOGuD"},
        {{.targets = NAMES("q_proj"), .exclude_regex = ".*\\.0\\..*"}, "qkvogudQkvogud"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(matched(&cases[i].c), cases[i].want);
}

static void test_targets_refused(void **state)
{
    (void)state;
    const struct {
        peft_config c;
        const char *says;
    } cases[] = {
        {{.r = 4, .targets = NAMES("q_proj", "query")},
         "target module \"query\" matches nothing in this model (it has: q_proj, k_proj, v_proj, o_proj, "
         "gate_proj, "
         "up_proj, down_proj)"},
        {{.r = 4, .target_regex = "q_proj"}, "\"q_proj\" match nothing in this model"},
        {{.r = 4, .target_regex = "(q_proj"}, "not a regular expression"},
        {{.r = 4}, "no target modules given"},
        {{.r = 1 << 10, .targets = NAMES("q_proj")}, "rank 1024 for model.layers.0.self_attn.q_proj"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        adapter *a = NULL;
        err e = {0};
        assert_int_equal(adapter_new(&a, base, &cases[i].c, 1, &e), E_USAGE);
        if (!strstr(e.msg, cases[i].says)) fail_msg("\"%s\" does not say %s", e.msg, cases[i].says);
        assert_null(a);
    }
}

static adapter *fresh(const peft_config *c, uint64_t seed)
{
    adapter *a = NULL;
    err e = {0};
    must(adapter_new(&a, base, c, seed, &e), &e);
    return a;
}

/* A uniform in +-1/sqrt(in): mean and variance within five standard errors; B zero. */
static void test_fresh(void **state)
{
    (void)state;
    const peft_config c = {.r = 4, .alpha = 8, .target_regex = "all-linear"};
    adapter *a = fresh(&c, 3), *same = fresh(&c, 3), *other = fresh(&c, 4);
    double sum = 0, squares = 0, n = 0;
    assert_int_equal(a->modules, base->linears);
    for (int64_t i = 0; i < a->modules; i++) {
        const adapter_module *m = &a->module[i];
        double bound = 1 / sqrt((double)m->in);
        assert_int_equal(adapter_find(a, base->linear[i].name), i);
        assert_int_equal(m->b - m->a, m->r * m->in);
        assert_true(m->scale == 2);
        for (size_t k = m->a; k < m->b; k++) {
            double x = (double)a->param[k] / bound;
            assert_true(fabs(x) <= 1 + 0x1p-23);
            sum += x, squares += x * x, n++;
        }
        for (int64_t k = 0; k < m->out * m->r; k++) assert_true(a->param[m->b + (size_t)k] == 0);
        if (i) assert_memory_not_equal(a->param + m->a, a->param, 64 * sizeof(float)); /* each has its own */
    }
    assert_true(fabs(sum / n) < 5 * sqrt(1 / 3.0 / n));
    assert_true(fabs(squares / n - 1 / 3.0) < 5 * sqrt(4 / 45.0 / n));
    assert_memory_equal(a->param, same->param, a->count * sizeof(float));
    assert_memory_not_equal(a->param, other->param, a->count * sizeof(float));
    assert_int_equal(adapter_find(a, "lm_head"), -1);
    adapter_close(a);
    adapter_close(same);
    adapter_close(other);
}

static void save(const adapter *a)
{
    err e = {0};
    must(adapter_save(a, folder, DT_F32, &e), &e);
}

static void test_there_and_back(void **state)
{
    (void)state;
    const peft_pattern rank[] = {{"v_proj", 2}}, alpha[] = {{"q_proj", 12}};
    const peft_config c = {.r = 4,
                           .alpha = 8,
                           .targets = NAMES("q_proj", "v_proj"),
                           .rslora = true,
                           .rank_pattern = rank,
                           .n_rank_pattern = 1,
                           .alpha_pattern = alpha,
                           .n_alpha_pattern = 1};
    adapter *a = fresh(&c, 3), *b = NULL;
    for (size_t k = 0; k < a->count; k++) a->param[k] += (float)k / 64;
    save(a);
    err e = {0};
    must(adapter_open(&b, base, folder, &e), &e);
    assert_int_equal(b->modules, 4);
    assert_int_equal(b->count, a->count);
    assert_memory_equal(b->param, a->param, a->count * sizeof(float));
    for (int64_t i = 0; i < 4; i++) {
        assert_string_equal(b->module[i].name, a->module[i].name);
        assert_int_equal(b->module[i].r, i % 2 ? 2 : 4);
        assert_true(fabs(b->module[i].scale - (i % 2 ? 8 / sqrt(2) : 12 / sqrt(4))) < 1e-12);
    }
    adapter_close(a);
    adapter_close(b);
}

static void refused(int code, const char *says)
{
    adapter *a = NULL;
    err e = {0};
    assert_int_equal(adapter_open(&a, base, folder, &e), code);
    if (!strstr(e.msg, says)) fail_msg("\"%s\" does not say %s", e.msg, says);
    assert_null(a);
}

/* Folders whose configuration and tensors are each fine and do not belong together. */
static void test_open_refuses(void **state)
{
    (void)state;
    const peft_config all = {.r = 4, .alpha = 8, .target_regex = "all-linear"},
                      one = {.r = 4, .alpha = 8, .targets = NAMES("q_proj")};
    adapter *a = fresh(&all, 1);
    a->config = one;
    save(a);
    refused(E_FORMAT, "belongs to no adapted module of this model");
    a->config = all;
    a->param[a->count - 1] = NAN;
    save(a);
    refused(E_NUMERIC, "not finite");
    adapter_close(a);
    a = fresh(&one, 1);
    a->config = all;
    save(a);
    refused(E_FORMAT, "was it made for this model?");
    adapter_close(a);
}

/* A text model beside a vision tower: names are those that PEFT sees there, the tower is left out by an
 * expression, and adapters on it, or under the names of transformers 4, are read for what they are. */
static void test_inside(void **state)
{
    (void)state;
    err e = {0};
    model *m = NULL;
    adapter *a = NULL, *b = NULL;
    must(model_open(&m, "test/data/model/tiny/gemma3-vision", "as-is", MODEL_DOUBLE_QUANT, NULL, &e), &e);
    const peft_config c = {
        .r = 2, .alpha = 4, .targets = NAMES("q_proj"), .exclude = NAMES("layers.0.self_attn.q_proj")};
    must(adapter_new(&a, m, &c, 1, &e), &e);
    assert_int_equal(a->modules, 5);
    assert_string_equal(a->module[0].name, "model.language_model.layers.1.self_attn.q_proj");
    assert_string_equal(a->config.exclude_regex, "(.*\\.)?(vision_tower|multi_modal_projector|visual)\\..*"
                                                 "|(.*\\.)?layers\\.0\\.self_attn\\.q_proj");
    assert_int_equal(a->config.exclude.n, 0);
    for (int64_t i = 0; i < a->modules; i++) /* as transformers 4 called them */
        a->module[i].name = arena_fmt(&a->mem, "language_model.model.layers.%d.self_attn.q_proj", (int)i + 1);
    save(a);
    must(adapter_open(&b, m, folder, &e), &e);
    assert_memory_equal(b->param, a->param, a->count * sizeof(float));
    assert_string_equal(b->config.exclude_regex, a->config.exclude_regex);
    assert_string_equal(b->module[4].name, "model.language_model.layers.5.self_attn.q_proj");
    adapter_close(b);
    adapter_whole tower = {"model.vision_tower.encoder.layers.0.self_attn.q_proj.lora_A.weight", 2, 8, false, 0};
    adapter_whole other = {"model.vision_tower.encoder.layers.0.self_attn.q_proj.lora_B.weight", 8, 2, false, 0};
    a->whole = (adapter_whole[]){tower, other};
    a->wholes = 2;
    save(a);
    must(adapter_open(&b, m, folder, &e), &e);
    assert_true(b->modules == 5 && b->wholes == 0);
    adapter_close(b);
    adapter_close(a);
    model_close(m);
}

/* Qwen's: the older names are model.*, as are the newer ones of all that is in it. */
static void test_inside_qwen(void **state)
{
    (void)state;
    err e = {0};
    model *m = NULL;
    adapter *a = NULL, *b = NULL;
    must(model_open(&m, "test/data/model/tiny/qwen2_5_vl", "as-is", MODEL_DOUBLE_QUANT, NULL, &e), &e);
    must(adapter_new(&a, m, &(peft_config){.r = 2, .alpha = 4, .targets = NAMES("v_proj")}, 1, &e), &e);
    assert_string_equal(a->module[1].name, "model.language_model.layers.1.self_attn.v_proj");
    for (int64_t i = 0; i < a->modules; i++)
        a->module[i].name = arena_fmt(&a->mem, "model.layers.%d.self_attn.v_proj", (int)i);
    save(a);
    must(adapter_open(&b, m, folder, &e), &e);
    assert_memory_equal(b->param, a->param, a->count * sizeof(float));
    assert_true(b->modules == 2 && b->wholes == 0);
    adapter_close(b);
    for (int64_t i = 0; i < a->modules; i++)
        a->module[i].name = arena_fmt(&a->mem, "model.language_model.layers.%d.self_attn.v_proj", (int)i);
    a->whole = (adapter_whole[]){{"model.visual.blocks.0.attn.v_proj.lora_A.weight", 2, 8, false, 0},
                                 {"model.visual.blocks.0.attn.v_proj.lora_B.weight", 8, 2, false, 0}};
    a->wholes = 2;
    save(a);
    must(adapter_open(&b, m, folder, &e), &e);
    assert_true(b->modules == 2 && b->wholes == 0);
    adapter_close(b);
    adapter_close(a);
    model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_inside), cmocka_unit_test(test_inside_qwen),
                                       cmocka_unit_test(test_targets),
                                       cmocka_unit_test(test_targets_refused),
                                       cmocka_unit_test(test_fresh), cmocka_unit_test(test_there_and_back),
                                       cmocka_unit_test(test_open_refuses)};
    return cmocka_run_group_tests(tests, begin, end);
}
