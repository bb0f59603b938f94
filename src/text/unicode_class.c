/* unicode_class.c -- see unicode_class.h. */
#include "text/unicode_class.h"

#include <stdlib.h>
#include <utf8proc.h>

/* A row of a table begins with its first and its last character. */
static int beside(const void *c, const void *row)
{
    const uint32_t at = *(const uint32_t *)c, *r = row;
    return at > r[1] ? 1 : at < r[0] ? -1 : 0;
}

static bool is_in(const char_range *r, size_t n, uint32_t c) { return bsearch(&c, r, n, sizeof *r, beside) != NULL; }

#define X(name)                                                                                              \
    static bool is_##name(uint32_t c) { return is_in(unicode_##name, unicode_##name##_count, c); }
UNICODE_TABLES(X)
#undef X

bool unicode_is_punctuation(uint32_t c)
{
    if (c < 0x80) return (c >= 0x21 && c < 0x30) || (c >= 0x3a && c <= 0x40) || (c > 0x5a && c <= 0x60) ||
                         (c > 0x7a && c < 0x7f);
    return is_punctuation(c);
}

bool unicode_is_word(uint32_t c)
{
    if (c >= 0x80) return is_word(c);
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

bool unicode_is_numeric(uint32_t c) { return c < 0x80 ? c >= '0' && c <= '9' : is_numeric(c); }
bool unicode_is_nonspacing(uint32_t c) { return c >= 0x300 && is_nonspacing(c); }
bool unicode_is_combining(uint32_t c) { return c >= 0x300 && is_combining(c); }
bool unicode_is_other(uint32_t c) { return is_other(c); }

bool unicode_is_unnormalized(uint32_t c) { return c >= 0x300 && is_unnormalized(c); }

bool unicode_is_ideograph(uint32_t c)
{
    static const char_range all[] = {{0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xf900, 0xfaff},
                                     {0x20000, 0x2a6df}, {0x2a700, 0x2b81f}, {0x2b920, 0x2ceaf},
                                     {0x2f800, 0x2fa1f}};
    return c >= 0x3400 && is_in(all, sizeof all / sizeof *all, c);
}

int unicode_script(uint32_t c)
{
    const char_script *r = bsearch(&c, unicode_scripts, unicode_scripts_count, sizeof *r, beside);
    return r ? r->script : 0;
}

uint32_t unicode_lower(uint32_t c)
{
    if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
    for (size_t i = 0; i < unicode_small_count && c >= 0x1c89; i++)
        if (c >= unicode_small[i].first && c <= unicode_small[i].last)
            return unicode_small[i].small + (c - unicode_small[i].first);
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
}
