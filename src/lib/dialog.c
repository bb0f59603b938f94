/* dialog.c -- see dialog.h. */
#include "lib/dialog.h"

#include "gen/talk.h"
#include "lib/job_open.h"
#include "lib/job_prompts.h"
#include "text/chat.h"
#include "text/row.h"

#include <stdlib.h>
#include <string.h>

struct dialog {
    const options *o;
    job_model j;
    chat *chat;
    conversation said;
    dialog_with with;
    talk *talk[2]; /* by dialog_with */
};

static int add_message(dialog *d, const char *role, const char *text, size_t n, err *e)
{
    json_t *message = json_pack("{s:s, s:s%}", "role", role, "content", text, n);
    if (!message) return fail(e, E_FORMAT, "the message is not UTF-8; convert it first");
    json_array_append_new(d->said.messages, message);
    return OK;
}

static void drop_last(dialog *d) { json_array_remove(d->said.messages,
                                                     json_array_size(d->said.messages) - 1); }

int dialog_open(dialog **out, const options *o, const job_hooks *h, err *e)
{
    dialog *d = xcalloc(1, sizeof *d);
    const chat_options c = {o->chat_template_path, o->chat_template_kwargs};
    d->o = o;
    d->said = (conversation){.messages = json_array(), .prompt = -1};
    int code = job_model_open(&d->j, o, h, e);
    if (code == OK && d->j.model->config->encoder_layers)
        code = fail(e, E_UNSUPPORTED,
                    "%s: %s has an encoder and a decoder, which hold no conversation; lorac generate asks it",
                    o->model, d->j.model->config->architecture);
    if (code == OK) code = chat_open(&d->chat, o->model, &c, d->j.tokenizer, e);
    if (code == OK && o->system) code = add_message(d, "system", o->system, strlen(o->system), e);
    if (code != OK) {
        dialog_close(d);
        return code;
    }
    d->with = d->j.adapter ? DIALOG_ADAPTER : DIALOG_BASE;
    *out = d;
    return OK;
}

void dialog_close(dialog *d)
{
    if (!d) return;
    talk_free(d->talk[DIALOG_BASE]);
    talk_free(d->talk[DIALOG_ADAPTER]);
    conversation_release(&d->said);
    chat_close(d->chat);
    job_model_close(&d->j);
    free(d);
}

static generate_options how(const options *o)
{
    return (generate_options){.max_new_tokens = o->max_new_tokens, .batch = 1, .how = job_sampling(o)};
}

/* The conversation as the model reads it, with what begins its answer. */
static int encode(dialog *d, token_vec *ids, err *e)
{
    jinja_output text = {0};
    int64_t n = (int64_t)json_array_size(d->said.messages);
    int code = chat_render(d->chat, &d->said, n, CHAT_TO_ANSWER, "the conversation", &text, e);
    if (code == OK) code = row_prompt(d->j.tokenizer, ROW_BOS_NEVER, str_c(&text.text), text.text.n, ids, e);
    if (code == OK && !ids->n) code = fail(e, E_UNSUPPORTED,
                                           "the chat template makes nothing of the conversation");
    jinja_output_release(&text);
    return code;
}

static int answer(dialog *d, const token_vec *ids, const job_hooks *h, json_t **out, err *e)
{
    talk **k = &d->talk[d->with];
    adapter *a = d->with == DIALOG_ADAPTER ? d->j.adapter : NULL;
    if (!*k) *k = talk_new(d->j.model, a, d->j.tokenizer, d->j.device);
    generate_options o = how(d->o);
    generate_hooks hooks = {.piece = h->text, .arg = h->arg, .stop = h->stop};
    talk_result r;
    int code = talk_answer(*k, ids->p, (int64_t)ids->n, &o, &hooks, &r, e);
    if (code == OK || code == E_STOPPED) {
        *out = json_pack("{s:s%, s:I, s:s, s:I, s:I, s:f}", "text", str_c(&r.text), r.text.n, "tokens",
                         (json_int_t)r.tokens, "stop", generate_stop_name(r.why), "prompt_tokens",
                         (json_int_t)ids->n, "computed_tokens", (json_int_t)r.computed, "seconds", r.seconds);
        err none = {0};
        if (add_message(d, "assistant", str_c(&r.text), r.text.n, &none) != OK)
            add_message(d, "assistant", "", 0, &none); /* cut within a character */
    }
    str_free(&r.text);
    return code;
}

int dialog_say(dialog *d, const char *text, size_t n, const job_hooks *h, json_t **out, err *e)
{
    token_vec ids = {0};
    *out = NULL;
    int code = add_message(d, "user", text, n, e);
    if (code != OK) return code;
    code = encode(d, &ids, e);
    if (code == OK) code = answer(d, &ids, h, out, e);
    token_vec_free(&ids);
    if (code != OK && code != E_STOPPED) drop_last(d);
    return job_advise(code, "lower max_new_tokens, or use --quantization nf4", e);
}

/* "" when nothing was said. */
static const char *role_of(const dialog *d, size_t i)
{
    const char *role = json_string_value(json_object_get(json_array_get(d->said.messages, i), "role"));
    return role ? role : "";
}

void dialog_reset(dialog *d)
{
    size_t keep = !strcmp(role_of(d, 0), "system");
    while (json_array_size(d->said.messages) > keep) drop_last(d);
}

void dialog_take_back(dialog *d)
{
    for (int i = 0; i < 2; i++) {
        size_t n = json_array_size(d->said.messages);
        if (n && strcmp(role_of(d, n - 1), "system")) drop_last(d);
    }
}

int dialog_system(dialog *d, const char *text, err *e)
{
    json_array_clear(d->said.messages);
    return text ? add_message(d, "system", text, strlen(text), e) : OK;
}

bool dialog_has_adapter(const dialog *d) { return d->j.adapter != NULL; }
dialog_with dialog_speaker(const dialog *d) { return d->with; }
void dialog_use(dialog *d, dialog_with with) { d->with = d->j.adapter ? with : DIALOG_BASE; }
