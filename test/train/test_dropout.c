/* test_dropout.c -- tiny models with dropout of the base against transformers + PEFT under the same masks
 * (test/golden/tiny_dropout.py): the first loss, every gradient, ten optimizer losses, each step with a key of its
 * own, on the reference and on the fastest device. Whatever is computed twice, and for any number of threads, the
 * bits are the same; without being asked for, and in evaluation, nothing is dropped.
 *
 * The recorded numbers are those of f64. Each folder's errors have to be within its row of docs/MODELS.md;
 * LORAC_RECORD=1 prints such rows. A folder added under test/data/model/dropout is walked by itself. */
#include "base/json.h"
#include "base/rng.h"
#include "model/step.h"
#include "train/adamw.h"
#include "train/clip.h"

#include "scratch.h"
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
    uint64_t seed;
    int32_t ids[MOST], positions[MOST], start[MOST], types[MOST], gather[MOST], target[MOST];
    int32_t source_ids[MOST], source_start[MOST], seen[2 * MOST];
    float weight[MOST];
    step_input in;
    err e;
} rig;

/* Good until the next call but three. */
static const char *path_of(const char *folder, const char *leaf)
{
    static char path[4][512];
    static int k;
    k = (k + 1) % 4;
    snprintf(path[k], sizeof path[k], "%s/%s", folder, leaf);
    return path[k];
}

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

/* A folder with the recording's config.json and the weights of the model that it is of. */
static void put_together(const char *folder, const char *own, const char *base)
{
    const char *const of[] = {own, base}, *const file[] = {"config.json", "model.safetensors"};
    for (int k = 0; k < 2; k++) {
        char *from = realpath(path_of(of[k], file[k]), NULL);
        const char *to = path_of(folder, file[k]);
        unlink(to);
        assert_int_equal(symlink(from, to), 0);
        free(from);
    }
}

static rig *rig_open(const char *folder, const char *name, const char *which, int threads)
{
    rig *r = xcalloc(1, sizeof *r);
    char own[256], base[256];
    snprintf(own, sizeof own, MODELS "dropout/%s", name);
    r->name = name;
    r->which = which;
    r->golden = json_parse_file(path_of(own, "golden.json"), &r->e);
    assert_non_null(r->golden);
    snprintf(base, sizeof base, MODELS "%s", json_string_value(json_object_get(r->golden, "base")));
    r->seed = (uint64_t)json_integer_value(json_object_get(r->golden, "seed"));
    put_together(folder, own, base);
    must(device_open(&r->d, which, threads, &r->e), &r->e);
    must(safetensors_open(&r->recorded, path_of(own, "golden.safetensors"), &r->e), &r->e);
    const model_head head = head_of(r->golden);
    must(model_open_for(&r->m, folder, "as-is", MODEL_DOUBLE_QUANT, &head, NULL, &r->e), &r->e);
    must(config_check_dropout(r->m->config, name, &r->e), &r->e);
    must(adapter_open(&r->a, r->m, path_of(base, "adapter"), &r->e), &r->e);
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
    free(r);
}

static void check_gradient(const rig *r, const char *name, const float *have, int64_t n)
{
    double norm, far = walk_distance(have, walk_floats(r->recorded, r->name, name, n), n, &norm);
    if (!(norm > 0 && isfinite(far))) fail_msg("%s: %s has no gradient, or none that is finite", r->name, name);
    seen.gradient = fmax(seen.gradient, far / norm);
}

static void check_gradients(const rig *r)
{
    char name[256];
    for (int64_t i = 0; i < 2 * r->a->modules; i++) {
        const adapter_module *n = &r->a->module[i / 2];
        snprintf(name, sizeof name, "%s.lora_%c.weight", n->name, i % 2 ? 'B' : 'A');
        check_gradient(r, name, r->a->grad + (i % 2 ? n->b : n->a), n->r * (i % 2 ? n->out : n->in));
    }
    for (int64_t i = 0; i < r->a->wholes; i++) {
        const adapter_whole *w = &r->a->whole[i];
        check_gradient(r, w->name, r->a->grad + w->at, w->rows * w->cols);
    }
}

typedef enum drops { DROPS, DROPS_NOTHING } drops;

static step *step_of(const rig *r, step_kind kind, plan_keep keep, drops how)
{
    err e = {0};
    step_size size = {.tokens = r->in.tokens + 9,
                      .labels = r->in.labels + 5,
                      .source = r->in.source ? r->in.source + 7 : 0,
                      .keep = keep,
                      .redo_blocks = 2,
                      .base_dropout = how == DROPS};
    step *s;
    must(step_new(&s, r->m, r->a, kind, &size, r->d, &e), &e);
    str complaints = {0};
    if (plan_judge(step_list(s), &complaints)) fail_msg("%s: %s", r->name, str_c(&complaints));
    return s;
}

static double run_once(rig *r, step *s, int64_t t)
{
    memset(r->a->grad, 0, r->a->count * sizeof(float));
    step_run(s, &r->in, rng_key(r->seed, (uint64_t)t));
    if (!isfinite(step_loss(s))) fail_msg("%s, %s: loss %d is no number", r->name, r->which, (int)t);
    return step_loss(s);
}

static void check_training(rig *r)
{
    step *s = step_of(r, STEP_TRAIN, KEEP_ALL, DROPS);
    const json_t *train = json_object_get(r->golden, "train");
    double *tiles = xcalloc(clip_tiles(r->a->count), sizeof *tiles);
    float *m = xcalloc(2 * r->a->count, sizeof *m);
    const adamw how = {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.01, .m = m,
                       .v = m + r->a->count};
    const adamw_group all = {0, r->a->count, 1, false};
    assert_int_equal(json_array_size(train), 10);
    for (int64_t t = 0; t < 10; t++) {
        const double loss = run_once(r, s, t), want = json_number_value(json_array_get(train, (size_t)t));
        if (t == 0) {
            seen.logit = fmax(seen.logit, fabs(loss - want));
            check_gradients(r);
        }
        seen.loss = fmax(seen.loss, fabs(loss - want) / want);
        double norm = clip_norm(r->a->grad, r->a->count, tiles, device_pool(r->d));
        adamw_step(&how, r->a->param, r->a->grad, &all, 1, t + 1, 1e-2, clip_coefficient(norm, 1.0),
                   device_pool(r->d));
    }
    free(m);
    free(tiles);
    step_free(s);
}

/* Nothing is dropped that was not asked for, nor where nothing is trained. */
static void check_without(rig *r)
{
    const double want = json_number_value(json_object_get(r->golden, "without"));
    for (int k = 0; k < 2; k++) {
        step *s = step_of(r, k ? STEP_EVAL : STEP_TRAIN, KEEP_ALL, k ? DROPS : DROPS_NOTHING);
        const double loss = run_once(r, s, 0);
        if (!(fabs(loss - want) < 1e-4)) fail_msg("%s: without dropout %.7f, recorded %.7f", r->name, loss, want);
        step_free(s);
    }
    assert_true(fabs(json_number_value(json_array_get(json_object_get(r->golden, "train"), 0)) - want) > 1e-3);
}

/* The gradients and the loss of step 3, by another plan or with more threads; another step's are others. */
static void check_bits(const char *folder, const char *name)
{
    float *first = NULL;
    double loss = 0;
    for (int k = 0; k < 5; k++) {
        static const plan_keep keep[] = {KEEP_ALL, REDO_CHEAP, REDO_BLOCKS, KEEP_ALL, KEEP_ALL};
        rig *r = rig_open(folder, name, "auto", k == 3 ? 3 : 1);
        step *s = step_of(r, STEP_TRAIN, keep[k], DROPS);
        const double now = run_once(r, s, k == 4 ? 4 : 3);
        if (k == 0) {
            loss = now;
            first = memcpy(xmalloc(r->a->count * sizeof *first), r->a->grad, r->a->count * sizeof *first);
        }
        if ((now == loss) != (k < 4)) fail_msg("%s: the loss of way %d is %.9g, not %.9g", name, k, now, loss);
        if (k < 4) assert_memory_equal(first, r->a->grad, r->a->count * sizeof *first);
        step_free(s);
        rig_close(r);
    }
    free(first);
}

static void test_all(void **state)
{
    static const char *const devices[] = {"reference", "auto"};
    char *names[WALK_MOST], *folder = scratch_new();
    (void)state;
    const int n = walk_names(MODELS "dropout/", names);
    str docs = {0};
    err e = {0};
    must(file_read(&docs, "docs/MODELS.md", 1 << 20, &e), &e);
    for (int i = 0; i < n; i++) {
        seen = (worst){0};
        for (int k = 0; k < 2; k++) {
            rig *r = rig_open(folder, names[i], devices[k], 2);
            check_without(r);
            check_training(r);
            rig_close(r);
        }
        check_bits(folder, names[i]);
        char key[128];
        snprintf(key, sizeof key, "| `%s` |", names[i]);
        walk_check_row(str_c(&docs), key);
        free(names[i]);
    }
    str_free(&docs);
    scratch_free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
