/* conversation.h -- the conversation in a row of a table.
 *
 *   messages               a list of {role, content, ...}; columns tools, chat_template_kwargs
 *   conversations          sharegpt: a list of {from, value}; columns system, tools
 *   prompt, completion     both lists of messages: the prompt is read, the completion learned
 *   ..., chosen, rejected  pairs of preference: prompt, conversations or instruction, and chosen, which is
 * learned; rejected is not used. Without a prompt, chosen is the whole conversation instruction, output
 * alpaca: input on a line after instruction; columns history ([[said, answered], ...]) and system
 *
 * Roles of sharegpt: human and user; gpt, assistant and bot; system; function_call, a tool call as JSON,
 * which becomes tool_calls of the assistant, or its text where the template knows none; observation, tool and
 * function_response, what the tool answered. Calls get the ids call00001, ... where they have none. tools may
 * be text that holds JSON. */
#ifndef TEXT_CONVERSATION_H
#define TEXT_CONVERSATION_H

#include "text/chat.h"
#include "text/table.h"

typedef enum conversation_kind {
    CONVERSATION_NONE,
    CONVERSATION_MESSAGES,
    CONVERSATION_SHAREGPT,
    CONVERSATION_PAIR,
    CONVERSATION_CHOSEN,
    CONVERSATION_ALPACA,
} conversation_kind;

/* Whether rows of text alone (alpaca, chosen and rejected as text) become conversations too. */
typedef enum conversation_want { CONVERSATION_IF_NEEDED, CONVERSATION_WANTED } conversation_want;

/* What the columns hold; NONE where they are no conversations. */
conversation_kind conversation_of(const table *t, conversation_want want);

/* Reads a row; E_FORMAT with file, line and what is wrong. `c` is the template, for what it knows. */
int conversation_read(const table *t, int64_t row, conversation_kind kind, const chat *c, conversation *out,
                      err *e);

/* The row has tools or tool calls that the template does not show. */
bool conversation_loses_tools(const conversation *v, const chat *c);

#endif
