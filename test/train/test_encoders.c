/* test_encoders.c -- tiny random classifiers against transformers + PEFT (test/golden/tiny_encoders.py):
 * logits, every loss, every gradient, of the low-rank matrices and of the modules that are trained whole,
 * ten optimizer losses, and an adapter that is saved and read again; on the reference and on the fastest
 * device.
 *
 * The recorded numbers are those of f64, so what differs is this program's rounding alone. Each folder's
 * errors have to be within its row of the second table of docs/MODELS.md; LORAC_RECORD=1 prints such rows.
 * Gradients of q are sums of ds_j k_j with sum ds_j = 0: some 64 * 2^-24 of terms ten times the sum.
 *
 * A folder added under test/data/model/encoder is walked by itself, and a GGUF file in it also. */
#include "walk.h"

#define ENCODERS "test/data/model/encoder/"

enum { MOST = 256 };

typedef struct rig {
    device *d;
    model *m;
    adapter *a;
    json_t *golden;
    safetensors *recorded;
    model_head head;
    const char *name, *which; /* for messages */
    int32_t ids[MOST], positions[MOST], start[MOST], types[MOST], gather[MOST], target[MOST];
    float values[MOST], weight[MOST];
    int64_t tokens, labels;
    err e;
} rig;

static const char *path_of(const char *name, const char *leaf) { return walk_path(ENCODERS, name, leaf); }

static void read_head(rig *r)
{
    const char *kind = json_string_value(json_object_get(r->golden, "kind"));
    r->head = (model_head){strcmp(kind, "token") ? TASK_SEQ_CLS : TASK_TOKEN_CLS, OBJECTIVE_CLASS,
                           json_integer_value(json_object_get(r->golden, "outputs"))};
    if (!strcmp(kind, "value")) r->head.objective = OBJECTIVE_VALUE;
    if (!strcmp(kind, "several")) r->head.objective = OBJECTIVE_SEVERAL;
}

/* A label that is read from token row `at`. */
static void add_label(rig *r, int64_t at, const json_t *label)
{
    r->gather[r->labels] = (int32_t)at;
    r->target[r->labels] = (int32_t)json_integer_value(label);
    for (int64_t k = 0; k < r->head.outputs && json_is_array(label); k++)
        r->values[r->labels * r->head.outputs + k] =
            (float)json_number_value(json_array_get(label, (size_t)k));
    r->labels++;
}

static void read_rows(rig *r, bool encoder)
{
    const json_t *rows = json_object_get(r->golden, "rows"), *row;
    size_t i;
    json_array_foreach(rows, i, row) {
        const json_t *ids = json_object_get(row, "ids"), *types = json_object_get(row, "types");
        const json_t *label = json_object_get(row, "label");
        const int64_t n = (int64_t)json_array_size(ids), s = r->tokens;
        for (int64_t k = 0; k < n; k++) {
            r->ids[s + k] = (int32_t)json_integer_value(json_array_get(ids, (size_t)k));
            r->types[s + k] = (int32_t)json_integer_value(json_array_get(types, (size_t)k));
            r->positions[s + k] = (int32_t)k;
            r->start[s + k] = (int32_t)s;
            const json_t *own = json_array_get(label, (size_t)k);
            if (r->head.task == TASK_TOKEN_CLS && json_integer_value(own) >= 0) add_label(r, s + k, own);
        }
        if (r->head.task == TASK_SEQ_CLS) add_label(r, encoder ? s : s + n - 1, label);
        r->tokens += n;
    }
    for (int64_t k = 0; k < r->labels; k++) r->weight[k] = 1.0f / (float)r->labels;
}

static void rig_open(rig *r, const char *name, const char *file, const char *which)
{
    memset(r, 0, sizeof *r);
    r->name = name;
    r->which = which;
    must(device_open(&r->d, which, 2, &r->e), &r->e);
    must(safetensors_open(&r->recorded, path_of(name, "golden.safetensors"), &r->e), &r->e);
    r->golden = json_parse_file(path_of(name, "golden.json"), &r->e);
    assert_non_null(r->golden);
    read_head(r);
    must(model_open_for(&r->m, file, "as-is", MODEL_DOUBLE_QUANT, &r->head, NULL, &r->e), &r->e);
    must(adapter_open(&r->a, r->m, path_of(name, "adapter"), &r->e), &r->e);
    must(adapter_check_head(r->a, r->m, &r->e), &r->e);
    read_rows(r, r->m->config->family->encoder);
}

static void rig_close(rig *r)
{
    json_decref(r->golden);
    safetensors_close(r->recorded);
    adapter_close(r->a);
    model_close(r->m);
    device_close(r->d);
}

static void near(const rig *r, const char *what, const float *have, int64_t n)
{
    walk_near(r->name, r->which, what, have, walk_floats(r->recorded, r->name, what, n), n);
}

static step_input input(const rig *r)
{
    return (step_input){.tokens = r->tokens,
                        .labels = r->labels,
                        .ids = r->ids,
                        .positions = r->positions,
                        .types = r->types,
                        .start = r->start,
                        .gather = r->gather,
                        .target = r->target,
                        .values = r->values,
                        .weight = r->weight};
}

static void check_training(rig *r)
{
    const step_size size = {.tokens = r->tokens + 9, .labels = r->labels + 5, .keep = REDO_CHEAP};
    step *s = walk_step(r->name, r->m, r->a, &size, r->d);
    step_input in = input(r);
    const json_t *train = json_object_get(r->golden, "train");
    walk_adam o = walk_adam_new(r->a, r->d);
    for (size_t t = 0; t < json_array_size(train); t++) {
        step_run(s, &in, 0);
        if (t == 0) {
            near(r, "logits", step_logits(s), r->labels * r->head.outputs);
            near(r, "losses", step_cross_entropy(s), r->labels);
            walk_gradients(r->recorded, r->name, "", r->a);
        }
        walk_loss(r->name, r->which, s, train, t, INFINITY);
        walk_adam_step(&o, (int64_t)t + 1);
    }
    walk_adam_free(&o);
    step_free(s);
}

static void check_folder(const char *name, char key[160])
{
    static const char *const devices[] = {"reference", "auto"};
    char other[128];
    snprintf(other, sizeof other, "%s.gguf", name);
    const bool has_gguf = file_exists(path_of(name, other));
    for (int k = 0; k < (has_gguf ? 4 : 2); k++) {
        rig *r = xcalloc(1, sizeof *r);
        rig_open(r, name, path_of(name, k < 2 ? "" : other), devices[k % 2]);
        check_training(r);
        walk_saved(r->a, r->m);
        rig_close(r);
        free(r);
    }
    snprintf(key, 160, "| `%s` |", name);
}

static void test_all(void **state)
{
    (void)state;
    walk_all(ENCODERS, check_folder);
}

static void refused(const char *name, model_task task, const char *line)
{
    err e = {0};
    model *m;
    const model_head head = {task, OBJECTIVE_CLASS, 3};
    assert_int_equal(
        model_open_for(&m, path_of(name, ""), "as-is", MODEL_DOUBLE_QUANT, &head, NULL, &e), E_UNSUPPORTED);
    if (!strstr(e.msg, line)) fail_msg("%s", e.msg);
}

static void test_heads_refused(void **state)
{
    (void)state;
    refused("bert-class", TASK_CAUSAL_LM, "bert is an encoder, which writes no text");
    refused("gpt2-class", TASK_TOKEN_CLS, "gpt2 is a decoder; --task_type TOKEN_CLS is for encoders");
    err e = {0};
    model *m;
    const model_head head = {TASK_SEQ_CLS, OBJECTIVE_CLASS, 3};
    must(model_open_for(&m, path_of("bert-class", ""), "as-is", MODEL_DOUBLE_QUANT, &head, NULL, &e), &e);
    assert_int_equal(adapter_check_head(NULL, m, &e), E_USAGE);
    if (!strstr(e.msg, "has no classifier for 3 outputs")) fail_msg("%s", e.msg);
    model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all), cmocka_unit_test(test_heads_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
