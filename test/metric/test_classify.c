/* test_classify.c -- scores of classifiers against numbers worked out by hand, and of entities against seqeval's
 * (test/data/metric/entities.json, by test/golden/entities.py). */
#include "metric/classify.h"

#include "base/json.h"
#include "metric/entity.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void near(double have, double want)
{
    if (!(fabs(have - want) < 1e-12)) fail_msg("%.15g, not %.15g", have, want);
}

/* Class 3 occurs nowhere and counts for nothing; class 2 is only predicted. */
static void test_one(void **state)
{
    (void)state;
    static const int truth[] = {0, 0, 0, 1, 1, 0}, said[] = {0, 0, 1, 1, 2, 0};
    class_tally t;
    class_tally_init(&t, 4);
    for (int round = 0; round < 2; round++) {
        class_tally_clear(&t);
        for (int i = 0; i < 6; i++) class_tally_one(&t, truth[i], said[i]);
    }
    class_scores s = class_tally_scores(&t);
    assert_int_equal(s.n, 6);
    near(s.accuracy, 4.0 / 6);
    near(s.macro_f1, (6.0 / 7 + 0.5 + 0) / 3);
    near(s.micro_f1, 4.0 / 6);
    assert_true(isnan(s.mse) && isnan(s.pearson));
    class_tally_release(&t);
}

static void test_several(void **state)
{
    (void)state;
    class_tally t;
    class_tally_init(&t, 3);
    class_tally_several(&t, (float[]){1, 0, 1}, (float[]){2, -1, 0.5f});
    class_tally_several(&t, (float[]){1, 1, 0}, (float[]){2, 0, 1});
    class_scores s = class_tally_scores(&t);
    near(s.accuracy, 0.5);
    near(s.micro_f1, 6.0 / 8);
    near(s.macro_f1, (1 + 0 + 2.0 / 3) / 3);
    class_tally_release(&t);
}

static void test_value(void **state)
{
    (void)state;
    static const double truth[] = {1, 2, 3, 4}, said[] = {1, 3, 2, 5};
    class_tally t;
    class_tally_init(&t, 0);
    assert_true(isnan(class_tally_scores(&t).mse));
    for (int i = 0; i < 4; i++) class_tally_value(&t, truth[i], said[i]);
    class_scores s = class_tally_scores(&t);
    near(s.mse, 0.75);
    near(s.pearson, 5.5 / sqrt(5 * 8.75));
    assert_true(isnan(s.accuracy));
    class_tally_clear(&t);
    for (int i = 0; i < 4; i++) class_tally_value(&t, truth[i], 7);
    assert_true(isnan(class_tally_scores(&t).pearson)); /* predictions that do not vary */
    class_tally_release(&t);
}

static int64_t labels_of(const json_t *list, int32_t *out)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        out[i] = (int32_t)json_integer_value(json_array_get(list, i));
    return (int64_t)json_array_size(list);
}

static void check_scores(const entity_scores *s, const json_t *want)
{
    near(s->precision, json_number_value(json_array_get(want, 0)));
    near(s->recall, json_number_value(json_array_get(want, 1)));
    near(s->f1, json_number_value(json_array_get(want, 2)));
    near((double)s->there, json_number_value(json_array_get(want, 3)));
}

static void check_case(const json_t *one)
{
    const json_t *names = json_object_get(one, "labels"), *rows = json_object_get(one, "rows"), *row;
    const json_t *expected = json_object_get(one, "expected");
    const char *label[16];
    int32_t truth[16], said[16];
    size_t k;
    for (k = 0; k < json_array_size(names); k++) label[k] = json_string_value(json_array_get(names, k));
    entity_tags tags;
    entity_tally t;
    assert_true(entity_tags_init(&tags, label, (int64_t)k));
    entity_tally_init(&t, &tags);
    for (int round = 0; round < 2; round++) {
        entity_tally_clear(&t);
        json_array_foreach(rows, k, row) {
            const int64_t n = labels_of(json_array_get(row, 0), truth);
            assert_int_equal(labels_of(json_array_get(row, 1), said), n);
            entity_tally_row(&t, truth, said, n);
        }
    }
    entity_scores s = entity_tally_scores(&t, -1);
    check_scores(&s, json_object_get(expected, "micro"));
    for (int64_t i = 0; i < tags.types; i++) {
        const json_t *want = json_object_get(expected, tags.name[i]);
        s = entity_tally_scores(&t, i);
        if (want) check_scores(&s, want);
        else assert_true(s.there == 0 && s.f1 == 0);
    }
    entity_tally_release(&t);
    entity_tags_release(&tags);
}

static void test_entities(void **state)
{
    (void)state;
    err e = {0};
    json_t *all = json_parse_file("test/data/metric/entities.json", &e);
    assert_true(json_array_size(all) == 8);
    for (size_t i = 0; i < 8; i++) check_case(json_array_get(all, i));
    json_decref(all);
}

/* What names labels of entities, and the counts of one row. */
static void test_entity_labels(void **state)
{
    (void)state;
    entity_tags tags;
    entity_tally t;
    assert_false(entity_tags_init(&tags, (const char *const[]){"O", "NOUN"}, 2));
    assert_false(entity_tags_init(&tags, (const char *const[]){"O", "B-"}, 2));
    assert_false(entity_tags_init(&tags, (const char *const[]){"O", ""}, 2));
    assert_false(entity_tags_init(&tags, (const char *const[]){"O"}, 1));
    assert_true(entity_tags_init(&tags, (const char *const[]){"B-b", "I-b", "O", "B-a-c"}, 4));
    assert_true(tags.types == 2 && tags.type[0] == 1 && tags.type[2] == -1 && tags.tag[1] == 'I');
    assert_string_equal(tags.name[0], "a-c");
    entity_tally_init(&t, &tags);
    const int32_t truth[] = {0, 1, 2, 3, 0}, said[] = {0, 1, 1, 3, 2};
    const entity_count c = entity_tally_row(&t, truth, said, 5);
    assert_true(c.right == 1 && c.said == 2 && c.there == 3);
    entity_tally_release(&t);
    entity_tags_release(&tags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_entities), cmocka_unit_test(test_entity_labels),
                                       cmocka_unit_test(test_one), cmocka_unit_test(test_several),
                                       cmocka_unit_test(test_value)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
