/* test_schedule.c -- learning rates against those recorded from transformers (test/data/train/). */
#include "base/json.h"
#include "train/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static json_t *recorded(void)
{
    err e = {0};
    json_t *o = json_parse_file("test/data/train/schedule.json", &e);
    if (!o) fail_msg("%s", e.msg);
    return o;
}

static schedule_options options_of(const json_t *o)
{
    schedule_options s = SCHEDULE_DEFAULTS;
    s.num_cycles = json_num(o, "num_cycles", -1, "options", NULL);
    s.power = json_num(o, "power", -1, "options", NULL);
    s.lr_end = json_num(o, "lr_end", -1, "options", NULL);
    s.min_lr = json_num(o, "min_lr", -1, "options", NULL);
    s.min_lr_rate =
        json_num(o, "min_lr_rate", json_num(o, "min_lr_ratio", -1, "options", NULL), "options", NULL);
    s.num_decay_steps = json_int(o, "num_decay_steps", -1, "options", NULL);
    return s;
}

/* Both sides compute in double; only the order of a few operations may differ. */
static void test_rates(void **state)
{
    (void)state;
    json_t *all = recorded(), *c;
    size_t k;
    int seen[SCHEDULE_COUNT] = {0};
    json_array_foreach(json_object_get(all, "schedules"), k, c)
    {
        err e = {0};
        schedule s;
        schedule_options o = options_of(json_object_get(c, "options"));
        const char *name = json_text(c, "name", "", "case", &e);
        double lr = json_num(c, "lr", 0, "case", &e);
        schedule_type type = schedule_find(name);
        assert_int_not_equal(type, SCHEDULE_COUNT);
        seen[type]++;
        int64_t warmup = json_int(c, "warmup", 0, "case", &e), steps = json_int(c, "steps", 0, "case", &e);
        assert_int_equal(schedule_init(&s, type, lr, warmup, steps, &o, &e), OK);
        const json_t *rates = json_object_get(c, "rates");
        for (size_t i = 0; i < json_array_size(rates); i++) {
            double want = json_number_value(json_array_get(rates, i)),
                   got = lr * schedule_factor(&s, (int64_t)i);
            if (!(fabs(want - got) <= 1e-15 * lr))
                fail_msg("%s W %d T %d step %zu: %.17g, not %.17g", name, (int)warmup, (int)steps, i, got,
                         want);
        }
    }
    for (int t = 0; t < SCHEDULE_COUNT; t++) assert_true(seen[t] > 0);
    json_decref(all);
}

static void test_warmup(void **state)
{
    (void)state;
    json_t *all = recorded(), *c;
    size_t k;
    json_array_foreach(json_object_get(all, "warmups"), k, c)
    {
        double asked = json_number_value(json_array_get(c, 0));
        int64_t steps = json_integer_value(json_array_get(c, 1));
        assert_int_equal(schedule_warmup(asked, 0, steps), json_integer_value(json_array_get(c, 2)));
    }
    assert_int_equal(schedule_warmup(0, 0.03, 101), 4);
    assert_int_equal(schedule_warmup(5, 0.5, 100), 5);
    json_decref(all);
}

static void refused(schedule_type type, double lr, schedule_options o, const char *word)
{
    err e = {0};
    schedule s;
    assert_int_equal(schedule_init(&s, type, lr, 0, 10, &o, &e), E_USAGE);
    if (!strstr(e.msg, word)) fail_msg("\"%s\" does not say %s", e.msg, word);
}

static void test_refused(void **state)
{
    (void)state;
    schedule_options o = SCHEDULE_DEFAULTS;
    refused(SCHEDULE_LINEAR, NAN, o, "learning_rate");
    refused(SCHEDULE_LINEAR, -1, o, "learning_rate");
    refused(SCHEDULE_COSINE_WITH_MIN_LR, 1e-3, o, "min_lr");
    refused(SCHEDULE_WARMUP_STABLE_DECAY, 1e-3, o, "num_decay_steps");
    refused(SCHEDULE_POLYNOMIAL, 1e-8, o, "lr_end");
    o.min_lr = 1;
    refused(SCHEDULE_COSINE_WITH_MIN_LR, 1e-3, o, "above");
    o.min_lr_rate = 0.1;
    refused(SCHEDULE_COSINE_WITH_MIN_LR, 1e-3, o, "one of the two");
    o = SCHEDULE_DEFAULTS;
    o.min_lr = 1e-5;
    refused(SCHEDULE_LINEAR, 1e-3, o, "lr_scheduler_type linear has no min_lr;");
    o = SCHEDULE_DEFAULTS;
    o.num_cycles = 2;
    refused(SCHEDULE_POLYNOMIAL, 1e-3, o, "has no num_cycles");
    assert_int_equal(schedule_find("nonsense"), SCHEDULE_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_warmup),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
