/* chat.h -- conversations as the text that a model reads: its chat template, and what of the text the
 * assistant says.
 *
 * The template is, the first that there is: the file or model that --chat_template_path names; of a folder,
 * chat_template.jinja or chat_template of tokenizer_config.json; of a GGUF file, tokenizer.chat_template.
 * Where a model has several, the one named tool_use serves conversations with tools and the one named default
 * the others. It is rendered as transformers does it (text/jinja), with the tokenizer's special tokens as
 * bos_token, eos_token, pad_token and unk_token. */
#ifndef TEXT_CHAT_H
#define TEXT_CHAT_H

#include "text/jinja/jinja.h"
#include "text/tokenizer.h"

typedef struct chat chat;

typedef struct chat_options {
    const char *template_path; /* NULL: the model's own */
    const char *kwargs;        /* a JSON object of further variables; NULL: none */
} chat_options;

/* Keeps t, which has to outlive it. `model` is the path of the model. E_IO or E_FORMAT when there is no
 * template, E_UNSUPPORTED (the line names the file, the line and the part) when it is one that cannot be
 * rendered. */
int chat_open(chat **out, const char *model, const chat_options *o, const tokenizer *t, err *e);
void chat_close(chat *c); /* NULL is fine */

/* The template's text has this word: "tools", "tool_calls". */
bool chat_mentions(const chat *c, const char *word);

typedef struct conversation {
    json_t *messages; /* owned: a list of objects with a role */
    json_t *tools;    /* owned: a list, or NULL */
    json_t *kwargs;   /* owned: an object of further variables of this row, or NULL */
    int64_t prompt;   /* so many messages are the prompt; -1: no such division */
} conversation;

void conversation_release(conversation *c);

typedef enum chat_ending { CHAT_AS_IT_IS, CHAT_TO_ANSWER } chat_ending;

/* Renders the first n messages; CHAT_TO_ANSWER with what begins the assistant's turn (add_generation_prompt).
 * An error begins with `where`, the row. The output is released in any case. Any number of threads may call
 * it. */
int chat_render(const chat *c, const conversation *v, int64_t n, chat_ending ending, const char *where,
                jinja_output *out, err *e);

/* How many bytes of the whole rendering are that of its prompt with what begins the answer; E_UNSUPPORTED
 * when that is no beginning of the whole. */
int chat_prompt(const chat *c, const conversation *v, const char *where, const str *whole, size_t *bytes,
                err *e);

/* The whole conversation, with what the assistant says as spans: the template's {% generation %} blocks, or,
 * where it has none, from the end of the rendering of the messages before an assistant's turn (with what
 * begins it) to the end of that of the messages up to it, less the white space after a special token that
 * ends it. Both have to be beginnings of the whole; where one is not, E_UNSUPPORTED. */
int chat_learn(const chat *c, const conversation *v, const char *where, jinja_output *out, err *e);

#endif
