/* test_seq2seq.c -- tiny random models of an encoder and a decoder against transformers + PEFT
 * (test/golden/tiny_seq2seq.py): logits at once and token by token, every loss, every adapter gradient, ten
 * optimizer losses, greedy tokens of prompts that share the batch, an adapter that is saved and read again; on the
 * reference and on the fastest device, from the folder and from the GGUF file where there is one.
 *
 * The recorded numbers are those of f64, so what differs is this program's rounding alone. Each folder's errors
 * have to be within its row of docs/MODELS.md; LORAC_RECORD=1 prints such rows.
 *
 * A folder added under test/data/model/seq2seq is walked by itself. */
#include "base/json.h"
#include "gen/generate.h"
#include "model/step.h"
#include "train/adamw.h"
#include "train/clip.h"

#include "scratch.h"
#include "walk.h"

#define MODELS "test/data/model/seq2seq/"

enum { MOST = 256 };

static worst seen;

/* All rows end to end, as one micro-batch holds them. */
typedef struct rig {
    device *d;
    model *m;
    adapter *a;
    json_t *golden;
    safetensors *recorded;
    const char *name, *which; /* for messages */
    int32_t ids[MOST], positions[MOST], start[MOST], seen[2 * MOST], gather[MOST], target[MOST];
    int32_t source_ids[MOST], source_start[MOST];
    float weight[MOST];
    int64_t tokens, source;
    err e;
} rig;

/* Good until the next call but three. */
static const char *path_of(const char *name, const char *leaf)
{
    static char path[4][512];
    static int k;
    k = (k + 1) % 4;
    snprintf(path[k], sizeof path[k], MODELS "%s%s%s", name, *leaf ? "/" : "", leaf);
    return path[k];
}

static int64_t list_of(const json_t *list, int32_t *to)
{
    const int64_t n = (int64_t)json_array_size(list);
    for (int64_t k = 0; k < n; k++) to[k] = (int32_t)json_integer_value(json_array_get(list, (size_t)k));
    return n;
}

static void read_row(rig *r, const json_t *row)
{
    const int64_t s = r->tokens, from = r->source;
    const int64_t n = list_of(json_object_get(row, "labels"), r->target + s);
    const int64_t rows = list_of(json_object_get(row, "source"), r->source_ids + from);
    for (int64_t k = 0; k < rows; k++) r->source_start[from + k] = (int32_t)from;
    r->source += rows;
    for (int64_t k = 0; k < n; k++) {
        const int64_t at = s + k;
        r->ids[at] = k ? r->target[at - 1] : (int32_t)r->m->config->start;
        r->positions[at] = (int32_t)k;
        r->start[at] = (int32_t)s;
        r->gather[at] = (int32_t)at;
        r->seen[2 * at] = (int32_t)from;
        r->seen[2 * at + 1] = (int32_t)r->source;
    }
    r->tokens += n;
}

static rig *rig_open(const char *name, const char *file, const char *which)
{
    rig *r = xcalloc(1, sizeof *r);
    r->name = file;
    r->which = which;
    must(device_open(&r->d, which, 2, &r->e), &r->e);
    must(safetensors_open(&r->recorded, path_of(name, "golden.safetensors"), &r->e), &r->e);
    r->golden = json_parse_file(path_of(name, "golden.json"), &r->e);
    assert_non_null(r->golden);
    must(model_open(&r->m, file, "as-is", MODEL_DOUBLE_QUANT, NULL, &r->e), &r->e);
    must(adapter_open(&r->a, r->m, path_of(name, "adapter"), &r->e), &r->e);
    const json_t *rows = json_object_get(r->golden, "rows");
    for (size_t i = 0; i < json_array_size(rows); i++) read_row(r, json_array_get(rows, i));
    for (int64_t k = 0; k < r->tokens; k++) r->weight[k] = 1.0f / (float)r->tokens;
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

static void near(const rig *r, const char *what, const float *have, const float *want, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(have[i])) fail_msg("%s, %s: %s %d is no number", r->name, r->which, what, (int)i);
        seen.logit = fmax(seen.logit, fabs((double)have[i] - (double)want[i]));
    }
}

static void check_gradients(const rig *r)
{
    char name[256];
    for (int64_t i = 0; i < 2 * r->a->modules; i++) {
        const adapter_module *n = &r->a->module[i / 2];
        snprintf(name, sizeof name, "grad.base_model.model.%s.lora_%c.weight", n->name, i % 2 ? 'B' : 'A');
        const int64_t count = n->r * (i % 2 ? n->out : n->in);
        const float *have = r->a->grad + (i % 2 ? n->b : n->a);
        double norm, far = walk_distance(have, walk_floats(r->recorded, r->name, name, count), count, &norm);
        if (!(norm > 0 && isfinite(far))) fail_msg("%s: %s has no gradient, or none that is finite", r->name, name);
        seen.gradient = fmax(seen.gradient, far / norm);
    }
}

static step *train_step(const rig *r, plan_keep keep)
{
    err e = {0};
    step_size size = {.tokens = r->tokens + 9,
                      .labels = r->tokens + 5,
                      .source = r->source + 7,
                      .keep = keep,
                      .redo_blocks = 3};
    step *s;
    must(step_new(&s, r->m, r->a, STEP_TRAIN, &size, r->d, &e), &e);
    str complaints = {0};
    if (plan_judge(step_list(s), &complaints)) fail_msg("%s: %s", r->name, str_c(&complaints));
    return s;
}

static step_input input(const rig *r)
{
    return (step_input){.tokens = r->tokens,
                        .labels = r->tokens,
                        .ids = r->ids,
                        .positions = r->positions,
                        .start = r->start,
                        .gather = r->gather,
                        .target = r->target,
                        .weight = r->weight,
                        .source = r->source,
                        .source_ids = r->source_ids,
                        .source_start = r->source_start,
                        .seen = r->seen};
}

static void check_training(rig *r)
{
    step *s = train_step(r, REDO_CHEAP);
    step_input in = input(r);
    const json_t *train = json_object_get(r->golden, "train");
    double *tiles = xcalloc(clip_tiles(r->a->count), sizeof *tiles);
    float *m = xcalloc(2 * r->a->count, sizeof *m);
    const adamw how = {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.01, .m = m,
                       .v = m + r->a->count};
    const adamw_group all = {0, r->a->count, 1, false};
    for (size_t t = 0; t < json_array_size(train); t++) {
        memset(r->a->grad, 0, r->a->count * sizeof(float));
        step_run(s, &in, 0);
        if (t == 0) {
            near(r, "cross entropy", step_cross_entropy(s),
                 walk_floats(r->recorded, r->name, "cross_entropy", r->tokens), r->tokens);
            check_gradients(r);
        }
        double loss = json_number_value(json_object_get(json_array_get(train, t), "loss"));
        if (!isfinite(step_loss(s))) fail_msg("%s, %s: loss %d is no number", r->name, r->which, (int)t);
        seen.loss = fmax(seen.loss, fabs(step_loss(s) - loss) / loss);
        double norm = clip_norm(r->a->grad, r->a->count, tiles, device_pool(r->d));
        adamw_step(&how, r->a->param, r->a->grad, &all, 1, (int64_t)t + 1, 1e-2, clip_coefficient(norm, 1.0),
                   device_pool(r->d));
    }
    free(m);
    free(tiles);
    step_free(s);
}

/* Whatever is computed again, the gradients are the same bits. */
static void check_recompute(rig *r)
{
    float *first = xcalloc(r->a->count, sizeof *first);
    for (int k = 0; k < 3; k++) {
        step *s = train_step(r, (plan_keep[]){KEEP_ALL, REDO_CHEAP, REDO_BLOCKS}[k]);
        step_input in = input(r);
        memset(r->a->grad, 0, r->a->count * sizeof(float));
        step_run(s, &in, 0);
        if (k == 0) memcpy(first, r->a->grad, r->a->count * sizeof(float));
        assert_memory_equal(first, r->a->grad, r->a->count * sizeof(float));
        step_free(s);
    }
    free(first);
}

/* Row 0 in slot 1 of a list of generation, `at_once` tokens at a time: the source goes with the first of them. */
static void check_logits(rig *r, int64_t at_once)
{
    const int64_t n = (int64_t)json_array_size(
        json_object_get(json_array_get(json_object_get(r->golden, "rows"), 0), "labels"));
    const int64_t rows = r->seen[1], vocab = r->m->config->vocab;
    const step_size size = {.tokens = at_once, .labels = at_once, .slots = 3, .context = n + 2,
                            .source = rows + 1, .source_context = rows + 3};
    const int32_t place = (int32_t)size.source_context;
    const float *want = walk_floats(r->recorded, r->name, "logits", n * vocab);
    int32_t slot[MOST], sees[2 * MOST], places[MOST];
    for (int k = 0; k < MOST; k++) {
        slot[k] = 1;
        sees[2 * k] = place;
        sees[2 * k + 1] = place + (int32_t)rows;
        places[k] = place + k;
    }
    step *s;
    must(step_new(&s, r->m, r->a, STEP_GENERATE, &size, r->d, &r->e), &r->e);
    for (int64_t from = 0; from < n; from += at_once) {
        const int64_t some = n - from < at_once ? n - from : at_once;
        step_input in = {.tokens = some, .labels = some, .ids = r->ids + from, .positions = r->positions + from,
                         .slot = slot, .gather = r->gather, .source = from ? 0 : rows,
                         .source_ids = r->source_ids, .source_start = r->source_start, .source_place = places,
                         .seen = sees};
        step_run(s, &in, 0);
        near(r, "logit", step_logits(s), want + from * vocab, some * vocab);
    }
    step_free(s);
}

/* A tokenizer that spells every token by its number. */
static tokenizer *numbers(int64_t vocab)
{
    tokenizer *t;
    err e = {0};
    str json = {0};
    str_puts(&json, "{\"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [");
    for (int64_t k = 0; k < vocab; k++) str_fmt(&json, "%s[\"<%d>\", -%d]", k ? ", " : "", (int)k, (int)k + 1);
    str_puts(&json, "]}}");
    must(tokenizer_from_json(&t, str_c(&json), json.n, "numbers", &e), &e);
    str_free(&json);
    return t;
}

/* The recorded continuations, some prompts at a time. */
static void check_generated(rig *r, int64_t batch, int64_t times)
{
    const json_t *all = json_object_get(r->golden, "generated"), *rows = json_object_get(r->golden, "rows");
    const int64_t each = (int64_t)json_array_size(all), n = times * each;
    tokenizer *t = numbers(r->m->config->vocab);
    generate_prompt *prompts = xcalloc((size_t)n, sizeof *prompts);
    int32_t ids[8][64];
    for (int64_t i = 0; i < n; i++) {
        const json_t *source = json_object_get(json_array_get(rows, (size_t)(i % each)), "source");
        prompts[i] = (generate_prompt){ids[i % each], list_of(source, ids[i % each])};
    }
    const generate_options how = {.max_new_tokens = 14, .batch = batch, .how = sampling_greedy};
    generate_result g;
    must(generate_run(&g, r->m, r->a, t, prompts, n, &how, NULL, r->d, &r->e), &r->e);
    for (int64_t i = 0; i < n; i++) {
        str want = {0};
        const json_t *one = json_array_get(all, (size_t)(i % each));
        for (size_t k = 0; k < json_array_size(one); k++) {
            const long long id = (long long)json_integer_value(json_array_get(one, k));
            if (id != 1) str_fmt(&want, "<%lld>", id);
        }
        if (strcmp(g.row[i].text, str_c(&want)))
            fail_msg("%s, %s: answer %d is %s, not %s", r->name, r->which, (int)i, g.row[i].text, str_c(&want));
        str_free(&want);
    }
    generate_release(&g);
    free(prompts);
    tokenizer_close(t);
}

/* What is saved is read back to the bit, and says what PEFT says. */
static void check_saved(rig *r, const char *folder)
{
    adapter *again;
    assert_string_equal(r->a->config.task_type, "SEQ_2_SEQ_LM");
    must(adapter_save(r->a, folder, DT_F32, &r->e), &r->e);
    must(adapter_open(&again, r->m, folder, &r->e), &r->e);
    assert_int_equal(again->count, r->a->count);
    assert_memory_equal(again->param, r->a->param, r->a->count * sizeof(float));
    adapter_close(again);
}

static void check_model(const char *name, const char *file, const char *scratch)
{
    static const char *const devices[] = {"reference", "auto"};
    for (int d = 0; d < 2; d++) {
        rig *r = rig_open(name, file, devices[d]);
        if (d > 0) check_recompute(r); /* the plan is the same for all devices */
        for (int64_t n = 1; n < 4; n++) check_logits(r, n);
        check_logits(r, 64);
        for (int64_t n = 1; n < 4; n++) check_generated(r, n, 1);
        if (d > 0) check_generated(r, 300, 100); /* more than the encoder reads at once */
        check_training(r);
        check_saved(r, scratch);
        rig_close(r);
    }
}

static void test_all(void **state)
{
    char *names[WALK_MOST], *scratch = scratch_new();
    (void)state;
    const int n = walk_names(MODELS, names);
    str docs = {0};
    err e = {0};
    must(file_read(&docs, "docs/MODELS.md", 1 << 20, &e), &e);
    for (int i = 0; i < n; i++) {
        char leaf[128], key[160];
        seen = (worst){0};
        snprintf(leaf, sizeof leaf, "%s.gguf", names[i]);
        const bool has_gguf = file_exists(path_of(names[i], leaf));
        char folder[512];
        snprintf(folder, sizeof folder, "%s", path_of(names[i], ""));
        check_model(names[i], folder, scratch);
        if (has_gguf) {
            char path[512];
            snprintf(path, sizeof path, "%s", path_of(names[i], leaf));
            check_model(names[i], path, scratch);
        }
        snprintf(key, sizeof key, "| `%s` | folder%s |", names[i], has_gguf ? ", GGUF" : "");
        walk_check_row(str_c(&docs), key, &seen);
        free(names[i]);
    }
    str_free(&docs);
    scratch_free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
