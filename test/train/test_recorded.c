/* test_recorded.c -- a whole run against one recorded from the Hugging Face Trainer (test/golden/train_run.py).
 *
 * The recorded run and ours compute in f32 and differ in the order of sums of at most 64 products, so that a
 * gradient differs by some 1e-6 of itself; Adam divides by the root of its square, which keeps that relative
 * except where a gradient nearly vanishes. Nine steps of 5e-3 later the losses agree to 1e-4. */
#include "train/rig.h"

static void rows_of(rowset *r, const json_t *rows)
{
    size_t k;
    json_t *row;
    rowset_start(r, (int64_t)json_array_size(rows), 64 * (int64_t)json_array_size(rows));
    json_array_foreach(rows, k, row)
    {
        int32_t ids[64];
        uint8_t mask[64];
        size_t n = json_array_size(json_object_get(row, "ids"));
        for (size_t i = 0; i < n; i++) {
            ids[i] = (int32_t)json_integer_value(json_array_get(json_object_get(row, "ids"), i));
            mask[i] = json_integer_value(json_array_get(json_object_get(row, "labels"), i)) != 0;
        }
        rowset_put(r, ids, mask, (int64_t)n);
    }
}

static void close_to(const char *what, double have, double want, double bound)
{
    if (!(fabs(have - want) <= bound * fabs(want))) fail_msg("%s: %.8g, recorded %.8g", what, have, want);
}

/* The recorded lines, in order, against ours. */
static void check_log(const char *folder, const json_t *want)
{
    char *text = rig_text(folder, "log.jsonl"), *rest = text;
    size_t at = 0;
    for (char *line; (line = strsep(&rest, "\n")) != NULL && *line;) {
        err e = {0};
        json_t *have = json_parse(line, strlen(line), "log.jsonl", &e), *w = json_array_get(want, at),
               *wanted;
        const char *key;
        if (!have) fail_msg("%s", e.msg);
        if (!json_object_get(have, "eval_loss") && json_number_value(json_object_get(have, "step")) < 9) {
            json_object_foreach(w, key, wanted)
                close_to(key, json_number_value(json_object_get(have, key)), json_number_value(wanted),
                         !strcmp(key, "grad_norm") ? 1e-3 : 1e-4);
            at++;
        }
        if (json_object_get(have, "train_loss"))
            close_to("train_loss", json_number_value(json_object_get(have, "train_loss")),
                     json_number_value(json_object_get(json_array_get(want, at++), "train_loss")), 1e-4);
        json_decref(have);
    }
    assert_int_equal(at, json_array_size(want));
    free(text);
}

/* Norm of the difference over the norm of what the run changed: tensor by tensor. */
static void check_adapter(const adapter *a)
{
    err e = {0};
    safetensors *f;
    must(safetensors_open(&f, "test/data/train/run_adapter.safetensors", &e), &e);
    assert_int_equal(safetensors_count(f), 2 * a->modules);
    for (int64_t i = 0; i < 2 * a->modules; i++) {
        const adapter_module *n = &a->module[i / 2];
        char name[256];
        snprintf(name, sizeof name, "base_model.model.%s.lora_%c.weight", n->name, i % 2 ? 'B' : 'A');
        const tensor *t = safetensors_find(f, name);
        assert_non_null(t);
        const float *want = t->data, *have = a->param + (i % 2 ? n->b : n->a);
        double difference = 0, count = (double)tensor_count(t);
        for (int64_t k = 0; k < tensor_count(t); k++) difference += pow((double)have[k] - (double)want[k], 2);
        /* Nine steps move an element by some 0.02. */
        if (!(sqrt(difference / count) < 2e-4)) fail_msg("%s: off by %.3g", name, sqrt(difference / count));
    }
    safetensors_close(f);
}

static void test_recorded(void **state)
{
    (void)state;
    rig g;
    err e = {0};
    rig_open(&g, "cpu", 2);
    json_t *recorded = json_parse_file("test/data/train/run.json", &e);
    assert_non_null(recorded);
    rowset_drop(&g.train), rowset_drop(&g.eval);
    rows_of(&g.train, json_object_get(recorded, "train"));
    rows_of(&g.eval, json_object_get(recorded, "dev"));
    adapter_close(g.a);
    must(adapter_open(&g.a, g.m, RIG_MODEL "/adapter", &e), &e);
    recipe r = rig_recipe(&g);
    r.gradient_accumulation_steps = 3;
    r.num_train_epochs = 3;
    r.learning_rate = 5e-3;
    r.max_grad_norm = 0.3;
    r.lr_scheduler_type = SCHEDULE_COSINE;
    r.warmup_steps = 2;
    r.logging_steps = 2;
    r.train_sampling_strategy = SAMPLING_SEQUENTIAL;
    trainer_result result;
    must(rig_run(&g, &r, NULL, &result, &e), &e);
    assert_int_equal(result.steps, json_integer_value(json_object_get(recorded, "steps")));
    check_log(g.folder, json_object_get(recorded, "log"));
    const json_t *before = json_object_get(recorded, "before"), *after = json_object_get(recorded, "after");
    close_to("before", result.eval_loss_before, json_number_value(json_object_get(before, "loss")), 1e-6);
    close_to("after", result.eval_loss, json_number_value(json_object_get(after, "loss")), 1e-4);
    close_to("accuracy", result.token_accuracy, json_number_value(json_object_get(after, "token_accuracy")),
             1e-6);
    check_adapter(g.a);
    json_decref(recorded);
    rig_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_recorded)};
    return cmocka_run_group_tests_name("recorded", tests, NULL, NULL);
}
