/* test_run.c -- what has to hold of any whole run: accumulation, threads, evaluation, memory, what ends it. */
#include "train/rig.h"

#include <float.h>
#include <stdio.h>

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
        cmocka_unit_test(test_accumulation), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_evaluation),   cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_refused),      cmocka_unit_test(test_gradient_not_finite),
        cmocka_unit_test(test_steps),        cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_loraplus),     cmocka_unit_test(test_memory_limit),
    };
    return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
