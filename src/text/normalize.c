/* normalize.c -- see normalize.h. */
#include "text/normalize.h"

#include "base/rng.h"
#include "text/unicode.h"
#include "text/unicode_class.h"

#include <string.h>

bool normalizer_add(normalizer *n, norm_step step)
{
    if (n->steps == NORM_STEPS) return false;
    n->step[n->steps++] = step;
    return true;
}

void normalizer_free(normalizer *n)
{
    for (int i = 0; i < n->steps; i++) regex_free(n->step[i].pattern);
    n->steps = 0;
}

uint64_t normalizer_hash(const normalizer *n, uint64_t h)
{
    for (int i = 0; i < n->steps; i++) {
        const norm_step *s = &n->step[i];
        h = hash_bytes(rng_mix(h ^ s->what) + s->flags, s->from.p, s->from.n);
        h = hash_bytes(h, s->to.p, s->to.n);
        if (s->map) h = hash_bytes(h, s->map->unit, s->map->units * sizeof *s->map->unit);
        if (s->map) h = hash_bytes(h, s->map->result, s->map->results);
    }
    return h;
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

static int replace_matches(const regex *r, const char *text, size_t n, span to, str *out, err *e)
{
    regex_run run = {0};
    int code = OK;
    for (size_t done = 0, start, end; code == OK && done < n; done = end) {
        code = regex_next(r, &run, text, n, done, &start, &end, e);
        if (code != OK) break;
        str_add(out, text + done, start - done);
        if (start < end) str_add(out, to.p, to.n);
    }
    regex_run_free(&run);
    return code;
}

static void lower(const char *text, size_t n, str *out)
{
    for (size_t i = 0; i < n;) {
        uint32_t c;
        i += (size_t)utf8_get(text + i, n - i, &c);
        utf8_put(out, c == 0x130 ? 'i' : unicode_lower(c));
        if (c == 0x130) utf8_put(out, 0x307);
    }
}

static void drop_accents(const char *text, size_t n, str *out)
{
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t length = (size_t)utf8_get(text + i, n - i, &c);
        if (!unicode_is_combining(c)) str_add(out, text + i, length);
        i += length;
    }
}

static bool is_nmt_control(uint32_t c)
{
    return (c >= 1 && c <= 8) || c == 0xb || (c >= 0xe && c < 0x20) || c == 0x7f || c == 0x8f || c == 0x9f;
}

static bool is_nmt_space(uint32_t c)
{
    return c == 9 || c == 10 || c == 12 || c == 13 || c == 0x1680 || (c >= 0x200b && c <= 0x200f) ||
           c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xfeff || c == 0xfffd;
}

static void nmt(const char *text, size_t n, str *out)
{
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t length = (size_t)utf8_get(text + i, n - i, &c);
        if (is_nmt_space(c))
            str_putc(out, ' ');
        else if (!is_nmt_control(c))
            str_add(out, text + i, length);
        i += length;
    }
}

static int run_step(const norm_step *s, const char *text, size_t n, norm_first first, str *out, err *e)
{
    size_t left = 0, right = 0;
    switch (s->what) {
    case NORM_NFC:
    case NORM_NFD:
    case NORM_NFKC:
    case NORM_NFKD:
        unicode_normalize(text, n, (unicode_form)(UNICODE_NFC + (s->what - NORM_NFC)), out);
        return OK;
    case NORM_LOWER:
        lower(text, n, out);
        return OK;
    case NORM_ACCENTS:
        drop_accents(text, n, out);
        return OK;
    case NORM_STRIP:
        if (s->flags & STRIP_LEFT) left = unicode_spaces_after(text, n);
        if (s->flags & STRIP_RIGHT) right = unicode_spaces_before(text + left, n - left);
        str_add(out, text + left, n - left - right);
        return OK;
    case NORM_PREPEND:
        if (n && first == NORM_BEGINS) str_add(out, s->to.p, s->to.n);
        str_add(out, text, n);
        return OK;
    case NORM_REPLACE:
        if (s->pattern) return replace_matches(s->pattern, text, n, s->to, out, e);
        replace_all(text, n, s->from, s->to, out);
        return OK;
    case NORM_NMT:
        nmt(text, n, out);
        return OK;
    case NORM_BERT:
        normalize_bert(s, text, n, out);
        return OK;
    case NORM_CHARSMAP:
        charsmap_clusters(s->map, text, n, out);
        return OK;
    case NORM_LETTERS:
        for (size_t i = 0; i < n; i++) utf8_put(out, letter_of_byte((unsigned char)text[i]));
        return OK;
    default:
        normalize_pieces(s, text, n, first, out);
        return OK;
    }
}

int normalizer_run(const normalizer *n, const char *text, size_t bytes, norm_first first, str *out, err *e)
{
    str now = {0};
    int code = OK;
    for (int i = 0; code == OK && i < n->steps; i++) {
        str next = {0}, *to = i + 1 == n->steps ? out : &next;
        code = run_step(&n->step[i], i ? str_c(&now) : text, i ? now.n : bytes, first, to, e);
        if (code == OK && to->n > NORM_GROWTH * bytes + NORM_SPARE)
            code = fail(e, E_UNSUPPORTED, "the tokenizer's normalizer makes %zu bytes of a text of %zu", to->n,
                        bytes);
        str_free(&now);
        now = next;
    }
    if (!n->steps) str_add(out, text, bytes);
    str_free(&now);
    return code;
}
