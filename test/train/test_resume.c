/* test_resume.c -- a run that was stopped and resumed is the run that never was, to the bit: adapter,
 * moments, counters and log (but for times), at odd places; and what a checkpoint refuses, keeps and deletes.
 */
#include "train/rig.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>

typedef struct watch {
    volatile int stop;
    int64_t at;     /* stop after this step; -1: never */
    int evaluation; /* stop in the n-th evaluation from now; 0: never */
    str messages;
    int64_t saved;
    trainer_result result; /* of going on */
    rlim_t file_limit;     /* set after the first checkpoint; 0: never */
    int alarm;             /* microseconds from the first step to a signal; 0: never */
} watch;

static void on_step(void *arg, const trainer_report *report)
{
    watch *w = arg;
    if (report->step == w->at) w->stop = 1;
    if (w->alarm) setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {.tv_usec = w->alarm}}, NULL);
    w->alarm = 0;
}

static void on_evaluating(void *arg, int64_t done, int64_t rows)
{
    watch *w = arg;
    if (done < rows && w->evaluation > 0 && --w->evaluation == 0) w->stop = 1;
}

static void on_message(void *arg, const char *line)
{
    watch *w = arg;
    str_puts(&w->messages, line);
    str_putc(&w->messages, '\n');
}

static void on_saved(void *arg, const char *folder)
{
    watch *w = arg;
    (void)folder;
    w->saved++;
    if (w->file_limit) setrlimit(RLIMIT_FSIZE, &(struct rlimit){w->file_limit, RLIM_INFINITY});
}

static trainer_hooks hooks_of(watch *w)
{
    return (trainer_hooks){.arg = w,
                           .step = on_step,
                           .evaluating = on_evaluating,
                           .message = on_message,
                           .saved = on_saved,
                           .stop = &w->stop};
}

/* The lines of log.jsonl without what depends on the clock. */
static str timeless_log(const char *folder)
{
    static const char *const times[] = {
        "seconds",       "tokens_per_second",        "speed_of_light", "eval_runtime", "eval_samples_per_second",
        "train_runtime", "train_samples_per_second", "train_steps_per_second",
    };
    str out = {0};
    char *text = rig_text(folder, "log.jsonl"), *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL && *line;) {
        err e = {0};
        json_t *o = json_parse(line, strlen(line), "log.jsonl", &e);
        if (!o) fail_msg("%s: %s", e.msg, line);
        for (size_t k = 0; k < sizeof times / sizeof *times; k++) json_object_del(o, times[k]);
        char *rewritten = json_dumps(o, 0);
        str_puts(&out, rewritten);
        str_putc(&out, '\n');
        free(rewritten);
        json_decref(o);
    }
    free(text);
    return out;
}

static void same_file(const char *a, const char *b, const char *name)
{
    err e = {0};
    filemap x, y;
    char path[256];
    snprintf(path, sizeof path, "%s/%s", a, name);
    must(filemap_open(&x, path, &e), &e);
    snprintf(path, sizeof path, "%s/%s", b, name);
    must(filemap_open(&y, path, &e), &e);
    assert_int_equal(x.size, y.size);
    if (memcmp(x.data, y.data, x.size) != 0) fail_msg("%s differs", path);
    filemap_close(&x);
    filemap_close(&y);
}

/* state.json but for the seconds. */
static void same_state(const char *a, const char *b)
{
    char *text[2] = {rig_text(a, "checkpoint-11/state.json"), rig_text(b, "checkpoint-11/state.json")};
    json_t *o[2];
    for (int k = 0; k < 2; k++) {
        err e = {0};
        o[k] = json_parse(text[k], strlen(text[k]), "state.json", &e);
        assert_non_null(o[k]);
        assert_int_equal(json_object_del(json_object_get(o[k], "progress"), "seconds"), 0);
        free(text[k]);
    }
    if (!json_equal(o[0], o[1])) fail_msg("state.json differs");
    json_decref(o[0]);
    json_decref(o[1]);
}

static void same_run(const char *a, const char *b)
{
    same_file(a, b, "checkpoint-11/adapter_model.safetensors");
    same_file(a, b, "checkpoint-11/optimizer.safetensors");
    same_state(a, b);
    str x = timeless_log(a), y = timeless_log(b);
    assert_string_equal(x.p, y.p);
    str_free(&x);
    str_free(&y);
}

static recipe saving_recipe(const rig *g)
{
    recipe r = rig_recipe(g);
    r.save_strategy = WHEN_STEPS;
    r.save_steps = 5;
    return r;
}

/* Puts a line at the end of the log that the checkpoint knows nothing of: it has to be cut away. */
static void spoil_log(const rig *g)
{
    char path[256];
    snprintf(path, sizeof path, "%s/log.jsonl", g->folder);
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    fputs("{\"step\":99,\"loss\":1.0}\n{\"step\":1", f);
    fclose(f);
}

/* Goes on from the newest checkpoint of g, in a new trainer, with an adapter that knows nothing. */
static int go_on(rig *g, watch *w)
{
    err e;
    recipe r = saving_recipe(g);
    trainer_hooks h = hooks_of(w);
    char *from = snapshot_newest(g->folder);
    rig_adapter(g, 77);
    spoil_log(g);
    r.resume_from_checkpoint = from;
    int code = rig_run(g, &r, &h, &w->result, &e);
    if (code != OK && code != E_STOPPED) fail_msg("%s", e.msg);
    str_free(&w->messages);
    free(from);
    return code;
}

/* How the rows are fed to the runs of a test. */
static struct {
    bool packing;
    recipe_sampling sampling;
} feed;

static void open_fed(rig *g, int threads)
{
    rig_open(g, "cpu", threads);
    g->packing = feed.packing;
    g->sampling = feed.sampling;
}

static trainer_result straight(rig *g, int threads)
{
    err e;
    open_fed(g, threads);
    recipe r = saving_recipe(g);
    trainer_result result;
    must(rig_run(g, &r, NULL, &result, &e), &e);
    assert_int_equal(result.steps, 11);
    assert_true(rig_has(g, "checkpoint-5/state.json") && rig_has(g, "checkpoint-10/trainer_state.json"));
    return result;
}

static int started(rig *g, watch *w, int threads)
{
    err e;
    open_fed(g, threads);
    recipe r = saving_recipe(g);
    trainer_hooks h = hooks_of(w);
    int code = rig_run(g, &r, &h, NULL, &e);
    if (code == E_STOPPED && !strstr(e.msg, "checkpoint-"))
        fail_msg("\"%s\" does not say how to go on", e.msg);
    return code;
}

/* Mid-epoch, mid-window of the log, at an epoch's end, at a checkpoint, before the last evaluation. */
static void test_stopped_once(void **state)
{
    (void)state;
    rig whole;
    trainer_result all = straight(&whole, 1);
    assert_int_equal(all.examples, 13 + 13 + 12); /* two epochs, and three of the four steps of another */
    for (int64_t at = 1; at <= 11; at++) {
        rig g;
        watch w = {.at = at};
        assert_int_equal(started(&g, &w, at % 2 ? 2 : 1), E_STOPPED);
        w.stop = 0;
        assert_int_equal(go_on(&g, &w), OK);
        same_run(whole.folder, g.folder);
        assert_true(w.result.examples == all.examples && w.result.labels == all.labels);
        assert_true(w.result.tokens == all.tokens && w.result.train_loss == all.train_loss);
        rig_close(&g);
    }
    rig_close(&whole);
}

static void test_stopped_otherwise_fed(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        rig whole, g;
        watch w = {.at = 6};
        feed.packing = k == 2;
        feed.sampling = k == 1 ? SAMPLING_BY_LENGTH : k == 0 ? SAMPLING_SEQUENTIAL : SAMPLING_RANDOM;
        straight(&whole, 2);
        assert_int_equal(started(&g, &w, 1), E_STOPPED);
        w.stop = 0;
        assert_int_equal(go_on(&g, &w), OK);
        same_run(whole.folder, g.folder);
        rig_close(&g);
        rig_close(&whole);
    }
    feed.packing = false;
    feed.sampling = SAMPLING_RANDOM;
}

/* In the evaluation before the first step, and in that of an epoch's end. */
static void test_stopped_evaluating(void **state)
{
    (void)state;
    rig whole;
    straight(&whole, 1);
    for (int nth = 1; nth <= 5; nth += 2) {
        rig g;
        watch w = {.at = -1, .evaluation = nth};
        assert_int_equal(started(&g, &w, 1), E_STOPPED);
        w.stop = 0;
        assert_int_equal(go_on(&g, &w), OK);
        same_run(whole.folder, g.folder);
        rig_close(&g);
    }
    rig_close(&whole);
}

static watch *alarmed;

static void on_alarm(int unused)
{
    (void)unused;
    alarmed->stop = 1;
}

/* A signal in every process that goes on, wherever it falls: between micro-batches too. */
static void test_signals(void **state)
{
    (void)state;
    rig whole, g;
    watch w = {.at = -1, .alarm = 50};
    straight(&whole, 1);
    alarmed = &w;
    signal(SIGALRM, on_alarm);
    int stops = 0, code = started(&g, &w, 2);
    for (; code == E_STOPPED; code = go_on(&g, &w)) {
        stops++;
        w.stop = 0;
        w.alarm = 50 + 170 * stops;
    }
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0}}, NULL);
    signal(SIGALRM, SIG_DFL);
    assert_int_equal(code, OK);
    assert_true(stops > 0);
    same_run(whole.folder, g.folder);
    rig_close(&g);
    rig_close(&whole);
}

/* Resuming where the run was complete changes nothing. */
static void test_finished(void **state)
{
    (void)state;
    rig whole, g;
    watch w = {.at = -1};
    straight(&whole, 2);
    straight(&g, 1);
    assert_int_equal(go_on(&g, &w), OK);
    assert_int_equal(w.saved, 0);
    assert_true(w.result.token_accuracy > 0);
    same_run(whole.folder, g.folder);
    rig_close(&g);
    rig_close(&whole);
}

static void test_another_run(void **state)
{
    (void)state;
    rig g;
    err e;
    watch w = {.at = -1};
    straight(&g, 1);
    trainer_hooks h = hooks_of(&w);
    char *from = snapshot_newest(g.folder);
    recipe r = saving_recipe(&g);
    r.resume_from_checkpoint = from;
    r.seed = 43;
    assert_int_equal(rig_run(&g, &r, &h, NULL, &e), E_USAGE);
    assert_non_null(strstr(e.msg, "seed 42"));
    r.seed = 42;
    r.gradient_accumulation_steps = 3;
    assert_int_equal(rig_run(&g, &r, &h, NULL, &e), E_USAGE);
    assert_non_null(strstr(e.msg, "gradient_accumulation_steps"));
    r = saving_recipe(&g);
    r.resume_from_checkpoint = from;
    g.train.ids[20] ^= 1;
    assert_int_equal(rig_run(&g, &r, &h, NULL, &e), E_USAGE);
    assert_non_null(strstr(e.msg, "data"));
    g.train.ids[20] ^= 1;
    r.learning_rate = 5e-3;
    r.num_train_epochs = 3;
    must(rig_run(&g, &r, &h, NULL, &e), &e);
    assert_non_null(strstr(str_c(&w.messages), "learning_rate was 0.01"));
    assert_non_null(strstr(str_c(&w.messages), "steps was 11 when the checkpoint was made and is 12 now"));
    r.resume_from_checkpoint = "no-such-folder";
    assert_int_equal(rig_run(&g, &r, &h, NULL, &e), E_IO);
    assert_non_null(strstr(e.msg, "no-such-folder"));
    str_free(&w.messages);
    free(from);
    rig_close(&g);
}

/* Cuts a file of the checkpoint in half: an error that names it, never a crash. */
static void test_broken(void **state)
{
    (void)state;
    static const char *const files[] = {"state.json", "optimizer.safetensors", "adapter_model.safetensors",
                                        "trainer_state.json", "adapter_config.json"};
    for (size_t k = 0; k < sizeof files / sizeof *files; k++) {
        rig g;
        err e;
        filemap m;
        str path = {0};
        straight(&g, 1);
        recipe r = saving_recipe(&g);
        char *from = snapshot_newest(g.folder);
        r.resume_from_checkpoint = from;
        str_fmt(&path, "%s/%s", from, files[k]);
        e = (err){0};
        must(filemap_open(&m, path.p, &e), &e);
        assert_int_equal(truncate(path.p, (off_t)(m.size / 2)), 0);
        filemap_close(&m);
        assert_int_equal(rig_run(&g, &r, NULL, NULL, &e), E_FORMAT);
        if (!strstr(e.msg, files[k]) && !strstr(e.msg, from))
            fail_msg("\"%s\" does not name %s", e.msg, files[k]);
        str_free(&path);
        free(from);
        rig_close(&g);
    }
}

/* Replaces the text once in a file of the newest checkpoint; what resuming from it then says. */
static void refuse_changed(const char *file, const char *from, const char *to, const char *message)
{
    rig g;
    err e = {0};
    str path = {0}, text = {0}, changed = {0};
    straight(&g, 1);
    recipe r = saving_recipe(&g);
    char *newest = snapshot_newest(g.folder);
    r.resume_from_checkpoint = newest;
    str_fmt(&path, "%s/%s", newest, file);
    must(file_read(&text, path.p, 1 << 20, &e), &e);
    const char *at = strstr(text.p, from);
    assert_non_null(at);
    str_add(&changed, text.p, (size_t)(at - text.p));
    str_puts(&changed, to);
    str_puts(&changed, at + strlen(from));
    must(file_write(path.p, changed.p, changed.n, &e), &e);
    assert_int_equal(rig_run(&g, &r, NULL, NULL, &e), E_FORMAT);
    if (!strstr(e.msg, message)) fail_msg("no \"%s\" in: %s", message, e.msg);
    str_free(&path);
    str_free(&text);
    str_free(&changed);
    free(newest);
    rig_close(&g);
}

/* Valid JSON that makes no sense: an error too. */
static void test_senseless(void **state)
{
    (void)state;
    refuse_changed("trainer_state.json", "\"log_history\": [", "\"log_history\": [1, ", "no list of lines");
    refuse_changed("state.json", "\"batch\": ", "\"batch\": 99", "no micro-batch 99");
}

/* A disk that fills up: an error, the checkpoints that were there whole, no half of one. */
static void test_disk_full(void **state)
{
    (void)state;
    rig g;
    err e;
    rig_open(&g, "cpu", 1);
    recipe r = saving_recipe(&g);
    watch w = {.at = -1, .file_limit = 8000}; /* the moments take more */
    trainer_hooks h = hooks_of(&w);
    signal(SIGXFSZ, SIG_IGN);
    int code = rig_run(&g, &r, &h, NULL, &e);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(code, E_IO);
    assert_non_null(strstr(e.msg, "checkpoint-10"));
    assert_true(rig_has(&g, "checkpoint-5/optimizer.safetensors"));
    assert_false(rig_has(&g, "checkpoint-10") || rig_has(&g, "checkpoint-10.tmp"));
    w.file_limit = 0;
    assert_int_equal(go_on(&g, &w), OK);
    rig whole;
    straight(&whole, 1);
    same_run(whole.folder, g.folder);
    rig_close(&whole);
    rig_close(&g);
}

/* A learning rate that ruins the model: the best is an early one, and it is kept and comes back. */
static void test_best(void **state)
{
    (void)state;
    rig g;
    err e;
    rig_open(&g, "cpu", 1);
    recipe r = rig_recipe(&g);
    r.learning_rate = 0.05;
    r.lr_scheduler_type = SCHEDULE_CONSTANT;
    r.max_grad_norm = 0;
    r.eval_strategy = WHEN_STEPS;
    r.eval_steps = 1;
    r.save_strategy = WHEN_STEPS;
    r.save_steps = 1;
    r.save_total_limit = 2;
    r.load_best_model_at_end = true;
    trainer *t;
    trainer_result result;
    e = (err){0};
    must(trainer_new(&t, g.m, g.a, &g.train, &g.eval, &r, g.d, &e), &e);
    must(trainer_run(t, NULL, &result, &e), &e);
    must(trainer_save(t, DT_F32, &e), &e);
    trainer_free(t);
    assert_true(result.best_step >= 1 && result.best_step < 9); /* else the test shows nothing */
    for (int64_t k = 1; k <= 11; k++) {
        char name[64];
        snprintf(name, sizeof name, "checkpoint-%d", (int)k);
        assert_int_equal(rig_has(&g, name), k == result.best_step || k == 11);
    }
    char best[128];
    snprintf(best, sizeof best, "%s/checkpoint-%d", g.folder, (int)result.best_step);
    same_file(g.folder, best, "adapter_model.safetensors");
    char *text = rig_text(g.folder, "trainer_state.json");
    json_t *o = json_parse(text, strlen(text), "trainer_state.json", &e);
    assert_string_equal(json_string_value(json_object_get(o, "best_model_checkpoint")), best);
    assert_int_equal(json_integer_value(json_object_get(o, "global_step")), 11);
    double lowest = INFINITY, x;
    size_t k;
    json_t *line;
    json_array_foreach(json_object_get(o, "log_history"), k, line)
    {
        if (!json_object_get(line, "eval_loss") || !json_integer_value(json_object_get(line, "step")))
            continue;
        x = json_number_value(json_object_get(line, "eval_loss"));
        if (x < lowest) lowest = x;
    }
    assert_true(fabs(lowest - json_number_value(json_object_get(o, "best_metric"))) < 1e-8);
    json_decref(o);
    free(text);
    rig_close(&g);
}

/* Without checkpoints trainer_state.json knows the best loss, and names no folder that is not there. */
static void test_best_not_saved(void **state)
{
    (void)state;
    rig g;
    err e = {0};
    trainer *t;
    trainer_result result;
    rig_open(&g, "cpu", 1);
    recipe r = rig_recipe(&g);
    must(trainer_new(&t, g.m, g.a, &g.train, &g.eval, &r, g.d, &e), &e);
    must(trainer_run(t, NULL, &result, &e), &e);
    must(trainer_save(t, DT_F32, &e), &e);
    trainer_free(t);
    char *text = rig_text(g.folder, "trainer_state.json");
    json_t *o = json_parse(text, strlen(text), "trainer_state.json", &e);
    assert_int_equal(json_integer_value(json_object_get(o, "best_global_step")), result.best_step);
    assert_true(json_is_null(json_object_get(o, "best_model_checkpoint")));
    json_decref(o);
    free(text);
    rig_close(&g);
}

static void test_rotation(void **state)
{
    (void)state;
    err e = {0};
    char folder[] = P_tmpdir "/lorac-train-XXXXXX", path[128];
    assert_non_null(mkdtemp(folder));
    static const char *const names[] = {"checkpoint-2",     "checkpoint-10",   "checkpoint-9",
                                        "checkpoint-30",    "checkpoint-1000", "checkpoint-5x",
                                        "checkpoint-4.tmp", "checkpoint-",     "other"};
    enum { NAMES = sizeof names / sizeof *names };
    const bool kept[NAMES] = {true, false, false, true, true, true, true, true, true};
    for (int k = 0; k < NAMES; k++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[k]);
        must(file_mkdirs(path, &e), &e);
    }
    must(snapshot_rotate(folder, 0, 30, 2, &e), &e);
    must(snapshot_rotate(folder, 2, 30, 2, &e), &e); /* 1000 is of another run, 2 the best */
    for (int k = 0; k < NAMES; k++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[k]);
        if (file_exists(path) != kept[k]) fail_msg("%s is%s there", path, kept[k] ? " not" : "");
    }
    must(snapshot_rotate(folder, 1, 30, 2, &e),
         &e); /* the step's own stays, though the best is one already */
    for (int k = 0; k < NAMES; k++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[k]);
        if (file_exists(path) != kept[k]) fail_msg("%s is%s there", path, kept[k] ? " not" : "");
    }
    char *newest = snapshot_newest(folder);
    snprintf(path, sizeof path, "%s/checkpoint-1000", folder);
    assert_string_equal(newest, path);
    free(newest);
    must(file_remove_tree(folder, &e), &e);
    assert_null(snapshot_newest(folder));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stopped_once),
        cmocka_unit_test(test_stopped_otherwise_fed),
        cmocka_unit_test(test_stopped_evaluating),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_finished),
        cmocka_unit_test(test_another_run),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_senseless),
        cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_best),
        cmocka_unit_test(test_best_not_saved),
        cmocka_unit_test(test_rotation),
    };
    return cmocka_run_group_tests_name("resume", tests, NULL, NULL);
}
