/* tokenizer_json.c -- a tokenizer.json of the tokenizers library: the document, its BPE model, added tokens.
 *
 *   {"added_tokens": [{"id", "content", "special", "lstrip", "rstrip", "normalized", "single_word"}],
 *    "normalizer", "pre_tokenizer", "post_processor", "decoder",
 *    "model": {"type": "BPE", "vocab": {spelling: id}, "merges": ["l r" or ["l", "r"]], "unk_token",
 *              "fuse_unk", "byte_fallback", "ignore_merges"}}
 *
 * Unigram and WordPiece models are read in tokenizer_json_models.c. Left aside are "truncation" and
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

/* "l r" or ["l", "r"]. */
static int merge_sides(place p, const json_t *m, span side[2])
{
    if (json_is_string(m)) {
        const char *text = json_string_value(m), *end = text + json_string_length(m);
        const char *space = memchr(text, ' ', (size_t)(end - text));
        if (!space || memchr(space + 1, ' ', (size_t)(end - space - 1))) return place_wrong(p, "two tokens");
        side[0] = (span){text, (size_t)(space - text)};
        side[1] = (span){space + 1, (size_t)(end - space - 1)};
        return OK;
    }
    if (json_array_size(m) != 2) return place_wrong(p, "two tokens");
    for (size_t i = 0; i < 2; i++) {
        const json_t *s = json_array_get(m, i);
        if (!json_is_string(s)) return place_wrong(p, "two tokens");
        side[i] = (span){json_string_value(s), json_string_length(s)};
    }
    return OK;
}

static int read_merges(place p, const json_t *list)
{
    tokenizer *t = p.t;
    if (!json_is_array(list)) return place_wrong(p, "a list");
    bpe_reserve(&t->b, json_array_size(list));
    str both = {0};
    size_t i;
    const json_t *m;
    json_array_foreach(list, i, m)
    {
        span side[2];
        if (merge_sides(place_at(p, i), m, side) != OK) break;
        str_clear(&both);
        str_add(&both, side[0].p, side[0].n);
        str_add(&both, side[1].p, side[1].n);
        int32_t left = vocab_find(&t->v, side[0].p, side[0].n),
                right = vocab_find(&t->v, side[1].p, side[1].n);
        int32_t merged = vocab_find(&t->v, str_c(&both), both.n);
        if (left < 0 || right < 0 || merged < 0) {
            fail(p.e, E_FORMAT, "%s: %s[%zu]: \"%.40s\" is not all in the vocabulary", p.file, p.path, i,
                 both.p);
            break;
        }
        if (!bpe_add_merge(&t->b, left, right, (uint32_t)i, merged)) {
            fail(p.e, E_FORMAT, "%s: %s[%zu]: the merge is there twice", p.file, p.path, i);
            break;
        }
    }
    str_free(&both);
    return p.e->code;
}

static int read_unknown(place p, const json_t *model)
{
    const char *unk = json_text(model, "unk_token", NULL, place_text(p), p.e);
    if (!unk) return p.e->code;
    int32_t id = vocab_find(&p.t->v, unk, strlen(unk));
    if (id < 0) return place_wrong(place_in(p, "unk_token"), "in the vocabulary");
    p.t->b.unk = id;
    p.t->unk = id;
    return OK;
}

static int check_bpe(place p, const json_t *model)
{
    int code = only_keys(p, model,
                         "type dropout unk_token continuing_subword_prefix end_of_word_suffix fuse_unk "
                         "byte_fallback ignore_merges vocab merges");
    if (code != OK) return code;
    if (json_num(model, "dropout", 0, place_text(p), p.e) != 0)
        return place_refuse(place_in(p, "dropout"), "dropout");
    if (json_text(model, "continuing_subword_prefix", "", place_text(p), p.e)[0])
        return place_refuse(place_in(p, "continuing_subword_prefix"), "a prefix");
    if (json_text(model, "end_of_word_suffix", "", place_text(p), p.e)[0])
        return place_refuse(place_in(p, "end_of_word_suffix"), "a suffix");
    if (!json_is_object(json_object_get(model, "vocab")))
        return place_wrong(place_in(p, "vocab"), "an object");
    return p.e->code;
}

/* The vocabulary with all ids, then what refers to it. */
static int read_bpe(place p, const json_t *model, added_list extra, bool byte_level)
{
    tokenizer *t = p.t;
    const json_t *words = json_object_get(model, "vocab");
    bool byte_fallback = flag_in(p, model, "byte_fallback", false);
    int64_t size;
    int code = check_bpe(p, model);
    if (code == OK) code = count_ids(place_in(p, "vocab"), words, 0, extra, &size);
    if (code != OK) return code;
    vocab_init(&t->v, size, byte_level ? BYTE_ALPHABET : WORD_MARK);
    bpe_init(&t->b, &t->v, byte_level ? SYMBOL_BYTES : SYMBOL_CHARACTERS, 0);
    t->b.fuse_unk = flag_in(p, model, "fuse_unk", false);
    t->b.ignore_merges = flag_in(p, model, "ignore_merges", false);
    if ((code = put_words(place_in(p, "vocab"), words, byte_fallback)) != OK) return code;
    for (int32_t id = 0; id < size; id++) {
        if (!(t->v.flags[id] & TOKEN_WORD)) continue;
        bpe_add_word(&t->b, id, byte_level ? t->v.bytes[id] : t->v.spelled[id]);
        if (t->v.flags[id] & TOKEN_BYTE)
            t->b.byte_id[byte_of_name(t->v.spelled[id].p, t->v.spelled[id].n)] = id;
    }
    if (byte_level) tokenizer_index_bytes(t);
    if ((code = read_merges(place_in(p, "merges"), json_object_get(model, "merges"))) != OK) return code;
    if ((code = read_unknown(p, model)) != OK) return code;
    return read_added(extra);
}

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
    bool of_pieces = !strcmp(type, "Unigram");
    if (!of_pieces && strcmp(type, "WordPiece")) return place_refuse(place_in(p, "type"), type);
    if (byte_level) return place_refuse(place_in(p, "type"), of_pieces ? "Unigram of bytes" :
                                        "WordPiece of bytes");
    return of_pieces ? read_unigram(p, model, extra) : read_wordpiece(p, model, extra);
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
