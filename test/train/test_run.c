/* test_run.c -- a whole run against one recorded from the Hugging Face Trainer (test/golden/train_run.py),
 * and what has to hold of any run: accumulation, threads, evaluation, what ends it.
 *
 * The recorded run and ours compute in f32 and differ in the order of sums of at most 64 products, so that a
 * gradient differs by some 1e-6 of itself; Adam divides by the root of its square, which keeps that relative
 * except where a gradient nearly vanishes. Nine steps of 5e-3 later the losses agree to 1e-4. */
#include "train/rig.h"

#include <float.h>
#include <stdio.h>

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

/* A large epsilon makes Adam's step nearly proportional to the gradient, so that parameters compare as
 * tightly as gradients do. Rows in file order, no dropout. */
static float *trained(int64_t batch, int64_t accumulation, int threads, size_t *count, double *loss)
{
    rig g;
    err e;
    rig_open(&g, "cpu", threads);
    g.a->config.dropout = 0;
    recipe r = rig_recipe(&g);
    r.per_device_train_batch_size = batch;
    r.gradient_accumulation_steps = accumulation;
    r.train_sampling_strategy = SAMPLING_SEQUENTIAL;
    r.adam_epsilon = 1;
    r.warmup_ratio = 0;
    trainer_result result;
    must(rig_run(&g, &r, NULL, &result, &e), &e);
    float *p = xmalloc(g.a->count * sizeof *p);
    memcpy(p, g.a->param, g.a->count * sizeof *p);
    *count = g.a->count;
    *loss = result.train_loss;
    rig_close(&g);
    return p;
}

static void test_accumulation(void **state)
{
    (void)state;
    size_t n, m;
    double loss, other;
    float *one = trained(6, 1, 1, &n, &loss);
    const int64_t split[][2] = {{1, 6}, {2, 3}, {3, 2}};
    for (int k = 0; k < 3; k++) {
        float *many = trained(split[k][0], split[k][1], 1, &m, &other);
        assert_int_equal(n, m);
        assert_true(fabs(loss - other) < 1e-5);
        for (size_t i = 0; i < n; i++) assert_true(fabsf(one[i] - many[i]) < 1e-6f);
        free(many);
    }
    free(one);
}

static void test_threads(void **state)
{
    (void)state;
    size_t n, m;
    double loss, other;
    float *one = trained(2, 2, 1, &n, &loss);
    for (int threads = 2; threads <= 3; threads++) {
        float *many = trained(2, 2, threads, &m, &other);
        assert_memory_equal(one, many, n * sizeof *one);
        assert_true(loss == other);
        free(many);
    }
    free(one);
}

typedef struct sums {
    const rowset *rows;
    double ce, hits;
    int64_t labels, next;
} sums;

static void add_row(void *arg, int64_t row, const float *ce, const float *hit, int64_t labels)
{
    sums *s = arg;
    assert_int_equal(row, s->next++);
    int64_t want = 0;
    for (int64_t i = s->rows->offset[row] + 1; i < s->rows->offset[row + 1]; i++) want += s->rows->mask[i];
    assert_int_equal(labels, want);
    for (int64_t i = 0; i < labels; i++) s->ce += (double)ce[i], s->hits += (double)hit[i];
    s->labels += labels;
}

/* Rows one by one give what rows together give, and the numbers by row are those of the whole. */
static void test_evaluation(void **state)
{
    (void)state;
    rig g;
    err e = {0};
    rig_open(&g, "cpu", 2);
    rowset_drop(&g.eval);
    rowset_start(&g.eval, 7, 7 * 6); /* some whose second token is a label, some whose third is the first */
    for (int k = 0; k < 7; k++)
        rowset_put(&g.eval, (int32_t[]){5, 9, 33, 12, 50, 7}, (uint8_t[]){0, k % 2, 1, 1, 0, 1}, 4 + k % 3);
    double first = 0;
    for (int64_t batch = 1; batch <= 9; batch += 2) {
        sums s = {.rows = &g.eval};
        evaluator_hooks h = {.arg = &s, .row = add_row};
        evaluator *v;
        evaluation x;
        must(evaluator_new(&v, g.m, g.a, &g.eval, batch, g.d, &e), &e);
        must(evaluator_run(v, &h, &x, &e), &e);
        assert_int_equal(x.labels, g.eval.label_tokens);
        assert_int_equal(x.labels, s.labels);
        assert_int_equal(x.tokens, g.eval.tokens);
        assert_int_equal(s.next, g.eval.n);
        assert_true(x.loss == s.ce / (double)s.labels);
        assert_true(x.token_accuracy == s.hits / (double)s.labels);
        if (batch == 1) first = x.loss;
        assert_true(fabs(x.loss - first) < 1e-5);
        evaluator_free(v);
    }
    rig_close(&g);
}

static void test_not_finite(void **state)
{
    (void)state;
    rig g;
    err e;
    rig_open(&g, "cpu", 1);
    recipe r = rig_recipe(&g);
    trainer *t;
    trainer_result result;
    e = (err){0};
    must(trainer_new(&t, g.m, g.a, &g.train, NULL, &r, g.d, &e), &e);
    const adapter_module *n = &g.a->module[2];
    g.a->param[n->b + 3] = NAN;
    float before = g.a->param[0];
    assert_int_equal(trainer_run(t, NULL, &result, &e), E_NUMERIC);
    if (!strstr(e.msg, n->name) || !strstr(e.msg, "step 1"))
        fail_msg("\"%s\" does not name %s", e.msg, n->name);
    assert_int_equal(result.steps, 0);
    assert_true(g.a->param[0] == before);
    trainer_free(t);
    /* The evaluation that comes first finds it too. */
    assert_int_equal(rig_run(&g, &r, NULL, NULL, &e), E_NUMERIC);
    assert_non_null(strstr(e.msg, "line 1 of"));
    rig_close(&g);
}

/* A zero A hides a B that is too large from the loss, not from the gradient of A. */
static void test_gradient_not_finite(void **state)
{
    (void)state;
    rig g;
    err e = {0};
    rig_open(&g, "cpu", 1);
    recipe r = rig_recipe(&g);
    trainer *t;
    trainer_result result;
    adapter_module *n = &g.a->module[0]; /* nothing below it has a gradient */
    n->scale = 1e6;
    for (int64_t i = 0; i < n->r * n->in; i++) g.a->param[n->a + (size_t)i] = 0;
    for (int64_t i = 0; i < n->r * n->out; i++) g.a->param[n->b + (size_t)i] = FLT_MAX;
    must(trainer_new(&t, g.m, g.a, &g.train, NULL, &r, g.d, &e), &e);
    assert_int_equal(trainer_run(t, NULL, &result, &e), E_NUMERIC);
    if (!strstr(e.msg, n->name) || !strstr(e.msg, "gradient") || !strstr(e.msg, "lora_A"))
        fail_msg("\"%s\"", e.msg);
    trainer_free(t);
    rig_close(&g);
}

typedef struct losses {
    double p[64];
    int64_t n;
} losses;

static void keep_loss(void *arg, const trainer_report *report)
{
    losses *l = arg;
    assert_in_range(l->n, 0, 63);
    l->p[l->n++] = report->loss;
}

/* The same row again and again, nothing learned: only dropout can make a difference, and does, each time. */
static void test_dropout(void **state)
{
    (void)state;
    for (int dropout = 0; dropout <= 1; dropout++) {
        rig g;
        err e;
        losses l = {.n = 0};
        trainer_hooks h = {.arg = &l, .step = keep_loss};
        rig_open(&g, "cpu", 1);
        rowset_drop(&g.train);
        rowset_start(&g.train, 5, 100);
        const int32_t ids[] = {5, 9, 33, 12, 50, 7};
        const uint8_t mask[] = {0, 0, 1, 1, 1, 1};
        for (int k = 0; k < 5; k++) rowset_put(&g.train, ids, mask, 6);
        g.a->config.dropout = dropout ? 0.5 : 0;
        recipe r = rig_recipe(&g);
        r.learning_rate = 0;
        r.per_device_train_batch_size = 1;
        r.gradient_accumulation_steps = 1;
        must(rig_run(&g, &r, &h, NULL, &e), &e);
        assert_int_equal(l.n, 14);
        for (int64_t i = 0; i < l.n; i++)
            for (int64_t k = 0; k < i; k++) assert_true((l.p[i] == l.p[k]) == !dropout);
        rig_close(&g);
    }
}

/* Adam's first step moves an element by its learning rate, or not at all. */
static void test_loraplus(void **state)
{
    (void)state;
    rig g;
    err e;
    rig_open(&g, "cpu", 1);
    recipe r = rig_recipe(&g);
    r.max_steps = 1;
    r.learning_rate = 1e-3;
    r.loraplus_lr_ratio = 16;
    r.lr_scheduler_type = SCHEDULE_CONSTANT;
    r.weight_decay = 0;
    r.max_grad_norm = 0;
    float *before = xmalloc(g.a->count * sizeof *before);
    memcpy(before, g.a->param, g.a->count * sizeof *before);
    must(rig_run(&g, &r, NULL, NULL, &e), &e);
    double most[2] = {0};
    for (int64_t i = 0; i < g.a->modules; i++) {
        const adapter_module *n = &g.a->module[i];
        for (size_t k = n->a; k < n->b + (size_t)(n->out * n->r); k++) {
            double moved = fabs((double)g.a->param[k] - (double)before[k]);
            if (moved > most[k >= n->b]) most[k >= n->b] = moved;
        }
    }
    assert_true(fabs(most[0] - 1e-3) < 1e-5);
    assert_true(fabs(most[1] - 16e-3) < 1e-4);
    free(before);
    rig_close(&g);
}

static void refused(rig *g, recipe r, int code, const char *word)
{
    err e;
    assert_int_equal(rig_run(g, &r, NULL, NULL, &e), code);
    if (!strstr(e.msg, word)) fail_msg("\"%s\" does not say %s", e.msg, word);
}

static void test_refused(void **state)
{
    (void)state;
    rig g;
    rig_open(&g, "cpu", 1);
    recipe r = rig_recipe(&g);
    r.learning_rate = NAN;
    refused(&g, r, E_USAGE, "learning_rate");
    r = rig_recipe(&g);
    r.gradient_accumulation_steps = 0;
    refused(&g, r, E_USAGE, "gradient_accumulation_steps");
    r = rig_recipe(&g);
    r.load_best_model_at_end = true;
    r.eval_strategy = WHEN_NO;
    refused(&g, r, E_USAGE, "eval_strategy");
    r = rig_recipe(&g);
    r.output_dir = RIG_MODEL "/config.json/run";
    refused(&g, r, E_IO, "config.json");
    rig_close(&g);
}

/* Epochs to steps, as the Trainer counts them: 7 micro-batches, 4 steps an epoch. */
static void test_steps(void **state)
{
    (void)state;
    rig g;
    err e = {0};
    rig_open(&g, "cpu", 1);
    const struct {
        double epochs;
        int64_t max_steps, steps;
    } cases[] = {{1, -1, 4}, {2.5, -1, 10}, {2.6, -1, 11}, {0.1, -1, 1}, {3, 5, 5}, {1, 100, 100}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        recipe r = rig_recipe(&g);
        r.num_train_epochs = cases[k].epochs;
        r.max_steps = cases[k].max_steps;
        trainer_memory memory;
        int64_t steps;
        must(trainer_measure(&memory, &steps, g.m, g.a, &g.train, &g.eval, &r, g.d, &e), &e);
        assert_int_equal(steps, cases[k].steps);
        assert_int_equal(memory.moments, 8 * g.a->count);
        assert_true(memory.slab > 0);
    }
    rig_close(&g);
}

/* A limit on memory makes the plan compute more twice, never take more than allowed, and one that cannot be
 * kept is refused with what it takes. */
static void test_memory_limit(void **state)
{
    (void)state;
    rig g;
    err e = {0};
    rig_open(&g, "cpu", 1);
    recipe r = rig_recipe(&g);
    trainer_memory all, m;
    int64_t steps;
    must(trainer_measure(&all, &steps, g.m, g.a, &g.train, NULL, &r, g.d, &e), &e);
    assert_false(all.redo_cheap || all.redo_blocks);
    const size_t fixed = all.weights + all.mapped + all.adapter + all.gradients + all.moments + all.tokens,
                 need = fixed + all.slab + all.workspace;
    int before = -1, fewest = 1000;
    for (size_t limit = need; limit > 0; limit -= 4096) {
        r.memory_limit = limit;
        int code = trainer_measure(&m, &steps, g.m, g.a, &g.train, NULL, &r, g.d, &e);
        if (code) {
            assert_int_equal(code, E_MEMORY);
            assert_non_null(strstr(e.msg, "memory_limit"));
            break;
        }
        assert_true(fixed + m.slab + m.workspace <= limit);
        int now = m.redo_blocks ? 1 + m.redo_blocks : m.redo_cheap;
        assert_true(now >= before);
        before = now;
        if (m.redo_blocks && m.redo_blocks < fewest) fewest = m.redo_blocks;
    }
    assert_true(before >= 2); /* some blocks before it gave up, and not at once all of them */
    assert_int_equal(fewest, 1);
    rig_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded),   cmocka_unit_test(test_accumulation),
        cmocka_unit_test(test_threads),    cmocka_unit_test(test_evaluation),
        cmocka_unit_test(test_not_finite), cmocka_unit_test(test_gradient_not_finite),
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_steps),
        cmocka_unit_test(test_dropout),    cmocka_unit_test(test_loraplus),
        cmocka_unit_test(test_memory_limit),
    };
    return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
