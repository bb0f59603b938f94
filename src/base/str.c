/* str.c -- see str.h. */
#include "base/str.h"

#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reserve(str *s, size_t extra)
{
    size_t need = s->n + extra + 1;
    if (need <= s->cap) return;
    size_t cap = s->cap ? s->cap : 64;
    while (cap < need) cap *= 2;
    s->p = xrealloc(s->p, cap);
    s->cap = cap;
}

void str_add(str *s, const char *text, size_t n)
{
    reserve(s, n);
    if (n) memcpy(s->p + s->n, text, n);
    s->n += n;
    s->p[s->n] = 0;
}

void str_puts(str *s, const char *text) { str_add(s, text, strlen(text)); }
void str_putc(str *s, char c) { str_add(s, &c, 1); }

void str_vfmt(str *s, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    BUG_IF(n < 0);
    reserve(s, (size_t)n);
    vsnprintf(s->p + s->n, (size_t)n + 1, fmt, again);
    va_end(again);
    s->n += (size_t)n;
}

void str_fmt(str *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    str_vfmt(s, fmt, ap);
    va_end(ap);
}

void str_clear(str *s)
{
    s->n = 0;
    if (s->p) s->p[0] = 0;
}

void str_free(str *s)
{
    free(s->p);
    *s = (str){0};
}

const char *str_c(const str *s) { return s->p ? s->p : ""; }

bool str_starts(const char *s, const char *prefix) { return !strncmp(s, prefix, strlen(prefix)); }

bool str_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && !strcmp(s + n - m, suffix);
}

int str_distance(const char *a, const char *b)
{
    enum { MAX = 64 };
    size_t n = strlen(a), m = strlen(b);
    if (n >= MAX || m >= MAX) return MAX;
    int row[MAX];
    for (size_t j = 0; j <= m; j++) row[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            int shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < shift ? change : shift;
        }
    }
    return row[m];
}
