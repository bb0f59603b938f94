/* test_resume.c -- a run that was stopped and resumed is the run that never was, to the bit: adapter,
 * moments, counters and log (but for times), at odd places; and only the same run goes on. */
#include "resume.h"

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

/* Every micro-batch drops what it would have dropped, and not what another one does. */
static void test_stopped_dropping(void **state)
{
    (void)state;
    rig plain, whole;
    straight(&plain, 1);
    feed.dropout = 0.3;
    straight(&whole, 2);
    for (int64_t at = 2; at < 11; at += 4) {
        rig g;
        watch w = {.at = at};
        assert_int_equal(started(&g, &w, 1), E_STOPPED);
        w.stop = 0;
        assert_int_equal(go_on(&g, &w), OK);
        same_run(whole.folder, g.folder);
        rig_close(&g);
    }
    feed.dropout = 0;
    str x = timeless_log(plain.folder), y = timeless_log(whole.folder);
    assert_true(strcmp(x.p, y.p) != 0);
    str_free(&x);
    str_free(&y);
    rig_close(&whole);
    rig_close(&plain);
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
    r.base_dropout = true;
    assert_int_equal(rig_run(&g, &r, &h, NULL, &e), E_USAGE);
    assert_non_null(strstr(e.msg, "with base_dropout none, this one has config 0 0 0 0 0"));
    r.base_dropout = false;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stopped_once),
        cmocka_unit_test(test_stopped_otherwise_fed),
        cmocka_unit_test(test_stopped_dropping),
        cmocka_unit_test(test_stopped_evaluating),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_finished),
        cmocka_unit_test(test_another_run),
    };
    return cmocka_run_group_tests_name("resume", tests, NULL, NULL);
}
