/* str.h -- a string that grows. `str s = {0};` is an empty one; s.p is always NUL-terminated once
 * something was added, and may hold NUL bytes inside (s.n counts them). */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>

typedef struct str {
    char  *p;
    size_t n, cap;
} str;

void str_add(str *s, const char *text, size_t n);
void str_puts(str *s, const char *text);
void str_putc(str *s, char c);
void str_fmt(str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_vfmt(str *s, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void str_clear(str *s);              /* empty, storage kept */
void str_free(str *s);               /* storage returned; usable again */
const char *str_c(const str *s);     /* never NULL */

bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* Levenshtein distance, for "did you mean". */
int str_distance(const char *a, const char *b);

#endif
