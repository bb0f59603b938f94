/* test_jinja.c -- templates against what jinja2 made of them (test/golden/jinja.py), what is refused, and templates
 * that mean harm. LORAC_SHARED names a folder with further templates, whose outputs are compared by hash. */
#include "base/file.h"
#include "base/json.h"
#include "text/jinja/jinja.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *golden;
static bool other; /* it is not the recorded one, but one of test/golden/jinja_random.py */
static long unsupported;

static int load(void **state)
{
    (void)state;
    err e = {0};
    setenv("TZ", "UTC", 1);
    const char *path = getenv("LORAC_JINJA_GOLDEN");
    other = path;
    golden = json_parse_file(path ? path : "test/data/jinja/golden.json", &e);
    if (!golden) print_error("%s\n", e.msg);
    return golden ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

/* The output as bytes, or NULL where anything fails. */
static char *render(const char *text, size_t n, const char *name, const json_t *data, jinja_output *out, err *e)
{
    jinja_limits limits = {.now = (time_t)json_integer_value(json_object_get(golden, "now"))};
    jinja *t = jinja_new(text, n, name, e);
    int code = t ? jinja_render(t, data, &limits, out, e) : E_FORMAT;
    jinja_free(t);
    return code == OK ? (char *)str_c(&out->text) : NULL;
}

static bool same_spans(const jinja_output *out, const json_t *want)
{
    if (out->spans != (int64_t)json_array_size(want)) return false;
    for (int64_t i = 0; i < out->spans; i++) {
        const json_t *pair = json_array_get(want, (size_t)i);
        if ((json_int_t)out->span[i].start != json_integer_value(json_array_get(pair, 0)) ||
            (json_int_t)out->span[i].end != json_integer_value(json_array_get(pair, 1)))
            return false;
    }
    return true;
}

static bool one_case(const json_t *c)
{
    const json_t *t = json_array_get(json_object_get(golden, "templates"), (size_t)json_integer_value(json_array_get(c, 0)));
    size_t which = (size_t)json_integer_value(json_array_get(c, 1));
    const json_t *data = json_array_get(json_object_get(golden, "data"), which), *want = json_array_get(c, 2);
    const json_t *text = json_object_get(t, "text");
    const char *name = json_string_value(json_object_get(t, "name"));
    err e = {0};
    jinja_output out = {0};
    const char *got = render(json_string_value(text), json_string_length(text), name, data, &out, &e);
    bool same = json_is_null(want) ? !got
                                   : got && out.text.n == json_string_length(want) &&
                                         !memcmp(got, json_string_value(want), out.text.n) &&
                                         same_spans(&out, json_array_get(c, 3));
    if (other && e.code == E_UNSUPPORTED) unsupported++, same = true;
    if (!same)
        print_error("%s, data %zu: %s\nwant %s\ngot  %s\n", name, which, other ? json_string_value(text) : "",
                    json_is_null(want) ? "an error" : json_string_value(want), got ? got : e.msg);
    jinja_output_release(&out);
    return same;
}

static void as_jinja2(void **state)
{
    (void)state;
    size_t i, different = 0;
    json_t *c;
    json_array_foreach(json_object_get(golden, "cases"), i, c) different += !one_case(c);
    if (other) print_message("# %zu cases, %ld not supported\n", i, unsupported);
    assert_int_equal(different, 0);
    assert_true(i > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_jinja2),
    };
    return cmocka_run_group_tests_name("jinja", tests, load, unload);
}
