/* test_recorded.c -- folders, GGUF files and adapters as other programs wrote them: names, shapes and
 * values against what those programs hold. The recordings: test/golden/format_folders.py. */
#include "format/checkpoint.h"
#include "format/peft.h"
#include "format/safetensors.h"
#include "support.h"

#include <math.h>

static json_t *expected;

static int setup(void **state)
{
    (void)state;
    err e = {0};
    expected = json_parse_file(DATA "expected.json", &e);
    return expected ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    json_decref(expected);
    return 0;
}

/* The two sums of the recording. `slack` bounds the relative error of one value against the recorded
 * one: 0 where both are exact, a few roundings to float where values are computed. */
static void check_values(const tensor *t, const json_t *want, double slack)
{
    const json_t *shape = json_object_get(want, "shape"), *sums = json_object_get(want, "sums");
    assert_int_equal(t->ndim, json_array_size(shape));
    for (int i = 0; i < t->ndim; i++)
        assert_int_equal(t->dim[i], json_integer_value(json_array_get(shape, (size_t)i)));
    int64_t cols = tensor_cols(t), at = 0;
    float *row = xcalloc((size_t)cols, sizeof *row);
    double plain = 0, placed = 0, size = 0;
    for (int64_t r = 0; r < tensor_rows(t); r++) {
        tensor_decode(t, r, 0, cols, row);
        for (int64_t i = 0; i < cols; i++, at++) {
            double x = (double)row[i], weight = (double)(1 + 37 * at % 101);
            plain += x;
            placed += x * weight;
            size += fabs(x) * weight;
        }
    }
    free(row);
    double bound = size * (slack + 1e-12);
    if (fabs(plain - json_number_value(json_array_get(sums, 0))) > bound ||
        fabs(placed - json_number_value(json_array_get(sums, 1))) > bound)
        fail_msg("%s: sums %.17g %.17g, recorded %.17g %.17g", t->name, plain, placed,
                 json_number_value(json_array_get(sums, 0)), json_number_value(json_array_get(sums, 1)));
}

static void check_weights(const weights *w, const char *name, double slack)
{
    json_t *list = json_object_get(expected, name), *want;
    const char *key;
    assert_int_equal(weights_count(w), json_object_size(list));
    json_object_foreach(list, key, want) {
        const tensor *t = weights_find(w, key);
        if (!t) fail_msg("%s: %s is not there", name, key);
        check_values(t, want, slack);
    }
}

static void check_config(const checkpoint *c, bool tied)
{
    const model_config *m = checkpoint_config(c);
    assert_string_equal(m->architecture, "llama");
    assert_int_equal(m->layers, 2);
    assert_int_equal(m->width, 32);
    assert_int_equal(m->heads, 4);
    assert_int_equal(m->kv_heads, 2);
    assert_int_equal(m->head_dim, 8);
    assert_int_equal(m->ffn, 64);
    assert_int_equal(m->vocab, 40);
    assert_int_equal(m->context, 128);
    assert_float_equal(m->rope.theta, 50000, 0);
    assert_float_equal(m->rms_eps, 1e-6, 1e-12);
    assert_int_equal(m->tied, tied);
    assert_false(m->attention_bias || m->mlp_bias);
    assert_int_equal(m->bos, 1);
    assert_int_equal(m->pad, 0);
    assert_int_equal(m->n_eos, 2);
    assert_int_equal(m->eos[0], 2);
    assert_int_equal(m->eos[1], 5);
}

static void check_checkpoint(const char *name, bool tied, double slack, dtype projections)
{
    checkpoint *c;
    err e = {0};
    str path = {0};
    str_fmt(&path, DATA "%s", name);
    check_ok(checkpoint_open(&c, path.p, &e), &e);
    check_config(c, tied);
    check_weights(checkpoint_weights(c), name, slack);
    const tensor *q = weights_find(checkpoint_weights(c), "model.layers.1.self_attn.q_proj.weight");
    assert_int_equal(q->type, projections);
    assert_int_equal(q->pair_dim, checkpoint_gguf(c) ? 8 : 0);
    assert_string_equal(checkpoint_path(c), path.p);
    str_free(&path);
    checkpoint_close(c);
}

static void test_one_file(void **state)
{
    (void)state;
    check_checkpoint("untied", false, 0, DT_BF16);
}

static void test_shards(void **state)
{
    (void)state;
    check_checkpoint("sharded", true, 0, DT_F16);
}

/* Products of two or three floats, rounded to float here and recorded as such or in double. */
static void test_nf4(void **state)
{
    (void)state;
    check_checkpoint("nf4", false, 0x1p-22, DT_NF4);
}

static void test_fp4(void **state)
{
    (void)state;
    check_checkpoint("fp4", false, 0x1p-22, DT_FP4);
}

static void test_int8(void **state)
{
    (void)state;
    check_checkpoint("int8", false, 0x1p-22, DT_INT8);
}

static void test_gguf(void **state)
{
    (void)state;
    check_checkpoint("tiny.gguf", false, 0, DT_Q8_0);
}

static void test_adapter(void **state)
{
    (void)state;
    peft *p;
    err e = {0};
    check_ok(peft_open(&p, DATA "adapter", &e), &e);
    check_weights(peft_weights(p), "adapter", 0);
    const peft_config *c = peft_get_config(p);
    assert_int_equal(c->r, 4);
    assert_true(c->alpha == 6 && c->dropout == 0.125 && c->rslora);
    assert_int_equal(c->targets.n, 3);
    assert_string_equal(c->targets.p[0], "down_proj");
    assert_null(c->target_regex);
    assert_int_equal(c->exclude.n, 0);
    assert_null(c->layers);
    assert_string_equal(c->base_model_name, "made/up");
    assert_string_equal(c->task_type, "CAUSAL_LM");
    assert_string_equal(c->init, "true");
    assert_null(c->revision);
    if (c->unknown.n) fail_msg("PEFT writes the key %s, which is called unknown", c->unknown.p[0]);
    assert_string_equal(peft_metadata(p, "format"), "pt");
    json_t *scales = json_object_get(expected, "adapter scales"), *scale;
    const char *module;
    json_object_foreach(scales, module, scale)
        assert_float_equal(peft_scale(c, module, &e), json_number_value(scale), 1e-12);
    assert_int_equal(peft_rank(c, "model.layers.1.self_attn.q_proj", &e), 2);
    assert_int_equal(peft_rank(c, "model.layers.11.self_attn.q_proj", &e), 4);
    check_ok(OK, &e);
    peft_close(p);
}

/* Written again, an adapter of PEFT is the same to the byte, but for the version of PEFT. */
static void test_adapter_again(void **state)
{
    (void)state;
    char *folder = scratch_new();
    peft *p;
    err e = {0};
    check_ok(peft_open(&p, DATA "adapter", &e), &e);
    const weights *w = peft_weights(p);
    tensor *t = xcalloc((size_t)weights_count(w), sizeof *t);
    for (int64_t i = 0; i < weights_count(w); i++) t[i] = *weights_at(w, i);
    check_ok(peft_save(folder, peft_get_config(p), t, weights_count(w), DT_BF16, NULL, 0, &e), &e);
    free(t);
    peft_close(p);
    arena mem = {0};
    str was = {0}, is = {0};
    check_ok(file_read(&was, DATA "adapter/adapter_model.safetensors", 1 << 20, &e), &e);
    check_ok(file_read(&is, arena_fmt(&mem, "%s/adapter_model.safetensors", folder), 1 << 20, &e), &e);
    assert_int_equal(was.n, is.n);
    assert_memory_equal(was.p, is.p, was.n);
    json_t *old = json_parse_file(DATA "adapter/adapter_config.json", &e);
    json_t *new = json_parse_file(arena_fmt(&mem, "%s/adapter_config.json", folder), &e);
    json_object_del(old, "peft_version");
    assert_true(json_equal(old, new));
    json_decref(old);
    json_decref(new);
    str_free(&was);
    str_free(&is);
    arena_free(&mem);
    scratch_free(folder);
}

/* The same for a model's file. */
static void test_model_again(void **state)
{
    (void)state;
    char *folder = scratch_new();
    safetensors *s;
    err e = {0};
    arena mem = {0};
    const char *path = arena_fmt(&mem, "%s/again", folder);
    check_ok(safetensors_open(&s, DATA "nf4/model.safetensors", &e), &e);
    tensor *t = xcalloc((size_t)safetensors_count(s), sizeof *t);
    for (int64_t i = 0; i < safetensors_count(s); i++) t[i] = *safetensors_at(s, i);
    check_ok(safetensors_write(path, t, safetensors_count(s), NULL, 0, &e), &e);
    free(t);
    safetensors_close(s);
    str was = {0}, is = {0};
    check_ok(file_read(&was, DATA "nf4/model.safetensors", 1 << 20, &e), &e);
    check_ok(file_read(&is, path, 1 << 20, &e), &e);
    assert_int_equal(was.n, is.n);
    assert_memory_equal(was.p, is.p, was.n);
    str_free(&was);
    str_free(&is);
    arena_free(&mem);
    scratch_free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_file),    cmocka_unit_test(test_shards),
        cmocka_unit_test(test_nf4),         cmocka_unit_test(test_fp4),
        cmocka_unit_test(test_int8),        cmocka_unit_test(test_gguf),
        cmocka_unit_test(test_adapter),     cmocka_unit_test(test_adapter_again),
        cmocka_unit_test(test_model_again),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
