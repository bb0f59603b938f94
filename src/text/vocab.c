/* vocab.c -- see vocab.h. */
#include "text/vocab.h"

#include "base/rng.h"
#include "text/unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct spanslot {
    uint32_t hash;
    int32_t id; /* -1: free */
};

uint64_t hash_bytes(uint64_t seed, const void *data, size_t n)
{
    const char *p = data;
    uint64_t h = seed ^ n * 0x9e3779b97f4a7c15u, word = 0;
    for (; n >= 8; p += 8, n -= 8) {
        memcpy(&word, p, 8);
        h = (h ^ word) * 0xbf58476d1ce4e5b9u;
        h ^= h >> 32;
    }
    word = 0;
    for (size_t i = 0; i < n; i++) word = word << 8 | (unsigned char)p[i];
    return rng_mix(h ^ word);
}

void spanmap_init(spanmap *m, size_t most)
{
    size_t slots = 16;
    while (slots < most * 2) slots *= 2;
    m->mask = (uint32_t)(slots - 1);
    m->slot = xmalloc(slots * sizeof *m->slot);
    memset(m->slot, 0xff, slots * sizeof *m->slot);
}

void spanmap_free(spanmap *m)
{
    free(m->slot);
    *m = (spanmap){0};
}

/* Where the key is, or the free slot where it would be. */
static struct spanslot *slot_of(const spanmap *m, const span *key, const char *p, size_t n, uint32_t *hash)
{
    *hash = (uint32_t)hash_bytes(0, p, n);
    for (uint32_t i = *hash & m->mask;; i = (i + 1) & m->mask) {
        struct spanslot *s = &m->slot[i];
        if (s->id < 0) return s;
        if (s->hash == *hash && key[s->id].n == n && !memcmp(key[s->id].p, p, n)) return s;
    }
}

int32_t spanmap_get(const spanmap *m, const span *key, const char *p, size_t n)
{
    uint32_t hash;
    return slot_of(m, key, p, n, &hash)->id;
}

int32_t spanmap_put(spanmap *m, const span *key, int32_t id)
{
    uint32_t hash;
    struct spanslot *s = slot_of(m, key, key[id].p, key[id].n, &hash);
    if (s->id >= 0) return s->id;
    *s = (struct spanslot){hash, id};
    return -1;
}

int byte_of_letter(uint32_t c)
{
    if ((c >= 0x21 && c <= 0x7e) || (c >= 0xa1 && c <= 0xac) || (c >= 0xae && c <= 0xff)) return (int)c;
    if (c < 0x100 || c >= 0x144) return -1;
    uint32_t k = c - 0x100; /* the k-th of 0x00-0x20, 0x7f-0xa0, 0xad */
    return (int)(k < 33 ? k : k < 67 ? k - 33 + 0x7f : 0xad);
}

uint32_t letter_of_byte(unsigned char b)
{
    if ((b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae) return b;
    return 0x100 + (uint32_t)(b < 0x21 ? b : b < 0xa1 ? b - 0x7f + 33 : 67);
}

int byte_of_name(const char *text, size_t n)
{
    int value = 0;
    if (n != 6 || memcmp(text, "<0x", 3) || text[5] != '>') return -1;
    for (int i = 3; i < 5; i++) {
        char c = text[i];
        if (c >= '0' && c <= '9')
            value = value * 16 + c - '0';
        else if (c >= 'A' && c <= 'F')
            value = value * 16 + c - 'A' + 10;
        else
            return -1;
    }
    return value;
}

/* Appends the bytes that a spelling stands for. A spelling with a character outside the byte alphabet
 * stands for itself, as a whole; false then. */
static bool decode_letters(str *out, const char *text, size_t n)
{
    size_t start = out->n;
    for (size_t i = 0; i < n;) {
        uint32_t c;
        i += (size_t)utf8_get(text + i, n - i, &c);
        int b = byte_of_letter(c);
        if (b < 0) {
            out->n = start;
            str_add(out, text, n);
            return false;
        }
        str_putc(out, (char)b);
    }
    return true;
}

static void decode_marks(str *out, const char *text, size_t n, unsigned flags, span mark)
{
    if (flags & TOKEN_BYTE) {
        str_putc(out, (char)byte_of_name(text, n));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (n - i >= mark.n && !memcmp(text + i, mark.p, mark.n)) {
            str_putc(out, ' ');
            i += mark.n - 1;
        } else {
            str_putc(out, text[i]);
        }
    }
}

void vocab_init(vocab *v, int64_t size, token_spelling how)
{
    *v = (vocab){.size = size, .how = how, .mark = {"\xe2\x96\x81", 3}};
    v->spelled = xcalloc((size_t)size, sizeof *v->spelled);
    v->bytes = xcalloc((size_t)size, sizeof *v->bytes);
    v->flags = xcalloc((size_t)size, 1);
    spanmap_init(&v->by_spelling, (size_t)size);
}

/* Copies to one block after another; the arena's own alignment would waste most of it. */
static span keep(vocab *v, const char *p, size_t n)
{
    enum { BLOCK = 1 << 16 };
    if (v->left < n + 1) {
        v->left = n + 1 > BLOCK ? n + 1 : BLOCK;
        v->next = arena_new(&v->mem, v->left);
    }
    char *copy = v->next;
    if (n) memcpy(copy, p, n);
    copy[n] = 0;
    v->next += n + 1;
    v->left -= n + 1;
    return (span){copy, n};
}

void vocab_set(vocab *v, int32_t id, const char *text, size_t n, unsigned flags)
{
    BUG_IF(id < 0 || id >= v->size || utf8_valid(text, n) != n);
    v->spelled[id] = keep(v, text, n);
    str out = {0};
    if (v->how == WORD_PLAIN)
        str_add(&out, text, n);
    else if (v->how == WORD_MARK)
        decode_marks(&out, text, n, flags, v->mark);
    else if (!decode_letters(&out, text, n))
        flags &= ~(unsigned)TOKEN_WORD;
    v->flags[id] = (uint8_t)flags;
    bool same = out.n == n && !memcmp(str_c(&out), text, n);
    v->bytes[id] = same ? v->spelled[id] : keep(v, out.p, out.n);
    str_free(&out);
}

int32_t vocab_index(vocab *v, int32_t id) { return spanmap_put(&v->by_spelling, v->spelled, id); }

void vocab_free(vocab *v)
{
    free(v->spelled);
    free(v->bytes);
    free(v->flags);
    spanmap_free(&v->by_spelling);
    arena_free(&v->mem);
    *v = (vocab){0};
}

int32_t vocab_find(const vocab *v, const char *text, size_t n)
{
    return spanmap_get(&v->by_spelling, v->spelled, text, n);
}
