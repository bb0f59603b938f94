/* tokenizer_json.c -- a tokenizer.json of the tokenizers library: the document, its added tokens.
 *
 *   {"added_tokens": [{"id", "content", "special", "lstrip", "rstrip", "normalized", "single_word"}],
 *    "normalizer", "pre_tokenizer", "post_processor", "decoder",
 *    "model"}
 *
 * Models are read in tokenizer_json_bpe.c and tokenizer_json_models.c. Left aside are "truncation" and
 * "padding", which are settings of a run, not of the vocabulary. */
#include "text/tokenizer_json.h"

#include "text/tokenizer_folder.h"
#include "text/unicode.h"

#include <stdio.h>
#include <string.h>

place place_in(place p, const char *key)
{
    p.path = p.path[0] ? arena_fmt(&p.t->mem, "%s.%s", p.path, key) : key;
    return p;
}

place place_at(place p, size_t index)
{
    p.path = arena_fmt(&p.t->mem, "%s[%zu]", p.path, index);
    return p;
}

const char *place_text(place p) { return arena_fmt(&p.t->mem, "%s: %s", p.file, p.path); }

int place_refuse(place p, const char *what)
{
    return fail(p.e, E_UNSUPPORTED, "%s: %s: %.100s is not supported", p.file, p.path, what);
}

int place_wrong(place p, const char *what)
{
    return fail(p.e, E_FORMAT, "%s: %s has to be %s", p.file, p.path, what);
}

const char *type_of(place p, const json_t *o)
{
    const char *type = json_string_value(json_object_get(o, "type"));
    if (!type) place_wrong(p, "an object with a \"type\"");
    return type;
}

static bool is_listed(const char *keys, const char *key, size_t n)
{
    while (*keys) {
        size_t length = strcspn(keys, " ");
        if (length == n && !memcmp(keys, key, n)) return true;
        keys += length + (keys[length] == ' ');
    }
    return false;
}

int only_keys(place p, const json_t *o, const char *keys)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)o, key, value)
    {
        if (!is_listed(keys, key, strlen(key))) return place_refuse(place_in(p, key), "this member");
    }
    return OK;
}

bool flag_in(place p, const json_t *o, const char *key, bool otherwise)
{
    return json_flag(o, key, otherwise, place_text(p), p.e);
}

span text_in(place p, const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (json_is_string(v)) return (span){json_string_value(v), json_string_length(v)};
    place_wrong(place_in(p, key), "a string");
    return (span){0};
}

int pattern_in(place p, const json_t *o, str *out)
{
    if (json_object_get(o, "Regex")) {
        span text = text_in(p, o, "Regex");
        if (text.p) str_add(out, text.p, text.n);
    } else {
        span text = text_in(p, o, "String");
        if (text.p && !text.n) return place_wrong(p, "a text that is not empty");
        if (text.p) pattern_quote(text.p, text.n, out);
    }
    return p.e->code;
}

int each_part(place p, const json_t *o, const char *list, part_fn *fn, void *arg)
{
    const char *type = type_of(p, o);
    if (!type) return p.e->code;
    if (strcmp(type, "Sequence")) return fn(p, o, arg);
    char keys[32];
    snprintf(keys, sizeof keys, "type %s", list);
    int code = only_keys(p, o, keys);
    if (code != OK) return code;
    const json_t *items = json_object_get(o, list), *item;
    place in = place_in(p, list);
    if (!json_is_array(items)) return place_wrong(in, "a list");
    size_t i;
    json_array_foreach(items, i, item)
    {
        place at = place_at(in, i);
        if (!type_of(at, item)) return p.e->code;
        if ((code = fn(at, item, arg)) != OK) return code;
    }
    return OK;
}

/* ---- vocabulary ---- */

static int id_of(place p, const json_t *v, int64_t most, int64_t *id)
{
    if (!json_is_integer(v)) return place_wrong(p, "a whole number");
    *id = json_integer_value(v);
    return *id >= 0 && *id < most ? OK : place_wrong(p, "an id that is not far beyond the number of tokens");
}

/* One more than the greatest id of model and added tokens. An id may not lie so far out that the table
 * would be mostly holes. */
int count_ids(place p, const json_t *words, size_t first, added_list extra, int64_t *size)
{
    const char *key;
    json_t *value;
    size_t i;
    int64_t most = 2 * (int64_t)(first + json_object_size(words) + json_array_size(extra.list)) + 65536, id;
    *size = first ? (int64_t)first : 1;
    json_object_foreach((json_t *)words, key, value)
    {
        int code = id_of(p, value, most, &id);
        if (code != OK) return code;
        if (id >= *size) *size = id + 1;
    }
    json_array_foreach(extra.list, i, value)
    {
        int code = id_of(place_in(place_at(extra.at, i), "id"), json_object_get(value, "id"), most, &id);
        if (code != OK) return code;
        if (id >= *size) *size = id + 1;
    }
    return OK;
}

int put_words(place p, const json_t *words, bool byte_fallback)
{
    vocab *v = &p.t->v;
    void *at = json_object_iter((json_t *)words);
    for (; at; at = json_object_iter_next((json_t *)words, at)) {
        const char *key = json_object_iter_key(at);
        size_t n = json_object_iter_key_len(at);
        int32_t id = (int32_t)json_integer_value(json_object_iter_value(at));
        bool byte = byte_fallback && v->how == WORD_MARK && byte_of_name(key, n) >= 0;
        if (v->spelled[id].p)
            return fail(p.e, E_FORMAT, "%s: %s: id %d is given to two tokens", p.file, p.path, id);
        vocab_set(v, id, key, n, TOKEN_WORD | (byte ? TOKEN_BYTE : 0));
        vocab_index(v, id);
    }
    return OK;
}

static int put_added(place p, const json_t *o)
{
    vocab *v = &p.t->v;
    span text = text_in(p, o, "content");
    bool special = flag_in(p, o, "special", false), normalized = flag_in(p, o, "normalized", !special);
    unsigned flags = (special ? ADDED_SPECIAL : 0) | (flag_in(p, o, "lstrip", false) ? ADDED_LSTRIP : 0) |
                     (flag_in(p, o, "rstrip", false) ? ADDED_RSTRIP : 0) |
                     (flag_in(p, o, "single_word", false) ? ADDED_SINGLE_WORD : 0);
    int code = only_keys(p, o, "id content special normalized lstrip rstrip single_word");
    if (code != OK || p.e->code != OK) return p.e->code;
    if (!text.n) return place_refuse(p, "an added token without text");
    int32_t id = (int32_t)json_integer_value(json_object_get(o, "id"));
    int32_t known = vocab_find(v, text.p, text.n);
    if (known >= 0 ? known != id : v->spelled[id].p != NULL)
        return fail(p.e, E_FORMAT, "%s: %s: id %d is another token's in the vocabulary", p.file, p.path, id);
    if (known < 0) {
        vocab_set(v, id, text.p, text.n, 0);
        vocab_index(v, id);
    }
    v->flags[id] |= TOKEN_ADDED | (special ? TOKEN_SPECIAL : 0);
    str seen = {0}; /* as it stands in the text where it is looked for */
    if (!normalized) str_add(&seen, text.p, text.n);
    if (normalized && normalizer_run(&p.t->norm, text.p, text.n, NORM_BEGINS, &seen,
                                     p.e) != OK) return p.e->code;
    bool fine = seen.n && added_add(normalized ? &p.t->normal : &p.t->raw, seen.p, seen.n, id, flags);
    str_free(&seen);
    return fine ? OK : place_refuse(p, "an added token that is there twice, or is nothing once normalized");
}

int read_added(added_list extra)
{
    size_t i;
    json_t *o;
    json_array_foreach(extra.list, i, o)
    {
        int code = put_added(place_at(extra.at, i), o);
        if (code != OK) return code;
    }
    return OK;
}

/* ---- model ---- */

/* The type of a model that names none, as older files do: by its members. */
static const char *model_type(place p, const json_t *model)
{
    const char *type = "nothing";
    if (json_object_get(model, "merges"))
        type = "BPE";
    else if (json_is_array(json_object_get(model, "vocab")))
        type = "Unigram";
    else if (json_object_get(model, "max_input_chars_per_word"))
        type = "WordPiece";
    return json_text(model, "type", type, place_text(p), p.e);
}

static int read_model(place p, const json_t *model, added_list extra, bool byte_level)
{
    const char *type = model_type(p, model);
    if (p.e->code != OK) return p.e->code;
    if (!strcmp(type, "BPE")) return read_bpe(p, model, extra, byte_level);
    static const struct {
        const char *type;
        int (*read)(place p, const json_t *model, added_list extra);
    } models[] = {{"Unigram", read_unigram}, {"WordPiece", read_wordpiece}, {"WordLevel", read_wordlevel}};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        if (strcmp(type, models[i].type)) continue;
        if (byte_level) return place_refuse(place_in(p, "type"), arena_fmt(&p.t->mem, "%s of bytes", type));
        return models[i].read(p, model, extra);
    }
    return place_refuse(place_in(p, "type"), type);
}

static int read_document(place p, const json_t *doc)
{
    const json_t *model = json_object_get(doc, "model");
    added_list extra = {place_in(p, "added_tokens"), json_object_get(doc, "added_tokens")};
    bool byte_level;
    if (!json_is_object(model)) return place_wrong(place_in(p, "model"), "an object");
    int code = only_keys(p, doc,
                         "version truncation padding added_tokens normalizer pre_tokenizer post_processor "
                         "decoder model");
    if (code == OK) code = read_normalizer(place_in(p, "normalizer"), json_object_get(doc, "normalizer"));
    if (code != OK) return code;
    code =
        read_pre_tokenizer(place_in(p, "pre_tokenizer"), json_object_get(doc, "pre_tokenizer"), &byte_level);
    if (code == OK) code = read_model(place_in(p, "model"), model, extra, byte_level);
    if (code != OK) return code;
    code = read_post_processor(place_in(p, "post_processor"), json_object_get(doc, "post_processor"));
    if (code != OK) return code;
    return read_decoder(place_in(p, "decoder"), json_object_get(doc, "decoder"), byte_level);
}

static const char *kind_of(const tokenizer *t)
{
    if (t->model == MODEL_UNIGRAM) return "unigram";
    if (t->model == MODEL_WORDPIECE) return "WordPiece";
    if (t->model == MODEL_WORDLEVEL) return "words";
    return t->v.how == BYTE_ALPHABET ? "byte-level BPE" : "character BPE";
}

int tokenizer_from_doc(tokenizer **out, const json_t *doc, const char *where, err *e)
{
    err why = {0};
    tokenizer *t = tokenizer_new();
    if (read_document((place){where, "", t, &why}, doc) != OK) {
        tokenizer_close(t);
        return fail(e, why.code, "%s", why.msg);
    }
    tokenizer_finish(t, kind_of(t));
    *out = t;
    return OK;
}

int tokenizer_from_json(tokenizer **out, const char *text, size_t n, const char *where, err *e)
{
    json_t *doc = json_parse(text, n, where, e);
    if (!doc) return e->code;
    int code = tokenizer_from_doc(out, doc, where, e);
    json_decref(doc);
    return code;
}
