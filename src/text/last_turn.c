/* last_turn.c -- a conversation as a question and its answer: see shape_last_turn() in shape.h. */
#include "text/shape.h"

#include <stdio.h>
#include <string.h>

/* The last message that the assistant says, of those that are no prompt; -1: none. */
static int64_t last_answer(const conversation *v)
{
    int64_t i = (int64_t)json_array_size(v->messages) - 1, least = v->prompt > 0 ? v->prompt : 0;
    for (; i >= least; i--) {
        const json_t *m = json_array_get(v->messages, (size_t)i);
        const char *role = json_string_value(json_object_get(m, "role"));
        if (role && !strcmp(role, "assistant")) return i;
    }
    return -1;
}

/* The text parts of content that is a list, as templates read it. */
static void add_content(const json_t *content, str *out)
{
    size_t i;
    json_t *part;
    if (json_is_string(content)) str_add(out, json_string_value(content), json_string_length(content));
    json_array_foreach(content, i, part)
    {
        const json_t *text = json_object_get(part, "text");
        if (json_is_string(text)) str_add(out, json_string_value(text), json_string_length(text));
    }
}

/* What the template writes between the prompt and the end of turn `n`, less its special tokens: what a model that
 * calls as it should would be seen to write. */
static int add_rendered(const row_shape *s, const conversation *v, int64_t n, const char *where, const str *prompt,
                        const tokenizer *t, str *out, err *e)
{
    jinja_output whole = {0};
    token_vec ids = {0};
    int code = chat_render(s->chat, v, n, CHAT_AS_IT_IS, where, &whole, e);
    size_t from = prompt->n;
    if (code == OK && (whole.text.n < from || memcmp(str_c(&whole.text), str_c(prompt), from)))
        code = fail(e, E_UNSUPPORTED,
                    "%s: with this chat template the prompt is no beginning of the conversation, so what its tool "
                    "calls are written as cannot be told",
                    where);
    if (code == OK)
        code = tokenizer_encode_on(t, whole.text.p, from, whole.text.n - from, TOKENIZE_SPECIAL, &ids, e);
    if (code == OK) code = tokenizer_decode(t, ids.p, ids.n, DECODE_SKIP_SPECIAL, out, e);
    token_vec_free(&ids);
    jinja_output_release(&whole);
    return code;
}

int shape_last_turn(const row_shape *s, int64_t row, const tokenizer *t, str *prompt, str *answer, err *e)
{
    conversation v;
    jinja_output text = {0};
    char where[400];
    int code = conversation_read(s->t, row, s->talk, s->chat, &v, e);
    if (code != OK) return code;
    const int64_t at = last_answer(&v);
    const json_t *turn = at < 0 ? NULL : json_array_get(v.messages, (size_t)at);
    snprintf(where, sizeof where, "%.300s:%lld", s->t->name, (long long)s->t->line[row]);
    if (turn) code = chat_render(s->chat, &v, at, CHAT_TO_ANSWER, where, &text, e);
    if (turn && code == OK) str_add(prompt, str_c(&text.text), text.text.n);
    if (turn && code == OK && json_array_size(json_object_get(turn, "tool_calls")))
        code = add_rendered(s, &v, at + 1, where, &text.text, t, answer, e);
    else if (turn && code == OK)
        add_content(json_object_get(turn, "content"), answer);
    jinja_output_release(&text);
    conversation_release(&v);
    return code;
}
