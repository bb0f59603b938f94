/* added.c -- see added.h. */
#include "text/added.h"

#include "base/arena.h"
#include "text/unicode.h"
#include "text/unicode_class.h"
#include "text/vocab.h"

#include <stdlib.h>

struct added_node {
    int32_t child, sibling; /* 0: none */
    int32_t token;          /* -1: no token ends here */
    uint8_t byte;
};

struct added_token {
    int32_t id;
    unsigned flags;
};

static int32_t node_new(added *a, uint8_t byte)
{
    if (a->nodes == a->cap) {
        a->cap = a->cap ? a->cap * 2 : 64;
        a->node = xrealloc(a->node, (size_t)a->cap * sizeof *a->node);
    }
    a->node[a->nodes] = (struct added_node){.token = -1, .byte = byte};
    return a->nodes++;
}

static int32_t node_child(const added *a, int32_t node, uint8_t byte)
{
    int32_t c = a->node[node].child;
    while (c && a->node[c].byte != byte) c = a->node[c].sibling;
    return c;
}

bool added_add(added *a, const char *text, size_t n, int32_t id, unsigned flags)
{
    BUG_IF(!n);
    if (!a->nodes) node_new(a, 0);
    int32_t at = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t child = node_child(a, at, (uint8_t)text[i]);
        if (!child) {
            child = node_new(a, (uint8_t)text[i]);
            a->node[child].sibling = a->node[at].child;
            a->node[at].child = child;
        }
        at = child;
    }
    if (a->node[at].token >= 0) return false;
    a->node[at].token = a->tokens;
    a->token = xrealloc(a->token, ((size_t)a->tokens + 1) * sizeof *a->token);
    a->token[a->tokens++] = (struct added_token){id, flags};
    a->first[(uint8_t)text[0]] = true;
    return true;
}

void added_free(added *a)
{
    free(a->node);
    free(a->token);
    *a = (added){0};
}

uint64_t added_hash(const added *a, uint64_t seed)
{
    for (int32_t i = 0; i < a->nodes; i++) {
        const struct added_node *n = &a->node[i];
        const int32_t row[] = {n->child, n->sibling, n->token, n->byte};
        seed = hash_bytes(seed, row, sizeof row);
    }
    for (int32_t i = 0; i < a->tokens; i++) {
        seed = hash_bytes(seed, &a->token[i].id, sizeof a->token[i].id);
        seed = hash_bytes(seed, &a->token[i].flags, sizeof a->token[i].flags);
    }
    return seed;
}

static bool stands_alone(const char *s, size_t n, size_t start, size_t end)
{
    uint32_t c;
    if (start) {
        size_t before = start - 1;
        while (before && ((unsigned char)s[before] & 0xc0) == 0x80) before--;
        if (utf8_get(s + before, start - before, &c) && unicode_is_word(c)) return false;
    }
    return end == n || !utf8_get(s + end, n - end, &c) || !unicode_is_word(c);
}

/* The longest token that begins at s: its number, -1 when there is none. */
static int32_t longest(const added *a, const char *s, size_t n, size_t *length)
{
    int32_t at = 0, found = -1;
    for (size_t i = 0; i < n; i++) {
        at = node_child(a, at, (uint8_t)s[i]);
        if (!at) break;
        if (a->node[at].token < 0) continue;
        found = a->node[at].token;
        *length = i + 1;
    }
    return found;
}

size_t added_at(const added *a, const char *s, size_t n)
{
    size_t length = 0;
    if (a->tokens && n && a->first[(uint8_t)s[0]]) longest(a, s, n, &length);
    return length;
}

static bool is_separator(const struct added_token *t, char c)
{
    return t->flags & ADDED_PYTHON && c >= 0x1c && c <= 0x1f;
}

/* Bytes of white space before s + end, and in the n bytes of s. */
static size_t spaces_before(const struct added_token *t, const char *s, size_t end)
{
    size_t at = end - unicode_spaces_before(s, end);
    while (at && is_separator(t, s[at - 1])) {
        at--;
        at -= unicode_spaces_before(s, at);
    }
    return end - at;
}

static size_t spaces_after(const struct added_token *t, const char *s, size_t n)
{
    size_t at = unicode_spaces_after(s, n);
    while (at < n && is_separator(t, s[at])) {
        at++;
        at += unicode_spaces_after(s + at, n - at);
    }
    return at;
}

bool added_next(const added *a, const char *s, size_t n, size_t *cursor, tokenize_how how, added_match *m)
{
    for (size_t i = *cursor; a->tokens && i < n; i++) {
        if (!a->first[(uint8_t)s[i]]) continue;
        size_t length;
        int32_t found = longest(a, s + i, n - i, &length);
        if (found < 0) continue;
        const struct added_token *t = &a->token[found];
        size_t end = i + length;
        bool refused = (t->flags & ADDED_SPECIAL && how == TOKENIZE_PLAIN) ||
                       (t->flags & ADDED_SINGLE_WORD && !stands_alone(s, n, i, end));
        if (refused) {
            i = end - 1;
            continue;
        }
        *cursor = end;
        *m = (added_match){i, end, t->id};
        if (t->flags & ADDED_LSTRIP) m->start -= spaces_before(t, s, i);
        if (t->flags & ADDED_RSTRIP) m->end += spaces_after(t, s + end, n - end);
        return true;
    }
    *cursor = n;
    return false;
}
