/* tokenizer.c -- encoding, decoding and what a tokenizer says of itself; see tokenizer.h. */
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

bool tokenizer_add_norm(tokenizer *t, norm_step step)
{
    if (t->norms == NORM_STEPS) return false;
    t->norm[t->norms++] = step;
    return true;
}

void tokenizer_index_bytes(tokenizer *t)
{
    for (int64_t id = 0; id < t->v.size; id++)
        if (t->v.flags[id] & TOKEN_WORD && t->v.bytes[id].n == 1)
            t->b.byte_id[(unsigned char)t->v.bytes[id].p[0]] = (int32_t)id;
}

/* Over everything that the ids depend on; merges in any order, as they lie in a hash table. */
void tokenizer_finish(tokenizer *t, const char *kind)
{
    t->kind = kind;
    uint64_t h = hash_bytes(1, &t->v.how, sizeof t->v.how);
    for (int64_t id = 0; id < t->v.size; id++) {
        h = hash_bytes(h, t->v.spelled[id].p, t->v.spelled[id].n);
        h = rng_mix(h ^ t->v.flags[id]);
    }
    for (int i = 0; i < t->norms; i++) {
        h = hash_bytes(h ^ t->norm[i].what, t->norm[i].from.p, t->norm[i].from.n);
        h = hash_bytes(h, t->norm[i].to.p, t->norm[i].to.n);
    }
    const int settings[] = {t->b.symbols, t->b.unk, t->b.fuse_unk, t->b.ignore_merges, t->mark, t->mark_cuts};
    h = hash_bytes(h, settings, sizeof settings);
    h = hash_bytes(h, t->b.byte_id, sizeof t->b.byte_id);
    h = added_hash(&t->normal, added_hash(&t->raw, h));
    t->fingerprint = splitter_hash(&t->split, h) + bpe_hash(&t->b);
}

void tokenizer_close(tokenizer *t)
{
    if (!t) return;
    splitter_free(&t->split);
    added_free(&t->raw);
    added_free(&t->normal);
    bpe_free(&t->b);
    vocab_free(&t->v);
    arena_free(&t->mem);
    free(t);
}

/* ---- encoding ---- */

/* What stands before the text: nothing, an added token, or text that it goes on from. */
typedef enum text_after { AFTER_NOTHING, AFTER_ADDED, AFTER_TEXT } text_after;

typedef struct job {
    const tokenizer *t;
    tokenize_how how;
    text_after after;
    token_vec *ids;
    err *e;
} job;

static void encode_word(void *arg, const char *word, size_t n)
{
    job *j = arg;
    bpe_encode(&j->t->b, word, n, j->ids);
}

static void replace_all(const char *text, size_t n, span from, span to, str *out)
{
    const char *end = text + n, *hit;
    while ((hit = memmem(text, (size_t)(end - text), from.p, from.n))) {
        str_add(out, text, (size_t)(hit - text));
        str_add(out, to.p, to.n);
        text = hit + from.n;
    }
    str_add(out, text, (size_t)(end - text));
}

static void normalize(const tokenizer *t, const char *text, size_t n, bool goes_on, str *out)
{
    str now = {0};
    str_add(&now, text, n);
    for (int i = 0; i < t->norms; i++) {
        str next = {0};
        const norm_step *s = &t->norm[i];
        if (s->what == NORM_NFC) unicode_nfc(now.p, now.n, &next);
        if (s->what == NORM_REPLACE) replace_all(now.p, now.n, s->from, s->to, &next);
        if (s->what == NORM_PREPEND) {
            if (now.n && !goes_on) str_add(&next, s->to.p, s->to.n);
            str_add(&next, now.p, now.n);
        }
        str_free(&now);
        now = next;
    }
    str_add(out, str_c(&now), now.n);
    str_free(&now);
}

void tokenizer_normalize(const tokenizer *t, const char *text, size_t n, str *out)
{
    normalize(t, text, n, false, out);
}

/* Text with marks for spaces: one word, or one from each mark to the next. */
static void encode_marked(job *j, const char *text, size_t n, bool first)
{
    static const span mark = {WORD_MARK_TEXT, 3}, space = {" ", 1};
    str marked = {0};
    bool has = n >= 3 && !memcmp(text, mark.p, 3);
    bool wanted = j->t->mark == MARK_ALWAYS ? !(first && j->after == AFTER_TEXT)
                                            : j->t->mark == MARK_FIRST && first && j->after == AFTER_NOTHING;
    if (wanted && !has && text[0] != ' ') str_add(&marked, mark.p, mark.n);
    replace_all(text, n, space, mark, &marked);
    size_t done = 0;
    while (done < marked.n) {
        size_t end = marked.n;
        if (j->t->mark_cuts) {
            const char *next = memmem(marked.p + done + 1, marked.n - done - 1, mark.p, mark.n);
            if (next) end = (size_t)(next - marked.p);
        }
        encode_word(j, marked.p + done, end - done);
        done = end;
    }
    str_free(&marked);
}

/* Text between added tokens; `first` when it begins the whole text. */
static int encode_words(job *j, const char *text, size_t n, bool first)
{
    if (!n) return OK;
    split_first piece = first && j->after == AFTER_TEXT ? SPLIT_GOES_ON : SPLIT_SPACED;
    if (j->t->mark == MARK_OFF) return splitter_run(&j->t->split, text, n, piece, encode_word, j, j->e);
    encode_marked(j, text, n, first);
    return OK;
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
    if (!j->t->norms) return encode_around(j, &j->t->normal, text, n, first, encode_words);
    str normalized = {0};
    normalize(j->t, text, n, first && j->after == AFTER_TEXT, &normalized);
    int code = encode_around(j, &j->t->normal, str_c(&normalized), normalized.n, first, encode_words);
    str_free(&normalized);
    return code;
}

static int encode(const tokenizer *t, const char *text, size_t n, text_after after, tokenize_how how,
                  token_vec *ids, err *e)
{
    enum { MOST = 1 << 29 }; /* so that what normalization makes of it is below 2^31 */
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
    return encode(t, text, n, AFTER_NOTHING, how, ids, e);
}

int tokenizer_encode_on(const tokenizer *t, const char *text, size_t start, size_t n, tokenize_how how,
                        token_vec *ids, err *e)
{
    size_t cursor = 0;
    added_match last = {0};
    while (added_next(&t->raw, text, start, &cursor, how, &last)) continue;
    text_after after = !start ? AFTER_NOTHING : last.end == start ? AFTER_ADDED : AFTER_TEXT;
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
uint64_t tokenizer_fingerprint(const tokenizer *t) { return t->fingerprint; }
const char *tokenizer_kind(const tokenizer *t) { return t->kind; }

/* ---- decoding ---- */

void token_stream_init(token_stream *s, const tokenizer *t, decode_how how, decode_from from)
{
    *s = (token_stream){.t = t, .how = how, .strip = from == DECODE_FROM_START && t->strip_space};
}

static const char broken[] = "\xef\xbf\xbd"; /* U+FFFD */

/* How many bytes of s (n > 0) begin a character that could still become whole: all of them, or those
 * before the first that cannot follow. At least 1. */
static int good_start(const uint8_t *s, int n)
{
    if (s[0] < 0xc2 || s[0] > 0xf4) return 1;
    uint8_t low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    if (n > 1 && (s[1] < low || s[1] > high)) return 1;
    for (int i = 2; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return i;
    return n;
}

/* One more byte: whole characters go out, a broken one becomes U+FFFD, once for its longest beginning
 * that is well-formed (the practice that the Unicode Standard recommends, chapter 3.9). */
static void stream_byte(token_stream *s, uint8_t byte, str *out)
{
    s->held[s->held_n++] = byte;
    while (s->held_n) {
        uint32_t c;
        int used = utf8_get((char *)s->held, (size_t)s->held_n, &c);
        if (used) {
            str_add(out, (char *)s->held, (size_t)used);
        } else {
            used = good_start(s->held, s->held_n);
            bool may_go_on = used == s->held_n && s->held[0] >= 0xc2 && s->held[0] <= 0xf4;
            if (may_go_on) return;
            str_puts(out, broken);
        }
        s->held_n -= used;
        memmove(s->held, s->held + used, (size_t)s->held_n);
    }
}

int token_stream_put(token_stream *s, int32_t id, str *out, err *e)
{
    const tokenizer *t = s->t;
    if (!has(t, id))
        return fail(e, E_USAGE, "token %d is not in the vocabulary of %lld tokens", id, (long long)t->v.size);
    if (t->v.flags[id] & TOKEN_SPECIAL && s->how == DECODE_SKIP_SPECIAL) return OK;
    span b = t->v.bytes[id];
    size_t i = 0;
    if (s->strip && b.n) {
        s->strip = false;
        i = b.p[0] == ' ';
    }
    for (; i < b.n; i++) {
        if (!s->held_n && (unsigned char)b.p[i] < 0x80)
            str_putc(out, b.p[i]);
        else
            stream_byte(s, (uint8_t)b.p[i], out);
    }
    return OK;
}

void token_stream_end(token_stream *s, str *out)
{
    if (s->held_n) str_puts(out, broken);
    s->held_n = 0;
}

int tokenizer_decode(const tokenizer *t, const int32_t *ids, size_t n, decode_how how, str *out, err *e)
{
    token_stream s;
    token_stream_init(&s, t, how, DECODE_FROM_START);
    for (size_t i = 0; i < n; i++) {
        int code = token_stream_put(&s, ids[i], out, e);
        if (code != OK) return code;
    }
    token_stream_end(&s, out);
    return OK;
}
