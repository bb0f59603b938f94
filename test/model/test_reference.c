/* test_reference.c -- SmolLM2-135M on E2E rows against what transformers + PEFT recorded: cross entropies, logits and
 * every adapter gradient of the first step, over the GGUF's weights in f32.
 *
 * Needs the large reference: LORAC_SHARED names the folder that holds data/reference/smollm2-e2e, LORAC_MODEL the GGUF of
 * SmolLM2-135M-Instruct (Q4_1). Without them the test is skipped, aloud. */
#include "base/cpu.h"
#include "base/json.h"
#include "base/str.h"
#include "model/step.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 8, EOS = 2, MOST = 2048 };

static int32_t ids[MOST], positions[MOST], start[MOST], gather[MOST], target[MOST];
static float   weight[MOST];

static void must(int code, const err *e)
{
    if (code != OK) fail_msg("%s", e->msg);
}

static json_t *reference(const char *folder, const char *name)
{
    char path[1024];
    err e = {0};
    snprintf(path, sizeof path, "%s/data/reference/smollm2-e2e/%s", folder, name);
    json_t *j = json_parse_file(path, &e);
    if (!j) fail_msg("%s", e.msg);
    return j;
}

/* The first rows of the training set, end to end: prompt, completion, EOS; labels on completion and EOS. */
static step_input first_rows(const json_t *tokens)
{
    step_input in = {.ids = ids, .positions = positions, .start = start, .gather = gather, .target = target, .weight = weight};
    for (int r = 0; r < ROWS; r++) {
        const json_t *row = json_array_get(json_object_get(tokens, "train"), (size_t)r);
        int64_t at = in.tokens;
        for (int part = 0; part < 2; part++) {
            const json_t *p = json_array_get(row, (size_t)part);
            for (size_t i = 0; i < json_array_size(p); i++, in.tokens++) {
                ids[in.tokens] = (int32_t)json_integer_value(json_array_get(p, i));
                positions[in.tokens] = (int32_t)(in.tokens - at);
                start[in.tokens] = (int32_t)at;
                if (!part) continue;
                gather[in.labels] = (int32_t)in.tokens - 1;
                target[in.labels++] = ids[in.tokens];
            }
        }
        if (ids[in.tokens - 1] == EOS) continue;
        ids[in.tokens] = EOS;
        positions[in.tokens] = (int32_t)(in.tokens - at);
        start[in.tokens] = (int32_t)at;
        gather[in.labels] = (int32_t)in.tokens - 1;
        target[in.labels++] = EOS;
        in.tokens++;
    }
    for (int64_t i = 0; i < in.labels; i++) weight[i] = 1 / (float)in.labels;
    return in;
}

static void check_cross_entropy(const step *s, const json_t *result, int64_t labels)
{
    const json_t *rows = json_object_get(result, "ce_first8_rows_before");
    double worst = 0;
    int64_t at = 0;
    for (size_t r = 0; r < json_array_size(rows); r++)
        for (size_t i = 0; i < json_array_size(json_array_get(rows, r)); i++, at++) {
            double want = json_number_value(json_array_get(json_array_get(rows, r), i));
            double off = fabs((double)step_cross_entropy(s)[at] - want);
            if (!(off <= worst)) worst = off;
        }
    assert_int_equal(at, labels);
    printf("# cross entropies of %lld tokens: worst difference %.1e\n", (long long)at, worst);
    assert_true(worst < 1e-3);
}

static void check_gradients(const adapter *a, const char *shared)
{
    char path[1024], name[512];
    snprintf(path, sizeof path, "%s/data/reference/smollm2-e2e/grads_step0.safetensors", shared);
    safetensors *f;
    err e = {0};
    must(safetensors_open(&f, path, &e), &e);
    assert_int_equal(safetensors_count(f), 2 * a->modules);
    double worst = 0;
    for (int64_t i = 0; i < 2 * a->modules; i++) {
        const adapter_module *n = &a->module[i / 2];
        snprintf(name, sizeof name, "base_model.model.%s.lora_%c.default.weight", n->name, i % 2 ? 'B' : 'A');
        const tensor *t = safetensors_find(f, name);
        if (!t) fail_msg("not recorded: %s", name);
        const float *want = t->data, *have = a->grad + (i % 2 ? n->b : n->a);
        double difference = 0, norm = 0;
        for (int64_t k = 0; k < tensor_count(t); k++) {
            difference += pow((double)have[k] - (double)want[k], 2);
            norm += pow((double)want[k], 2);
        }
        double off = norm > 0 ? sqrt(difference / norm) : sqrt(difference);
        if (!(off <= worst)) worst = off;
    }
    printf("# %lld adapter gradients: worst relative difference %.1e\n", (long long)(2 * a->modules), worst);
    assert_true(worst < 1e-3);
    safetensors_close(f);
}

static void test_first_step(void **state)
{
    (void)state;
    const char *shared = getenv("LORAC_SHARED"), *path = getenv("LORAC_MODEL");
    if (!shared || !path) {
        printf("# skipped: needs LORAC_SHARED and LORAC_MODEL\n");
        skip();
    }
    err e = {0};
    device *d;
    model *m;
    adapter *a;
    step *s;
    char folder[1024];
    snprintf(folder, sizeof folder, "%s/data/reference/smollm2-e2e/adapter_init", shared);
    must(device_open(&d, "auto", 0, &e), &e);
    must(model_open(&m, path, "none", MODEL_DOUBLE_QUANT, device_pool(d), &e), &e);
    must(adapter_open(&a, m, folder, &e), &e);
    json_t *tokens = reference(shared, "tokens.json"), *result = reference(shared, "result.json");
    step_input in = first_rows(tokens);
    step_size size = {.tokens = in.tokens, .labels = in.labels};
    must(step_new(&s, m, a, STEP_TRAIN, &size, d, &e), &e);
    step_run(s, &in, 0);
    check_cross_entropy(s, result, in.labels);
    double loss = json_number_value(json_array_get(json_object_get(result, "train_loss"), 0));
    printf("# loss %.6f, recorded %.6f\n", step_loss(s), loss);
    assert_true(fabs(step_loss(s) - loss) < 2e-3 * loss);
    check_gradients(a, shared);
    step_free(s);
    json_decref(tokens);
    json_decref(result);
    adapter_close(a);
    model_close(m);
    device_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_first_step)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
