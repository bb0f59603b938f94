/* test_study.c -- a study on disk: what is claimed once, what survives a kill, what is told of a damaged
 * one. */
#include "tune/study.h"

#include "base/file.h"
#include "scratch.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static space the_space;
static search how = {STRATEGY_RANDOM, EARLY_HALVING, 3, 1, 1};
static const objective by_loss = {"eval_loss", false};
static study_rules rules = {&the_space, &how, &by_loss, 1, 3, 0, 0, 0};

static int begin(void **state)
{
    err e = {0};
    json_t *d = json_loads("{\"lr\": {\"log\": [1e-5, 1e-1]}, \"r\": [4, 8, 16]}", 0, NULL);
    assert_int_equal(space_read(&the_space, d, NULL, &e), OK);
    json_decref(d);
    *state = scratch_new();
    return 0;
}

static int end(void **state)
{
    scratch_free(*state);
    space_release(&the_space);
    return 0;
}

static json_t *facts_with(const char *seed)
{
    return json_pack("{s:{s:[f,f]}, s:s}", "space", "lr", 1e-5, 1e-1, "seed", seed);
}

static study *open_it(const char *folder)
{
    study *s = NULL;
    err e = {0};
    json_t *facts = facts_with("1");
    if (study_open(&s, folder, STUDY_MAKE, facts, &e)) fail_msg("%s", e.msg);
    json_decref(facts);
    return s;
}

static study_task claim(study *s)
{
    study_task t;
    err e = {0};
    if (study_claim(s, &rules, &t, &e)) fail_msg("%s", e.msg);
    return t;
}

static void report(study *s, const study_task *t, double loss, run_state now)
{
    err e = {0};
    json_t *m = json_pack("{s:f, s:f}", "eval_loss", loss, "tokens", 100.0);
    if (study_report(s, t->run, t->rung, m, now, NULL, &e)) fail_msg("%s", e.msg);
    json_decref(m);
}

static void runs_are_claimed_reported_and_remembered(void **state)
{
    study *s = open_it(*state);
    study_task a = claim(s), b = claim(s);
    assert_int_equal(a.run, 0);
    assert_int_equal(b.run, 1);
    report(s, &a, 3, RUN_PAUSED);
    report(s, &b, 2, RUN_PAUSED);
    study_close(s);
    s = open_it(*state);
    history h;
    err e = {0};
    assert_int_equal(study_history(s, &rules, &h, &e), OK);
    assert_int_equal(h.n, 2);
    assert_true(h.run[1].value[0][0] == 2 && h.run[1].rung == 0 && h.run[1].state == RUN_PAUSED);
    assert_true(isinf(h.run[1].value[1][0]));
    assert_true(space_same(&the_space, &h.run[1].at, &b.at));
    history_release(&h);
    study_task c = claim(s); /* run 0 goes on in any case */
    assert_int_equal(c.run, 0);
    assert_int_equal(c.rung, 1);
    study_spent spent;
    assert_int_equal(study_spent_so_far(s, &spent, &e), OK);
    assert_true(spent.tokens == 200 && spent.runs == 2);
    study_close(s);
}

/* A run given back is claimed next, and a limit of runs begins no further one. */
static void what_is_given_back_comes_next(void **state)
{
    study *s = open_it(*state);
    err e = {0};
    study_task a = claim(s);
    assert_int_equal(study_end(s, a.run, RUN_PAUSED, 0, NULL, &e), OK);
    study_task b = claim(s);
    assert_true(b.run == a.run && b.rung == 0 && b.taken_up);
    rules.runs = 1;
    assert_int_equal(claim(s).what, MOVE_WAIT);
    assert_int_equal(study_end(s, b.run, RUN_DIVERGED, 250, "NaN", &e), OK);
    assert_int_equal(claim(s).what, MOVE_NOTHING);
    assert_int_equal(study_end(s, b.run, RUN_DIVERGED, 0, NULL, &e), E_IO); /* it is held no more */
    rules.runs = 0;
    json_t *runs;
    e = (err){0};
    study_spent spent;
    assert_int_equal(study_spent_so_far(s, &spent, &e), OK);
    assert_true(spent.tokens == 250); /* of a run that was never judged */
    rules.tokens = 250;
    assert_int_equal(claim(s).what, MOVE_NOTHING);
    rules.tokens = 0;
    assert_int_equal(study_runs_json(s, &runs, &e), OK);
    assert_string_equal(json_string_value(json_object_get(json_array_get(runs, 0), "why")), "NaN");
    json_decref(runs);
    study_close(s);
}

/* Killed while it holds a run: whoever comes next takes the run up. */
static void a_killed_process_loses_its_claim(void **state)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (!child) {
        study *s = open_it(*state);
        study_task t = claim(s);
        if (write(ready[1], &t.run, sizeof t.run) < 0) _exit(1);
        pause();
        _exit(0);
    }
    int64_t held;
    assert_int_equal(read(ready[0], &held, sizeof held), sizeof held);
    study *s = open_it(*state);
    study_task other = claim(s);
    assert_true(other.run != held && !other.taken_up);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    study_task taken = claim(s);
    assert_true(taken.run == held && taken.taken_up);
    study_close(s);
    close(ready[0]), close(ready[1]);
}

/* Several processes work on one study; every claim of a rung is had by one of them. */
static void no_two_processes_get_the_same_run(void **state)
{
    enum { PROCESSES = 3, RUNS = 12 };
    int out[2];
    assert_int_equal(pipe(out), 0);
    rules.runs = RUNS;
    for (int p = 0; p < PROCESSES; p++) {
        if (fork()) continue;
        study *s = open_it(*state);
        for (study_task t = claim(s); t.what != MOVE_NOTHING; t = claim(s)) {
            int32_t had[2] = {(int32_t)t.run, t.rung};
            if (t.what == MOVE_WAIT) {
                usleep(1000); /* or those who wait keep the database busy */
                continue;
            }
            if (write(out[1], had, sizeof had) < 0) _exit(1);
            report(s, &t, (double)((t.run + 1) * 7 % 12), t.rung == 2 ? RUN_DONE : RUN_PAUSED);
        }
        study_close(s);
        _exit(0);
    }
    close(out[1]);
    int32_t had[2], count[RUNS][3] = {{0}};
    while (read(out[0], had, sizeof had) == sizeof had) count[had[0]][had[1]]++;
    int begun = 0, ended = 0, status;
    for (int i = 0; i < RUNS; i++) {
        begun += count[i][0] == 1, ended += count[i][2] == 1;
        for (int k = 0; k < 3; k++) assert_true(count[i][k] <= 1);
    }
    assert_int_equal(begun, RUNS);
    assert_true(ended >= 2); /* run 0, and the best */
    while (wait(&status) > 0) assert_int_equal(status, 0);
    close(out[0]);
    rules.runs = 0;
}

static void final_judgements_are_claimed_once(void **state)
{
    study *s = open_it(*state);
    err e = {0};
    move what;
    claim(s);
    assert_int_equal(study_claim_final(s, 0, "seed", 43, &what, &e), OK);
    assert_int_equal(what, MOVE_BEGIN);
    assert_int_equal(study_claim_final(s, 0, "seed", 43, &what, &e), OK);
    assert_int_equal(what, MOVE_WAIT);
    assert_null(study_final(s, 0, "seed", 43, &e));
    json_t *m = json_pack("{s:f}", "eval_loss", 1.5);
    assert_int_equal(study_report_final(s, 0, "seed", 43, m, &e), OK);
    json_decref(m);
    assert_int_equal(study_claim_final(s, 0, "seed", 43, &what, &e), OK);
    assert_int_equal(what, MOVE_NOTHING);
    m = study_final(s, 0, "seed", 43, &e);
    assert_float_equal(json_number_value(json_object_get(m, "eval_loss")), 1.5, 0);
    json_decref(m);
    study_close(s);
}

static void expect_failure(const char *folder, int code, const char *part)
{
    study *s = NULL;
    err e = {0};
    json_t *facts = facts_with("1");
    assert_int_equal(study_open(&s, folder, STUDY_MAKE, facts, &e), code);
    if (!strstr(e.msg, part)) fail_msg("\"%s\" does not say \"%s\"", e.msg, part);
    assert_null(strchr(e.msg, '\n'));
    json_decref(facts);
}

static void another_study_is_refused(void **state)
{
    study *s = open_it(*state);
    study_close(s);
    s = NULL;
    err e = {0};
    json_t *facts = facts_with("2");
    assert_int_equal(study_open(&s, *state, STUDY_MAKE, facts, &e), E_USAGE);
    assert_non_null(strstr(e.msg, "begun with a different seed (was \"1\", is \"2\")"));
    json_decref(facts);
    e = (err){0};
    facts = json_pack("{s:{s:[f,f]}, s:s}", "space", "lr", 1e-5, 1.0, "seed", "1");
    assert_int_equal(study_open(&s, *state, STUDY_MAKE, facts, &e), E_USAGE);
    if (!strstr(e.msg, "begun with a different space (lr was [1e-5,0.1], is [1e-5,1.0])"))
        fail_msg("%s", e.msg);
    json_decref(facts);
}

static void damage_is_told(void **state)
{
    str path = {0};
    err e = {0};
    str_fmt(&path, "%s/study.db", (char *)*state);
    study *s = NULL;
    assert_int_equal(study_open(&s, *state, STUDY_LOOK, NULL, &e), E_IO);
    assert_non_null(strstr(e.msg, "there is no study"));
    assert_int_equal(file_write(path.p, "this is no database, but some text that is long enough", 54,
                                &(err){0}), OK);
    expect_failure(*state, E_FORMAT, "is damaged or no SQLite file");
    unlink(path.p);
    s = open_it(*state);
    claim(s);
    study_close(s);
    FILE *f = fopen(path.p, "r+b"); /* what follows the header */
    fseek(f, 100, SEEK_SET);
    for (int i = 0; i < 4000; i++) fputc(0xa5, f);
    fclose(f);
    expect_failure(*state, E_FORMAT, "study.db: ");
    str_free(&path);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(runs_are_claimed_reported_and_remembered),
        EACH(what_is_given_back_comes_next),
        EACH(a_killed_process_loses_its_claim),
        EACH(no_two_processes_get_the_same_run),
        EACH(final_judgements_are_claimed_once),
        EACH(another_study_is_refused),
        EACH(damage_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
