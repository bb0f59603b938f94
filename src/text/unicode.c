/* unicode.c -- see unicode.h. */
#include "text/unicode.h"

#include "base/arena.h"
#include "base/err.h"
#include "text/unicode_class.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

int utf8_length(char first)
{
    unsigned char b = (unsigned char)first;
    return b < 0x80 ? 1 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
}

int utf8_get(const char *s, size_t n, uint32_t *c)
{
    const unsigned char *b = (const unsigned char *)s;
    if (b[0] < 0x80) {
        *c = b[0];
        return 1;
    }
    if (b[0] < 0xc2 || b[0] > 0xf4) return 0;
    int length = utf8_length(s[0]);
    if ((size_t)length > n) return 0;
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t v = b[0] & (0xffu >> (length + 1));
    for (int i = 1; i < length; i++) {
        if ((b[i] & 0xc0) != 0x80) return 0;
        v = v << 6 | (b[i] & 0x3f);
    }
    if (v < smallest[length] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000)) return 0;
    *c = v;
    return length;
}

void utf8_put(str *out, uint32_t c)
{
    char b[4];
    if (c < 0x80) {
        str_putc(out, (char)c);
        return;
    }
    int length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (int i = length - 1; i > 0; i--, c >>= 6) b[i] = (char)(0x80 | (c & 0x3f));
    b[0] = (char)((0xf00u >> length & 0xf0) | c);
    str_add(out, b, (size_t)length);
}

int utf8_start(const char *s, size_t n)
{
    const unsigned char *c = (const unsigned char *)s;
    if (c[0] < 0xc2 || c[0] > 0xf4) return 1;
    unsigned char low = c[0] == 0xe0 ? 0xa0 : c[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = c[0] == 0xed ? 0x9f : c[0] == 0xf4 ? 0x8f : 0xbf;
    if (n < 2 || c[1] < low || c[1] > high) return 1;
    return n > 2 && (c[2] & 0xc0) == 0x80 ? 3 : 2;
}

size_t utf8_valid(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n) {
        uint64_t eight;
        if (n - i >= 8 && (memcpy(&eight, s + i, 8), !(eight & 0x8080808080808080u))) {
            i += 8;
            continue;
        }
        uint32_t c;
        int length = utf8_get(s + i, n - i, &c);
        if (!length) break;
        i += (size_t)length;
    }
    return i;
}

bool unicode_is_space(uint32_t c)
{
    if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r');
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

size_t unicode_spaces_before(const char *s, size_t n)
{
    size_t at = n;
    while (at) {
        size_t start = at - 1;
        while (start && ((unsigned char)s[start] & 0xc0) == 0x80) start--;
        uint32_t c;
        if (!utf8_get(s + start, at - start, &c) || !unicode_is_space(c)) break;
        at = start;
    }
    return n - at;
}

size_t unicode_spaces_after(const char *s, size_t n)
{
    size_t at = 0;
    uint32_t c;
    while (at < n) {
        int length = utf8_get(s + at, n - at, &c);
        if (!length || !unicode_is_space(c)) break;
        at += (size_t)length;
    }
    return at;
}

static int class_of(utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; }

/* Canonical order: marks by their class, those of one class as they were. Counted, since a run of marks may
 * be as long as the text. */
static void order_run(utf8proc_int32_t *c, size_t n)
{
    size_t at[256] = {0}, before = 0;
    utf8proc_int32_t *ordered = xmalloc(n * sizeof *ordered);
    for (size_t i = 0; i < n; i++) at[class_of(c[i])]++;
    for (int k = 0; k < 256; k++) {
        size_t many = at[k];
        at[k] = before;
        before += many;
    }
    for (size_t i = 0; i < n; i++) ordered[at[class_of(c[i])]++] = c[i];
    memcpy(c, ordered, n * sizeof *c);
    free(ordered);
}

static void order_marks(utf8proc_int32_t *c, size_t n)
{
    for (size_t i = 0, to; i < n; i = to) {
        int last = class_of(c[i]);
        bool ordered = true;
        for (to = i + 1; last && to < n; to++) {
            int next = class_of(c[to]);
            if (!next) break;
            ordered = ordered && last <= next;
            last = next;
        }
        if (!ordered) order_run(c + i, to - i);
    }
}

/* All at once by utf8proc_map() would be the same, in time that grows with the square of a run of marks. */
static void normalize_part(const char *s, size_t n, unicode_form form, str *out)
{
    static const int options[] = {
        [UNICODE_NFC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE,
        [UNICODE_NFD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE,
        [UNICODE_NFKC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
        [UNICODE_NFKD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT,
    };
    enum { LONGEST = 32 }; /* a character becomes at most 18 */
    size_t room = n + LONGEST, many = 0;
    utf8proc_int32_t *c = xmalloc(room * sizeof *c);
    for (size_t i = 0; i < n;) {
        uint32_t one;
        int state = 0, length = utf8_get(s + i, n - i, &one);
        BUG_IF(!length); /* no UTF-8 */
        if (room - many < LONGEST) c = xrealloc(c, (room *= 2) * sizeof *c);
        utf8proc_ssize_t made = utf8proc_decompose_char((utf8proc_int32_t)one, c + many, LONGEST,
                                                        (utf8proc_option_t)options[form], &state);
        BUG_IF(made < 0 || made > LONGEST);
        many += (size_t)made;
        i += (size_t)length;
    }
    order_marks(c, many);
    utf8proc_ssize_t left = (utf8proc_ssize_t)many;
    if (options[form] & UTF8PROC_COMPOSE)
        left = utf8proc_normalize_utf32(c, left, (utf8proc_option_t)options[form]);
    for (utf8proc_ssize_t i = 0; i < left; i++) utf8_put(out, (uint32_t)c[i]);
    free(c);
}

/* In parts between the characters that take no part in it. */
void unicode_normalize(const char *s, size_t n, unicode_form form, str *out)
{
    size_t plain = 0, done = 0;
    while (plain < n && (unsigned char)s[plain] < 0x80) plain++;
    if (plain == n) {
        str_add(out, s, n);
        return;
    }
    for (size_t i = plain, length; i < n; i += length) {
        uint32_t c;
        length = (size_t)utf8_get(s + i, n - i, &c);
        if (!unicode_is_unnormalized(c)) continue;
        if (i > done) normalize_part(s + done, i - done, form, out);
        str_add(out, s + i, length);
        done = i + length;
    }
    if (n > done) normalize_part(s + done, n - done, form, out);
}

static void is_newer_mark(void *arg, uint32_t first, uint32_t last)
{
    uint32_t *c = arg;
    if (*c >= first && *c <= last) *c = 0x300;
}

size_t unicode_cluster(const char *s, size_t n)
{
    uint32_t c, last;
    size_t at = (size_t)utf8_get(s, n, &last);
    utf8proc_int32_t state = 0;
    for (int length; at < n; at += (size_t)length, last = c) {
        length = utf8_get(s + at, n - at, &c);
        if (last < 0x80 && c < 0x80 && last != '\r') break;
        /* a mark, whatever the system's library knows */
        if (c >= 0x897) unicode_newer("M", is_newer_mark, &c);
        if (utf8proc_grapheme_break_stateful((utf8proc_int32_t)last, (utf8proc_int32_t)c, &state)) break;
    }
    return at;
}
