/* test_chat.c -- conversations of every shape as tokens and mask, and what is refused. The tokenizer is
 * bytes.h's, so that rows can be written down: what is learned stands in [ ], <s> is ^ and </s> is $. */
#include "text/encode.h"
#include "text/row.h"

#include "text/bytes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Ends turns with </s> and a newline, as ChatML does; knows no tools. */
#define TURNS                                                                                       \
    "{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m.content }}</s>{{ '\\n' }}{% endfor %}" \
    "{% if add_generation_prompt %}assistant:{% endif %}"
#define TOOLS                                                                                               \
    "{% if tools %}{{ tools|tojson }}{% endif %}{% for m in messages %}<{{ m.role }}>{% if m.tool_calls %}" \
    "{% for c in m.tool_calls %}{{ c.id }}{{ c.function|tojson }}{% endfor %}{% else %}{{ m.content }}{% "  \
    "endif %}"                                                                                              \
    "{{ m.tool_call_id }}{{ m.thinking }};{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"

static tokenizer *tok;

static int open_tokenizer(void **state)
{
    (void)state;
    tok = bytes_tokenizer("{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\", \"add_bos_token\": true}");
    return 0;
}

static int close_tokenizer(void **state)
{
    (void)state;
    tokenizer_close(tok);
    return 0;
}

typedef struct fixture {
    char *folder;
    chat *c;
    table t;
    row_shape s;
    rowset r;
} fixture;

static int try_open(fixture *f, const char *source, const char *kwargs, const char *rows, shape_use use,
                    err *e)
{
    *f = (fixture){.folder = scratch_new()};
    str path = {0};
    str_fmt(&path, "%s/t.jinja", f->folder);
    if (file_write(path.p, source, strlen(source), e)) fail_msg("%s", e->msg);
    chat_options how = {path.p, kwargs};
    int code = chat_open(&f->c, "no model", &how, tok, e);
    str_free(&path);
    if (table_parse(&f->t, "f", rows, strlen(rows), TABLE_REFUSE, e) != OK && code == OK) fail_msg("%s", e->msg);
    shape_options o = {.chat = f->c, .chat_wanted = CONVERSATION_WANTED};
    return code == OK ? shape_init(&f->s, &f->t, &o, use, e) : code;
}

static void close_fixture(fixture *f)
{
    rowset_release(&f->r);
    shape_release(&f->s);
    table_close(&f->t);
    chat_close(f->c);
    scratch_free(f->folder);
}

/* Row i as text. */
static void put_row(const rowset *r, int64_t i, str *out)
{
    bool inside = false;
    for (int64_t k = r->offset[i]; k < r->offset[i + 1]; k++) {
        if (inside != (r->mask[k] != 0)) str_putc(out, inside ? ']' : '[');
        inside = r->mask[k] != 0;
        str_putc(out, r->ids[k] == BYTES_BOS ? '^' : r->ids[k] == BYTES_EOS ? '$' : (char)r->ids[k]);
    }
    if (inside) str_putc(out, ']');
}

static void learn(const char *source, const char *kwargs, const char *rows, row_options o, const char *want)
{
    fixture f;
    err e = {0};
    if (try_open(&f, source, kwargs, rows, SHAPE_LEARN, &e)) fail_msg("%s", e.msg);
    assert_int_equal(f.s.kind, SHAPE_CHAT);
    if (rowset_build(&f.r, &f.s, tok, &o, NULL, &e)) fail_msg("%s", e.msg);
    str got = {0};
    for (int64_t i = 0; i < f.r.n; i++) {
        if (i) str_putc(&got, '|');
        put_row(&f.r, i, &got);
    }
    assert_string_equal(str_c(&got), want);
    str_free(&got);
    close_fixture(&f);
}

static const row_options assistant = {.assistant_only = true}, everything = {.loss = ROW_LOSS_ALL}, automatic;

static void refuse(const char *source, const char *kwargs, const char *rows, row_options o, int code,
                   const char *part)
{
    fixture f;
    err e = {0};
    int got = try_open(&f, source, kwargs, rows, SHAPE_LEARN, &e);
    if (!got) got = rowset_build(&f.r, &f.s, tok, &o, NULL, &e);
    if (got != code || !strstr(e.msg, part)) fail_msg("%d %s (not: %d %s)", got, e.msg, code, part);
    close_fixture(&f);
}

#define TALK                                                                                             \
    "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}, {\"role\": \"assistant\", \"content\": " \
    "\"Yo\"}, "                                                                                          \
    "{\"role\": \"user\", \"content\": \"?\"}, {\"role\": \"assistant\", \"content\": \"\\n!\"}]}\n"

static void messages(void **state)
{
    (void)state;
    learn(TURNS, NULL, TALK, assistant, "^user:Hi$\nassistant:[Yo$]\nuser:?$\nassistant:[\n!$]\n");
    learn(TURNS, NULL, TALK, automatic, "^[user:Hi$\nassistant:Yo$\nuser:?$\nassistant:\n!$\n]");
    learn("{% for m in messages %}{{ m.role[0] }} {% if m.role == 'assistant' %}{% generation %}{{ m.content "
          "}}</s>"
          "{% endgeneration %}{% else %}{{ m.content }}{% endif %}{{ '\\n' }}{% endfor %}",
          NULL, TALK, assistant, "u Hi\na [Yo$]\nu ?\na [\n!$]\n");
    /* a generation block whose place is not known: beginnings tell */
    learn("{% macro say(m) %}{% generation %}{{ m.content }}{% endgeneration %}{% endmacro %}"
          "{% for m in messages %}<{{ say(m) }}>{% endfor %}{% if add_generation_prompt %}<{% endif %}",
          NULL, TALK, assistant, "<Hi><[Yo>]<?><[\n!>]");
    /* no special token ends the turn: its white space is learned */
    learn("{% for m in messages %}{{ m.role[0] }}: {{ m.content|trim }}{{ '\\n' }}{% endfor %}"
          "{% if add_generation_prompt %}a: {% endif %}",
          NULL, TALK, assistant, "u: Hi\na: [Yo\n]u: ?\na: [!\n]");
}

static void sharegpt(void **state)
{
    (void)state;
    static const char row[] = "{\"system\": \"S\", \"conversations\": [{\"from\": \"human\", \"value\": "
                              "\"W?\"}, {\"from\": \"function_call\", "
                              "\"value\": \"{\\\"name\\\": \\\"f\\\", \\\"arguments\\\": {\\\"x\\\": 1}}\"}, "
                              "{\"from\": \"observation\", "
                              "\"value\": \"7\"}, {\"from\": \"gpt\", \"value\": \"It is 7.\"}], "
                              "\"tools\": \"[{\\\"name\\\": \\\"f\\\"}]\"}\n";
    learn(TURNS, NULL, row, assistant,
          "^system:S$\nuser:W?$\nassistant:[{\"name\": \"f\", \"arguments\": {\"x\": "
          "1}}$]\ntool:7$\nassistant:[It is 7.$]\n");
    learn(TOOLS, NULL, row, assistant,
          "[{\"type\": \"function\", \"function\": {\"name\": \"f\"}}]<system>S;<user>W?;<assistant>"
          "[call00001{\"name\": \"f\", \"arguments\": {\"x\": 1}};]<tool>7call00001;<assistant>[It is 7.;]");
}

static void other_shapes(void **state)
{
    (void)state;
    learn(
        TURNS, NULL,
        "{\"instruction\": \"Add\", \"input\": \"1 2\", \"output\": \"3\", \"system\": \"S\", \"history\": "
        "[[\"a\", \"b\"]]}\n"
        "{\"instruction\": \"Hi\", \"input\": \"\", \"output\": \"Yo\"}\n",
        assistant,
        "^system:S$\nuser:a$\nassistant:[b$]\nuser:Add\n1 2$\nassistant:[3$]\n|^user:Hi$\nassistant:[Yo$]\n");
    learn(TURNS, NULL,
          "{\"prompt\": [{\"role\": \"user\", \"content\": \"Hi\"}], \"completion\": [{\"role\": "
          "\"assistant\", "
          "\"content\": \"Yo\"}]}\n",
          automatic, "^user:Hi$\nassistant:[Yo$\n]");
    learn(TURNS, NULL,
          "{\"conversations\": [{\"from\": \"human\", \"value\": \"Hi\"}, {\"from\": \"gpt\", \"value\": "
          "\"Yo\"}, "
          "{\"from\": \"human\", \"value\": \"?\"}], \"chosen\": {\"from\": \"gpt\", \"value\": \"good\"}, "
          "\"rejected\": {\"from\": \"gpt\", \"value\": \"bad\"}}\n",
          assistant, "^user:Hi$\nassistant:Yo$\nuser:?$\nassistant:[good$]\n");
    learn(TURNS, NULL,
          "{\"chosen\": [{\"role\": \"user\", \"content\": \"Hi\"}, {\"role\": \"assistant\", \"content\": "
          "\"Yo\"}], "
          "\"rejected\": []}\n",
          assistant, "^user:Hi$\nassistant:[Yo$]\n");
    learn(TURNS, NULL, "prompt,chosen,rejected\nHi,Yo,No\n", everything, "^[user:Hi$\nassistant:Yo$\n]");
    learn(TURNS, NULL, "prompt,chosen,rejected\nHi,Yo,No\n", automatic, "^user:Hi$\nassistant:[Yo$\n]");
}

static void variables(void **state)
{
    (void)state;
    static const char rows[] =
        "{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\", \"reasoning\": \"why\"}]}\n"
        "{\"messages\": [{\"role\": \"assistant\", \"content\": \"b\"}], "
        "\"chat_template_kwargs\": {\"x\": \"row\", \"y\": 2}}\n";
    learn("{% for m in messages %}{{ m.reasoning_content }}{{ m.content }}{% endfor %}{{ x }}{{ y }}{{ "
          "eos_token }}",
          "{\"x\": \"opt\", \"y\": 1}", rows, automatic, "w[hyaopt1$]|b[row2$]");
}

static void prompts(void **state)
{
    (void)state;
    fixture f;
    err e = {0};
    str text = {0};
    if (try_open(&f, TURNS, NULL, TALK "{\"messages\": [{\"role\": \"user\", \"content\": \"Q\"}]}\n",
                 SHAPE_ANSWER, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(shape_prompt(&f.s, 0, &text, &e), OK);
    assert_string_equal(text.p, "<s>user:Hi</s>\nassistant:Yo</s>\nuser:?</s>\nassistant:");
    str_clear(&text);
    assert_int_equal(shape_prompt(&f.s, 1, &text, &e), OK);
    assert_string_equal(text.p, "<s>user:Q</s>\nassistant:");
    str_free(&text);
    close_fixture(&f);
}

static void findings(void **state)
{
    (void)state;
    fixture f;
    err e = {0};
    row_options o = {.assistant_only = true, .max_length = 24};
    if (try_open(
            &f, TURNS, NULL,
            TALK
            "{\"messages\": [{\"role\": \"user\", \"content\": \"much too long\"}, {\"role\": \"assistant\", "
            "\"content\": \"a\"}]}\n{\"messages\": [{\"role\": \"user\", \"content\": \"b\"}]}\n"
            "{\"messages\": [{\"role\": \"assistant\", \"content\": \"c\"}], \"tools\": [{\"name\": "
            "\"f\"}]}\n",
            SHAPE_LEARN, &e))
        fail_msg("%s", e.msg);
    if (rowset_build(&f.r, &f.s, tok, &o, NULL, &e)) fail_msg("%s", e.msg);
    assert_int_equal(f.r.n, 2);
    assert_int_equal(f.r.found[FIND_PROMPT_TOO_LONG].line, 2);
    assert_int_equal(f.r.found[FIND_NO_LABEL].line, 3);
    assert_int_equal(f.r.found[FIND_TRUNCATED].line, 1);
    assert_int_equal(f.r.found[FIND_TOOLS_LOST].line, 4);
    assert_int_equal(f.r.found[FIND_NO_EOS].count, 0);
    close_fixture(&f);
}

static void refused(void **state)
{
    (void)state;
    refuse("{{ messages|length }}{% for m in messages %}{{ m.content }}{% endfor %}", NULL, "\n" TALK,
           assistant, E_UNSUPPORTED, "f:2: the chat template renders the first 1 messages otherwise alone");
    refuse("{% for m in messages %}{{ m.content }}{{ raise_exception('no ' ~ m.role) if loop.index == 3 }}{% "
           "endfor %}",
           NULL, "\n\n" TALK, automatic, E_FORMAT, "f:3: ");
    refuse("{{ raise_exception('no') }}", NULL, TALK, automatic, E_FORMAT, "t.jinja: line 1: no");
    refuse("a\n{% include 'x' %}", NULL, TALK, automatic, E_UNSUPPORTED,
           "t.jinja: line 2: the tag \"include\" is not supported");
    refuse(TURNS, "[1]", TALK, automatic, E_USAGE, "--chat_template_kwargs: not a JSON object");
    refuse(TURNS, NULL, "{\"messages\": \"x\"}\n", automatic, E_FORMAT,
           "f:1: \"messages\" is not a list of messages");
    refuse(TURNS, NULL, "{\"messages\": [{\"content\": \"x\"}]}\n", automatic, E_FORMAT,
           "has a message without a \"role\"");
    refuse(TURNS, NULL, "{\"messages\": []}\n", automatic, E_FORMAT, "f:1: the conversation has no messages");
    refuse(TURNS, NULL, TALK "{\"x\": 1}\n", automatic, E_FORMAT, "f:2: no field \"messages\"");
    refuse(TURNS, NULL, "{\"conversations\": [{\"from\": \"martian\", \"value\": \"x\"}]}\n", automatic,
           E_FORMAT, "f:1: \"martian\" is a role this program does not know");
    refuse(TURNS, NULL, "{\"conversations\": [{\"from\": \"gpt\", \"value\": 1}]}\n", automatic, E_FORMAT,
           "f:1: ");
    refuse(TOOLS, NULL, "{\"conversations\": [{\"from\": \"function_call\", \"value\": \"x\"}]}\n", automatic,
           E_FORMAT, "\"value\" of function_call is not JSON");
    refuse(TURNS, NULL, "{\"conversations\": [{\"from\": \"gpt\", \"value\": \"x\"}], \"tools\": \"{\"}\n",
           automatic, E_FORMAT, "f:1: \"tools\" is not JSON");
    refuse(TURNS, NULL, "{\"instruction\": \"a\", \"output\": \"b\", \"history\": [1]}\n", automatic,
           E_FORMAT, "f:1: \"history\" is not a list of pairs of texts");
    refuse(TURNS, NULL, TALK, (row_options){.loss = ROW_LOSS_COMPLETION}, E_USAGE, "needs a prompt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages),  cmocka_unit_test(sharegpt), cmocka_unit_test(other_shapes),
        cmocka_unit_test(variables), cmocka_unit_test(prompts),  cmocka_unit_test(findings),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests_name("chat", tests, open_tokenizer, close_tokenizer);
}
