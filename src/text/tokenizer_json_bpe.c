/* tokenizer_json_bpe.c -- the BPE model of a tokenizer.json.
 *
 *   {"type": "BPE", "vocab": {spelling: id}, "merges": ["l r" or ["l", "r"]], "unk_token", "fuse_unk",
 *    "byte_fallback", "ignore_merges", "continuing_subword_prefix", "end_of_word_suffix", "dropout": null or 0}
 *
 * With a prefix a merge of l and r spells l and what r has behind the prefix. */
#include "text/tokenizer_json.h"

#include <string.h>

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
        size_t skip = t->b.prefix.n; /* the right side's prefix is not inside the merged token */
        if (side[1].n < skip) {
            place_wrong(place_at(p, i), "two tokens, the second behind the prefix");
            break;
        }
        str_clear(&both);
        str_add(&both, side[0].p, side[0].n);
        str_add(&both, side[1].p + skip, side[1].n - skip);
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
    if (!json_is_object(json_object_get(model, "vocab")))
        return place_wrong(place_in(p, "vocab"), "an object");
    return p.e->code;
}

/* "</w>" and the like: short, and printable ASCII, which the byte alphabet spells as itself. */
static span affix_in(place p, const json_t *model, const char *key)
{
    const char *text = json_text(model, key, "", place_text(p), p.e);
    size_t n = strlen(text);
    bool plain = n <= BPE_AFFIX;
    for (size_t i = 0; i < n; i++) plain = plain && text[i] > ' ' && text[i] < 0x7f;
    if (!plain) place_refuse(place_in(p, key), "one that is long or not ASCII");
    return (span){arena_strdup(&p.t->mem, text), n};
}

static int read_affixes(place p, const json_t *model, bool byte_fallback, span affix[2])
{
    affix[0] = affix_in(p, model, "continuing_subword_prefix");
    affix[1] = affix_in(p, model, "end_of_word_suffix");
    if (byte_fallback && (affix[0].n || affix[1].n))
        return place_refuse(place_in(p, "byte_fallback"), "falling back to bytes with a prefix or a suffix");
    return p.e->code;
}

/* The vocabulary with all ids, then what refers to it. */
int read_bpe(place p, const json_t *model, added_list extra, bool byte_level)
{
    tokenizer *t = p.t;
    const json_t *words = json_object_get(model, "vocab");
    bool byte_fallback = flag_in(p, model, "byte_fallback", false);
    int64_t size;
    span affix[2];
    int code = check_bpe(p, model);
    if (code == OK) code = read_affixes(p, model, byte_fallback, affix);
    if (code == OK) code = count_ids(place_in(p, "vocab"), words, 0, extra, &size);
    if (code != OK) return code;
    bool affixed = affix[0].n || affix[1].n;
    vocab_init(&t->v, size, byte_level ? BYTE_ALPHABET : affixed ? WORD_PLAIN : WORD_MARK);
    if (t->back.mark.n) t->v.mark = t->back.mark;
    t->back.words = affixed && !byte_level; /* joined by spaces, unless a decoder says else */
    bpe_init(&t->b, &t->v, byte_level ? SYMBOL_BYTES : SYMBOL_CHARACTERS, 0);
    t->b.prefix = affix[0];
    t->b.suffix = affix[1];
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
