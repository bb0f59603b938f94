/* shape.c -- see shape.h. */
#include "text/shape.h"

#include <stdio.h>
#include <string.h>

#define ALPACA_WITH_INPUT                                                                                    \
    "Below is an instruction that describes a task, paired with an input that provides further context. "    \
    "Write a response that appropriately completes the request.\\n\\n### Instruction:\\n{instruction}\\n\\n" \
    "### Input:\\n{input}\\n\\n### Response:\\n"
#define ALPACA_WITHOUT_INPUT                                                                            \
    "Below is an instruction that describes a task. Write a response that appropriately completes the " \
    "request.\\n\\n### Instruction:\\n{instruction}\\n\\n### Response:\\n"

static const char advice_prompt[] = "write the prompt with --prompt-template";
static const char advice_completion[] = "name the completion column with --completion-column";
static const char advice_text[] = "name the column to learn with --dataset-text-field";

const char *shape_name(shape_kind k)
{
    static const char *const name[] = {"text", "prompt and completion", "alpaca",
                                       "templates", "token ids", "conversations"};
    return name[k];
}

static bool has(const table *t, const char *column) { return table_column(t, column) >= 0; }

static int choose_prompt(row_shape *s, const shape_options *o, err *e)
{
    if (o->prompt_template) {
        s->prompt_written = true;
        s->prompt = template_new(o->prompt_template, "--prompt-template", e);
        return s->prompt ? OK : E_USAGE;
    }
    if (has(s->t, "prompt"))
        s->prompt = template_of_column("", "prompt");
    else if (!has(s->t, "instruction"))
        return table_no_field(s->t, -1, "prompt", advice_prompt, e);
    else {
        s->prompt = template_new(ALPACA_WITH_INPUT, "alpaca", e);
        s->prompt_plain = template_new(ALPACA_WITHOUT_INPUT, "alpaca", e);
    }
    return OK;
}

static int choose_completion(row_shape *s, const shape_options *o, shape_use use, err *e)
{
    if (o->completion_template && o->completion_column)
        return fail(e, E_USAGE,
                    "--completion-template and --completion-column both name the completion; give one");
    if (o->completion_template) {
        s->completion_written = true;
        s->completion = template_new(o->completion_template, "--completion-template", e);
        return s->completion ? OK : E_USAGE;
    }
    if (o->completion_column)
        s->completion = template_of_column(" ", o->completion_column);
    else if (has(s->t, "completion"))
        s->completion = template_of_column("", "completion");
    else if (has(s->t, "output"))
        s->completion = template_of_column("", "output");
    else if (use == SHAPE_LEARN)
        return table_no_field(s->t, -1, "completion", advice_completion, e);
    return OK;
}

static int choose_text(row_shape *s, const char *field, err *e)
{
    s->kind = SHAPE_TEXT;
    if (!has(s->t, field)) return table_no_field(s->t, -1, field, advice_text, e);
    s->completion = template_of_column("", field);
    return OK;
}

static int fail_unknown(const table *t, shape_use use, err *e)
{
    if (use == SHAPE_ANSWER) return table_no_field(t, -1, "prompt", advice_prompt, e);
    if (has(t, "prompt") || has(t, "instruction"))
        return table_no_field(t, -1, has(t, "prompt") ? "completion" : "output", advice_completion, e);
    return table_no_field(t, -1, "text", "say what to learn with --prompt-template and --completion-column",
                          e);
}

conversation_kind shape_talk(const table *t, const shape_options *o, shape_use use)
{
    const char *text = o->text_field ? o->text_field : "text";
    bool learn = use == SHAPE_LEARN;
    if (o->prompt_template || o->completion_template || o->completion_column) return CONVERSATION_NONE;
    if (learn && (strcmp(text, "text") || has(t, "input_ids"))) return CONVERSATION_NONE;
    conversation_kind k = conversation_of(t, o->chat_wanted);
    bool columns = learn && (has(t, text) || (has(t, "prompt") && has(t, "completion")));
    bool optional = k == CONVERSATION_MESSAGES || k == CONVERSATION_SHAREGPT;
    if (optional && columns && o->chat_wanted == CONVERSATION_IF_NEEDED) return CONVERSATION_NONE;
    return k == CONVERSATION_ALPACA && learn && !has(t, "output") ? CONVERSATION_NONE : k;
}

static int choose(row_shape *s, const shape_options *o, shape_use use, err *e)
{
    const table *t = s->t;
    const char *text = o->text_field ? o->text_field : "text";
    bool learn = use == SHAPE_LEARN, answer = !learn;
    s->talk = shape_talk(t, o, use);
    if (s->talk != CONVERSATION_NONE) {
        if (!o->chat) return fail(e, E_USAGE, "%s: conversations need a chat template", t->name);
        s->chat = o->chat;
        return s->kind = SHAPE_CHAT, OK;
    }
    if (o->prompt_template || o->completion_template || o->completion_column)
        s->kind = SHAPE_TEMPLATE;
    else if (learn && strcmp(text, "text"))
        return choose_text(s, text, e);
    else if (learn && has(t, "input_ids"))
        return s->kind = SHAPE_IDS, OK;
    else if (has(t, "prompt") && (answer || has(t, "completion")))
        s->kind = SHAPE_PROMPT;
    else if (learn && has(t, text))
        return choose_text(s, text, e);
    else if (has(t, "instruction") && (answer || has(t, "output")))
        s->kind = SHAPE_ALPACA;
    else
        return fail_unknown(t, use, e);
    int code = choose_prompt(s, o, e);
    return code == OK ? choose_completion(s, o, use, e) : code;
}

int shape_init(row_shape *s, const table *t, const shape_options *o, shape_use use, err *e)
{
    *s = (row_shape){.t = t};
    int code = choose(s, o, use, e);
    if (code != OK) shape_release(s);
    return code;
}

void shape_release(row_shape *s)
{
    template_free(s->prompt);
    template_free(s->prompt_plain);
    template_free(s->completion);
    *s = (row_shape){0};
}

/* A list where a text is expected is a conversation, which would be learned as JSON; a template that the user
 * wrote may hold one. */
static int render(const row_shape *s, const template *w, bool written, int64_t row, const char *advice,
                  str *out, err *e)
{
    const char *list = written ? NULL : template_json_column(w, s->t, row);
    if (list)
        return fail(
            e, E_UNSUPPORTED,
            "%s:%lld: \"%.200s\" is a JSON array or object, not text; conversations are lists in "
            "\"messages\" or \"conversations\", or in \"prompt\" and \"completion\" of every row",
            s->t->name, (long long)s->t->line[row], list);
    return template_render(w, s->t, row, advice, out, e);
}

/* All before the last turn of the assistant, or before the completion. */
static int chat_prompt_text(const row_shape *s, int64_t row, str *out, err *e)
{
    conversation v;
    jinja_output text = {0};
    char where[400];
    int code = conversation_read(s->t, row, s->talk, s->chat, &v, e);
    if (code != OK) return code;
    int64_t n = v.prompt >= 0 ? v.prompt : (int64_t)json_array_size(v.messages);
    const json_t *end = n ? json_array_get(v.messages, (size_t)n - 1) : NULL;
    const char *last = json_string_value(json_object_get(end, "role"));
    if (v.prompt < 0 && last && !strcmp(last, "assistant")) n--;
    snprintf(where, sizeof where, "%.300s:%lld", s->t->name, (long long)s->t->line[row]);
    code = chat_render(s->chat, &v, n, CHAT_TO_ANSWER, where, &text, e);
    if (code == OK) str_add(out, str_c(&text.text), text.text.n);
    jinja_output_release(&text);
    conversation_release(&v);
    return code;
}

int shape_prompt(const row_shape *s, int64_t row, str *out, err *e)
{
    if (s->kind == SHAPE_CHAT) return chat_prompt_text(s, row, out, e);
    if (!s->prompt)
        return fail(e, E_USAGE, "%s: rows of %s have no prompt; %s", s->t->name, shape_name(s->kind),
                    advice_prompt);
    bool plain = s->prompt_plain && !table_cell(s->t, row, table_column(s->t, "input")).n;
    return render(s, plain ? s->prompt_plain : s->prompt, s->prompt_written, row, advice_prompt, out, e);
}

int shape_completion(const row_shape *s, int64_t row, str *out, err *e)
{
    if (!s->completion) return OK;
    const char *advice = s->kind == SHAPE_TEXT ? advice_text : advice_completion;
    return render(s, s->completion, s->completion_written, row, advice, out, e);
}
