/* test_shape.c -- which columns are taken for what, the texts they give, every refusal word for word. */
#include "text/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct fixture {
    table t;
    row_shape s;
} fixture;

static int build(fixture *f, const char *text, shape_options o, shape_use use, err *e)
{
    if (table_parse(&f->t, "f", text, strlen(text), TABLE_REFUSE, e) != OK) fail_msg("%s", e->msg);
    return shape_init(&f->s, &f->t, &o, use, e);
}

static void expect(fixture *f, const char *text, shape_options o, shape_use use, shape_kind kind)
{
    err e = {0};
    if (build(f, text, o, use, &e) != OK) fail_msg("%s", e.msg);
    assert_int_equal(f->s.kind, kind);
}

static void close_fixture(fixture *f)
{
    shape_release(&f->s);
    table_close(&f->t);
}

static void expect_texts(const fixture *f, int64_t row, const char *prompt, const char *completion)
{
    err e = {0};
    str s = {0};
    if (prompt) assert_int_equal(shape_prompt(&f->s, row, &s, &e), OK);
    if (prompt) assert_string_equal(str_c(&s), prompt);
    str_clear(&s);
    assert_int_equal(shape_completion(&f->s, row, &s, &e), OK);
    assert_string_equal(str_c(&s), completion);
    str_free(&s);
}

static void refuse(const char *text, shape_options o, shape_use use, int code, const char *message)
{
    fixture f;
    err e = {0};
    assert_int_equal(build(&f, text, o, use, &e), code);
    assert_string_equal(e.msg, message);
    table_close(&f.t);
}

static const shape_options none;

static void columns_decide(void **state)
{
    (void)state;
    fixture f;
    expect(&f, "prompt,completion,text\np,c,t\n", none, SHAPE_LEARN, SHAPE_PROMPT);
    expect_texts(&f, 0, "p", "c");
    close_fixture(&f);
    expect(&f, "instruction,output,text\ni,o,t\n", none, SHAPE_LEARN, SHAPE_TEXT);
    expect_texts(&f, 0, NULL, "t");
    close_fixture(&f);
    expect(&f, "{\"messages\": [], \"text\": 1.50}", none, SHAPE_LEARN, SHAPE_TEXT);
    expect_texts(&f, 0, NULL, "1.50");
    close_fixture(&f);
    expect(&f, "prompt,completion,body\np,c,b\n", (shape_options){.text_field = "body"}, SHAPE_LEARN,
           SHAPE_TEXT);
    expect_texts(&f, 0, NULL, "b");
    close_fixture(&f);
    expect(&f, "{\"input_ids\": [1], \"text\": \"t\", \"prompt\": 1, \"completion\": 2}", none, SHAPE_LEARN,
           SHAPE_IDS);
    close_fixture(&f);
}

static void alpaca_wording(void **state)
{
    (void)state;
    fixture f;
    expect(&f,
           "{\"instruction\": \"Add.\", \"input\": \"1 {x}\", \"output\": \"2\"}\n"
           "{\"instruction\": \"Say hi.\", \"input\": \"\", \"output\": \"hi\"}\n"
           "{\"instruction\": \"Go.\", \"input\": null, \"output\": \"went\"}\n"
           "{\"instruction\": \"Go.\", \"output\": \"went\"}\n",
           none, SHAPE_LEARN, SHAPE_ALPACA);
    expect_texts(&f, 0,
                 "Below is an instruction that describes a task, paired with an input that provides further "
                 "context. Write a response that appropriately completes the request.\n\n"
                 "### Instruction:\nAdd.\n\n### Input:\n1 {x}\n\n### Response:\n",
                 "2");
    const char *without =
        "Below is an instruction that describes a task. Write a response that appropriately "
        "completes the request.\n\n### Instruction:\nGo.\n\n### Response:\n";
    expect_texts(&f, 2, without, "went");
    expect_texts(&f, 3, without, "went");
    close_fixture(&f);
}

static void options_decide(void **state)
{
    (void)state;
    const char *data = "name,prompt,completion,description\nn,p,c,d\n";
    fixture f;
    expect(&f, data, (shape_options){.prompt_template = "{name}:", .completion_column = "description"},
           SHAPE_LEARN, SHAPE_TEMPLATE);
    expect_texts(&f, 0, "n:", " d");
    close_fixture(&f);
    expect(&f, data, (shape_options){.prompt_template = "{name}:"}, SHAPE_LEARN, SHAPE_TEMPLATE);
    expect_texts(&f, 0, "n:", "c");
    close_fixture(&f);
    expect(&f, data, (shape_options){.completion_template = "\\n{description}"}, SHAPE_LEARN, SHAPE_TEMPLATE);
    expect_texts(&f, 0, "p", "\nd");
    close_fixture(&f);
    expect(&f, "instruction,output\ni,o\n", (shape_options){.prompt_template = "{instruction}="}, SHAPE_LEARN,
           SHAPE_TEMPLATE);
    expect_texts(&f, 0, "i=", "o");
    close_fixture(&f);
    expect(&f, "{\"messages\": [1], \"a\": 2}",
           (shape_options){.prompt_template = "{messages}", .completion_template = "{a}"}, SHAPE_LEARN,
           SHAPE_TEMPLATE);
    expect_texts(&f, 0, "[1]", "2");
    close_fixture(&f);
}

static void answering_needs_a_prompt_alone(void **state)
{
    (void)state;
    fixture f;
    expect(&f, "prompt,text\np,t\n", (shape_options){.text_field = "body"}, SHAPE_ANSWER, SHAPE_PROMPT);
    expect_texts(&f, 0, "p", "");
    close_fixture(&f);
    expect(&f, "prompt,completion\np,c\n", none, SHAPE_ANSWER, SHAPE_PROMPT);
    expect_texts(&f, 0, "p", "c");
    close_fixture(&f);
    expect(&f, "name\nn\n", (shape_options){.prompt_template = "{name}:"}, SHAPE_ANSWER, SHAPE_TEMPLATE);
    expect_texts(&f, 0, "n:", "");
    close_fixture(&f);
    refuse("text\nt\n", none, SHAPE_ANSWER, E_FORMAT,
           "f: no field \"prompt\" (fields: text); write the prompt with --prompt-template");
}

static void refusals(void **state)
{
    (void)state;
    refuse("name,category\nn,c\n", none, SHAPE_LEARN, E_FORMAT,
           "f: no field \"text\" (fields: name, category); say what to learn with --prompt-template and "
           "--completion-column");
    refuse("prompt,x\np,x\n", none, SHAPE_LEARN, E_FORMAT,
           "f: no field \"completion\" (fields: prompt, x); name the completion column with "
           "--completion-column");
    refuse("instruction,x\np,x\n", none, SHAPE_LEARN, E_FORMAT,
           "f: no field \"output\" (fields: instruction, x); name the completion column with "
           "--completion-column");
    refuse("name\nn\n", (shape_options){.prompt_template = "{name}"}, SHAPE_LEARN, E_FORMAT,
           "f: no field \"completion\" (fields: name); name the completion column with --completion-column");
    refuse("name\nn\n", (shape_options){.completion_column = "name"}, SHAPE_LEARN, E_FORMAT,
           "f: no field \"prompt\" (fields: name); write the prompt with --prompt-template");
    refuse("name\nn\n", (shape_options){.text_field = "body"}, SHAPE_LEARN, E_FORMAT,
           "f: no field \"body\" (fields: name); name the column to learn with --dataset-text-field");
    refuse("{\"messages\": []}", none, SHAPE_LEARN, E_USAGE, "f: conversations need a chat template");
    refuse("{\"conversations\": []}", none, SHAPE_ANSWER, E_USAGE, "f: conversations need a chat template");
    refuse("a,prompt\n1,2\n", (shape_options){.completion_column = "a", .completion_template = "{a}"},
           SHAPE_LEARN, E_USAGE,
           "--completion-template and --completion-column both name the completion; give one");
    refuse("a\n1\n", (shape_options){.prompt_template = "{"}, SHAPE_LEARN, E_USAGE,
           "--prompt-template: character 1: '{' without '}'; a brace is written twice");
    refuse("a,prompt\n1,2\n", (shape_options){.completion_template = "x}"}, SHAPE_LEARN, E_USAGE,
           "--completion-template: character 2: '}' without '{'; a brace is written twice");
}

#define LISTS "\"messages\" or \"conversations\", or in \"prompt\" and \"completion\" of every row"

static void refuse_row(const fixture *f, int64_t row, bool prompt, int code, const char *message)
{
    err e = {0};
    str s = {0};
    assert_int_equal(prompt ? shape_prompt(&f->s, row, &s, &e) : shape_completion(&f->s, row, &s, &e), code);
    assert_string_equal(e.msg, message);
    str_free(&s);
}

static void refused_rows(void **state)
{
    (void)state;
    fixture f;
    expect(&f,
           "{\"prompt\": [{\"role\": \"user\"}], \"completion\": \"c\"}\n"
           "{\"prompt\": \"p\", \"completion\": {}}\n{\"prompt\": \"p\"}\n{\"completion\": \"c\"}\n",
           none, SHAPE_LEARN, SHAPE_PROMPT);
    refuse_row(
        &f, 0, true, E_UNSUPPORTED,
        "f:1: \"prompt\" is a JSON array or object, not text; conversations are lists in " LISTS);
    refuse_row(&f, 1, false, E_UNSUPPORTED,
               "f:2: \"completion\" is a JSON array or object, not text; conversations are lists in " LISTS);
    refuse_row(&f, 2, false, E_FORMAT,
               "f:3: no field \"completion\" (fields: prompt); name the completion column with "
               "--completion-column");
    refuse_row(&f, 3, true, E_FORMAT,
               "f:4: no field \"prompt\" (fields: completion); write the prompt with --prompt-template");
    close_fixture(&f);
    expect(&f, "{\"text\": \"t\"}\n{\"x\": 1}\n", none, SHAPE_LEARN, SHAPE_TEXT);
    refuse_row(&f, 0, true, E_USAGE,
               "f: rows of text have no prompt; write the prompt with --prompt-template");
    refuse_row(&f, 1, false, E_FORMAT,
               "f:2: no field \"text\" (fields: x); name the column to learn with --dataset-text-field");
    close_fixture(&f);
    expect(&f, "{\"a\": \"t\", \"prompt\": \"p\"}\n{\"a\": [1], \"prompt\": [2]}\n",
           (shape_options){.completion_column = "a"}, SHAPE_LEARN, SHAPE_TEMPLATE);
    refuse_row(
        &f, 1, true, E_UNSUPPORTED,
        "f:2: \"prompt\" is a JSON array or object, not text; conversations are lists in " LISTS);
    refuse_row(&f, 1, false, E_UNSUPPORTED,
               "f:2: \"a\" is a JSON array or object, not text; conversations are lists in " LISTS);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_decide), cmocka_unit_test(alpaca_wording),
        cmocka_unit_test(options_decide), cmocka_unit_test(answering_needs_a_prompt_alone),
        cmocka_unit_test(refusals),       cmocka_unit_test(refused_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
