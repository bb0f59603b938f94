/* test_checkpoint.c -- what a checkpoint refuses, and which are kept and which deleted. */
#include "resume.h"

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
        cmocka_unit_test(test_broken), cmocka_unit_test(test_senseless),      cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_best),   cmocka_unit_test(test_best_not_saved), cmocka_unit_test(test_rotation),
    };
    return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
