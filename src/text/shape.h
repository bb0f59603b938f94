/* shape.h -- which text of a table's row is the prompt and which the completion.
 *
 * With --prompt-template, --completion-template or --completion-column, those decide; the half that is
 * not given is taken from the columns below. Otherwise the columns decide, the first that fits:
 *
 *   input_ids                 token ids, with labels, completion_mask, assistant_masks if they are there
 *   prompt, completion        as they are
 *   text                      learned whole (another name with --dataset-text-field comes first)
 *   instruction, output       alpaca: instruction and, where not empty, input, in the wording below
 *
 * Before prompt and completion come conversations: messages, conversations, lists of messages as prompt and
 * completion, chosen and rejected, alpaca with history or system (conversation.h). They are rendered by a
 * chat template, and so is alpaca when chat_wanted. The alpaca wording (Taori et al. 2023), {input} and its
 * heading only where the row has one:
 *
 *   Below is an instruction that describes a task, paired with an input that provides further context.
 *   Write a response that appropriately completes the request.
 *
 *   ### Instruction:
 *   {instruction}
 *
 *   ### Input:
 *   {input}
 *
 *   ### Response:
 */
#ifndef TEXT_SHAPE_H
#define TEXT_SHAPE_H

#include "text/conversation.h"
#include "text/table.h"
#include "text/template.h"

#include <stdbool.h>

typedef enum shape_kind {
    SHAPE_TEXT,
    SHAPE_PROMPT,
    SHAPE_ALPACA,
    SHAPE_TEMPLATE,
    SHAPE_IDS,
    SHAPE_CHAT,
} shape_kind;

/* To learn, a row needs a completion; to answer, a prompt is enough. */
typedef enum shape_use { SHAPE_LEARN, SHAPE_ANSWER } shape_use;

typedef struct shape_options {
    const char *prompt_template, *completion_template, *completion_column; /* NULL: not given */
    const char *text_field;                                                /* NULL: "text" */
    const chat *chat;               /* for conversations; has to outlive the shape */
    conversation_want chat_wanted;
} shape_options;

typedef struct row_shape {
    const table *t;
    shape_kind kind;
    template *prompt;       /* NULL for SHAPE_TEXT and SHAPE_IDS */
    template *prompt_plain; /* alpaca: for a row without input; else NULL */
    template *completion;   /* or the text; NULL for SHAPE_IDS, and when answering without one */
    conversation_kind talk; /* SHAPE_CHAT: what the columns hold */
    const chat *chat;
    bool prompt_written, completion_written; /* by the user, so that a JSON value may fill it */
} row_shape;

/* The conversations that shape_init() will find, for which o->chat has to be there; or CONVERSATION_NONE. */
conversation_kind shape_talk(const table *t, const shape_options *o, shape_use use);

/* Keeps t, which has to outlive s. E_USAGE, E_FORMAT (fields that are missing from the table); after a
 * failure there is nothing to release. */
int shape_init(row_shape *s, const table *t, const shape_options *o, shape_use use, err *e);
void shape_release(row_shape *s);

/* Appends the row's text to out; the prompt of a conversation is all before the answer, with what begins
 * that, and its completion is not asked for here (encode_chat.c). The prompt of a shape that has none is
 * E_USAGE; a completion that was not asked for is empty. Errors about the row name its line. */
int shape_prompt(const row_shape *s, int64_t row, str *out, err *e);
int shape_completion(const row_shape *s, int64_t row, str *out, err *e);

/* SHAPE_CHAT: the last turn of the assistant as the answer to all before it. Appends to prompt what is rendered up
 * to there, with what begins the answer, and to answer the turn's content or, where it calls tools, what the template
 * writes of it, special tokens left out. Nothing is appended when the assistant says nothing. */
int shape_last_turn(const row_shape *s, int64_t row, const tokenizer *t, str *prompt, str *answer, err *e);

const char *shape_name(
    shape_kind k); /* "text", "prompt and completion", "alpaca", "templates", "token ids", "conversations" */

#endif
