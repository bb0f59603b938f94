/* test_template.c -- holes, escapes, and every malformed template with its place. */
#include "text/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static table parse(const char *text)
{
    table t;
    err e = {0};
    if (table_parse(&t, "products.jsonl", text, strlen(text), TABLE_REFUSE, &e) != OK) fail_msg("%s", e.msg);
    return t;
}

static void expect(const table *d, const char *text, const char *rendered)
{
    err e = {0};
    str out = {0};
    template *t = template_new(text, "--prompt-template", &e);
    assert_non_null(t);
    assert_int_equal(template_render(t, d, 0, "", &out, &e), OK);
    assert_string_equal(str_c(&out), rendered);
    assert_int_equal(out.n, strlen(rendered));
    template_free(t);
    str_free(&out);
}

static void holes_and_escapes(void **state)
{
    (void)state;
    table d = parse("{\"name\": \"{x}\\\\n\", \"a b\": 1.50, \"z\": null}");
    expect(&d, "", "");
    expect(&d, "plain", "plain");
    expect(&d, "{name}", "{x}\\n");
    expect(&d, "N: {name}{a b}\\n{z}.\\t\\\\n", "N: {x}\\n1.50\n.\t\\n");
    expect(&d, "{{{name}}}{{name}}", "{{x}\\n}{name}");
    expect(&d, "two\nlines", "two\nlines");
    table_close(&d);
}

static void of_column(void **state)
{
    (void)state;
    table d = parse("{\"{n}\": \"v\"}");
    template *t = template_of_column(" ", "{n}");
    str out = {0};
    err e = {0};
    assert_int_equal(template_render(t, &d, 0, "", &out, &e), OK);
    assert_string_equal(out.p, " v");
    str_free(&out);
    template_free(t);
    template_free(NULL);
    table_close(&d);
}

static void malformed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"a{name", "--t: character 2: '{' without '}'; a brace is written twice"},
        {"\xc3\xa9{", "--t: character 2: '{' without '}'; a brace is written twice"},
        {"{a{b}", "--t: character 1: '{' without '}'; a brace is written twice"},
        {"{name}}", "--t: character 7: '}' without '{'; a brace is written twice"},
        {"x {}", "--t: character 3: {} names no column"},
        {"\\x", "--t: character 1: unknown escape; there are \\n, \\t and \\\\ (a backslash)"},
        {"ab\\", "--t: character 3: unknown escape; there are \\n, \\t and \\\\ (a backslash)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err e = {0};
        assert_null(template_new(cases[i].text, "--t", &e));
        assert_int_equal(e.code, E_USAGE);
        assert_string_equal(e.msg, cases[i].message);
    }
}

static void a_row_without_the_field(void **state)
{
    (void)state;
    table d = parse("{\"description\": 1}\n\n{\"name\": 1, \"category\": 2}");
    err e = {0};
    str out = {0};
    template *t = template_new(" {description}", "--completion-template", &e);
    assert_int_equal(template_render(t, &d, 0, "", &out, &e), OK);
    assert_int_equal(
        template_render(t, &d, 1, "name the completion column with --completion-column", &out, &e), E_FORMAT);
    assert_string_equal(e.msg, "products.jsonl:3: no field \"description\" (fields: name, category); "
                               "name the completion column with --completion-column");
    template_free(t);
    str_free(&out);
    table_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holes_and_escapes),
        cmocka_unit_test(of_column),
        cmocka_unit_test(malformed),
        cmocka_unit_test(a_row_without_the_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
