/* normalize_bert.c -- the normalizer of BERT models (Devlin et al. 2018), as the tokenizers library has it:
 * control characters go and white space becomes a space; spaces come around ideographs; accents go (after
 * NFD); capitals become small. */
#include "text/normalize.h"
#include "text/unicode.h"
#include "text/unicode_class.h"

#include <string.h>

static bool is_ascii(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] >= 0x80) return false;
    return true;
}

static void put_ascii(unsigned flags, const char *text, size_t n, str *out)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        bool space = c == '\t' || c == '\n' || c == '\r';
        if (flags & BERT_CLEAN && !space && (c < 0x20 || c == 0x7f)) continue;
        if (flags & BERT_CLEAN && space) c = ' ';
        if (flags & BERT_LOWER && c >= 'A' && c <= 'Z') c += 32;
        str_putc(out, (char)c);
    }
}

static void clean(unsigned flags, const char *text, size_t n, str *out)
{
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t length = (size_t)utf8_get(text + i, n - i, &c);
        bool space = c == '\t' || c == '\n' || c == '\r', wide = flags & BERT_IDEOGRAPHS &&
            unicode_is_ideograph(c);
        bool gone = flags & BERT_CLEAN && !space && (!c || c == 0xfffd || unicode_is_other(c));
        if (wide) str_putc(out, ' ');
        if (flags & BERT_CLEAN && !gone && (space || unicode_is_space(c)))
            str_putc(out, ' ');
        else if (!gone)
            str_add(out, text + i, length);
        if (wide) str_putc(out, ' ');
        i += length;
    }
}

static void lower_without_accents(unsigned flags, const char *text, size_t n, str *out)
{
    for (size_t i = 0; i < n;) {
        uint32_t c;
        i += (size_t)utf8_get(text + i, n - i, &c);
        if (flags & BERT_ACCENTS && unicode_is_nonspacing(c)) continue;
        if (flags & BERT_LOWER && c == 0x130) {
            str_puts(out, "i\u0307");
            continue;
        }
        utf8_put(out, flags & BERT_LOWER ? unicode_lower(c) : c);
    }
}

void normalize_bert(const norm_step *s, const char *text, size_t n, str *out)
{
    if (is_ascii(text, n)) {
        put_ascii(s->flags, text, n, out);
        return;
    }
    str cleaned = {0}, apart = {0};
    clean(s->flags, text, n, &cleaned);
    if (s->flags & BERT_ACCENTS)
        unicode_normalize(str_c(&cleaned), cleaned.n, UNICODE_NFD, &apart);
    else
        str_add(&apart, str_c(&cleaned), cleaned.n);
    lower_without_accents(s->flags, str_c(&apart), apart.n, out);
    str_free(&cleaned);
    str_free(&apart);
}
