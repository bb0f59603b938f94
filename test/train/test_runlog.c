/* test_runlog.c -- log.jsonl: whole lines whatever happens, cut to what a checkpoint knew; and the keys of
 * trainer_state.json. */
#include "base/file.h"
#include "train/recipe_default.h"
#include "train/runlog.h"
#include "train/trainer_state.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

static char folder[32];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, P_tmpdir "/lorac-log-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return file_remove_tree(folder, NULL);
}

static json_t *line(int step) { return json_pack("{s:i,s:f}", "step", step, "loss", 0.1 * step); }

static void file_is(const char *want)
{
    char path[64];
    str have = {0};
    err e = {0};
    snprintf(path, sizeof path, "%s/log.jsonl", folder);
    assert_int_equal(file_read(&have, path, 1 << 20, &e), OK);
    assert_string_equal(str_c(&have), want);
    str_free(&have);
}

static void test_lines(void **state)
{
    (void)state;
    runlog l;
    err e = {0};
    assert_int_equal(runlog_open(&l, folder, NULL, &e), OK);
    file_is("");
    assert_int_equal(runlog_add(&l, line(1), &e), OK);
    file_is("{\"step\":1,\"loss\":0.1}\n");
    assert_int_equal(runlog_add(&l, line(2), &e), OK);
    file_is("{\"step\":1,\"loss\":0.1}\n{\"step\":2,\"loss\":0.2}\n");
    runlog_close(&l);
    json_t *history = json_array();
    json_array_append_new(history, line(1));
    assert_int_equal(runlog_open(&l, folder, history, &e), OK);
    file_is("{\"step\":1,\"loss\":0.1}\n");
    assert_int_equal(runlog_add(&l, line(3), &e), OK);
    file_is("{\"step\":1,\"loss\":0.1}\n{\"step\":3,\"loss\":0.3}\n");
    assert_int_equal(l.lines, 2);
    json_decref(history);
    runlog_close(&l);
}

static void test_disk_full(void **state)
{
    (void)state;
    runlog l;
    err e = {0};
    assert_int_equal(runlog_open(&l, folder, NULL, &e), OK);
    assert_int_equal(runlog_add(&l, line(1), &e), OK);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){30, RLIM_INFINITY}); /* in the middle of the second line */
    int code = runlog_add(&l, line(2), &e);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(code, E_IO);
    assert_non_null(strstr(e.msg, "log.jsonl"));
    file_is("{\"step\":1,\"loss\":0.1}\n");
    runlog_close(&l);
    e = (err){0};
    assert_int_equal(runlog_open(&l, "no-such-folder", NULL, &e), E_IO);
    runlog_close(&l);
}

/* The keys of transformers.TrainerState, in full. */
static void test_state(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "best_global_step",
        "best_metric",
        "best_model_checkpoint",
        "epoch",
        "eval_steps",
        "global_step",
        "is_hyper_param_search",
        "is_local_process_zero",
        "is_world_process_zero",
        "log_history",
        "logging_steps",
        "max_steps",
        "num_input_tokens_seen",
        "num_train_epochs",
        "save_steps",
        "stateful_callbacks",
        "total_flos",
        "train_batch_size",
        "trial_name",
        "trial_params",
    };
    char path[64];
    err e = {0};
    str history = {0};
    recipe r = recipe_default();
    r.output_dir = folder;
    trainer_state s = {
        .step = 7, .steps = 9, .epoch = 1.5, .tokens = 123, .best_step = -1, .history = &history};
    snprintf(path, sizeof path, "%s/trainer_state.json", folder);
    for (int lines = 0; lines <= 2; lines++) {
        assert_int_equal(trainer_state_write(folder, &s, &r, &e), OK);
        json_t *o = json_parse_file(path, &e);
        if (!o) fail_msg("%s", e.msg);
        assert_int_equal(json_object_size(o), sizeof keys / sizeof *keys);
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) assert_non_null(json_object_get(o, keys[k]));
        assert_int_equal(json_array_size(json_object_get(o, "log_history")), lines);
        assert_int_equal(json_integer_value(json_object_get(o, "global_step")), 7);
        assert_int_equal(json_integer_value(json_object_get(o, "max_steps")), 9);
        assert_int_equal(json_is_string(json_object_get(o, "best_model_checkpoint")), lines == 2);
        assert_int_equal(json_is_null(json_object_get(o, "best_metric")), lines == 0);
        json_decref(o);
        str_puts(&history, "{\"step\":5,\"loss\":0.5}\n");
        s.best_step = 5;
        s.best_loss = 0.25;
        s.best_saved = lines == 1;
    }
    str_free(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_state),
    };
    return cmocka_run_group_tests_name("runlog", tests, make_folder, remove_folder);
}
