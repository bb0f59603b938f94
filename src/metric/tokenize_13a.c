/* tokenize_13a.c -- see tokenize_13a.h. The rules look at ASCII alone, so they run over bytes: a byte of a
 * longer character is "not a digit", as the character is. */
#include "metric/tokenize_13a.h"

#include "text/unicode.h"

#include <string.h>

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_stop(char c) { return c == '.' || c == ','; }

/* The characters of rule 1: ASCII that is neither letter, digit, control nor one of ' , - . */
static bool is_alone(char c)
{
    return (c >= ' ' && c <= '&') || (c >= '(' && c <= '+') || c == '/' || (c >= ':' && c <= '@') ||
           (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

/* Replaces every `from`, none of which overlaps with another. */
static void replace(str *text, const char *from, const char *to, str *spare)
{
    size_t n = strlen(from);
    const char *p = str_c(text), *end = p + text->n, *hit;
    if (!memmem(p, text->n, from, n)) return;
    str_clear(spare);
    for (; (hit = memmem(p, (size_t)(end - p), from, n)); p = hit + n) {
        str_add(spare, p, (size_t)(hit - p));
        str_puts(spare, to);
    }
    str_add(spare, p, (size_t)(end - p));
    str old = *text;
    *text = *spare;
    *spare = old;
}

static void clean(passage text, str *out, str *spare)
{
    size_t n = text.n;
    while (n) { /* rstrip */
        size_t start = n - 1;
        uint32_t c;
        while (start && ((unsigned char)text.p[start] & 0xc0) == 0x80) start--;
        if (text_get(text.p + start, n - start, &c) != (int)(n - start) || !text_is_space(c)) break;
        n = start;
    }
    str_clear(out);
    str_add(out, text.p, n);
    replace(out, "<skipped>", "", spare);
    replace(out, "-\n", "", spare);
    replace(out, "\n", " ", spare);
    replace(out, "&quot;", "\"", spare);
    replace(out, "&amp;", "&", spare);
    replace(out, "&lt;", "<", spare);
    replace(out, "&gt;", ">", spare);
}

typedef enum rule { BEHIND_NO_DIGIT, BEFORE_NO_DIGIT, DASH_BEHIND_DIGIT } rule;

static bool applies(rule r, char a, char b)
{
    if (r == BEHIND_NO_DIGIT) return !is_digit(a) && is_stop(b);
    if (r == BEFORE_NO_DIGIT) return is_stop(a) && !is_digit(b);
    return is_digit(a) && b == '-';
}

/* Rules 2 to 4 look at two neighbours and go on behind them. */
static void pairs(str *text, rule r, str *out)
{
    str_clear(out);
    const char *p = str_c(text), *end = p + text->n;
    while (p < end) {
        if (p + 1 == end || !applies(r, p[0], p[1])) {
            str_putc(out, *p++);
            continue;
        }
        char parted[] = {' ', p[0], ' ', p[1], ' '};
        if (r == BEFORE_NO_DIGIT)
            str_add(out, parted, 4);
        else
            str_add(out, parted + 1, 4);
        p += 2;
    }
    str old = *text;
    *text = *out;
    *out = old;
}

static void alone(const str *text, str *out)
{
    str_clear(out);
    str_putc(out, ' ');
    for (size_t i = 0; i < text->n; i++) {
        char c = text->p[i], parted[] = {' ', c, ' '};
        if (is_alone(c))
            str_add(out, parted, 3);
        else
            str_putc(out, c);
    }
    str_putc(out, ' ');
}

static void split(symbols *s, const str *text, token_ids *out)
{
    const char *p = text->p, *end = p + text->n;
    while (p < end) {
        const char *word = p;
        uint32_t c = 0;
        int length = 1;
        while (p < end && (length = text_get(p, (size_t)(end - p), &c), !text_is_space(c))) p += length;
        if (p > word) token_ids_push(out, symbols_add(s, word, (size_t)(p - word)));
        p += length;
    }
}

void tokenize_13a(symbols *s, passage text, token_ids *out)
{
    str a = {0}, b = {0};
    clean(text, &a, &b);
    alone(&a, &b);
    pairs(&b, BEHIND_NO_DIGIT, &a);
    pairs(&b, BEFORE_NO_DIGIT, &a);
    pairs(&b, DASH_BEHIND_DIGIT, &a);
    split(s, &b, out);
    str_free(&a);
    str_free(&b);
}
