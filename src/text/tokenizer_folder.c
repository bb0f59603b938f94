/* tokenizer_folder.c -- the tokenizer of a Hugging Face folder: tokenizer.json has the algorithm,
 * tokenizer_config.json (or, in older folders, special_tokens_map.json) says which tokens are BOS, EOS,
 * PAD and UNK, and may switch the adding of BOS and EOS on or off. */
#include "text/tokenizer_impl.h"

#include "base/file.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

/* A token named by a text or by an object with "content"; the vocabulary's own when it is silent. */
static int64_t named(const tokenizer *t, const json_t *doc, const char *key, int64_t otherwise,
                     const char *where, err *e)
{
    const json_t *v = json_object_get(doc, key);
    if (json_is_object(v)) v = json_object_get(v, "content");
    if (!v || json_is_null(v)) return otherwise;
    int64_t id = json_is_string(v) ? vocab_find(&t->v, json_string_value(v), json_string_length(v)) : -1;
    if (id < 0) fail(e, E_FORMAT, "%s: \"%s\" names a token that tokenizer.json does not have", where, key);
    return id;
}

/* Tokens that only tokenizer_config.json has would be added by transformers; their ids would be missing. */
static int check_added(const tokenizer *t, const json_t *doc, const char *where, err *e)
{
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(doc, "added_tokens_decoder"), key, value)
    {
        const json_t *content = json_object_get(value, "content");
        const char *text = json_is_string(content) ? json_string_value(content) : "";
        if (vocab_find(&t->v, text, json_string_length(content)) != strtoll(key, NULL, 10))
            return fail(e, E_UNSUPPORTED,
                        "%s: added_tokens_decoder.%.20s: \"%.40s\" is not that token in tokenizer.json",
                        where, key, text);
    }
    return OK;
}

static int read_config(tokenizer *t, const char *path, err *e)
{
    json_t *doc = json_parse_file(path, e);
    if (!doc) return e->code;
    t->bos = named(t, doc, "bos_token", t->bos, path, e);
    t->eos = named(t, doc, "eos_token", t->eos, path, e);
    t->pad = named(t, doc, "pad_token", t->pad, path, e);
    t->unk = named(t, doc, "unk_token", t->unk, path, e);
    t->add_bos = json_flag(doc, "add_bos_token", t->add_bos, path, e) && t->bos >= 0;
    t->add_eos = json_flag(doc, "add_eos_token", t->add_eos, path, e) && t->eos >= 0;
    if (e->code == OK) check_added(t, doc, path, e);
    json_decref(doc);
    return e->code;
}

static int read_folder(tokenizer **out, const char *folder, arena *mem, err *e)
{
    static const char *const configs[] = {"tokenizer_config.json", "special_tokens_map.json"};
    const char *path = arena_fmt(mem, "%s/tokenizer.json", folder);
    if (!file_exists(path))
        return fail(e, E_IO,
                    "%s: not there; the tokenizer is read from it (a tokenizer.model alone is not enough)",
                    path);
    str text = {0};
    int code = file_read(&text, path, (size_t)512 << 20, e);
    if (code == OK) code = tokenizer_from_json(out, text.p, text.n, path, e);
    str_free(&text);
    for (int i = 0; code == OK && i < 2; i++) {
        path = arena_fmt(mem, "%s/%s", folder, configs[i]);
        if (!file_exists(path)) continue;
        if ((code = read_config(*out, path, e)) != OK) tokenizer_close(*out);
        break;
    }
    return code;
}

int tokenizer_from_folder(tokenizer **out, const char *folder, err *e)
{
    err why = {0};
    arena mem = {0};
    tokenizer *t = NULL;
    int code = read_folder(&t, folder, &mem, &why);
    arena_free(&mem);
    if (code != OK) return fail(e, why.code, "%s", why.msg);
    *out = t;
    return OK;
}

int tokenizer_open(tokenizer **out, const checkpoint *c, err *e)
{
    const gguf *g = checkpoint_gguf(c);
    return g ? tokenizer_from_gguf(out, g, e) : tokenizer_from_folder(out, checkpoint_folder(c), e);
}
