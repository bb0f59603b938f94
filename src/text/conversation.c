/* conversation.c -- see conversation.h. */
#include "text/conversation.h"

#include <stdio.h>
#include <string.h>

typedef struct reader {
    const table *t;
    int64_t row;
    const chat *c;
    int calls; /* tool calls so far */
    err *e;
} reader;

static bool has(const table *t, const char *column) { return table_column(t, column) >= 0; }

static cell cell_of(const reader *r, const char *column)
{
    return table_cell(r->t, r->row, table_column(r->t, column));
}

/* The first row that has the column tells what it holds. */
static bool holds_json(const table *t, const char *column)
{
    int at = table_column(t, column);
    for (int64_t i = 0; i < t->rows && at >= 0; i++) {
        cell c = table_cell(t, i, at);
        if (c.kind != CELL_ABSENT && c.kind != CELL_NULL) return c.kind == CELL_JSON;
    }
    return false;
}

conversation_kind conversation_of(const table *t, conversation_want want)
{
    bool wanted = want == CONVERSATION_WANTED;
    if (has(t, "chosen") && has(t, "rejected") && (wanted || holds_json(t, "chosen")))
        return CONVERSATION_CHOSEN;
    if (has(t, "messages")) return CONVERSATION_MESSAGES;
    if (has(t, "conversations")) return CONVERSATION_SHAREGPT;
    if (has(t, "prompt") && holds_json(t, "prompt") && (!has(t, "completion") || holds_json(t, "completion")))
        return CONVERSATION_PAIR;
    if (has(t, "instruction") && (wanted || has(t, "history") || has(t, "system")))
        return CONVERSATION_ALPACA;
    return CONVERSATION_NONE;
}

static int fail_row(const reader *r, const char *what, const char *of)
{
    return fail(r->e, E_FORMAT, "%s:%lld: \"%.100s\" %s", r->t->name, (long long)r->t->line[r->row], of,
                what);
}

/* The JSON in a cell: NULL where there is none, without failure when it may lack. Text is JSON in text. */
static json_t *json_of(const reader *r, const char *column)
{
    cell c = cell_of(r, column);
    if (c.kind == CELL_ABSENT || c.kind == CELL_NULL || !c.n) return NULL;
    json_error_t why;
    json_t *j = json_loadb(c.text, c.n, JSON_DECODE_ANY, &why);
    if (!j) fail_row(r, "is not JSON", column);
    return j;
}

static json_t *text_of(const char *p, size_t n) { return json_stringn(p ? p : "", n); }

static json_t *message(const char *role, json_t *content)
{
    return json_pack("{s:s, s:o}", "role", role, "content", content ? content : json_string(""));
}

static json_t *new_id(reader *r)
{
    char id[24];
    snprintf(id, sizeof id, "call%05d", ++r->calls);
    return json_string(id);
}

/* {name, arguments} as the tool_calls of the interfaces that templates are written for. */
static int add_call(reader *r, json_t *calls, json_t *call)
{
    json_t *name = json_object_get(call, "name"), *arguments = json_object_get(call, "arguments");
    if (!json_is_string(name) || !arguments)
        return fail_row(r, "of function_call has no name or arguments", "value");
    json_t *read = json_is_string(arguments) ? json_loads(json_string_value(arguments), 0, NULL) : NULL;
    json_t *function =
        json_pack("{s:O, s:o}", "name", name, "arguments", read ? read : json_incref(arguments));
    json_array_append_new(
        calls, json_pack("{s:s, s:o, s:o}", "type", "function", "id", new_id(r), "function", function));
    return OK;
}

static int add_function_call(reader *r, json_t *messages, const json_t *value)
{
    if (!chat_mentions(r->c, "tool_calls"))
        return json_array_append_new(messages, message("assistant", json_copy((json_t *)value))), OK;
    json_t *call = json_loadb(json_string_value(value), json_string_length(value), 0, NULL), *one;
    if (!call) return fail_row(r, "of function_call is not JSON", "value");
    json_t *calls = json_array();
    size_t i;
    int code = OK;
    if (json_is_object(call)) code = add_call(r, calls, call);
    json_array_foreach(call, i, one) if (code == OK) code = add_call(r, calls, one);
    json_decref(call);
    json_t *m = message("assistant", NULL);
    json_object_set_new(m, "tool_calls", calls);
    json_array_append_new(messages, m);
    return code;
}

/* The id of a call that was not answered yet: the answers come in the order of the calls. */
static json_t *answered_id(const json_t *messages)
{
    size_t answers = 0, n = json_array_size(messages);
    for (size_t i = n; i--;) {
        const json_t *m = json_array_get(messages, i), *calls = json_object_get(m, "tool_calls");
        const char *role = json_string_value(json_object_get(m, "role"));
        if (calls) return json_object_get(json_array_get(calls, answers), "id");
        if (!role || strcmp(role, "tool")) return NULL;
        answers++;
    }
    return NULL;
}

static int add_sharegpt(reader *r, json_t *messages, json_t *one)
{
    static const struct {
        const char *from, *role;
    } roles[] = {{"human", "user"},       {"user", "user"},           {"gpt", "assistant"},
                 {"bot", "assistant"},    {"assistant", "assistant"}, {"system", "system"},
                 {"observation", "tool"}, {"tool", "tool"},           {"function_response", "tool"},
                 {"function_call", NULL}};
    const json_t *from = json_object_get(one, "from"), *value = json_object_get(one, "value");
    if (!from) from = json_object_get(one, "role");
    if (!value) value = json_object_get(one, "content");
    if (!json_is_string(from) || !json_is_string(value))
        return fail_row(r, "has a turn that is not {\"from\": text, \"value\": text}", "conversations");
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (strcmp(roles[i].from, json_string_value(from))) continue;
        if (!roles[i].role) return add_function_call(r, messages, value);
        json_t *m = message(roles[i].role, json_copy((json_t *)value)), *id = NULL;
        if (!strcmp(roles[i].role, "tool")) id = answered_id(messages);
        if (id) json_object_set(m, "tool_call_id", id);
        return json_array_append_new(messages, m), OK;
    }
    return fail_row(r,
                    "is a role this program does not know; there are human, gpt, system, function_call and "
                    "observation",
                    json_string_value(from));
}

static int add_message(reader *r, json_t *messages, json_t *one, const char *column)
{
    if (json_object_get(one, "from")) return add_sharegpt(r, messages, one);
    if (!json_is_string(json_object_get(one, "role")))
        return fail_row(r, "has a message without a \"role\"", column);
    return json_array_append(messages, one), OK;
}

/* Messages of a column: a list; one message; or text that `role` says. */
static int add_column(reader *r, json_t *messages, const char *column, const char *role)
{
    cell c = cell_of(r, column);
    if (c.kind == CELL_ABSENT)
        return table_no_field(r->t, r->row, column, "every row has the same fields", r->e);
    if (c.kind != CELL_JSON) {
        if (!role) return fail_row(r, "is not a list of messages", column);
        return json_array_append_new(messages, message(role, text_of(c.text, c.n))), OK;
    }
    json_t *list = json_of(r, column), *one;
    if (!list) return r->e->code;
    size_t i;
    int code = OK;
    if (json_is_object(list)) code = add_message(r, messages, list, column);
    json_array_foreach(list, i, one) if (code == OK) code = add_message(r, messages, one, column);
    json_decref(list);
    return code;
}

static bool filled(const reader *r, const char *column)
{
    cell c = cell_of(r, column);
    return c.kind != CELL_ABSENT && c.kind != CELL_NULL && c.n > 0;
}

/* history: pairs of what was said and answered. */
static int add_history(reader *r, json_t *messages)
{
    if (!filled(r, "history")) return OK;
    json_t *list = json_of(r, "history"), *pair;
    int code = list ? OK : r->e->code;
    size_t i;
    json_array_foreach(list, i, pair)
    {
        json_t *said = json_array_get(pair, 0), *answered = json_array_get(pair, 1);
        if (code == OK && (!json_is_string(said) || !json_is_string(answered)))
            code = fail_row(r, "is not a list of pairs of texts", "history");
        if (code != OK) break;
        json_array_append_new(messages, message("user", json_incref(said)));
        json_array_append_new(messages, message("assistant", json_incref(answered)));
    }
    json_decref(list);
    return code;
}

static int add_instruction(reader *r, json_t *messages)
{
    cell instruction = cell_of(r, "instruction"), input = cell_of(r, "input");
    int code = add_history(r, messages);
    str text = {0};
    if (instruction.kind != CELL_ABSENT) str_add(&text, instruction.text, instruction.n);
    if (input.n && text.n) str_putc(&text, '\n');
    if (input.n) str_add(&text, input.text, input.n);
    json_array_append_new(messages, message("user", text_of(str_c(&text), text.n)));
    str_free(&text);
    return code;
}

/* The prompt of a pair of preference, if the row has one. */
static int add_prompt(reader *r, json_t *messages)
{
    static const char *const lists[] = {"prompt", "conversations", "messages"};
    for (int i = 0; i < 3; i++)
        if (has(r->t, lists[i])) return add_column(r, messages, lists[i], "user");
    return has(r->t, "instruction") ? add_instruction(r, messages) : OK;
}

static int add_messages(reader *r, conversation_kind kind, conversation *out)
{
    int code = OK;
    json_t *m = out->messages;
    bool first_is_system = false;
    if (kind != CONVERSATION_MESSAGES && filled(r, "system")) {
        cell c = cell_of(r, "system");
        first_is_system = c.kind == CELL_TEXT;
        if (first_is_system) json_array_append_new(m, message("system", text_of(c.text, c.n)));
    }
    switch (kind) {
    case CONVERSATION_MESSAGES:
        return add_column(r, m, "messages", NULL);
    case CONVERSATION_SHAREGPT:
        return add_column(r, m, "conversations", NULL);
    case CONVERSATION_PAIR:
        code = add_column(r, m, "prompt", NULL);
        break;
    case CONVERSATION_CHOSEN:
        code = add_prompt(r, m);
        break;
    default:
        code = add_instruction(r, m);
        break;
    }
    int64_t prompt = (int64_t)json_array_size(m);
    out->prompt = prompt > first_is_system ? prompt : -1;
    if (code != OK) return code;
    if (kind == CONVERSATION_CHOSEN) return add_column(r, m, "chosen", "assistant");
    bool alpaca = kind == CONVERSATION_ALPACA;
    const char *answer = alpaca ? "output" : "completion";
    return has(r->t, answer) ? add_column(r, m, answer, alpaca ? "assistant" : NULL) : OK;
}

/* {name, description, parameters} of sharegpt rows, as templates expect it. */
static json_t *wrapped(json_t *tools)
{
    json_t *all = json_array(), *one;
    size_t i;
    json_array_foreach(tools, i, one)
    {
        bool bare = json_object_get(one, "name") && !json_object_get(one, "function");
        json_array_append_new(all, bare ? json_pack("{s:s, s:O}", "type", "function", "function", one)
                                        : json_incref(one));
    }
    return all;
}

static int read_tools(reader *r, conversation_kind kind, conversation *out)
{
    json_t *tools = json_of(r, "tools");
    if (json_is_string(tools)) { /* JSON in JSON */
        json_t *inner = json_loads(json_string_value(tools), 0, NULL);
        json_decref(tools);
        tools = inner;
        if (!tools) return fail_row(r, "is not JSON", "tools");
    }
    if (tools && !json_is_null(tools) && !json_is_array(tools))
        fail_row(r, "is not a list", "tools");
    else if (json_array_size(tools))
        out->tools = kind == CONVERSATION_MESSAGES ? json_incref(tools) : wrapped(tools);
    json_decref(tools);
    return r->e->code;
}

static int check(const reader *r, const conversation *v)
{
    if (json_array_size(v->messages)) return OK;
    return fail(r->e, E_FORMAT, "%s:%lld: the conversation has no messages", r->t->name,
                (long long)r->t->line[r->row]);
}

int conversation_read(const table *t, int64_t row, conversation_kind kind, const chat *c, conversation *out,
                      err *e)
{
    reader r = {t, row, c, 0, e};
    *out = (conversation){.messages = json_array(), .prompt = -1};
    int code = add_messages(&r, kind, out);
    if (code == OK) code = read_tools(&r, kind, out);
    if (code == OK && (out->kwargs = json_of(&r, "chat_template_kwargs")) && !json_is_object(out->kwargs))
        code = json_is_null(out->kwargs) ? OK : fail_row(&r, "is not an object", "chat_template_kwargs");
    if (code == OK) code = e->code;
    if (code == OK) code = check(&r, out);
    if (code != OK) conversation_release(out);
    return code;
}

bool conversation_loses_tools(const conversation *v, const chat *c)
{
    bool lost = v->tools && !chat_mentions(c, "tools"), calls = chat_mentions(c, "tool_calls");
    size_t i;
    json_t *m;
    json_array_foreach(v->messages, i, m) lost |= !calls && json_array_size(json_object_get(m, "tool_calls"));
    return lost;
}
