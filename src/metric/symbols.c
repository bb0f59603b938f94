/* symbols.c -- see symbols.h. Open addressing with linear probing, at most half full. */
#include "metric/symbols.h"

#include "text/unicode.h"
#include "text/vocab.h"

#include <stdlib.h>
#include <string.h>

static int64_t place(const symbols *s, const char *text, size_t n)
{
    uint64_t mask = (uint64_t)s->slots - 1;
    for (uint64_t i = hash_bytes(0, text, n) & mask;; i = (i + 1) & mask) {
        int32_t k = s->slot[i] - 1;
        if (k < 0 || (s->bytes[k] == n && !memcmp(s->text[k], text, n))) return (int64_t)i;
    }
}

static void grow(symbols *s)
{
    s->slots = s->slots ? 2 * s->slots : 256;
    free(s->slot);
    s->slot = xcalloc((size_t)s->slots, sizeof *s->slot);
    for (int64_t k = 0; k < s->n; k++) s->slot[place(s, s->text[k], s->bytes[k])] = (int32_t)k + 1;
}

int32_t symbols_add(symbols *s, const char *text, size_t n)
{
    if (2 * s->n >= s->slots) grow(s);
    int64_t at = place(s, text, n);
    if (s->slot[at]) return s->slot[at] - 1;
    BUG_IF(s->n >= INT32_MAX - 1 || n > UINT32_MAX);
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 256;
        s->text = xrealloc(s->text, (size_t)s->cap * sizeof *s->text);
        s->bytes = xrealloc(s->bytes, (size_t)s->cap * sizeof *s->bytes);
    }
    s->text[s->n] = arena_strndup(&s->mem, text, n);
    s->bytes[s->n] = (uint32_t)n;
    s->slot[at] = (int32_t)++s->n;
    return (int32_t)s->n - 1;
}

int32_t symbols_find(const symbols *s, const char *text, size_t n)
{
    return s->slots ? s->slot[place(s, text, n)] - 1 : -1;
}

void symbols_free(symbols *s)
{
    free(s->text);
    free(s->bytes);
    free(s->slot);
    arena_free(&s->mem);
    *s = (symbols){0};
}

void token_ids_push(token_ids *t, int32_t id)
{
    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 64;
        t->p = xrealloc(t->p, (size_t)t->cap * sizeof *t->p);
    }
    t->p[t->n++] = id;
}

void token_ids_free(token_ids *t)
{
    free(t->p);
    *t = (token_ids){0};
}

bool text_is_space(uint32_t c) { return unicode_is_space(c) || (c >= 0x1c && c <= 0x1f); }

int text_get(const char *s, size_t n, uint32_t *c)
{
    int length = utf8_get(s, n, c);
    if (length) return length;
    *c = (unsigned char)*s;
    return 1;
}
