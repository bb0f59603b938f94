/* tokenizer_gguf_models.c -- GGUF tokenizers of model "t5" (SentencePiece unigram: T5, XLM-R) and "bert"
 * (WordPiece).
 *
 *   t5     tokens, scores, token_type, precompiled_charsmap, add_space_prefix, remove_extra_whitespaces
 *   bert   tokens: U+2581 and a word's beginning, or a word's continuation without "##", or "[CLS]" and its
 *          like as they are; normalizer.lowercase, normalizer.strip_accents; cls_token_id, seperator_token_id
 * (so spelled) */
#include "text/tokenizer_gguf.h"
#include "text/unicode.h"
#include "text/unicode_class.h"

#include <stdlib.h>
#include <string.h>

/* ---- t5 ---- */

static int read_map(reader *r, str *out)
{
    int64_t n = gguf_array_count(r->g, KEY "precompiled_charsmap");
    if (!gguf_has(r->g, KEY "precompiled_charsmap") || !n) return OK;
    if (n < 0 || n > 64 << 20) return reader_damaged(r, "precompiled_charsmap", "its size");
    int64_t *byte = xcalloc((size_t)n, sizeof *byte);
    int code = gguf_array_ints(r->g, KEY "precompiled_charsmap", byte, n, r->e);
    for (int64_t i = 0; code == OK && i < n; i++) str_putc(out, (char)byte[i]);
    free(byte);
    return code;
}

/* User-defined tokens of such files are looked for in the text as it is. */
static int put_pieces(reader *r, pieces *s, float *score)
{
    int code = gguf_array_floats(r->g, KEY "scores", score, r->n, r->e);
    for (int64_t i = 0; code == OK && i < r->n; i++) {
        int type = r->type[i] < 1 || r->type[i] > PIECE_BYTE ? PIECE_UNUSED : (int)r->type[i];
        s->p[i] = (piece){{r->text[i].p, r->text[i].n}, score[i], type, 0};
    }
    return code;
}

int read_t5(reader *r)
{
    str map = {0}, where = {0};
    pieces s = {.n = r->n, .model = MODEL_UNIGRAM, .user_first = true};
    float *score = xcalloc((size_t)r->n, sizeof *score);
    s.p = xcalloc((size_t)r->n, sizeof *s.p);
    if (gguf_flag(r->g, KEY "add_space_prefix", true, r->e)) s.flags |= PIECES_PREFIX;
    if (gguf_flag(r->g, KEY "remove_extra_whitespaces", true, r->e)) s.flags |= PIECES_COLLAPSE;
    s.flags |= PIECES_MARK;
    int code = read_map(r, &map);
    if (code == OK) code = put_pieces(r, &s, score);
    s.map = (span){str_c(&map), map.n};
    str_fmt(&where, "%s: %stokens", gguf_path(r->g), KEY);
    if (code == OK) code = pieces_build(r->t, &s, where.p, r->e);
    free(score);
    free(s.p);
    str_free(&map);
    str_free(&where);
    r->t->add_eos = true;
    r->t->kind = "SentencePiece unigram";
    return code;
}

/* ---- bert ---- */

static bool is_bracketed(gguf_text s) { return s.n > 1 && s.p[0] == '[' && s.p[s.n - 1] == ']'; }

static int put_word(reader *r, int32_t id, str *word)
{
    gguf_text s = r->text[id];
    vocab *v = &r->t->v;
    bool special = r->type[id] == PIECE_UNKNOWN || r->type[id] == PIECE_CONTROL, first = s.n >= 3;
    first = first && !memcmp(s.p, WORD_MARK_TEXT, 3);
    str_clear(word);
    if (!special && !first && !is_bracketed(s)) str_puts(word, "##");
    str_add(word, s.p + (first && !special ? 3 : 0), s.n - (first && !special ? 3 : 0));
    if (utf8_valid(str_c(word), word->n) != word->n || !word->n) return reader_damaged(r, "tokens",
                                                                                       "a text that is none");
    vocab_set(v, id, word->p, word->n, special ? TOKEN_ADDED | TOKEN_SPECIAL | TOKEN_WORD : TOKEN_WORD);
    int32_t twin = vocab_index(v, id);
    if (twin >= 0)
        return fail(r->e, E_FORMAT, "%s: %stokens: %d and %d are the same", gguf_path(r->g), KEY, twin, id);
    if (special) added_add(&r->t->raw, word->p, word->n, id, ADDED_SPECIAL);
    return OK;
}

int read_bert(reader *r)
{
    tokenizer *t = r->t;
    str word = {0};
    int code = OK;
    bool lower = gguf_flag(r->g, KEY "normalizer.lowercase", true, r->e);
    bool accents = gguf_flag(r->g, KEY "normalizer.strip_accents", lower, r->e);
    unsigned flags = BERT_CLEAN | BERT_IDEOGRAPHS | (lower ? BERT_LOWER : 0) | (accents ? BERT_ACCENTS : 0);
    vocab_init(&t->v, r->n, WORD_PLAIN);
    for (int32_t id = 0; code == OK && id < r->n; id++) code = put_word(r, id, &word);
    str_free(&word);
    if (code != OK) return code;
    t->model = MODEL_WORDPIECE;
    t->unk = vocab_find(&t->v, "[UNK]", 5);
    t->unk = gguf_int(r->g, KEY "unknown_token_id", t->unk, r->e);
    if (t->unk < 0 || t->unk >= r->n) return reader_damaged(r, "unknown_token_id", "there is no such token");
    code = wordpiece_init(&t->w, &t->v, "##", (int32_t)t->unk, 100, gguf_path(r->g), r->e);
    if (code != OK) return code;
    t->back = (rejoin){.words = true, .cleanup = true, .prefix = "##"};
    normalizer_add(&t->norm, (norm_step){.what = NORM_BERT, .flags = flags});
    t->bos = gguf_int(r->g, KEY "cls_token_id", vocab_find(&t->v, "[CLS]", 5), r->e);
    t->eos = gguf_int(r->g, KEY "seperator_token_id", vocab_find(&t->v, "[SEP]", 5), r->e);
    t->pad = vocab_find(&t->v, "[PAD]", 5);
    if (t->bos >= r->n || t->eos >= r->n) return reader_damaged(r, "cls_token_id", "there is no such token");
    t->add_bos = t->bos >= 0;
    t->add_eos = t->eos >= 0;
    if (t->add_bos && t->add_eos) tokenizer_frame_bert(t);
    t->kind = "WordPiece";
    code = splitter_add_class(&t->split, unicode_is_space, SPLIT_DROP, KEY "model", r->e);
    return code != OK ? code
                      : splitter_add_class(&t->split, unicode_is_punctuation, SPLIT_KEEP, KEY "model", r->e);
}
