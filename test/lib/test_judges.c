/* test_judges.c -- which held-out rows guide a search and which judge it at the end; and studies from before that. */
#include "lib/job.h"
#include "lib/job_rows.h"
#include "lib/stock.h"
#include "tune/db.h"

#include "stories.h"

enum { ROWS = 120, PROMPTS = 60 };

static int begin(void **state)
{
    (void)state;
    dir = scratch_new();
    str rows = {0};
    for (int i = 0; i < ROWS; i++)
        str_fmt(&rows, "{\"prompt\": \"Say %d.\", \"completion\": \" %d\"}\n", i * 7 % PROMPTS, i);
    dir_write("rows.jsonl", rows.p);
    dir_write("space.yaml", "lora_r: [2, 4]\n");
    str_free(&rows);
    return 0;
}

/* A study in dir/name; words separated by '|' are added. */
static options study_of(const char *name, const char *words)
{
    char usual[512];
    snprintf(usual, sizeof usual,
             "--eval_split|0.5|--space|%s/space.yaml|--strategy|grid|--early_stopping|none|--max_steps|2|"
             "--per_device_train_batch_size|2|--max_new_tokens|2|--final_runs|1|--final_seeds|1",
             dir);
    return options_of(COMMAND_TUNE, name, usual, words);
}

/* seen[prompt] += bit for every row of the part; how many rows there are. */
static int64_t mark(const options *o, rows_part part, int bit, int seen[PROMPTS])
{
    stock *s = stock_new(NULL, NULL);
    err e = {0};
    job_model base;
    const job_rows *r;
    if (stock_open(s, &base, o, &e)) fail_msg("%s", e.msg);
    if (stock_rows(s, &r, o->data, part, o, &base, NULL, &e)) fail_msg("%s", e.msg);
    int64_t n = r->table.rows, prompts;
    assert_int_equal(r->set.n, n);
    for (int64_t i = 0; i < n; i++) {
        str p = {0};
        assert_int_equal(shape_prompt(&r->shape, i, &p, &e), OK);
        seen[atoi(p.p + 4)] |= bit;
        str_free(&p);
    }
    assert_int_equal(job_rows_prompts(r, &prompts, &e), OK);
    int found = 0;
    for (int i = 0; i < PROMPTS; i++) found += (seen[i] & bit) != 0;
    assert_int_equal(found, prompts);
    stock_close(s, &base);
    stock_free(s);
    return n;
}

static void test_parts(void **state)
{
    (void)state;
    options o = study_of("parts", "");
    int seen[PROMPTS] = {0}, other[PROMPTS] = {0};
    assert_int_equal(mark(&o, ROWS_TRAINED, 1, seen), 60);
    assert_int_equal(mark(&o, ROWS_HELD_OUT, 2, seen), 60);
    assert_int_equal(mark(&o, ROWS_HELD_OUT | ROWS_GUIDING, 4, seen), 30);
    assert_int_equal(mark(&o, ROWS_HELD_OUT | ROWS_JUDGING, 8, seen), 30);
    for (int i = 0; i < PROMPTS; i++)
        if (seen[i] != 1 && seen[i] != 2 + 4 && seen[i] != 2 + 8) fail_msg("prompt %d is in parts %d", i, seen[i]);
    o.split_seed = 1;
    mark(&o, ROWS_HELD_OUT | ROWS_JUDGING, 8, other);
    int same = 0;
    for (int i = 0; i < PROMPTS; i++) same += (seen[i] & 8) && (other[i] & 8);
    assert_true(same < 15);
    o.split_seed = 0;
    o.judge_split = 0.2;
    memset(other, 0, sizeof other);
    assert_int_equal(mark(&o, ROWS_HELD_OUT | ROWS_JUDGING, 8, other), 12);
    assert_int_equal(mark(&o, ROWS_HELD_OUT | ROWS_GUIDING, 4, other), 48);
    memset(other, 0, sizeof other); /* of a file of their own, all rows are divided */
    o.judge_split = 0.5;
    assert_int_equal(mark(&o, ROWS_GUIDING, 4, other), 60);
    assert_int_equal(mark(&o, ROWS_JUDGING, 8, other), 60);
    for (int i = 0; i < PROMPTS; i++) assert_true(other[i] == 4 || other[i] == 8);
    options_release(&o);
}

static json_t *ran(const options *o, int want, char *why)
{
    err e = {0};
    json_t *out = NULL;
    int code = job_tune(o, NULL, &out, &e);
    if (code != want) fail_msg("%d: %s", code, e.msg);
    if (why) memcpy(why, e.msg, sizeof e.msg);
    return out;
}

static double held_out(const json_t *out, const char *key)
{
    return json_number_value(json_object_get(json_object_get(out, "held_out"), key));
}

/* A study of an earlier version has no such fact: it goes on without, and refuses to begin with it. */
static void test_before(void **state)
{
    (void)state;
    char why[sizeof((err){0}).msg], path[600];
    options o = study_of("old", "--judge_split|0");
    json_t *out = ran(&o, OK, NULL);
    assert_true(held_out(out, "share") == 0 && held_out(out, "judging") == 60 && held_out(out, "guiding") == 60);
    json_decref(out);
    options_release(&o);
    db d;
    err e = {0};
    snprintf(path, sizeof path, "%s/old/study.db", dir);
    assert_int_equal(db_open(&d, path, DB_WRITE, &e), OK);
    assert_int_equal(db_run(&d, &e, "DELETE FROM fact WHERE name = 'judge_split'", ""), OK);
    db_close(&d);
    o = study_of("old", "");
    out = ran(&o, OK, NULL);
    assert_null(json_object_get(out, "held_out"));
    json_decref(out);
    options_release(&o);
    o = study_of("old", "--judge_split|0.5");
    assert_null(ran(&o, E_USAGE, why));
    assert_non_null(strstr(why, "begun with a different judge_split"));
    options_release(&o);
}

/* The rows that the run in a folder of the study was judged on. */
static int64_t judged_on(const char *folder)
{
    char path[600];
    err e = {0};
    snprintf(path, sizeof path, "%s/new/runs/%s/run.json", dir, folder);
    json_t *o = json_parse_file(path, &e);
    if (!o) fail_msg("%s", e.msg);
    int64_t rows = json_integer_value(json_object_get(json_array_get(json_object_get(o, "data"), 1), "rows"));
    json_decref(o);
    return rows;
}

static int64_t prompts_judged(const json_t *out)
{
    const json_t *first = json_array_get(json_object_get(out, "judged"), 0);
    return json_integer_value(json_object_get(json_object_get(first, "metrics"), "prompts"));
}

/* The search is judged on the one part and everything at the end on the other, and no different when asked again. */
static void test_study(void **state)
{
    (void)state;
    options o = study_of("new", "--judge_split|0.4"), all = study_of("all", "--judge_split|0");
    json_t *out = ran(&o, OK, NULL), *whole = ran(&all, OK, NULL), *again = ran(&o, OK, NULL);
    assert_true(held_out(out, "share") == 0.4 && held_out(out, "judging") == 24 && held_out(out, "guiding") == 36);
    assert_true(json_equal(json_object_get(out, "judged"), json_object_get(again, "judged")));
    assert_int_equal(prompts_judged(out), 12);
    assert_int_equal(prompts_judged(whole), 30);
    assert_int_equal(judged_on("0/run"), 36);
    assert_int_equal(judged_on("1/run"), 36);
    json_int_t winner = json_integer_value(json_object_get(out, "winner"));
    if (winner) assert_int_equal(judged_on("0/seed-43"), 24);
    json_decref(out);
    json_decref(whole);
    json_decref(again);
    options_release(&o);
    options_release(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts), cmocka_unit_test(test_before),
                                       cmocka_unit_test(test_study)};
    return cmocka_run_group_tests(tests, begin, end);
}
