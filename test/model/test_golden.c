/* test_golden.c -- a tiny Llama with an adapter against transformers + PEFT: logits, loss, every cross entropy, every
 * adapter gradient, over f32 and over NF4 weights with double quantization, on every device this machine has.
 *
 * Both sides compute in f32; what differs is the order of sums of at most 64 products. With activations of size 1 to 10
 * that is about 64 * 2^-24 * 10 = 4e-5 for a logit; the bounds below leave a factor of three. */
#include "model/golden.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const double logit_bound = 1.2e-4, ce_bound = 1.2e-4, gradient_bound = 2e-5;

typedef struct rig {
    device  *d;
    model   *m;
    adapter *a;
    golden   g;
    err      e;
} rig;

static void must(int code, const err *e)
{
    if (code != OK) fail_msg("%s", e->msg);
}

static void rig_open(rig *r, const char *which, int threads, const char *quantization, const char *recording)
{
    memset(r, 0, sizeof *r);
    must(device_open(&r->d, which, threads, &r->e), &r->e);
    must(model_open(&r->m, GOLDEN_FOLDER, quantization, MODEL_DOUBLE_QUANT, device_pool(r->d), &r->e), &r->e);
    must(adapter_open(&r->a, r->m, GOLDEN_FOLDER "/adapter", &r->e), &r->e);
    golden_open(&r->g, recording, &r->e);
    assert_non_null(r->g.json);
}

static void rig_close(rig *r)
{
    json_decref(r->g.json);
    adapter_close(r->a);
    model_close(r->m);
    device_close(r->d);
}

static double number(const json_t *a, int64_t i) { return json_number_value(json_array_get(a, (size_t)i)); }

static void check_loss(const rig *r, const step *s)
{
    const json_t *ce = json_object_get(r->g.json, "cross_entropy");
    assert_int_equal(json_array_size(ce), r->g.labels);
    for (int64_t i = 0; i < r->g.labels; i++)
        if (!(fabs((double)step_cross_entropy(s)[i] - number(ce, i)) < ce_bound))
            fail_msg("cross entropy %d: %.7f, recorded %.7f", (int)i, (double)step_cross_entropy(s)[i], number(ce, i));
    double loss = json_number_value(json_object_get(r->g.json, "loss"));
    assert_true(fabs(step_loss(s) - loss) < ce_bound);
}

/* Norm of the difference over the norm, tensor by tensor. */
static void check_gradients(const rig *r, const char *recording)
{
    char path[256], name[256];
    snprintf(path, sizeof path, GOLDEN_FOLDER "/grads_%s.safetensors", recording);
    safetensors *f;
    err e = {0};
    must(safetensors_open(&f, path, &e), &e);
    assert_int_equal(safetensors_count(f), 2 * r->a->modules);
    for (int64_t i = 0; i < 2 * r->a->modules; i++) {
        const adapter_module *n = &r->a->module[i / 2];
        snprintf(name, sizeof name, "base_model.model.%s.lora_%c.weight", n->name, i % 2 ? 'B' : 'A');
        const tensor *t = safetensors_find(f, name);
        if (!t) fail_msg("not recorded: %s", name);
        const float *want = t->data, *have = r->a->grad + (i % 2 ? n->b : n->a);
        double difference = 0, norm = 0;
        for (int64_t k = 0; k < tensor_count(t); k++) {
            difference += pow((double)have[k] - (double)want[k], 2);
            norm += pow((double)want[k], 2);
        }
        if (!(sqrt(difference) < gradient_bound * sqrt(norm)))
            fail_msg("%s: gradient differs by %.2e", name, sqrt(difference / norm));
    }
    safetensors_close(f);
}

static void train_step(const char *which, int threads, const char *quantization, const char *recording, plan_keep keep)
{
    rig r;
    rig_open(&r, which, threads, quantization, recording);
    /* room for more than there is: live rows below capacity */
    step_size size = {.tokens = r.g.tokens + 9, .labels = r.g.labels + 5, .keep = keep, .redo_blocks = 1};
    step *s;
    must(step_new(&s, r.m, r.a, STEP_TRAIN, &size, r.d, &r.e), &r.e);
    str complaints = {0};
    assert_int_equal(plan_judge(step_list(s), &complaints), 0);
    step_input in = golden_input(&r.g);
    step_run(s, &in, 0);
    assert_null(step_not_finite(s));
    check_loss(&r, s);
    check_gradients(&r, recording);
    step_free(s);
    rig_close(&r);
}

static void test_f32(void **state)
{
    (void)state;
    train_step("reference", 1, "as-is", "f32", KEEP_ALL);
    train_step("cpu:generic", 2, "as-is", "f32", KEEP_ALL);
    if (cpu_has(ISA_AVX2)) train_step("cpu:avx2", 2, "none", "f32", REDO_CHEAP);
    if (cpu_has(ISA_AVX512)) train_step("cpu:avx512", 2, "none", "f32", REDO_BLOCKS);
    if (cpu_has(ISA_NEON)) train_step("cpu:neon", 2, "none", "f32", REDO_CHEAP);
}

static void test_nf4(void **state)
{
    (void)state;
    train_step("reference", 1, "nf4", "nf4", KEEP_ALL);
    train_step("auto", 2, "nf4", "nf4", KEEP_ALL);
}

/* The same bits whatever the threads and whatever is computed again. */
static void test_bits(void **state)
{
    (void)state;
    static const struct {
        int       threads;
        plan_keep keep;
    } ways[] = {{1, KEEP_ALL}, {2, KEEP_ALL}, {3, REDO_CHEAP}, {2, REDO_BLOCKS}};
    float *first = NULL;
    size_t count = 0;
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        rig r;
        rig_open(&r, "auto", ways[w].threads, "nf4", "nf4");
        step_size size = {.tokens = r.g.tokens, .labels = r.g.labels, .keep = ways[w].keep, .redo_blocks = 2};
        step *s;
        must(step_new(&s, r.m, r.a, STEP_TRAIN, &size, r.d, &r.e), &r.e);
        step_input in = golden_input(&r.g);
        step_run(s, &in, 0);
        if (!first) {
            count = r.a->count;
            first = xmalloc(count * sizeof *first);
            memcpy(first, r.a->grad, count * sizeof *first);
        } else {
            assert_memory_equal(first, r.a->grad, count * sizeof *first);
        }
        step_free(s);
        rig_close(&r);
    }
    free(first);
}

/* Logits of every position of document 0, fed all at once and one token at a time. */
static void logits(const char *which, const char *recording, const char *quantization, int64_t at_once)
{
    rig r;
    rig_open(&r, which, 2, quantization, recording);
    golden_rows(&r.g, 0, 1);
    int64_t vocab = r.m->config->vocab;
    step_size size = {.tokens = at_once, .labels = at_once, .slots = 3, .context = r.g.tokens + 2};
    step *s;
    must(step_new(&s, r.m, r.a, STEP_GENERATE, &size, r.d, &r.e), &r.e);
    const json_t *want = json_object_get(r.g.json, "logits_row0");
    int32_t slot[64], gather[64];
    for (int64_t from = 0; from < r.g.tokens; from += at_once) {
        int64_t n = r.g.tokens - from < at_once ? r.g.tokens - from : at_once;
        for (int i = 0; i < n; i++) slot[i] = 1, gather[i] = i;
        step_input in = {.tokens = n, .labels = n, .ids = r.g.ids + from, .positions = r.g.positions + from,
                         .slot = slot, .gather = gather};
        step_run(s, &in, 0);
        for (int64_t i = 0; i < n; i++)
            for (int64_t k = 0; k < vocab; k++) {
                double have = (double)step_logits(s)[i * vocab + k];
                double recorded = number(json_array_get(want, (size_t)(from + i)), k);
                if (!(fabs(have - recorded) < logit_bound))
                    fail_msg("%s: logit %d of token %d: %.6f, recorded %.6f", which, (int)k, (int)(from + i), have, recorded);
            }
    }
    step_free(s);
    rig_close(&r);
}

static void test_logits(void **state)
{
    (void)state;
    logits("reference", "f32", "as-is", 64);
    logits("reference", "f32", "as-is", 1);
    logits("auto", "f32", "none", 64);
    logits("auto", "f32", "none", 1);
    logits("auto", "nf4", "nf4", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_f32), cmocka_unit_test(test_nf4),
                                       cmocka_unit_test(test_bits), cmocka_unit_test(test_logits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
