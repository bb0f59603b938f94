/* tokenizer_gguf.c -- the tokenizer in a GGUF file's keys tokenizer.ggml.*.
 *
 *   model         "gpt2": byte-level BPE with `merges`; "llama": SentencePiece BPE with `scores`; "t5" and
 *                 "bert": tokenizer_gguf_models.c
 *   pre           how gpt2 text is cut into words: tokenizer_gguf_pre.c
 *   tokens        [size] texts
 *   token_type    [size] 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte
 *   bos_token_id, eos_token_id, unknown_token_id, padding_token_id, add_bos_token, add_eos_token,
 *   add_space_prefix
 *
 * What the keys mean where they are silent is what llama.cpp does, the program they are written for. */
#include "text/sentencepiece.h"
#include "text/tokenizer_gguf.h"
#include "text/unicode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int reader_damaged(reader *r, const char *key, const char *what)
{
    return fail(r->e, E_FORMAT, "%s: %s%s: %s", gguf_path(r->g), KEY, key, what);
}

static bool is_text(gguf_text s, const char *text)
{
    return s.p && s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

static int read_tokens(reader *r)
{
    r->n = gguf_array_count(r->g, KEY "tokens");
    if (r->n < 1 || r->n > INT32_MAX / 2) return reader_damaged(r, "tokens", "there are none, or too many");
    r->text = xcalloc((size_t)r->n, sizeof *r->text);
    r->type = xcalloc((size_t)r->n, sizeof *r->type);
    int code = gguf_array_texts(r->g, KEY "tokens", r->text, r->n, r->e);
    if (code != OK) return code;
    for (int64_t i = 0; i < r->n; i++) r->type[i] = PIECE_NORMAL;
    if (gguf_has(r->g, KEY "token_type")) code = gguf_array_ints(r->g, KEY "token_type", r->type, r->n, r->e);
    return code;
}

/* User-defined tokens of SentencePiece are looked for where spaces have become marks already. */
static bool put_added(reader *r, int32_t id)
{
    tokenizer *t = r->t;
    span text = t->v.spelled[id];
    bool special = t->v.flags[id] & TOKEN_SPECIAL;
    if (!text.n) return true;
    if (special || t->v.how == BYTE_ALPHABET)
        return added_add(&t->raw, text.p, text.n, id, special ? ADDED_SPECIAL : 0);
    str marked = {0};
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == ' ')
            str_puts(&marked, WORD_MARK_TEXT);
        else
            str_putc(&marked, text.p[i]);
    bool fine = added_add(&t->normal, marked.p, marked.n, id, 0);
    str_free(&marked);
    return fine;
}

static int put_tokens(reader *r, token_spelling how)
{
    tokenizer *t = r->t;
    vocab_init(&t->v, r->n, how);
    for (int32_t id = 0; id < r->n; id++) {
        gguf_text s = r->text[id];
        unsigned flags = piece_flags(r->type[id]);
        bool good = utf8_valid(s.p, s.n) == s.n;
        if (how == WORD_MARK && flags & TOKEN_BYTE)
            good = good && byte_of_name(s.p, s.n) >= 0;
        else
            flags &= ~(unsigned)TOKEN_BYTE;
        if (!good)
            return fail(r->e, E_FORMAT, "%s: %stokens[%d]: not what its type says", gguf_path(r->g), KEY, id);
        vocab_set(&t->v, id, s.p, s.n, flags);
        int32_t twin = vocab_index(&t->v, id);
        if (twin >= 0 && (flags | t->v.flags[twin]) & (TOKEN_WORD | TOKEN_ADDED))
            return fail(r->e, E_FORMAT, "%s: %stokens: %d and %d are the same", gguf_path(r->g), KEY, twin,
                        id);
        if (flags & TOKEN_ADDED) put_added(r, id);
    }
    return OK;
}

static int put_merge(reader *r, int64_t rank, gguf_text m, str *both)
{
    vocab *v = &r->t->v;
    const char *space = m.n > 1 ? memchr(m.p + 1, ' ', m.n - 1) : NULL;
    if (!space)
        return fail(r->e, E_FORMAT, "%s: %smerges[%lld]: no two tokens", gguf_path(r->g), KEY,
                    (long long)rank);
    size_t left_n = (size_t)(space - m.p), right_n = m.n - left_n - 1;
    str_clear(both);
    str_add(both, m.p, left_n);
    str_add(both, space + 1, right_n);
    int32_t left = vocab_find(v, m.p, left_n), right = vocab_find(v, space + 1, right_n);
    int32_t merged = vocab_find(v, both->p, both->n);
    if (left < 0 || right < 0 || merged < 0)
        return fail(r->e, E_FORMAT, "%s: %smerges[%lld]: \"%.40s\" is not all among the tokens",
                    gguf_path(r->g), KEY, (long long)rank, both->p);
    if (!bpe_add_merge(&r->t->b, left, right, (uint32_t)rank, merged))
        return fail(r->e, E_FORMAT, "%s: %smerges[%lld] is there twice", gguf_path(r->g), KEY,
                    (long long)rank);
    return OK;
}

static int read_merges(reader *r)
{
    int64_t n = gguf_array_count(r->g, KEY "merges");
    if (n < 0 || n > INT32_MAX / 2) return reader_damaged(r, "merges", "there are none, or too many");
    gguf_text *merge = xcalloc((size_t)n, sizeof *merge);
    int code = gguf_array_texts(r->g, KEY "merges", merge, n, r->e);
    bpe_reserve(&r->t->b, (size_t)n);
    str both = {0};
    for (int64_t i = 0; code == OK && i < n; i++) code = put_merge(r, i, merge[i], &both);
    str_free(&both);
    free(merge);
    return code;
}

/* Byte-level BPE, cut as `pre` says. */
static int read_gpt2(reader *r)
{
    tokenizer *t = r->t;
    gguf_splitting s;
    int code = read_pre(r, &s);
    if (code == OK) code = put_tokens(r, BYTE_ALPHABET);
    if (code != OK) return code;
    bpe_init(&t->b, &t->v, SYMBOL_BYTES, 0);
    t->b.ignore_merges = s.ignore_merges;
    t->add_bos = s.add_bos || s.roberta;
    t->add_eos = s.roberta;
    r->roberta = s.roberta;
    for (int32_t id = 0; id < r->n; id++)
        if (t->v.flags[id] & TOKEN_WORD) bpe_add_word(&t->b, id, t->v.bytes[id]);
    tokenizer_index_bytes(t);
    t->kind = s.kind;
    return read_merges(r);
}

static int read_llama(reader *r)
{
    tokenizer *t = r->t;
    if (gguf_has(r->g, KEY "precompiled_charsmap"))
        return fail(r->e, E_UNSUPPORTED, "%s: %sprecompiled_charsmap is not supported", gguf_path(r->g), KEY);
    if (gguf_flag(r->g, KEY "remove_extra_whitespaces", false, r->e))
        return fail(r->e, E_UNSUPPORTED, "%s: %sremove_extra_whitespaces is not supported", gguf_path(r->g),
                    KEY);
    int code = put_tokens(r, WORD_MARK);
    if (code != OK) return code;
    float *score = xcalloc((size_t)r->n, sizeof *score);
    code = gguf_array_floats(r->g, KEY "scores", score, r->n, r->e);
    for (int64_t i = 0; code == OK && i < r->n; i++)
        if (isnan(score[i])) code = reader_damaged(r, "scores", "a score is not a number");
    if (code == OK) sentencepiece_build(&t->b, &t->v, score);
    free(score);
    if (code != OK) return code;
    t->b.fuse_unk = true;
    t->back.strip_space = gguf_flag(r->g, KEY "add_space_prefix", true, r->e);
    static const span mark = {WORD_MARK_TEXT, 3}, space = {" ", 1};
    if (t->back.strip_space) normalizer_add(&t->norm, (norm_step){.what = NORM_PREPEND, .to = mark});
    normalizer_add(&t->norm, (norm_step){.what = NORM_REPLACE, .from = space, .to = mark});
    t->bos = r->n > 1 ? 1 : -1; /* as SentencePiece numbers them, unless the keys say else */
    t->eos = r->n > 2 ? 2 : -1;
    t->unk = 0;
    t->add_bos = true;
    t->kind = "SentencePiece BPE";
    return OK;
}

/* Files write "none" as 2^32 - 1. */
static int64_t read_id(reader *r, const char *key, int64_t otherwise)
{
    int64_t id = gguf_int(r->g, key, otherwise, r->e);
    if (id == UINT32_MAX || id == -1) return -1;
    if (id < 0 || id >= r->n)
        fail(r->e, E_FORMAT, "%s: %s: there is no token %lld", gguf_path(r->g), key, (long long)id);
    return id;
}

static int read_gguf(reader *r)
{
    tokenizer *t = r->t;
    gguf_text model = gguf_string(r->g, KEY "model", r->e);
    if (!model.p)
        return fail(r->e, E_FORMAT, "%s: no tokenizer in it (key %smodel); use a file that has one",
                    gguf_path(r->g), KEY);
    static const struct {
        const char *model;
        int (*read)(reader *r);
    } models[] = {{"gpt2", read_gpt2}, {"llama", read_llama}, {"t5", read_t5}, {"bert", read_bert}};
    size_t kind = 0;
    while (kind < 4 && !is_text(model, models[kind].model)) kind++;
    if (kind == 4)
        return fail(r->e, E_UNSUPPORTED, "%s: %smodel: tokenizers of kind \"%.*s\" are not supported",
                    gguf_path(r->g), KEY, (int)(model.n < 40 ? model.n : 40), model.p);
    int code = read_tokens(r);
    if (code == OK) code = models[kind].read(r);
    if (code != OK) return code;
    t->bos = read_id(r, KEY "bos_token_id", t->bos);
    t->eos = read_id(r, KEY "eos_token_id", t->eos);
    t->pad = read_id(r, KEY "padding_token_id", t->pad);
    t->unk = read_id(r, KEY "unknown_token_id", t->unk);
    t->add_bos = gguf_flag(r->g, KEY "add_bos_token", t->add_bos, r->e) && t->bos >= 0;
    t->add_eos = gguf_flag(r->g, KEY "add_eos_token", t->add_eos, r->e) && t->eos >= 0;
    if (t->b.symbols == SYMBOL_CHARACTERS) t->b.unk = (int32_t)t->unk;
    if (t->model == MODEL_UNIGRAM) t->u.unk = (int32_t)t->unk;
    bool framed = t->add_bos && t->add_eos;
    if (framed && (r->roberta || t->model == MODEL_UNIGRAM)) tokenizer_frame_roberta(t);
    if (!t->add_bos && t->add_eos && t->model == MODEL_UNIGRAM) tokenizer_frame_t5(t);
    return r->e->code;
}

int tokenizer_from_gguf(tokenizer **out, const gguf *g, err *e)
{
    err why = {0};
    reader r = {.g = g, .t = tokenizer_new(), .e = &why};
    read_gguf(&r);
    free(r.text);
    free(r.type);
    if (why.code != OK) {
        tokenizer_close(r.t);
        return fail(e, why.code, "%s", why.msg);
    }
    tokenizer_finish(r.t, r.t->kind);
    *out = r.t;
    return OK;
}
