/* wordpiece.c -- see wordpiece.h. */
#include "text/wordpiece.h"

#include <stdlib.h>
#include <string.h>

int wordpiece_init(wordpiece *w, const vocab *v, const char *prefix, int32_t unk, int64_t max_characters,
                   const char *where, err *e)
{
    size_t firsts = 0, rests = 0, length = strlen(prefix);
    *w = (wordpiece){.unk = unk, .max_characters = max_characters};
    w->tail = xcalloc((size_t)v->size, sizeof *w->tail);
    int32_t *first = xmalloc((size_t)v->size * sizeof *first), *rest =
        xmalloc((size_t)v->size * sizeof *rest);
    for (int32_t id = 0; id < v->size; id++) {
        span word = v->spelled[id];
        if (!(v->flags[id] & TOKEN_WORD)) continue;
        first[firsts++] = id;
        if (word.n < length || memcmp(word.p, prefix, length)) continue;
        w->tail[id] = (span){word.p + length, word.n - length};
        rest[rests++] = id;
    }
    bool fits = trie_init(&w->first, v->spelled, first, firsts, TRIE_NODES) &&
                trie_init(&w->rest, w->tail, rest, rests, TRIE_NODES);
    free(first);
    free(rest);
    return fits ? OK : trie_refuse(where, e);
}

void wordpiece_free(wordpiece *w)
{
    trie_free(&w->first);
    trie_free(&w->rest);
    free(w->tail);
    *w = (wordpiece){0};
}

/* The longest token that s begins with: its id and length; -1 when there is none. */
static int32_t longest(const trie *t, const char *s, size_t n, size_t *length)
{
    int32_t node = 0, id = -1;
    for (size_t i = 0; i < n && (node = trie_step(t, node, (unsigned char)s[i])) >= 0; i++) {
        if (t->node[node].value < 0) continue;
        id = t->node[node].value;
        *length = i + 1;
    }
    return id;
}

static bool is_too_long(const wordpiece *w, const char *word, size_t n)
{
    if ((int64_t)n <= w->max_characters) return false;
    int64_t characters = 0;
    for (size_t i = 0; i < n; i++) characters += ((unsigned char)word[i] & 0xc0) != 0x80;
    return characters > w->max_characters;
}

void wordpiece_encode(const wordpiece *w, const char *word, size_t n, token_vec *ids)
{
    size_t start = ids->n, at = 0, length = 0;
    bool known = !is_too_long(w, word, n);
    while (known && at < n) {
        int32_t id = longest(at ? &w->rest : &w->first, word + at, n - at, &length);
        known = id >= 0;
        if (known) token_vec_push(ids, id);
        at += length;
    }
    if (known) return;
    ids->n = start;
    token_vec_push(ids, w->unk);
}
