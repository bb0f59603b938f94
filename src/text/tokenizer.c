/* tokenizer.c -- encoding, and what a tokenizer says of itself; see tokenizer.h. decode.c is the way back. */
#include "text/tokenizer_impl.h"

#include "base/rng.h"
#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>

void token_vec_push(token_vec *v, int32_t id)
{
    if (v->n == v->cap) {
        v->cap = v->cap ? v->cap * 2 : 32;
        v->p = xrealloc(v->p, v->cap * sizeof *v->p);
    }
    v->p[v->n++] = id;
}

void token_vec_free(token_vec *v)
{
    free(v->p);
    *v = (token_vec){0};
}

tokenizer *tokenizer_new(void)
{
    tokenizer *t = xcalloc(1, sizeof *t);
    t->bos = t->eos = t->pad = t->unk = -1;
    return t;
}

void tokenizer_index_bytes(tokenizer *t)
{
    for (int64_t id = 0; id < t->v.size; id++)
        if (t->v.flags[id] & TOKEN_WORD && t->v.bytes[id].n == 1)
            t->b.byte_id[(unsigned char)t->v.bytes[id].p[0]] = (int32_t)id;
}

static uint64_t hash_frame(uint64_t h, const frame *f)
{
    for (int i = 0; i < f->n; i++) {
        const int32_t row[] = {f->piece[i].what, f->piece[i].id, f->piece[i].type};
        h = hash_bytes(h, row, sizeof row);
    }
    return h;
}

/* Over everything that the ids depend on; merges in any order, as they lie in a hash table. */
uint64_t tokenizer_fingerprint(const tokenizer *t)
{
    uint64_t h = hash_bytes(1, &t->v.how, sizeof t->v.how);
    for (int64_t id = 0; id < t->v.size; id++) {
        h = hash_bytes(h, t->v.spelled[id].p, t->v.spelled[id].n);
        h = rng_mix(h ^ t->v.flags[id]);
    }
    h = normalizer_hash(&t->norm, h);
    const int64_t settings[] = {t->model,           t->b.symbols, t->b.unk, t->b.fuse_unk, t->b.ignore_merges,
                                t->letters, t->w.unk,     t->w.max_characters};
    h = hash_bytes(h, settings, sizeof settings);
    h = hash_bytes(hash_bytes(h, t->b.prefix.p, t->b.prefix.n), t->b.suffix.p, t->b.suffix.n);
    h = hash_bytes(h, t->b.byte_id, sizeof t->b.byte_id) + unigram_hash(&t->u);
    h = added_hash(&t->kept, added_hash(&t->normal, added_hash(&t->raw, h)));
    h = hash_frame(hash_frame(h, &t->single), &t->pair);
    return splitter_hash(&t->split, h) + bpe_hash(&t->b);
}

void tokenizer_finish(tokenizer *t, const char *kind)
{
    t->kind = kind;
    if (!t->single.n) tokenizer_frame_default(t);
}

void tokenizer_close(tokenizer *t)
{
    if (!t) return;
    splitter_free(&t->split);
    normalizer_free(&t->norm);
    charsmap_free(&t->map);
    added_free(&t->raw);
    added_free(&t->normal);
    added_free(&t->kept);
    bpe_free(&t->b);
    unigram_free(&t->u);
    wordpiece_free(&t->w);
    vocab_free(&t->v);
    arena_free(&t->mem);
    free(t);
}

/* ---- encoding ---- */

typedef struct job {
    const tokenizer *t;
    tokenize_how how;
    split_first after; /* what stands before the text */
    token_vec *ids;
    err *e;
} job;

/* Letters of the byte alphabet back to the bytes they stand for. */
static void encode_letters(job *j, const char *word, size_t n)
{
    str bytes = {0};
    for (size_t i = 0; i < n;) {
        uint32_t c;
        i += (size_t)utf8_get(word + i, n - i, &c);
        str_putc(&bytes, (char)byte_of_letter(c));
    }
    bpe_encode(&j->t->b, bytes.p, bytes.n, j->ids);
    str_free(&bytes);
}

/* The word's token, if it is one of the model's and not only an added one. */
static void encode_whole(job *j, const char *word, size_t n)
{
    int32_t id = vocab_find(&j->t->v, word, n);
    bool known = id >= 0 && j->t->v.flags[id] & TOKEN_WORD;
    token_vec_push(j->ids, known ? id : (int32_t)j->t->unk);
}

static void encode_word(void *arg, const char *word, size_t n)
{
    job *j = arg;
    if (j->t->model == MODEL_WORDPIECE)
        wordpiece_encode(&j->t->w, word, n, j->ids);
    else if (j->t->model == MODEL_UNIGRAM)
        unigram_encode(&j->t->u, word, n, j->ids);
    else if (j->t->model == MODEL_WORDLEVEL)
        encode_whole(j, word, n);
    else if (j->t->letters)
        encode_letters(j, word, n);
    else
        bpe_encode(&j->t->b, word, n, j->ids);
}

/* Text between added tokens; `first` when it begins the whole text. */
static int encode_words(job *j, const char *text, size_t n, bool first)
{
    return splitter_run(&j->t->split, text, n, first ? j->after : SPLIT_SPACED, encode_word, j, j->e);
}

typedef int text_fn(job *j, const char *text, size_t n, bool first);

/* Added tokens of one kind; fn takes the text between them. */
static int encode_around(job *j, const added *a, const char *text, size_t n, bool first, text_fn *fn)
{
    size_t cursor = 0, done = 0; /* a match may take white space that the one before took */
    added_match m;
    while (added_next(a, text, n, &cursor, j->how, &m)) {
        int code = m.start > done ? fn(j, text + done, m.start - done, first && !done) : OK;
        if (code != OK) return code;
        token_vec_push(j->ids, m.id);
        done = m.end;
    }
    return done < n ? fn(j, text + done, n - done, first && !done) : OK;
}

static int encode_normalized(job *j, const char *text, size_t n, bool first)
{
    if (!j->t->norm.steps) return encode_around(j, &j->t->normal, text, n, first, encode_words);
    str normalized = {0};
    norm_first from = first && j->after == SPLIT_GOES_ON ? NORM_GOES_ON : NORM_BEGINS;
    int code = normalizer_run(&j->t->norm, text, n, from, &normalized, j->e);
    if (code == OK && normalized.n)
        code = encode_around(j, &j->t->normal, normalized.p, normalized.n, first, encode_words);
    str_free(&normalized);
    return code;
}

static int encode(const tokenizer *t, const char *text, size_t n, split_first after, tokenize_how how,
                  token_vec *ids, err *e)
{
    enum { MOST = 1 << 26 }; /* so that what normalization makes of it is below 2^31 */
    if (n > MOST) return fail(e, E_USAGE, "a text of %zu bytes is too long to be tokenized in one piece", n);
    size_t valid = n ? utf8_valid(text, n) : 0;
    if (valid < n) return fail(e, E_FORMAT, "the text is not UTF-8 at byte %zu; convert it first", valid);
    size_t before = ids->n;
    job j = {t, how, after, ids, e};
    int code = encode_around(&j, &t->raw, text, n, true, encode_normalized);
    if (code != OK) ids->n = before;
    return code;
}

int tokenizer_encode(const tokenizer *t, const char *text, size_t n, tokenize_how how, token_vec *ids, err *e)
{
    return encode(t, text, n, SPLIT_STARTS, how, ids, e);
}

int tokenizer_encode_on(const tokenizer *t, const char *text, size_t start, size_t n, tokenize_how how,
                        token_vec *ids, err *e)
{
    size_t cursor = 0;
    added_match last = {0};
    while (added_next(&t->raw, text, start, &cursor, how, &last)) continue;
    split_first after = !start ? SPLIT_STARTS : last.end == start ? SPLIT_SPACED : SPLIT_GOES_ON;
    return encode(t, text + start, n, after, how, ids, e);
}

/* ---- what it says of itself ---- */

static bool has(const tokenizer *t, int64_t id) { return id >= 0 && id < t->v.size && t->v.spelled[id].p; }

int64_t tokenizer_size(const tokenizer *t) { return t->v.size; }
const char *tokenizer_piece(const tokenizer *t, int64_t id) { return has(t, id) ? t->v.spelled[id].p : ""; }
int64_t tokenizer_find(const tokenizer *t, const char *text) { return vocab_find(&t->v, text, strlen(text)); }
bool tokenizer_is_special(const tokenizer *t, int64_t id)
{
    return has(t, id) && t->v.flags[id] & TOKEN_SPECIAL;
}
int64_t tokenizer_bos(const tokenizer *t) { return t->bos; }
int64_t tokenizer_eos(const tokenizer *t) { return t->eos; }
int64_t tokenizer_pad(const tokenizer *t) { return t->pad; }
int64_t tokenizer_unk(const tokenizer *t) { return t->unk; }
bool tokenizer_add_bos(const tokenizer *t) { return t->add_bos; }
bool tokenizer_add_eos(const tokenizer *t) { return t->add_eos; }
const char *tokenizer_kind(const tokenizer *t) { return t->kind; }
