/* chat.c -- see chat.h. */
#include "text/chat.h"

#include "base/file.h"
#include "base/json.h"
#include "text/jinja/syntax.h"

#include <stdlib.h>
#include <string.h>

enum { CONFIG_MOST = 64 << 20, TAIL = 64 };

typedef struct named_template {
    jinja *t;
    char *text;
    size_t n;
} named_template;

struct chat {
    named_template plain, tools; /* tools.t NULL: the other serves */
    json_t *variables;           /* special tokens and --chat_template_kwargs */
    const tokenizer *t;
};

static int take(named_template *to, const char *text, size_t n, const char *name, err *e)
{
    if (to->t) return OK;
    to->t = jinja_new(text, n, name, e);
    if (!to->t) return e->code;
    to->text = xmalloc(n + 1);
    memcpy(to->text, text, n);
    to->text[n] = 0;
    to->n = n;
    return OK;
}

static int take_named(chat *c, const char *name, const char *text, size_t n, const char *where, err *e)
{
    if (!strcmp(name, "default")) return take(&c->plain, text, n, where, e);
    return strcmp(name, "tool_use") ? OK : take(&c->tools, text, n, where, e);
}

static int from_jinja(chat *c, const char *path, err *e)
{
    str text = {0};
    int code = file_read(&text, path, JINJA_TEMPLATE_MAX, e);
    if (code == OK) code = take(&c->plain, str_c(&text), text.n, path, e);
    str_free(&text);
    return code;
}

/* A text, or a list of {name, template}. */
static int from_config(chat *c, const char *path, err *e)
{
    json_t *config = json_parse_file(path, e), *list = json_object_get(config, "chat_template"), *one;
    int code = config ? OK : e->code;
    size_t i;
    if (json_is_string(list))
        code = take(&c->plain, json_string_value(list), json_string_length(list), path, e);
    json_array_foreach(list, i, one)
    {
        const char *name = json_string_value(json_object_get(one, "name"));
        json_t *text = json_object_get(one, "template");
        if (code != OK || !name || !json_is_string(text)) continue;
        code = take_named(c, name, json_string_value(text), json_string_length(text), path, e);
    }
    json_decref(config);
    return code;
}

static int from_gguf(chat *c, const gguf *g, const char *path, err *e)
{
    static const char *const keys[] = {"tokenizer.chat_template", "tokenizer.chat_template.tool_use"};
    str where = {0};
    int code = OK;
    for (int i = 0; i < 2 && code == OK; i++) {
        gguf_text text = gguf_string(g, keys[i], NULL);
        str_clear(&where);
        str_fmt(&where, "%s: %s", path, keys[i]);
        if (text.p) code = take(i ? &c->tools : &c->plain, text.p, text.n, where.p, e);
    }
    str_free(&where);
    return code;
}

static int from_folder(chat *c, const char *folder, err *e)
{
    str path = {0};
    str_fmt(&path, "%s/chat_template.jinja", folder);
    int code = file_exists(path.p) ? from_jinja(c, path.p, e) : OK;
    str_clear(&path);
    str_fmt(&path, "%s/tokenizer_config.json", folder);
    if (code == OK && !c->plain.t && file_exists(path.p)) code = from_config(c, path.p, e);
    str_free(&path);
    return code;
}

static int from_model(chat *c, const char *model, err *e)
{
    checkpoint *file;
    int code = checkpoint_open(&file, model, e);
    if (code != OK) return code;
    const gguf *g = checkpoint_gguf(file);
    code = g ? from_gguf(c, g, model, e) : from_folder(c, checkpoint_folder(file), e);
    checkpoint_close(file);
    return code;
}

/* A template's file; a folder with one; a GGUF file. */
static int from_path(chat *c, const char *path, err *e)
{
    if (!file_exists(path) && !file_is_dir(path))
        return fail(e, E_IO,
                    "%s: there is no such chat template; give a file, or the folder or GGUF file of a model",
                    path);
    if (!file_is_dir(path)) return str_ends(path, ".gguf") ? from_model(c, path, e) : from_jinja(c, path, e);
    int code = from_folder(c, path, e);
    return code == OK && !c->plain.t ? from_model(c, path, e) : code;
}

static int read_variables(chat *c, const chat_options *o, err *e)
{
    static const char *const names[] = {"bos_token", "eos_token", "pad_token", "unk_token"};
    const int64_t ids[] = {tokenizer_bos(c->t), tokenizer_eos(c->t), tokenizer_pad(c->t),
                           tokenizer_unk(c->t)};
    c->variables = json_object();
    for (int i = 0; i < 4; i++)
        if (ids[i] >= 0)
            json_object_set_new(c->variables, names[i], json_string(tokenizer_piece(c->t, ids[i])));
    if (!o->kwargs) return OK;
    json_t *more = json_parse(o->kwargs, strlen(o->kwargs), "--chat_template_kwargs", e);
    int code = json_is_object(more) ? OK : fail(e, E_USAGE, "--chat_template_kwargs: not a JSON object");
    if (code == OK) json_object_update(c->variables, more);
    json_decref(more);
    return code;
}

int chat_open(chat **out, const char *model, const chat_options *o, const tokenizer *t, err *e)
{
    chat *c = xcalloc(1, sizeof *c);
    c->t = t;
    int code = o->template_path ? from_path(c, o->template_path, e) : from_model(c, model, e);
    if (code == OK && !c->plain.t)
        code = fail(e, E_FORMAT, "%s: no chat template; name a file with one with --chat_template_path",
                    o->template_path ? o->template_path : model);
    if (code == OK) code = read_variables(c, o, e);
    *out = c;
    if (code == OK) return OK;
    chat_close(c);
    *out = NULL;
    return code;
}

void chat_close(chat *c)
{
    if (!c) return;
    jinja_free(c->plain.t);
    jinja_free(c->tools.t);
    free(c->plain.text);
    free(c->tools.text);
    json_decref(c->variables);
    free(c);
}

bool chat_mentions(const chat *c, const char *word)
{
    const named_template *all[] = {&c->plain, &c->tools};
    for (int i = 0; i < 2; i++)
        if (all[i]->t && memmem(all[i]->text, all[i]->n, word, strlen(word))) return true;
    return false;
}

void conversation_release(conversation *c)
{
    json_decref(c->messages);
    json_decref(c->tools);
    json_decref(c->kwargs);
    *c = (conversation){0};
}

/* As transformers does: what was thought stands under reasoning_content and thinking, whatever it was called.
 */
static json_t *with_reasoning(json_t *message)
{
    static const char *const names[] = {"reasoning_content", "thinking", "reasoning"};
    json_t *thought = NULL;
    for (int i = 0; i < 3 && !thought; i++) {
        thought = json_object_get(message, names[i]);
        if (json_is_null(thought)) thought = NULL;
    }
    if (!thought) return json_incref(message);
    json_t *copy = json_object();
    json_object_set(copy, "thinking", thought);
    json_object_update(copy, message);
    json_object_set(copy, "reasoning_content", thought);
    return copy;
}

static json_t *variables_of(const chat *c, const conversation *v, int64_t n, chat_ending ending)
{
    json_t *all = json_copy(c->variables), *messages = json_array();
    if (v->kwargs) json_object_update(all, v->kwargs);
    if (!json_object_get(all, "documents")) json_object_set_new(all, "documents", json_null());
    for (int64_t i = 0; i < n; i++)
        json_array_append_new(messages, with_reasoning(json_array_get(v->messages, (size_t)i)));
    json_object_set_new(all, "messages", messages);
    json_object_set_new(all, "tools", v->tools ? json_incref(v->tools) : json_null());
    json_object_set_new(all, "add_generation_prompt", json_boolean(ending == CHAT_TO_ANSWER));
    return all;
}

int chat_render(const chat *c, const conversation *v, int64_t n, chat_ending ending, const char *where,
                jinja_output *out, err *e)
{
    err own = {0};
    json_t *variables = variables_of(c, v, n, ending);
    const jinja *t = v->tools && c->tools.t ? c->tools.t : c->plain.t;
    int code = jinja_render(t, variables, NULL, out, &own);
    json_decref(variables);
    return code == OK ? OK : fail(e, own.code, "%s: %s", where, own.msg);
}

static bool is_assistant(const conversation *v, int64_t i)
{
    const char *role = json_string_value(json_object_get(json_array_get(v->messages, (size_t)i), "role"));
    return role && !strcmp(role, "assistant");
}

/* The bytes of the first n messages' rendering, which has to be a beginning of `whole`. */
static int beginning(const chat *c, const conversation *v, int64_t n, chat_ending ending, const char *where,
                     const str *whole, size_t *bytes, err *e)
{
    jinja_output part;
    int code = chat_render(c, v, n, ending, where, &part, e);
    *bytes = part.text.n;
    if (code == OK && (part.text.n > whole->n || memcmp(str_c(&part.text), str_c(whole), part.text.n)))
        code =
            fail(e, E_UNSUPPORTED,
                 "%s: the chat template renders the first %lld messages otherwise alone than in the whole "
                 "conversation, so that what the assistant says cannot be told apart; give a template with "
                 "{%% generation %%} blocks with --chat_template_path, or leave out assistant_only_loss",
                 where, (long long)n);
    jinja_output_release(&part);
    return code;
}

int chat_prompt(const chat *c, const conversation *v, const char *where, const str *whole, size_t *bytes,
                err *e)
{
    return beginning(c, v, v->prompt, CHAT_TO_ANSWER, where, whole, bytes, e);
}

/* The end of a turn: without the white space that follows the special token it ends in. */
static int end_of_turn(const chat *c, const str *text, size_t start, size_t *end, err *e)
{
    size_t last = *end - jinja_spaces_after(text->p + start, *end - start), from = start;
    if (last == *end || last == start) return OK;
    if (last - from > TAIL) from = last - TAIL;
    while (((unsigned char)text->p[from] & 0xc0) == 0x80) from++;
    token_vec ids = {0};
    int code = tokenizer_encode(c->t, text->p + from, last - from, TOKENIZE_SPECIAL, &ids, e);
    if (code == OK && ids.n && tokenizer_is_special(c->t, ids.p[ids.n - 1])) *end = last;
    token_vec_free(&ids);
    return code;
}

static int by_beginnings(const chat *c, const conversation *v, const char *where, jinja_output *out, err *e)
{
    int64_t n = (int64_t)json_array_size(v->messages);
    int code = OK;
    out->spans = 0;
    out->span = xrealloc(out->span, (size_t)(n + 1) * sizeof *out->span);
    for (int64_t i = 0; i < n && code == OK; i++) {
        jinja_span *s = &out->span[out->spans];
        if (!is_assistant(v, i)) continue;
        code = beginning(c, v, i, CHAT_TO_ANSWER, where, &out->text, &s->start, e);
        if (code == OK) code = beginning(c, v, i + 1, CHAT_AS_IT_IS, where, &out->text, &s->end, e);
        if (code == OK && s->end > s->start) {
            code = end_of_turn(c, &out->text, s->start, &s->end, e);
            out->spans++;
        }
    }
    return code;
}

int chat_learn(const chat *c, const conversation *v, const char *where, jinja_output *out, err *e)
{
    int code = chat_render(c, v, (int64_t)json_array_size(v->messages), CHAT_AS_IT_IS, where, out, e);
    const jinja *t = v->tools && c->tools.t ? c->tools.t : c->plain.t;
    if (code != OK || (jinja_has_generation(t) && !out->hidden_spans)) return code;
    return by_beginnings(c, v, where, out, e);
}
