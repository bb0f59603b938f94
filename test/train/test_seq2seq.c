/* test_seq2seq.c -- tiny random models of an encoder and a decoder against transformers + PEFT
 * (test/golden/tiny_seq2seq.py): logits at once and token by token, every loss, every adapter gradient, ten
 * optimizer losses, greedy tokens of prompts that share the batch, an adapter that is saved and read again; on the
 * reference and on the fastest device, from the folder and from the GGUF file where there is one.
 *
 * The recorded numbers are those of f64, so what differs is this program's rounding alone. Each folder's errors
 * have to be within its row of docs/MODELS.md; LORAC_RECORD=1 prints such rows.
 *
 * A folder added under test/data/model/seq2seq is walked by itself. */
#include "gen/generate.h"

#include "walk.h"

#define MODELS "test/data/model/seq2seq/"

enum { MOST = 256 };

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

static const char *path_of(const char *name, const char *leaf) { return walk_path(MODELS, name, leaf); }

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

static step *train_step(const rig *r, plan_keep keep)
{
    step_size size = {.tokens = r->tokens + 9,
                      .labels = r->tokens + 5,
                      .source = r->source + 7,
                      .keep = keep,
                      .redo_blocks = 3};
    return walk_step(r->name, r->m, r->a, &size, r->d);
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
    walk_adam o = walk_adam_new(r->a, r->d);
    for (size_t t = 0; t < json_array_size(train); t++) {
        step_run(s, &in, 0);
        if (t == 0) {
            walk_near(r->name, r->which, "cross entropy", step_cross_entropy(s),
                      walk_floats(r->recorded, r->name, "cross_entropy", r->tokens), r->tokens);
            walk_gradients(r->recorded, r->name, "base_model.model.", r->a);
        }
        walk_loss(r->name, r->which, s, train, t, INFINITY);
        walk_adam_step(&o, (int64_t)t + 1);
    }
    walk_adam_free(&o);
    step_free(s);
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
        walk_near(r->name, r->which, "logit", step_logits(s), want + from * vocab, some * vocab);
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
            const bool forced = k == 0 && r->m->config->forced >= 0; /* is told to nobody */
            if (id != 1 && !forced) str_fmt(&want, "<%lld>", id);
        }
        if (strcmp(g.row[i].text, str_c(&want)))
            fail_msg("%s, %s: answer %d is %s, not %s", r->name, r->which, (int)i, g.row[i].text, str_c(&want));
        str_free(&want);
    }
    generate_release(&g);
    free(prompts);
    tokenizer_close(t);
}

static void check_model(const char *name, const char *file)
{
    static const char *const devices[] = {"reference", "auto"};
    for (int d = 0; d < 2; d++) {
        rig *r = rig_open(name, file, devices[d]);
        const step_input in = input(r);
        assert_string_equal(r->a->config.task_type, "SEQ_2_SEQ_LM"); /* as PEFT says */
        if (d > 0) walk_recompute(r, r->a, &in, train_step); /* the plan is the same for all devices */
        for (int64_t n = 1; n < 4; n++) check_logits(r, n);
        check_logits(r, 64);
        for (int64_t n = 1; n < 4; n++) check_generated(r, n, 1);
        if (d > 0) check_generated(r, 300, 100); /* more than the encoder reads at once */
        check_training(r);
        walk_saved(r->a, r->m);
        rig_close(r);
    }
}

static void check_folder(const char *name, char key[160])
{
    char leaf[128], path[512];
    snprintf(path, sizeof path, "%s", path_of(name, ""));
    check_model(name, path);
    snprintf(leaf, sizeof leaf, "%s.gguf", name);
    snprintf(path, sizeof path, "%s", path_of(name, leaf));
    const bool has_gguf = file_exists(path);
    if (has_gguf) check_model(name, path);
    snprintf(key, 160, "| `%s` | folder%s |", name, has_gguf ? ", GGUF" : "");
}

static void test_all(void **state)
{
    (void)state;
    walk_all(MODELS, check_folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
