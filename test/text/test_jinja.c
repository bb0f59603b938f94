/* test_jinja.c -- templates against what jinja2 made of them (test/golden/jinja.py), what is refused, and
 * templates that mean harm. LORAC_SHARED names a folder with further templates, whose outputs are compared by
 * hash. */
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
static char *render(const char *text, size_t n, const char *name, const json_t *data, jinja_output *out,
                    err *e)
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
    const json_t *t = json_array_get(json_object_get(golden, "templates"),
                                     (size_t)json_integer_value(json_array_get(c, 0)));
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

/* Each has to be refused when it is read, with its name and line. */
static void not_supported(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"{% include 'a' %}", "line 1: the tag \"include\""},
        {"\n{% import 'a' as b %}", "line 2: the tag \"import\""},
        {"{% from 'a' import b %}", "the tag \"from\""},
        {"{% extends 'a' %}", "the tag \"extends\""},
        {"{% block a %}{% endblock %}", "the tag \"block\""},
        {"{% autoescape true %}{% endautoescape %}", "the tag \"autoescape\""},
        {"{{ 1|pprint }}", "the filter \"pprint\""},
        {"{{ x\n|urlize }}", "line 2: the filter \"urlize\""},
        {"{{ x is escaped }}", "the test \"escaped\""},
        {"{{ 'a'.format(1) }}", "the method \"format\""},
        {"{{ x.__class__ }}", "the attribute \"__class__\""},
        {"{{ self.x }}", "the name \"self\""},
        {"{{ x[1, 2] }}", "several indices"},
        {"{{ (x|safe) + 'a' }}", "safe and escape"},
        {"{% set y = x|e %}", "safe and escape"},
        {"{% macro m(caller) %}{% endmacro %}", "\"caller\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err e = {0};
        assert_null(jinja_new(cases[i].text, strlen(cases[i].text), "t", &e));
        if (e.code != E_UNSUPPORTED || !strstr(e.msg, cases[i].part))
            fail_msg("%s: %s", cases[i].text, e.msg);
    }
}

/* And these where they happen. */
static void not_supported_while_running(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{{ lipsum() }}",    "{{ cycler(1) }}",          "{{ [1]|map('string') }}",
        "{{ 'a'.upper }}",   "{{ 1|int(base=2) }}",      "{{ [1]|map('pprint')|list }}",
        "{{ (-1) ** 0.5 }}", "{{ strftime_now('%Q') }}", "{{ range(3)[1:] }}",
        "{{ 1.5.real }}",    "{{ '²'.isdigit() }}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        err e = {0};
        jinja_output out = {0};
        json_t *none = json_object();
        assert_null(render(texts[i], strlen(texts[i]), "t", none, &out, &e));
        if (e.code != E_UNSUPPORTED) fail_msg("%s: %s", texts[i], e.msg);
        jinja_output_release(&out);
        json_decref(none);
    }
}

static char *repeated(const char *what, size_t times, const char *middle, const char *after)
{
    str s = {0};
    for (size_t i = 0; i < times; i++) str_puts(&s, what);
    str_puts(&s, middle);
    for (size_t i = 0; i < times; i++) str_puts(&s, after);
    return s.p;
}

/* With a twentieth of the usual bounds, so that slow builds are tested too. */
static void bounded(const char *text, const char *part)
{
    const jinja_limits limits = {.steps = 1000000, .memory = 16 << 20, .output = 2 << 20};
    err e = {0};
    jinja_output out = {0};
    json_t *none = json_object();
    jinja *t = jinja_new(text, strlen(text), "t", &e);
    if (t && jinja_render(t, none, &limits, &out, &e) == OK) fail_msg("%.60s: was rendered", text);
    if (!strstr(e.msg, part)) fail_msg("%.60s: %s", text, e.msg);
    jinja_output_release(&out);
    jinja_free(t);
    json_decref(none);
}

static void hostile(void **state)
{
    (void)state;
    bounded("{% for x in range(1000000000) %}{% endfor %}", "more than 100000 numbers");
    bounded("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "goes too deep");
    bounded("{% macro m() %}{{ caller }}{% call m() %}{% endcall %}{% endmacro %}{{ m() }}", "goes too deep");
    bounded("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "goes too deep");
    bounded("{{ 'a' * 1000000000000 }}", "MiB of memory");
    bounded("{{ [1] * 1000000000 }}", "MiB of memory");
    bounded(
        "{% set n = namespace(s='aaaaaaaa') %}{% for i in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}",
        "MiB of memory");
    bounded(
        "{% set n = namespace(s='a') %}{% for i in range(30) %}{% set n.s = n.s|replace('a', 'aaaaaaaa') %}"
        "{% endfor %}",
        "more than");
    bounded("{% set s = 'a' * 1000000 %}{% for i in range(100) %}{{ s }}{% endfor %}",
            "writes more than 2 MiB");
    bounded("{% set l = range(100000) %}{% for i in l %}{% for j in l %}{% endfor %}{% endfor %}",
            "more than");
    bounded(
        "{% set n = namespace(l=[]) %}{% for i in range(2000) %}{% set n.l = [n.l] %}{% endfor %}{{ n.l }}",
        "deep");
    bounded("{% set n = namespace(a=[], b=[]) %}{% for i in range(40) %}{% set n.a = [n.a, n.a] %}"
            "{% set n.b = [n.b, n.b] %}{% endfor %}{{ n.a == n.b }}",
            "steps");
    bounded("{% set n = namespace(a=[]) %}{% set n.a = [n] %}{{ n.a|tojson }}", "Namespace");
    bounded("{% set n = namespace(g=[1]) %}{% for i in range(3000) %}{% set n.g = n.g|select %}{% endfor %}"
            "{{ n.g|list }}",
            "goes too deep");
    bounded("{% set t = 'a' * 1000000 %}"
            "{{ t.rfind('a' * 500000 ~ 'b') }}",
            "steps");
    const struct {
        const char *before, *middle, *after;
    } nests[] = {{"(", "1", ")"},
                 {"[", "", "]"},
                 {"{'a':", "1", "}"},
                 {"-", "1", ""},
                 {"not ", "1", ""},
                 {"1+", "1", ""},
                 {"a.", "b", ""},
                 {"1 if 1 else ", "1", ""},
                 {"x|upper ~ ", "1", ""},
                 {"", "x", ".y[0]"},
                 {"", "x", "|upper is in x"},
                 {"f(", "", ")"}};
    for (size_t i = 0; i < sizeof nests / sizeof *nests; i++) {
        char *inner = repeated(nests[i].before, 50000, nests[i].middle, nests[i].after);
        char *text = repeated("{{ ", 1, inner, " }}");
        bounded(text, "t: line 1: ");
        free(inner);
        free(text);
    }
    char *tags = repeated("{% if 1 %}", 20000, "", "{% endif %}");
    bounded(tags, "nested too deep");
    free(tags);
    char *large = repeated("x", JINJA_TEMPLATE_MAX + 1, "", "");
    bounded(large, "more than 1024 KiB");
    free(large);
}

/* Templates whose text is not in the repository: DIR/data/chat/templates, by the hash of what they give. */
static void others(void **state)
{
    (void)state;
    const char *shared = getenv("LORAC_SHARED");
    FILE *f = shared && !other ? fopen("test/data/jinja/other.txt", "re") : NULL;
    if (!f) skip();
    char name[200], want[40], got[40], path[600];
    unsigned data;
    while (fscanf(f, "%199s %u %39s", name, &data, want) == 3) {
        err e = {0};
        str text = {0};
        jinja_output out = {0};
        snprintf(path, sizeof path, "%s/data/chat/templates/%s", shared, name);
        if (file_read(&text, path, JINJA_TEMPLATE_MAX, &e)) fail_msg("%s", e.msg);
        char *p =
            render(text.p, text.n, name, json_array_get(json_object_get(golden, "data"), data), &out, &e);
        uint64_t h = 0xcbf29ce484222325u;
        for (size_t i = 0; p && i < out.text.n; i++) h = (h ^ (unsigned char)p[i]) * 0x100000001b3u;
        snprintf(got, sizeof got, p ? "%016llx" : "raises", (unsigned long long)h);
        if (strcmp(got, want)) fail_msg("%s, data %u: %s, not %s (%s)", name, data, got, want, e.msg);
        jinja_output_release(&out);
        str_free(&text);
    }
    fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_jinja2),
        cmocka_unit_test(not_supported),
        cmocka_unit_test(not_supported_while_running),
        cmocka_unit_test(hostile),
        cmocka_unit_test(others),
    };
    return cmocka_run_group_tests_name("jinja", tests, load, unload);
}
