/* test_model.c -- a model opened: which tensors a type asked for replaces, and what is counted. */
#include "model/build.h"

#include <math.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MODEL "test/data/model/tiny-llama"

static model *opened(const char *quantization, pool *team)
{
    err e = {0};
    model *m = NULL;
    if (model_open(&m, MODEL, quantization, MODEL_DOUBLE_QUANT, team, &e) != OK) fail_msg("%s", e.msg);
    return m;
}

static bool is_projection(const model *m, const char *tensor_name)
{
    for (int64_t i = 0; i < m->linears; i++)
        if (str_starts(tensor_name, m->linear[i].name) && str_ends(tensor_name, ".weight")) return true;
    return false;
}

/* Quantized types replace the projections, plain ones every matrix; vectors stay as they are. */
static void test_types(void **state)
{
    (void)state;
    static const struct {
        const char *quantization;
        dtype projection, matrix;
    } cases[] = {{"as-is", DT_F32, DT_F32},
                 {"none", DT_F32, DT_F32},
                 {"bf16", DT_BF16, DT_BF16},
                 {"nf4", DT_NF4, DT_F32},
                 {"int8", DT_INT8, DT_F32}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        model *m = opened(cases[c].quantization, NULL);
        size_t owned = 0, all = 0;
        for (int64_t i = 0; i < weights_count(m->weights); i++) {
            const tensor *t = weights_at(m->weights, i);
            dtype want = is_projection(m, t->name) ? cases[c].projection
                         : t->ndim == 2            ? cases[c].matrix
                                                   : DT_F32;
            if (t->type != want)
                fail_msg("%s: %s is %s", cases[c].quantization, t->name, dtype_name(t->type));
            if (want != DT_F32) owned += tensor_bytes(t);
            all += tensor_bytes(t);
        }
        assert_int_equal(model_bytes_owned(m), owned);
        assert_int_equal(model_bytes_mapped(m), all - owned);
        model_close(m);
    }
}

static void test_census(void **state)
{
    (void)state;
    static const struct {
        const char *leaf;
        int64_t in, out;
    } want[] = {{"self_attn.q_proj", 32, 32}, {"self_attn.k_proj", 32, 16}, {"self_attn.v_proj", 32, 16},
                {"self_attn.o_proj", 32, 32}, {"mlp.gate_proj", 32, 48},    {"mlp.up_proj", 32, 48},
                {"mlp.down_proj", 48, 32}};
    model *m = opened("as-is", NULL);
    assert_int_equal(m->linears, 14);
    int64_t parameters = 2 * 64 * 32 + 32 + 2 * 2 * 32; /* embedding and head, norms */
    for (int i = 0; i < 14; i++) {
        char name[64];
        snprintf(name, sizeof name, "model.layers.%d.%s", i / 7, want[i % 7].leaf);
        assert_string_equal(m->linear[i].name, name);
        assert_int_equal(m->linear[i].in, want[i % 7].in);
        assert_int_equal(m->linear[i].out, want[i % 7].out);
        parameters += want[i % 7].in * want[i % 7].out;
    }
    assert_int_equal(m->parameters, parameters);
    model_close(m);
}

static void test_threads(void **state)
{
    (void)state;
    pool *team = pool_new(3, NULL);
    model *alone = opened("nf4", NULL), *many = opened("nf4", team);
    for (int64_t i = 0; i < alone->linears; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s.weight", alone->linear[i].name);
        const tensor *a = weights_find(alone->weights, name), *b = weights_find(many->weights, name);
        assert_int_equal(a->bytes, b->bytes);
        assert_memory_equal(a->data, b->data, a->bytes);
    }
    model_close(alone);
    model_close(many);
    pool_free(team);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *quantization, *says;
    } cases[] = {{"q9_9", "not a type weights can be held in"},
                 {"i32", "not a type weights can be held in"},
                 {"q4_k", "cannot hold model.layers.0.self_attn.q_proj.weight as q4_k"}};
    for (int i = 0; i < 3; i++) {
        model *m = NULL;
        err e = {0};
        int code = model_open(&m, MODEL, cases[i].quantization, MODEL_DOUBLE_QUANT, NULL, &e);
        assert_int_equal(code, E_USAGE);
        if (!strstr(e.msg, cases[i].says)) fail_msg("%s: %s", cases[i].quantization, e.msg);
        assert_null(m);
    }
}

/* 2^-8/n, 2^-16/n, ... for a power of two; those of twice as many in between for the rest. */
static void test_slopes(void **state)
{
    (void)state;
    float slope[6];
    alibi_slopes(&(model_config){.heads = 4, .alibi = 8}, slope);
    for (int h = 0; h < 4; h++) assert_true(slope[h] == ldexpf(1, -2 * (h + 1)));
    alibi_slopes(&(model_config){.heads = 6, .alibi = 8}, slope);
    assert_true(slope[0] == 0.25f && slope[3] == ldexpf(1, -8) && slope[4] == 0.5f && slope[5] == 0.125f);
    alibi_slopes(&(model_config){.heads = 4, .alibi = 4}, slope);
    for (int h = 0; h < 4; h++) assert_true(slope[h] == ldexpf(1, -(h + 1)));
    alibi_slopes(&(model_config){.heads = 2, .alibi = 1, .alibi_scaled = true, .attention_scale = 0.5}, slope);
    assert_true(slope[0] == 0.70703125f / 2 && slope[1] == 0.25f); /* sqrt(1/2) in bf16 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_types), cmocka_unit_test(test_census),
                                       cmocka_unit_test(test_threads), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_slopes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
