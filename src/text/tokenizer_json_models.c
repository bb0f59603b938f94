/* tokenizer_json_models.c -- the Unigram, WordPiece and WordLevel models of a tokenizer.json.
 *
 *   {"type": "Unigram", "unk_id": 2, "vocab": [[piece, score], ...], "byte_fallback": false}
 *   {"type": "WordPiece", "vocab": {piece: id}, "unk_token": "[UNK]", "continuing_subword_prefix": "##",
 *    "max_input_chars_per_word": 100}
 *   {"type": "WordLevel", "vocab": {word: id}, "unk_token": "[UNK]"}: a word is its token or unknown */
#include "text/tokenizer_json.h"

#include <stdlib.h>
#include <string.h>

static int put_pieces(place p, const json_t *list, bool byte_fallback, double *score, double *least)
{
    vocab *v = &p.t->v;
    size_t i;
    const json_t *item;
    *least = 0;
    json_array_foreach(list, i, item)
    {
        const json_t *text = json_array_get(item, 0), *number = json_array_get(item, 1);
        if (!json_is_string(text) || !json_is_number(number))
            return place_wrong(place_at(p, i), "a piece and its score");
        const char *word = json_string_value(text);
        size_t n = json_string_length(text);
        bool byte = byte_fallback && byte_of_name(word, n) >= 0;
        vocab_set(v, (int32_t)i, word, n, TOKEN_WORD | (byte ? TOKEN_BYTE : 0));
        if (vocab_index(v, (int32_t)i) >= 0) return place_refuse(place_at(p, i),
                                                                 "a piece that is there twice");
        score[i] = json_number_value(number);
        if (!i || score[i] < *least) *least = score[i];
    }
    return OK;
}

int read_unigram(place p, const json_t *model, added_list extra)
{
    tokenizer *t = p.t;
    const json_t *list = json_object_get(model, "vocab");
    size_t n = json_array_size(list);
    bool byte_fallback = flag_in(p, model, "byte_fallback", false);
    int64_t unk = json_int(model, "unk_id", -1, place_text(p), p.e), size;
    int code = only_keys(p, model, "type unk_id vocab byte_fallback");
    if (code != OK || p.e->code != OK) return p.e->code;
    if (!n || n > INT32_MAX / 4) return place_wrong(place_in(p, "vocab"), "a list of pieces");
    if (unk < -1 || unk >= (int64_t)n) return place_wrong(place_in(p, "unk_id"), "the number of a piece");
    if ((code = count_ids(place_in(p, "vocab"), NULL, n, extra, &size)) != OK) return code;
    vocab_init(&t->v, size, WORD_MARK);
    if (t->back.mark.n) t->v.mark = t->back.mark;
    t->model = MODEL_UNIGRAM;
    double *score = xcalloc((size_t)size, sizeof *score), least;
    code = put_pieces(place_in(p, "vocab"), list, byte_fallback, score, &least);
    if (code == OK) code = unigram_init(&t->u, &t->v, score, least, SUMS_DOUBLE, place_text(p), p.e);
    free(score);
    if (code != OK) return code;
    t->unk = unk;
    t->u.unk = (int32_t)unk;
    for (int32_t id = 0; id < (int32_t)n; id++)
        if (t->v.flags[id] & TOKEN_BYTE) t->u.byte_id[byte_of_name(t->v.spelled[id].p, 6)] = id;
    return read_added(extra);
}

/* The vocabulary of whole words and the unknown one. */
static int read_words(place p, const json_t *model, const char *unk, added_list extra, model_kind kind)
{
    tokenizer *t = p.t;
    int64_t size;
    const json_t *words = json_object_get(model, "vocab");
    if (!json_is_object(words)) return place_wrong(place_in(p, "vocab"), "an object");
    int code = count_ids(place_in(p, "vocab"), words, 0, extra, &size);
    if (code != OK) return code;
    vocab_init(&t->v, size, WORD_PLAIN);
    t->model = kind;
    if ((code = put_words(place_in(p, "vocab"), words, false)) != OK) return code;
    t->unk = vocab_find(&t->v, unk, strlen(unk));
    t->back.words = true;
    return t->unk >= 0 ? OK : place_wrong(place_in(p, "unk_token"), "in the vocabulary");
}

int read_wordpiece(place p, const json_t *model, added_list extra)
{
    tokenizer *t = p.t;
    int64_t most = json_int(model, "max_input_chars_per_word", 100, place_text(p), p.e);
    const char *unk = json_text(model, "unk_token", "[UNK]", place_text(p), p.e);
    const char *prefix = json_text(model, "continuing_subword_prefix", "##", place_text(p), p.e);
    int code = only_keys(p, model, "type unk_token continuing_subword_prefix max_input_chars_per_word vocab");
    if (code != OK || p.e->code != OK) return p.e->code;
    if ((code = read_words(p, model, unk, extra, MODEL_WORDPIECE)) != OK) return code;
    code = wordpiece_init(&t->w, &t->v, prefix, (int32_t)t->unk, most, place_text(p), p.e);
    if (code != OK) return code;
    t->back.prefix = arena_strdup(&t->mem, prefix);
    return read_added(extra);
}

int read_wordlevel(place p, const json_t *model, added_list extra)
{
    const char *unk = json_text(model, "unk_token", "<unk>", place_text(p), p.e);
    int code = only_keys(p, model, "type unk_token vocab");
    if (code != OK || p.e->code != OK) return p.e->code;
    code = read_words(p, model, unk, extra, MODEL_WORDLEVEL);
    return code == OK ? read_added(extra) : code;
}
