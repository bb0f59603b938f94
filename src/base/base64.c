/* base64.c -- see base64.h. */
#include "base/base64.h"

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(str *out, const char *text, size_t n)
{
    size_t before = out->n, letters = n;
    unsigned held = 0;
    while (letters && n - letters < 2 && text[letters - 1] == '=') letters--;
    bool good = letters % 4 != 1 && (letters == n || n % 4 == 0);
    for (size_t i = 0; good && i < letters; i++) {
        int v = value_of(text[i]);
        good = v >= 0;
        held = held << 6 | (unsigned)v;
        if (i % 4) str_putc(out, (char)(held >> (6 - 2 * (i % 4)) & 0xff));
    }
    if (!good) out->n = before;
    return good;
}
