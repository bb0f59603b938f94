/* test_space.c -- spaces from definitions: what is read, what is refused, places and conditions. */
#include "tune/propose.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *parse(const char *text)
{
    json_t *o = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(o);
    return o;
}

static int read(space *s, const char *definition, const char *standard, err *e)
{
    json_t *d = parse(definition), *o = standard ? parse(standard) : NULL;
    *e = (err){0};
    int bad = space_read(s, d, o, e);
    json_decref(d);
    json_decref(o);
    return bad;
}

static void refused(const char *definition, const char *line)
{
    space s;
    err e;
    assert_int_equal(read(&s, definition, NULL, &e), E_USAGE);
    assert_string_equal(e.msg, line);
}

static void reads_all_kinds(void **state)
{
    (void)state;
    space s;
    err e;
    assert_int_equal(read(&s,
                          "{\"a\": [\"x\", \"y\"], \"n\": {\"int\": [1, 8]}, \"lr\": {\"log\": [\"1e-4\", "
                          "\"1e-2\"]},"
                          " \"d\": {\"range\": [0, 0.1], \"default\": 0.05}, \"r\": [4, 8, 16], \"k\": "
                          "\"fixed\"}",
                          "{\"lr\": \"2e-4\", \"r\": \"10\", \"n\": \"99\", \"a\": \"z\"}", &e),
                     OK);
    assert_int_equal(s.n, 6);
    assert_false(s.param[0].ordered);
    assert_true(s.param[4].ordered);
    assert_true(s.param[1].scale == SCALE_LINEAR && s.param[2].scale == SCALE_LOG);
    point at = space_standard(&s);
    const double wanted[] = {0, 8, 2e-4, 0.05, 1, 0};
    for (int i = 0; i < 6; i++) assert_float_equal(at.v[i], wanted[i], 1e-12);
    str text = {0};
    space_text(&s, &at, 4, &text);
    space_text(&s, &at, 2, &text);
    assert_string_equal(text.p, "80.0002");
    str_free(&text);
    space_release(&s);
}

static void places_and_values_are_inverse(void **state)
{
    (void)state;
    space s;
    err e;
    assert_int_equal(read(&s, "{\"n\": {\"int\": [1, 100], \"log\": \"true\"}, \"lr\": {\"log\": [1e-5, "
                              "1e-1]}}", NULL, &e),
                     OK);
    for (double n = 1; n <= 100; n++) assert_true(space_value(&s.param[0], space_place(&s.param[0], n)) == n);
    assert_float_equal(space_value(&s.param[1], 0.5), 1e-3, 1e-12);
    assert_true(space_value(&s.param[0], 0) == 1 && space_value(&s.param[0], 1) == 100);
    space_release(&s);
    /* where the logarithm of an end is rounded, the place of the end is none outside [0, 1] */
    assert_int_equal(read(&s, "{\"x\": {\"log\": [1, 1.0000000002000002]}}", NULL, &e), OK);
    for (int k = 0; k <= 4; k++) {
        double place = space_place(&s.param[0], space_value(&s.param[0], k / 4.0));
        assert_true(place >= 0 && place <= 1);
    }
    space_release(&s);
}

static void conditions_turn_off(void **state)
{
    (void)state;
    space s;
    err e;
    assert_int_equal(read(&s,
                          "{\"q\": [\"nf4\", \"fp4\", \"none\"],"
                          " \"dq\": {\"choice\": [\"true\", \"false\"], \"when\": {\"q\": [\"nf4\", "
                          "\"fp4\"]}},"
                          " \"x\": {\"range\": [0, 1], \"when\": {\"dq\": \"true\"}}}",
                          NULL, &e),
                     OK);
    point at = {{2, 0, 0.5}};
    space_settle(&s, &at);
    assert_true(isnan(at.v[1]) && isnan(at.v[2]));
    json_t *values = space_json(&s, &at);
    point back;
    assert_int_equal(space_point(&s, values, &back, &e), OK);
    assert_true(space_same(&s, &at, &back));
    json_object_set_new(values, "q", json_string("int7"));
    assert_int_equal(space_point(&s, values, &back, &e), E_FORMAT);
    json_decref(values);
    /* 2 types with (off, or on and 7 values of x), and one where all is off */
    history h = {.s = &s, .objectives = 1, .rungs = 1, .run = calloc(64, sizeof *h.run)};
    while (propose_grid(&h, &h.run[h.n].at) == PROPOSAL_POINT) h.n++;
    assert_int_equal(h.n, 2 * 8 + 1);
    free(h.run);
    space_release(&s);
}

static void refuses_what_makes_no_sense(void **state)
{
    (void)state;
    refused("{}", "the space is empty; name an option to search");
    refused("{\"a\": []}", "a: no choice is given");
    refused("{\"a\": [1, 2, 1]}", "a: 1 comes twice");
    refused("{\"a\": {\"range\": [2, 1]}}", "a: the range from 2 to 1 is empty");
    refused("{\"a\": {\"range\": [2, 2]}}", "a: the range from 2 to 2 is empty");
    refused("{\"a\": {\"range\": [-1e308, 1e308]}}",
            "a: the range from -1e+308 to 1e+308 is too wide; narrow it");
    refused("{\"a\": {\"range\": [1]}}", "a: a range is two numbers, [low, high]");
    refused("{\"a\": {\"log\": [0, 1]}}", "a: a logarithmic range begins above 0, not at 0");
    refused("{\"a\": {\"int\": [1.5, 3]}}", "a: int takes whole numbers, not 1.5 to 3");
    refused("{\"a\": {\"choices\": [1]}}",
            "a: \"choices\" is not one of choice, int, range, log, default, points, when");
    refused("{\"a\": {\"int\": [1, 2], \"range\": [1, 2]}}", "a: give one of choice, int, range or log");
    refused("{\"a\": [1, 2], \"b\": {\"choice\": [1], \"when\": {\"a\": 3}}}", "b: when: a is never 3");
    refused("{\"b\": {\"choice\": [1], \"when\": {\"a\": 3}}}",
            "b: when names a, which is no choice that stands before it");
    refused("{\"a\": {\"choice\": [1, 2], \"default\": 3}}", "a: the default 3 is none of the choices");
    refused("{\"a\": {\"range\": [1, 2], \"default\": 3}}", "a: the default 3 is outside the range 1 to 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_all_kinds),
        cmocka_unit_test(places_and_values_are_inverse),
        cmocka_unit_test(conditions_turn_off),
        cmocka_unit_test(refuses_what_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
