/* test_report.c -- the page of hostile names and texts, commands for a shell, importance worked out by
 * hand. */
#include "lib/report/gathering.h"
#include "lib/report/impl.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scratch.h"

static json_t *parse(const char *text)
{
    err e = {0};
    json_t *o = json_parse(text, strlen(text), "page", &e);
    if (!o) fail_msg("%s", e.msg);
    return o;
}

static const char evil[] =
    "{\"title\": \"<script>alert(1)</script>\", \"summary\": [\"a < b & c\"], \"groups\": [\"<i>\", \"two\"],"
    "\"runs\": [{\"name\": \"\\\"><script>x\", \"group\": \"<i>\", \"seed\": 1, \"command\": \"lorac "
    "'</code>'\","
    "\"options\": {\"<b>\": \"</td>\"}, \"loss\": 1.5, \"seconds\": 2, \"memory\": 1000,"
    "\"train\": [[0, 0, 3]], \"eval\": [[0, 0, 3], [10, 2, 1.5]]},"
    "{\"name\": \"two\", \"group\": \"two\", \"options\": {}, \"loss\": 1, \"seconds\": 3, \"memory\": 900,"
    "\"train\": [], \"eval\": []}],"
    "\"attributes\": [{\"attribute\": \"<u>\", \"by\": {\"<i>\": {\"slots\": 2, \"realized\": 1, "
    "\"missing\": 1,"
    "\"wrong\": 0, \"added\": 0}}}],"
    "\"texts\": [{\"prompt\": \"</pre><script>\", \"references\": [\"<p>\"], \"by\": [{\"group\": \"<i>\","
    "\"text\": \"Red <b>shoes</b>, red.\", \"slots\": [{\"attribute\": \"colour\", \"value\": \"red\","
    "\"verdict\": \"realized\"}]}]}]}";

static str page_of(const char *text)
{
    char *dir = scratch_new();
    str path = {0}, html = {0};
    err e = {0};
    json_t *page = parse(text);
    str_fmt(&path, "%s/report.html", dir);
    assert_int_equal(report_write(page, path.p, &e), OK);
    assert_int_equal(file_read(&html, path.p, 1 << 24, &e), OK);
    json_decref(page);
    str_free(&path);
    scratch_free(dir);
    return html;
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, what)) != NULL; p++) n++;
    return n;
}

static void nothing_from_outside_is_markup(void **state)
{
    (void)state;
    str html = page_of(evil);
    assert_int_equal(count(html.p, "<script"), 1);
    assert_int_equal(count(html.p, "</script"), 1);
    assert_int_equal(count(html.p, "<b>"), 0);
    assert_int_equal(count(html.p, "<i>"), 0);
    assert_int_equal(count(html.p, "a &lt; b &amp; c"), 1);
    assert_int_equal(count(html.p, "http"), 0);
    assert_int_equal(count(html.p, "<mark>Red</mark> &lt;b&gt;shoes&lt;/b&gt;, <mark>red</mark>."), 1);
    assert_int_equal(count(html.p, "<svg"), 4); /* two curves, two fronts */
    assert_int_equal(count(html.p, "role=\"group\""), 4);
    assert_int_equal(count(html.p, "tabindex=\"0\" role=\"img\" aria-label=\""), count(html.p, "tabindex"));
    str_free(&html);
}

/* A page without anything is a page still. */
static void of_nothing(void **state)
{
    (void)state;
    str html = page_of("{\"title\": \"none\", \"summary\": [], \"groups\": [], \"runs\": [], \"texts\": []}");
    assert_int_equal(count(html.p, "<svg"), 0);
    assert_int_equal(count(html.p, "</html>"), 1);
    str_free(&html);
}

/* Of many sentences those that claim nothing are folded, none is left out; of few none is folded. */
static void many_sentences_fold(void **state)
{
    (void)state;
    for (int few = 0; few < 2; few++) {
        str page = {0};
        str_puts(&page, "{\"title\": \"many\", \"groups\": [], \"runs\": [], \"texts\": [], \"summary\": "
                        "[\"memory: much\", \"no difference at all\", \"memory is no such line\"");
        for (int i = few ? 13 : 0; i < 14; i++) str_fmt(&page, ", \"claim %d\"", i);
        str_puts(&page, "]}");
        str html = page_of(page.p);
        const char *fold = strstr(html.p, "<details><summary>2 more");
        assert_true((fold == NULL) == few);
        assert_int_equal(count(html.p, "<li>"), few ? 4 : 17);
        if (!few) assert_true(fold < strstr(html.p, "memory: much") && fold < strstr(html.p, "no difference"));
        if (!few) assert_true(strstr(html.p, "memory is no such") < fold && strstr(html.p, "claim 13") < fold);
        str_free(&html);
        str_free(&page);
    }
}

/* Losses that rounding alone tells apart, a reference that is no text, a value cut inside a letter. */
static void of_odd_values(void **state)
{
    (void)state;
    str html = page_of(
        "{\"title\": \"odd\", \"summary\": [1], \"groups\": [\"a\"], \"runs\": ["
        "{\"name\": \"a\", \"group\": \"a\", \"options\": {}, \"loss\": 2, \"seconds\": 1},"
        "{\"name\": \"b\", \"group\": \"a\", \"options\": {}, \"loss\": 2.0000000000000004, \"seconds\": 2}],"
        "\"texts\": [{\"prompt\": \"p\", \"references\": [1], \"by\": [{\"group\": \"a\", \"text\": \"t\","
        "\"slots\": [{\"attribute\": \"x\", \"verdict\": \"missing\", \"value\": \"0123456789012345678901234567"
        "8901234567890123456789012345678\u00e9!\"}]}]}]}");
    assert_int_equal(count(html.p, "<svg"), 1);
    assert_true(html.n < 100000);
    assert_int_equal(count(html.p, "45678</span>"), 1);
    str_free(&html);
}

static void a_comparison_in_itself(void **state)
{
    (void)state;
    static const char told[] = "{\"results\": [{\"name\": \"a\", \"runs\": [{\"name\": \".\"}]}]}";
    char *dir = scratch_new();
    const char *one[] = {dir};
    peft_list folders = {one, 1};
    str path = {0};
    json_t *page;
    err e = {0};
    str_fmt(&path, "%s/compare.json", dir);
    assert_int_equal(file_write(path.p, told, sizeof told - 1, &e), OK);
    assert_int_equal(report_gather(&page, &folders, &e), E_FORMAT);
    str_free(&path);
    scratch_free(dir);
}

static void a_line_that_is_being_written(void **state)
{
    (void)state;
    static const char log[] = "{\"loss\": 3, \"tokens\": 1, \"seconds\": 1}\n{\"loss\": 2, \"tok",
                      broken[] = "{\"loss\": 3, \"tok\n{\"loss\": 2, \"tokens\": 1, \"seconds\": 1}\n";
    char *dir = scratch_new();
    str path = {0};
    json_t *r = json_object();
    err e = {0};
    str_fmt(&path, "%s/log.jsonl", dir);
    assert_int_equal(file_write(path.p, log, sizeof log - 1, &e), OK);
    assert_int_equal(gathering_log(r, dir, &e), OK);
    assert_int_equal(json_array_size(json_object_get(r, "train")), 1);
    assert_int_equal(file_write(path.p, broken, sizeof broken - 1, &e), OK);
    assert_int_equal(gathering_log(r, dir, &e), E_FORMAT);
    json_decref(r);
    str_free(&path);
    scratch_free(dir);
}

static void commands(void **state)
{
    (void)state;
    json_t *o = parse("{\"model\": \"a b.gguf\", \"prompt_template\": \"it's {x}\", \"lora_r\": 8, \"lr\": "
                      "0.001,"
                      "\"target_modules\": [\"q_proj\", \"v_proj\"], \"stop\": [\"a\", \"b\"], \"flag\": "
                      "true,"
                      "\"empty\": \"\"}");
    str s = {0};
    report_command(o, &s);
    assert_string_equal(s.p, "lorac train --model 'a b.gguf' --prompt_template 'it'\\''s {x}' --lora_r 8 "
                             "--lr 0.001 "
                             "--target_modules q_proj,v_proj --stop a --stop b --flag true --empty ''");
    str_free(&s);
    json_decref(o);
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        double x;
        const char *text;
    } cases[] = {{0, "0"}, {12, "12"}, {0.123456, "0.1235"}, {12.34, "12.3"}, {1234567, "1,234,567"},
                 {-1234567.2, "-1,234,567"}, {1234.5, "1,234"}, {NAN, "&ndash;"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        str s = {0};
        html_number(&s, cases[i].x);
        assert_string_equal(s.p, cases[i].text);
        str_free(&s);
    }
}

/* Losses 1, 2, 3, 6 with r = 8, 8, 16, 16: mean 3, total 14, between 2 (1.5 - 3)^2 + 2 (4.5 - 3)^2 = 9,
 * eta^2 = 9/14; adjusted 1 - (5/14) (3/2) = 13/28. The seed is no recipe, and lr explains less than
 * chance. */
static void importance_by_hand(void **state)
{
    (void)state;
    json_t *page = parse(
        "{\"groups\": [], \"runs\": ["
        "{\"loss\": 1, \"options\": {\"lora_r\": 8, \"lr\": 1, \"seed\": 1, \"model\": \"m\"}},"
        "{\"loss\": 2, \"options\": {\"lora_r\": 8, \"lr\": 2, \"seed\": 2, \"model\": \"m\"}},"
        "{\"loss\": 3, \"options\": {\"lora_r\": 16, \"lr\": 1, \"seed\": 3, \"model\": \"m\"}},"
        "{\"loss\": 6, \"options\": {\"lora_r\": 16, \"lr\": 2, \"seed\": 4, \"model\": \"m\"}}]}");
    varied v;
    varied_of(page, &v);
    assert_int_equal(v.options, 2);
    assert_string_equal(v.option[0], "lora_r");
    assert_true(fabs(varied_importance(&v, 0) - 13.0 / 28) < 1e-12);
    assert_true(varied_importance(&v, 1) == 0);
    varied_free(&v);
    json_decref(page);
}

static void table_as_csv(void **state)
{
    (void)state;
    json_t *page = parse("{\"runs\": [{\"name\": \"a,\\\"b\\\"\", \"group\": \"g\", \"seed\": 3, \"loss\": "
                         "1.25}]}");
    str s = {0};
    report_csv(page, &s);
    assert_non_null(strstr(s.p, "\n\"a,\"\"b\"\"\",g,3,1.25,,"));
    str_free(&s);
    json_decref(page);
}

static void curves_as_text(void **state)
{
    (void)state;
    json_t *page = parse("{\"groups\": [\"g\"], \"runs\": [{\"group\": \"g\", \"eval\": [[0, 0, 4], [100, 1, "
                         "2]]}]}");
    str s = {0};
    report_plot(page, 60, &s);
    assert_int_equal(count(s.p, "\n"), 16);
    const char *top = strstr(s.p, "  4.0000 \xe2\xa0");
    assert_true(top && (top[11] & 1)); /* the line begins in the upper left corner */
    str_free(&s);
    json_decref(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_from_outside_is_markup),
        cmocka_unit_test(of_nothing),
        cmocka_unit_test(many_sentences_fold),
        cmocka_unit_test(of_odd_values),
        cmocka_unit_test(a_comparison_in_itself),
        cmocka_unit_test(a_line_that_is_being_written),
        cmocka_unit_test(commands),
        cmocka_unit_test(numbers),
        cmocka_unit_test(importance_by_hand),
        cmocka_unit_test(table_as_csv),
        cmocka_unit_test(curves_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
