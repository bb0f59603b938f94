/* test_families.c -- a tiny random model of every family against transformers + PEFT
 * (test/golden/tiny_models.py): logits at once and token by token, loss, every cross entropy, every adapter
 * gradient, ten optimizer losses, greedy tokens; from the Hugging Face folder and from the GGUF file where
 * there is one, on the reference and on the fastest device.
 *
 * Both sides compute in f32 from the same bf16 weights; what differs is the order of sums of at most 64
 * products and the last bits of exp and cos. With activations of size 1 to 10 that is some 64 * 2^-24 * 10 =
 * 4e-5 for a logit; the bounds leave a factor of three. Adam divides a gradient by its own size, so ten steps
 * keep the losses to 1e-4 of themselves, as in test_run.c.
 *
 * A folder added under test/data/model/tiny is walked by itself. What each is off by at most, on any device,
 * has to be within its row of the table in docs/MODELS.md; LORAC_RECORD=1 prints such rows. */
#include "model/golden.h"

#include "walk.h"

#define TINY "test/data/model/tiny/"

static const double logit_bound = 1.2e-4, ce_bound = 1.2e-4, gradient_bound = 2e-5, loss_bound = 1e-4;

static void note(double *most, double now) { *most = now > *most ? now : *most; }

typedef struct rig {
    device *d;
    model *m;
    adapter *a;
    golden g;
    safetensors *recorded;
    const char *name, *which; /* for messages */
    err e;
} rig;

static const char *path_of(const char *name, const char *leaf) { return walk_path(TINY, name, leaf); }

static void rig_open(rig *r, const char *name, const char *file, const char *which)
{
    memset(r, 0, sizeof *r);
    r->name = file;
    r->which = which;
    must(device_open(&r->d, which, 1, &r->e), &r->e);
    must(model_open(&r->m, file, "as-is", MODEL_DOUBLE_QUANT, NULL, &r->e), &r->e);
    must(adapter_open(&r->a, r->m, path_of(name, "adapter"), &r->e), &r->e);
    must(safetensors_open(&r->recorded, path_of(name, "golden.safetensors"), &r->e), &r->e);
    r->g.json = json_parse_file(path_of(name, "golden.json"), &r->e);
    assert_non_null(r->g.json);
    golden_rows(&r->g, 0, (int64_t)json_array_size(json_object_get(r->g.json, "rows")));
}

static void rig_close(rig *r)
{
    json_decref(r->g.json);
    safetensors_close(r->recorded);
    adapter_close(r->a);
    model_close(r->m);
    device_close(r->d);
}

static const float *recorded(const rig *r, const char *name, int64_t count)
{
    return walk_floats(r->recorded, r->name, name, count);
}

static void check_loss(const rig *r, const step *s)
{
    const float *ce = recorded(r, "cross_entropy", r->g.labels);
    for (int64_t i = 0; i < r->g.labels; i++)
        if (!(fabsf(step_cross_entropy(s)[i] - ce[i]) < ce_bound))
            fail_msg("%s, %s: cross entropy %d: %.7f, recorded %.7f", r->name, r->which, (int)i,
                     (double)step_cross_entropy(s)[i], (double)ce[i]);
    double loss = json_number_value(json_object_get(r->g.json, "loss"));
    assert_true(fabs(step_loss(s) - loss) < ce_bound);
}

/* Norm of the difference over the norm, tensor by tensor. */
static void check_gradients(const rig *r)
{
    char name[256];
    for (int64_t i = 0; i < 2 * r->a->modules; i++) {
        int64_t count;
        const float *have = r->a->grad + walk_matrix(r->a, i, "grad.base_model.model.", name, &count),
                    *want = recorded(r, name, count);
        double norm, difference = walk_distance(have, want, count, &norm);
        note(&seen.gradient, norm > 0 ? difference / norm : 0);
        if (!(difference <= gradient_bound * norm))
            fail_msg("%s, %s: %s: gradient differs by %.2e", r->name, r->which, name, difference / norm);
    }
}

static step *train_step(const rig *r, plan_keep keep)
{
    step_size size = {.tokens = r->g.tokens + 9, .labels = r->g.labels + 5, .keep = keep, .redo_blocks = 1};
    return walk_step(r->name, r->m, r->a, &size, r->d);
}

static void check_training(rig *r)
{
    step *s = train_step(r, KEEP_ALL);
    step_input in = golden_input(&r->g);
    const json_t *train = json_object_get(r->g.json, "train");
    walk_adam o = walk_adam_new(r->a, r->d);
    for (size_t t = 0; t < json_array_size(train); t++) {
        step_run(s, &in, 0);
        assert_null(step_not_finite(s));
        if (t == 0) {
            check_loss(r, s);
            check_gradients(r);
        }
        walk_loss(r->name, r->which, s, train, t, loss_bound);
        walk_adam_step(&o, (int64_t)t + 1);
    }
    walk_adam_free(&o);
    step_free(s);
}

/* Rows of ids [from, from + n) of one sequence; logits of all of them. */
static const float *feed(step *s, const int32_t *ids, int64_t from, int64_t n)
{
    int32_t slot[64], gather[64], at[64];
    for (int i = 0; i < n; i++) slot[i] = 1, gather[i] = i, at[i] = (int32_t)from + i;
    step_input in = {
        .tokens = n, .labels = n, .ids = ids + from, .positions = at, .slot = slot, .gather = gather};
    step_run(s, &in, 0);
    return step_logits(s);
}

static void check_logits(rig *r, int64_t at_once)
{
    golden_rows(&r->g, 0, 1);
    int64_t vocab = r->m->config->vocab;
    step_size size = {.tokens = at_once, .labels = at_once, .slots = 3, .context = r->g.tokens + 2};
    step *s;
    must(step_new(&s, r->m, r->a, STEP_GENERATE, &size, r->d, &r->e), &r->e);
    const float *want = recorded(r, "logits", r->g.tokens * vocab);
    for (int64_t from = 0; from < r->g.tokens; from += at_once) {
        int64_t n = r->g.tokens - from < at_once ? r->g.tokens - from : at_once;
        const float *have = feed(s, r->g.ids, from, n);
        for (int64_t k = 0; k < n * vocab; k++) {
            note(&seen.logit, fabs((double)(have[k] - want[from * vocab + k])));
            if (!(fabsf(have[k] - want[from * vocab + k]) < logit_bound))
                fail_msg("%s, %s: logit %d of token %d: %.6f, recorded %.6f", r->name, r->which,
                         (int)(k % vocab), (int)(from + k / vocab), (double)have[k],
                         (double)want[from * vocab + k]);
        }
    }
    step_free(s);
}

static void check_generated(rig *r)
{
    const json_t *all = json_object_get(r->g.json, "generated"), *one;
    size_t i;
    json_array_foreach(all, i, one) {
        const json_t *prompt = json_object_get(one, "prompt"), *new = json_object_get(one, "new");
        int32_t ids[64];
        int64_t n = (int64_t)json_array_size(prompt), vocab = r->m->config->vocab;
        for (int64_t k = 0; k < n; k++)
            ids[k] = (int32_t)json_integer_value(json_array_get(prompt, (size_t)k));
        step_size size = {.tokens = n, .labels = n, .slots = 2, .context = n + (int64_t)json_array_size(new)};
        step *s;
        must(step_new(&s, r->m, r->a, STEP_GENERATE, &size, r->d, &r->e), &r->e);
        const float *logits = feed(s, ids, 0, n) + (n - 1) * vocab;
        for (size_t k = 0; k < json_array_size(new); k++) {
            int32_t best = 0;
            for (int32_t v = 1; v < vocab; v++)
                if (logits[v] > logits[best]) best = v;
            if (best != json_integer_value(json_array_get(new, k)))
                fail_msg("%s, %s: token %d of answer %d is %d", r->name, r->which, (int)k, (int)i, (int)best);
            ids[n] = best;
            logits = feed(s, ids, n++, 1);
        }
        step_free(s);
    }
}

static void check_model(const char *name, const char *file)
{
    static const char *const devices[] = {"reference", "auto"};
    for (int d = 0; d < 2; d++) {
        rig r;
        rig_open(&r, name, file, devices[d]);
        const step_input in = golden_input(&r.g);
        if (d > 0) walk_recompute(&r, r.a, &in, train_step); /* the plan is the same for all devices */
        check_training(&r);
        rig_close(&r);
        rig_open(&r, name, file, devices[d]);
        check_logits(&r, 64);
        check_logits(&r, 1);
        check_logits(&r, 3);
        check_generated(&r);
        rig_close(&r);
    }
}

static void check_folder(const char *name, char key[160])
{
    char path[768];
    bool has_gguf = false;
    snprintf(path, sizeof path, "%s", path_of(name, ""));
    check_model(name, path);
    static const char *const tails[] = {"", "-00001-of-00002", "-old"};
    for (int k = 0; k < 3; k++) {
        snprintf(path, sizeof path, TINY "%s/%s%s.gguf", name, name, tails[k]);
        if (!file_exists(path)) continue;
        check_model(name, path);
        has_gguf = true;
    }
    snprintf(key, 160, "| `%s` | folder%s |", name, has_gguf ? ", GGUF" : "");
}

static void test_all(void **state)
{
    (void)state;
    walk_all(TINY, check_folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
