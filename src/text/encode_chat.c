/* encode_chat.c -- a conversation as token ids and mask (row.h has the layout).
 *
 * The rendered text is cut where learning begins and ends, and the pieces are tokenized as they go on, so
 * that no token spans a cut; special tokens in it are recognized, and none are added: BOS and ends of turns
 * are the template's. */
#include "text/encode.h"

#include <stdio.h>

/* Bytes [from, to) of the text, learned or not. */
static int add_piece(encoder *c, const str *text, size_t from, size_t to, char mask, err *e)
{
    if (from >= to) return OK;
    int code = tokenizer_encode_on(c->t, text->p, from, to - from, TOKENIZE_SPECIAL, &c->ids, e);
    while (c->mask.n < c->ids.n) str_putc(&c->mask, mask);
    return code;
}

/* The whole text; what lies before byte `first` is not learned. */
static int add_text(encoder *c, const jinja_output *o, size_t first, err *e)
{
    const jinja_span all = {0, o->text.n}, *span = c->o->assistant_only ? o->span : &all;
    int64_t spans = c->o->assistant_only ? o->spans : 1;
    size_t at = 0;
    int code = OK;
    for (int64_t i = 0; i < spans && code == OK; i++) {
        size_t start = span[i].start > first ? span[i].start : first;
        if (start < at || start >= span[i].end) continue;
        code = add_piece(c, &o->text, at, start, 0, e);
        if (code == OK) code = add_piece(c, &o->text, start, span[i].end, 1, e);
        at = span[i].end;
    }
    return code == OK ? add_piece(c, &o->text, at, o->text.n, 0, e) : code;
}

/* Whether nothing that is learned lies within max_length. */
static bool too_long(const encoder *c, size_t start)
{
    if (!c->o->max_length) return false;
    for (size_t i = start + 1; i < c->mask.n; i++)
        if (c->mask.p[i]) return (int64_t)(i - start) >= c->o->max_length;
    return false;
}

int encode_chat(encoder *c, int64_t row, encoded *out, err *e)
{
    const row_shape *s = c->s;
    conversation v;
    jinja_output text = {0};
    size_t first = 0, start = c->ids.n;
    char where[400];
    snprintf(where, sizeof where, "%.300s:%lld", s->t->name, (long long)s->t->line[row]);
    int code = conversation_read(s->t, row, s->talk, s->chat, &v, e);
    if (code != OK) return code;
    int64_t n = (int64_t)json_array_size(v.messages);
    code = c->o->assistant_only ? chat_learn(s->chat, &v, where, &text, e)
                                : chat_render(s->chat, &v, n, CHAT_AS_IT_IS, where, &text, e);
    /* every turn of the assistant in the history of an alpaca row counts, unless the completion is asked for
     */
    bool turns = c->o->assistant_only && s->talk == CONVERSATION_ALPACA && c->o->loss == ROW_LOSS_AUTO;
    if (code == OK && v.prompt >= 0 && c->o->loss != ROW_LOSS_ALL && !turns)
        code = chat_prompt(s->chat, &v, where, &text.text, &first, e);
    if (code == OK) code = add_text(c, &text, first, e);
    if (code == OK && too_long(c, start)) out->found |= 1u << FIND_PROMPT_TOO_LONG;
    if (conversation_loses_tools(&v, s->chat)) out->found |= 1u << FIND_TOOLS_LOST;
    if (s->talk == CONVERSATION_CHOSEN) out->found |= 1u << FIND_REJECTED;
    jinja_output_release(&text);
    conversation_release(&v);
    return code;
}
