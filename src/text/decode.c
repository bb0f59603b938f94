/* decode.c -- from token ids to text; see tokenizer.h. */
#include "text/tokenizer_impl.h"
#include "text/unicode.h"

#include <string.h>

void token_stream_init(token_stream *s, const tokenizer *t, decode_how how, decode_from from)
{
    bool begins = from == DECODE_FROM_START;
    *s = (token_stream){
        .t = t, .how = how, .strip = begins && t->back.strip_space, .begins = begins, .waits = -1};
}

static const char broken[] = "\xef\xbf\xbd"; /* U+FFFD */

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
            used = utf8_start((char *)s->held, (size_t)s->held_n);
            bool may_go_on = used == s->held_n && s->held[0] >= 0xc2 && s->held[0] <= 0xf4;
            if (may_go_on) return;
            str_puts(out, broken);
        }
        s->held_n -= used;
        memmove(s->held, s->held + used, (size_t)s->held_n);
    }
}

/* What stands between words and not before punctuation, in the order in which the tokenizers library looks.
 * */
static void clean_up(str *word)
{
    static const char *const from[] = {" .",  " ?",  " !",      " ,",  " ' ", " n't",
                                       " 'm", " do not", " 's", " 've", " 're"};
    static const char *const to[] = {".", "?", "!", ",", "'", "n't", "'m", " don't", "'s", "'ve", "'re"};
    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        for (char *p = word->p; (p = strstr(p, from[i]));) {
            size_t had = strlen(from[i]), has = strlen(to[i]);
            memcpy(p, to[i], has);
            memmove(p + has, p + had, strlen(p + had) + 1);
            word->n -= had - has;
            p += has;
        }
    }
}

/* A token of a WordPiece vocabulary: behind a space, or without its prefix. */
static void put_word(token_stream *s, span b, str *out)
{
    const rejoin *how = &s->t->back;
    size_t prefix = how->prefix ? strlen(how->prefix) : 0;
    str word = {0};
    if (s->begins)
        str_add(&word, b.p, b.n);
    else if (how->prefix && b.n >= prefix && !memcmp(b.p, how->prefix, prefix))
        str_add(&word, b.p + prefix, b.n - prefix);
    else
        str_fmt(&word, " %s", b.p);
    if (how->cleanup && word.n && !memchr(word.p, 0, word.n)) clean_up(&word);
    str_add(out, str_c(&word), word.n);
    str_free(&word);
}

/* The rest of the token that waits, with `space` for each suffix. */
static void end_word(token_stream *s, const char *space, str *out)
{
    span suffix = s->t->back.suffix, b = s->waits < 0 ? (span){0} : s->t->v.bytes[s->waits];
    for (size_t i = s->waits_from; i < b.n;) {
        bool ends = b.n - i >= suffix.n && !memcmp(b.p + i, suffix.p, suffix.n);
        if (ends)
            str_puts(out, space);
        else
            str_putc(out, b.p[i]);
        i += ends ? suffix.n : 1;
    }
    s->waits = -1;
}

/* A token of a vocabulary with suffixes: up to the first of them at once. */
static void put_suffixed(token_stream *s, int32_t id, str *out)
{
    span suffix = s->t->back.suffix, b = s->t->v.bytes[id];
    const char *at = b.n ? memmem(b.p, b.n, suffix.p, suffix.n) : NULL;
    end_word(s, " ", out);
    str_add(out, b.p, at ? (size_t)(at - b.p) : b.n);
    if (!at) return;
    s->waits = id;
    s->waits_from = (size_t)(at - b.p);
}

static bool has(const tokenizer *t, int32_t id) { return id >= 0 && id < t->v.size && t->v.spelled[id].p; }

int token_stream_put(token_stream *s, int32_t id, str *out, err *e)
{
    const tokenizer *t = s->t;
    if (!has(t, id))
        return fail(e, E_USAGE, "token %d is not in the vocabulary of %lld tokens", id, (long long)t->v.size);
    if (t->v.flags[id] & TOKEN_SPECIAL && s->how == DECODE_SKIP_SPECIAL) return OK;
    span b = t->v.bytes[id];
    bool begins = s->begins;
    if (t->back.words) put_word(s, b, out);
    if (t->back.suffix.n) put_suffixed(s, id, out);
    s->begins = false;
    if (t->back.words || t->back.suffix.n) return OK;
    bool strip = s->strip && b.n && b.p[0] == ' ', marks = begins && t->back.strip_marks;
    if (b.n) s->strip = false;
    for (size_t i = strip; i < b.n; i++) {
        if (marks && b.p[i] == ' ') continue;
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
    end_word(s, "", out);
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
