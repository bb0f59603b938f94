/* unicode.h -- the few facts about characters that tokenizers need: UTF-8, white space, and which
 * characters were given a category after Unicode 14.
 *
 * Splitters are judged against implementations that know Unicode 16. A system's PCRE2 may know less,
 * and two systems must not cut the same text differently, so split.c adds the difference to the
 * categories that a pattern names: unicode_newer() is the table, from the Unicode Character Database
 * 16.0 less 14.0. */
#ifndef TEXT_UNICODE_H
#define TEXT_UNICODE_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first character of s, n > 0 bytes: its length in bytes and *c, or 0 when it is not UTF-8 (overlong
 * forms, surrogates and numbers above U+10FFFF are not). */
int utf8_get(const char *s, size_t n, uint32_t *c);
/* The same for text known to be UTF-8: only the length, from the first byte. */
int utf8_length(char first);
void utf8_put(str *out, uint32_t c);
/* How many bytes of s, n > 0 that begin no whole character, begin one that could still become whole: all, or those
 * before the first that cannot follow. At least 1, at most 3. */
int utf8_start(const char *s, size_t n);
/* How many bytes at the start of s are whole characters: n when all of it is UTF-8. */
size_t utf8_valid(const char *s, size_t n);

/* White_Space of the Unicode Character Database. */
bool unicode_is_space(uint32_t c);

/* Bytes of white space that s, n bytes of UTF-8, ends or begins with. */
size_t unicode_spaces_before(const char *s, size_t n);
size_t unicode_spaces_after(const char *s, size_t n);

/* Appends s in a normalization form, as the tokenizers library normalizes: characters that it does not know
 * stay as they are (unicode_class.h). */
typedef enum unicode_form { UNICODE_NFC, UNICODE_NFD, UNICODE_NFKC, UNICODE_NFKD } unicode_form;
void unicode_normalize(const char *s, size_t n, unicode_form form, str *out);

/* How many bytes the first grapheme cluster of s has, n > 0 bytes of UTF-8 (Unicode Standard Annex 29). */
size_t unicode_cluster(const char *s, size_t n);

/* Calls fn for each range of characters that have category `category` ("L" or "Lu") since after
 * Unicode 14, in ascending order. */
void unicode_newer(const char *category, void (*fn)(void *arg, uint32_t first, uint32_t last), void *arg);

#endif
