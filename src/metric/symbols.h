/* symbols.h -- strings as small numbers: equal strings, the same number, in order of first appearance.
 *
 * So that n-grams are counted and texts compared as integers. Also the white space that the metrics are
 * defined with, which is Python's. */
#ifndef METRIC_SYMBOLS_H
#define METRIC_SYMBOLS_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

/* `symbols s = {0};` is an empty one. */
typedef struct symbols {
    char **text;     /* (n) NUL-terminated, NUL bytes inside allowed */
    uint32_t *bytes; /* (n) */
    int64_t n, cap;
    int32_t *slot; /* (slots) a hash table of numbers + 1; 0 is free */
    int64_t slots;
    arena mem;
} symbols;

/* The number of a string, which is copied when it is new. */
int32_t symbols_add(symbols *s, const char *text, size_t n);
int32_t symbols_find(const symbols *s, const char *text, size_t n); /* -1: not there */
void symbols_free(symbols *s);

/* A text as numbers: `token_ids t = {0};` is an empty one. */
typedef struct token_ids {
    int32_t *p;
    int64_t n, cap;
} token_ids;

void token_ids_push(token_ids *t, int32_t id);
void token_ids_free(token_ids *t);

/* A text in somebody else's memory: n bytes of UTF-8. */
typedef struct passage {
    const char *p;
    size_t n;
} passage;

/* What str.split() and str.strip() of Python take for white space: White_Space and U+001C to U+001F. */
bool text_is_space(uint32_t c);
/* The first character of s, n > 0 bytes of UTF-8; a byte that is not is taken for itself. */
int text_get(const char *s, size_t n, uint32_t *c);

#endif
