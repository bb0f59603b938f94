/* test_dropout.c -- tiny models with dropout of the base against transformers + PEFT under the same masks
 * (test/golden/tiny_dropout.py): the first loss, every gradient, ten optimizer losses, each step with a key of its
 * own, on the reference and on the fastest device. Whatever is computed twice, and for any number of threads, the
 * bits are the same; without being asked for, and in evaluation, nothing is dropped.
 *
 * The recorded numbers are those of f64. Each folder's errors have to be within its row of docs/MODELS.md;
 * LORAC_RECORD=1 prints such rows. A folder added under test/data/model/dropout is walked by itself. */
#include "base/rng.h"
#include "walk.h"

#include <unistd.h>

#define MODELS "test/data/model/"

enum { MOST = 512 };

typedef struct rig {
    device *d;
    model *m;
    adapter *a;
    json_t *golden;
    safetensors *recorded;
    const char *name, *which; /* for messages */
    char *folder;             /* of config.json and weights together */
    uint64_t seed;
    int32_t ids[MOST], positions[MOST], start[MOST], types[MOST], gather[MOST], target[MOST];
    int32_t source_ids[MOST], source_start[MOST], seen[2 * MOST];
    float weight[MOST];
    step_input in;
    err e;
} rig;

static int64_t list_of(const rig *r, const char *name, int32_t *to)
{
    const json_t *list = json_object_get(json_object_get(r->golden, "batch"), name);
    const int64_t n = (int64_t)json_array_size(list);
    assert_true(n <= MOST);
    for (int64_t k = 0; k < n; k++) to[k] = (int32_t)json_integer_value(json_array_get(list, (size_t)k));
    return n;
}

static void read_batch(rig *r)
{
    r->in = (step_input){.ids = r->ids,
                         .positions = r->positions,
                         .start = r->start,
                         .types = r->types,
                         .gather = r->gather,
                         .target = r->target,
                         .weight = r->weight,
                         .source_ids = r->source_ids,
                         .source_start = r->source_start,
                         .seen = r->seen};
    r->in.tokens = list_of(r, "ids", r->ids);
    r->in.labels = list_of(r, "gather", r->gather);
    r->in.source = list_of(r, "source_ids", r->source_ids);
    list_of(r, "positions", r->positions);
    list_of(r, "start", r->start);
    list_of(r, "types", r->types);
    list_of(r, "target", r->target);
    list_of(r, "source_start", r->source_start);
    list_of(r, "seen", r->seen);
    for (int64_t k = 0; k < r->in.labels; k++) r->weight[k] = 1.0f / (float)r->in.labels;
}

static model_head head_of(const json_t *golden)
{
    const char *kind = json_string_value(json_object_get(golden, "kind"));
    if (!kind) return (model_head){TASK_CAUSAL_LM, OBJECTIVE_CLASS, 0};
    return (model_head){strcmp(kind, "token") ? TASK_SEQ_CLS : TASK_TOKEN_CLS, OBJECTIVE_CLASS,
                        json_integer_value(json_object_get(golden, "outputs"))};
}

/* The recording's config.json and the weights of the model that it is of, in a folder of the rig's own. */
static void put_together(rig *r, const char *own, const char *base)
{
    const char *const of[] = {own, base}, *const file[] = {"config.json", "model.safetensors"};
    r->folder = scratch_new();
    for (int k = 0; k < 2; k++) {
        char *from = realpath(walk_path("", of[k], file[k]), NULL);
        assert_int_equal(symlink(from, walk_path("", r->folder, file[k])), 0);
        free(from);
    }
}

static rig *rig_open(const char *name, const char *which, int threads)
{
    rig *r = xcalloc(1, sizeof *r);
    char own[256], base[256];
    snprintf(own, sizeof own, MODELS "dropout/%s", name);
    r->name = name;
    r->which = which;
    r->golden = json_parse_file(walk_path("", own, "golden.json"), &r->e);
    assert_non_null(r->golden);
    snprintf(base, sizeof base, MODELS "%s", json_string_value(json_object_get(r->golden, "base")));
    r->seed = (uint64_t)json_integer_value(json_object_get(r->golden, "seed"));
    put_together(r, own, base);
    must(device_open(&r->d, which, threads, &r->e), &r->e);
    must(safetensors_open(&r->recorded, walk_path("", own, "golden.safetensors"), &r->e), &r->e);
    const model_head head = head_of(r->golden);
    must(model_open_for(&r->m, r->folder, "as-is", MODEL_DOUBLE_QUANT, &head, NULL, &r->e), &r->e);
    must(config_check_dropout(r->m->config, name, &r->e), &r->e);
    must(adapter_open(&r->a, r->m, walk_path("", base, "adapter"), &r->e), &r->e);
    read_batch(r);
    return r;
}

static void rig_close(rig *r)
{
    json_decref(r->golden);
    safetensors_close(r->recorded);
    adapter_close(r->a);
    model_close(r->m);
    device_close(r->d);
    scratch_free(r->folder);
    free(r);
}

static step_size size_of(const rig *r, plan_keep keep)
{
    return (step_size){.tokens = r->in.tokens + 9,
                       .labels = r->in.labels + 5,
                       .source = r->in.source ? r->in.source + 7 : 0,
                       .keep = keep,
                       .redo_blocks = 2,
                       .base_dropout = true};
}

/* Optimizer step t, with the masks of its key. */
static void run_once(const rig *r, step *s, size_t t) { step_run(s, &r->in, rng_key(r->seed, t)); }

static void check_training(rig *r)
{
    const step_size size = size_of(r, KEEP_ALL);
    step *s = walk_step(r->name, r->m, r->a, &size, r->d);
    const json_t *train = json_object_get(r->golden, "train");
    const double first = json_number_value(json_object_get(json_array_get(train, 0), "loss"));
    walk_adam o = walk_adam_new(r->a, r->d);
    assert_int_equal(json_array_size(train), 10);
    for (size_t t = 0; t < 10; t++) {
        run_once(r, s, t);
        if (t == 0) {
            seen.logit = fmax(seen.logit, fabs(step_loss(s) - first));
            walk_gradients(r->recorded, r->name, "", r->a);
        }
        walk_loss(r->name, r->which, s, train, t, INFINITY);
        walk_adam_step(&o, (int64_t)t + 1);
    }
    walk_adam_free(&o);
    step_free(s);
}

/* Nothing is dropped that was not asked for, nor where nothing is trained. */
static void check_without(rig *r)
{
    const double want = json_number_value(json_object_get(r->golden, "without"));
    for (int k = 0; k < 2; k++) {
        step_size size = size_of(r, KEEP_ALL);
        step *s;
        size.base_dropout = k > 0;
        must(step_new(&s, r->m, r->a, k ? STEP_EVAL : STEP_TRAIN, &size, r->d, &r->e), &r->e);
        run_once(r, s, 0);
        if (!(fabs(step_loss(s) - want) < 1e-4))
            fail_msg("%s: without dropout %.7f, recorded %.7f", r->name, step_loss(s), want);
        step_free(s);
    }
}

/* The gradients and the loss of step 3, by another plan or with more threads; another step's are others. */
static void check_bits(const char *name)
{
    static const struct {
        plan_keep keep;
        int threads;
        size_t t;
    } way[] = {{KEEP_ALL, 1, 3}, {REDO_CHEAP, 1, 3}, {REDO_BLOCKS, 1, 3}, {KEEP_ALL, 3, 3}, {KEEP_ALL, 1, 4}};
    float *first = NULL;
    double loss = 0;
    for (int k = 0; k < 5; k++) {
        rig *r = rig_open(name, "auto", way[k].threads);
        const step_size size = size_of(r, way[k].keep);
        step *s = walk_step(name, r->m, r->a, &size, r->d);
        const size_t bytes = r->a->count * sizeof *first;
        memset(r->a->grad, 0, bytes);
        run_once(r, s, way[k].t);
        if (k == 0) loss = step_loss(s), first = memcpy(xmalloc(bytes), r->a->grad, bytes);
        if ((step_loss(s) == loss) != (way[k].t == 3))
            fail_msg("%s: the loss of way %d is %.9g", name, k, step_loss(s));
        if (way[k].t == 3) assert_memory_equal(first, r->a->grad, bytes);
        step_free(s);
        rig_close(r);
    }
    free(first);
}

static void check_folder(const char *name, char key[160])
{
    static const char *const devices[] = {"reference", "auto"};
    for (int k = 0; k < 2; k++) {
        rig *r = rig_open(name, devices[k], 2);
        check_without(r);
        check_training(r);
        rig_close(r);
    }
    check_bits(name);
    snprintf(key, 160, "| `%s` |", name);
}

static void test_all(void **state)
{
    (void)state;
    walk_all(MODELS "dropout/", check_folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
