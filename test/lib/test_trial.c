/* test_trial.c -- several trainings over one stock: the same bits as one alone, stopped and gone on with too;
 * losses row by row that add up; rows held out by their prompt. */
#include "lib/trial.h"

#include "stories.h"

#include <math.h>

static int begin(void **state)
{
    (void)state;
    dir = scratch_new();
    str rows = {0};
    for (int i = 0; i < 24; i++) /* two descriptions of every product */
        str_fmt(&rows, "{\"name\": \"%c%d\", \"text\": \"A %s thing number %d, made of %s.\"}\n", 'A' + i / 2,
                i / 2, i % 3 ? "small red" : "big", i, i % 5 ? "wood" : "stone");
    dir_write("rows.jsonl", rows.p);
    str_free(&rows);
    return 0;
}

/* A small run into dir/name; words separated by '|' are added. */
static options run_of(const char *name, const char *words)
{
    return options_of(COMMAND_TRAIN, name,
                      "--prompt_template|{name}:|--completion_column|text|--lora_r|4|--max_steps|6|--eval_split|0.25|"
                      "--learning_rate|1e-2",
                      words);
}

static str adapter_of(const options *o)
{
    str path = {0}, bytes = {0};
    err e = {0};
    str_fmt(&path, "%s/adapter_model.safetensors", o->out);
    if (file_read(&bytes, path.p, 1 << 24, &e) != OK) fail_msg("%s", e.msg);
    str_free(&path);
    return bytes;
}

static json_t *trained(stock *s, const options *o, const trial_watch *w, int expected)
{
    err e = {0};
    trial *t;
    json_t *result;
    if (trial_open(&t, s, o, NULL, &e) != OK) fail_msg("%s", e.msg);
    int code = trial_run(t, w, &result, &e);
    if (code != expected) fail_msg("%d: %s", code, e.msg);
    trial_close(t);
    return result;
}

static void same(const options *a, const options *b)
{
    str x = adapter_of(a), y = adapter_of(b);
    assert_int_equal(x.n, y.n);
    assert_memory_equal(x.p, y.p, x.n);
    str_free(&x);
    str_free(&y);
}

static void several_over_one_base(void **state)
{
    (void)state;
    options alone = run_of("alone", ""), first = run_of("first", "--quantization|nf4"),
            second = run_of("second", ""), again = run_of("again", "--quantization|nf4");
    err e = {0};
    json_t *a, *b;
    if (job_train(&alone, NULL, &a, &e) != OK) fail_msg("%s", e.msg);
    stock *s = stock_new(NULL, NULL);
    json_decref(trained(s, &first, NULL, OK));
    b = trained(s, &second, NULL, OK);
    json_decref(trained(s, &again, NULL, OK));
    same(&alone, &second);
    same(&first, &again);
    const char *const keys[] = {"train_loss", "eval_loss", "eval_loss_before"};
    for (size_t i = 0; i < 3; i++) {
        double x = json_number_value(json_object_get(a, keys[i]));
        assert_true(x > 0 && x == json_number_value(json_object_get(b, keys[i])));
    }
    json_decref(a);
    json_decref(b);
    stock_free(s);
    options_release(&alone), options_release(&first), options_release(&second), options_release(&again);
}

static int stop_at_four(void *arg, int64_t at, const evaluation *v)
{
    int64_t *seen = arg;
    assert_true(v->loss > 0);
    seen[0]++;
    seen[1] = at;
    return at >= 4;
}

static void stopped_and_gone_on_with(void **state)
{
    (void)state;
    static const int64_t at[] = {2, 4, 5};
    int64_t seen[2] = {0};
    trial_watch w = {at, 3, stop_at_four, seen};
    options whole = run_of("whole", ""), halves = run_of("halves", "");
    stock *s = stock_new(NULL, NULL);
    json_decref(trained(s, &whole, NULL, OK));
    assert_int_equal(trial_state_of(halves.out), TRIAL_NEW);
    trial_go_on(&halves);
    json_t *half = trained(s, &halves, &w, E_STOPPED);
    assert_int_equal(json_integer_value(json_object_get(half, "steps")), 4);
    json_decref(half);
    assert_int_equal(seen[0], 3); /* the epoch ends after step 3 */
    assert_int_equal(seen[1], 4);
    assert_int_equal(trial_state_of(halves.out), TRIAL_UNFINISHED);
    trial_go_on(&halves);
    json_decref(trained(s, &halves, NULL, OK));
    assert_int_equal(trial_state_of(halves.out), TRIAL_DONE);
    same(&whole, &halves);
    stock_free(s);
    options_release(&whole), options_release(&halves);
}

static void rows_add_up(void **state)
{
    (void)state;
    options o = run_of("judged", "");
    stock *s = stock_new(NULL, NULL);
    err e = {0};
    trial *t;
    json_t *result;
    trial_judged j;
    if (trial_open(&t, s, &o, NULL, &e) != OK) fail_msg("%s", e.msg);
    assert_int_equal(trial_run(t, NULL, &result, &e), OK);
    assert_int_equal(trial_judge(t, t->eval, &j, &e), OK);
    double sum = 0;
    int64_t labels = 0;
    for (int64_t i = 0; i < j.n; i++) sum += j.loss[i], labels += j.labels[i];
    assert_int_equal(labels, j.all.labels);
    double last = json_number_value(json_object_get(result, "eval_loss"));
    assert_true(fabs(sum / (double)labels - last) < 1e-12 && last > 0);
    trial_judged_free(&j);
    json_decref(result);
    trial_close(t);
    stock_free(s);
    options_release(&o);
}

/* Both parts together are the file, and no prompt is in both. */
static void held_out_by_prompt(void **state)
{
    (void)state;
    options o = run_of("split", "");
    stock *s = stock_new(NULL, NULL);
    err e = {0};
    job_model base;
    const job_rows *part[2], *once_more;
    assert_int_equal(stock_open(s, &base, &o, &e), OK);
    assert_int_equal(stock_rows(s, &part[0], o.data, ROWS_TRAINED, &o, &base, NULL, &e), OK);
    assert_int_equal(stock_rows(s, &part[1], o.data, ROWS_HELD_OUT, &o, &base, NULL, &e), OK);
    assert_int_equal(stock_rows(s, &once_more, o.data, ROWS_HELD_OUT, &o, &base, NULL, &e), OK);
    assert_ptr_equal(once_more, part[1]);
    assert_int_equal(part[0]->set.n, 18);
    assert_int_equal(part[1]->set.n, 6);
    int where[12] = {0}, lines = 0;
    for (int p = 0; p < 2; p++)
        for (int64_t i = 0; i < part[p]->set.n; i++) {
            where[(part[p]->set.line[i] - 1) / 2] |= 1 << p;
            lines++;
        }
    assert_int_equal(lines, 24);
    for (int i = 0; i < 12; i++) assert_true(where[i] == 1 || where[i] == 2);
    stock_close(s, &base);
    stock_free(s);
    options_release(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_over_one_base),
        cmocka_unit_test(stopped_and_gone_on_with),
        cmocka_unit_test(rows_add_up),
        cmocka_unit_test(held_out_by_prompt),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
