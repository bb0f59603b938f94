/* bpe.c -- see bpe.h. */
#include "text/bpe.h"

#include "base/rng.h"
#include "text/unicode.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* value: rank << 32 | merged, so that the smaller value is the better merge. */
struct bpe_pair {
    uint64_t key, value;
};

static const uint64_t NO_PAIR = UINT64_MAX;

void bpe_init(bpe *b, const vocab *v, bpe_symbols symbols, size_t extra)
{
    *b = (bpe){.v = v, .symbols = symbols, .unk = -1, .mark = -1};
    b->keys = v->size;
    b->most_keys = v->size + (int64_t)extra;
    memset(b->byte_id, 0xff, sizeof b->byte_id);
    b->key = xcalloc((size_t)b->most_keys, sizeof *b->key);
    spanmap_init(&b->words, (size_t)b->most_keys);
    b->whole = xcalloc((size_t)v->size, 1);
}

void bpe_reserve(bpe *b, size_t merges)
{
    size_t slots = 16;
    while (slots < merges + merges / 2) slots *= 2;
    b->pair_mask = (uint32_t)(slots - 1);
    b->pair = xmalloc(slots * sizeof *b->pair);
    memset(b->pair, 0xff, slots * sizeof *b->pair);
}

void bpe_free(bpe *b)
{
    spanmap_free(&b->words);
    free(b->key);
    free(b->pair);
    free((void *)b->whole);
    *b = (bpe){0};
}

static const char MARK[] = "\xe2\x96\x81";
enum { MARK_BYTES = sizeof MARK - 1 };

static bool begins_with_mark(span s) { return s.n >= MARK_BYTES && !memcmp(s.p, MARK, MARK_BYTES); }
static bool ends_in_mark(span s)
{
    return s.n >= MARK_BYTES && !memcmp(s.p + s.n - MARK_BYTES, MARK, MARK_BYTES);
}

/* What a symbol is spelled like, whether it may become a word or not. */
static span spelling(const bpe *b, int32_t id) { return id < b->v->size ? b->v->spelled[id] : b->key[id]; }

int32_t bpe_add_word(bpe *b, int32_t id, span word)
{
    b->key[id] = word;
    int32_t there = spanmap_put(&b->words, b->key, id);
    if (there < 0 && word.n == MARK_BYTES && begins_with_mark(word)) b->mark = id;
    return there;
}

int32_t bpe_add_character(bpe *b, span character)
{
    BUG_IF(b->keys >= b->most_keys);
    int32_t id = (int32_t)b->keys++;
    b->key[id] = character;
    BUG_IF(spanmap_put(&b->words, b->key, id) >= 0);
    return id;
}

static inline uint64_t pair_key(int32_t left, int32_t right)
{
    return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

static inline struct bpe_pair *pair_slot(const bpe *b, uint64_t key)
{
    uint64_t h = key * 0x9e3779b97f4a7c15u;
    for (uint32_t i = (uint32_t)(h >> 32 ^ h >> 52) & b->pair_mask;; i = (i + 1) & b->pair_mask)
        if (b->pair[i].key == key || b->pair[i].value == NO_PAIR) return &b->pair[i];
}

static inline uint64_t pair_value(const bpe *b, int32_t left, int32_t right)
{
    return pair_slot(b, pair_key(left, right))->value;
}

bool bpe_add_merge(bpe *b, int32_t left, int32_t right, uint32_t rank, int32_t merged)
{
    uint64_t key = pair_key(left, right);
    struct bpe_pair *s = pair_slot(b, key);
    if (s->value != NO_PAIR) return false;
    BUG_IF(b->pairs++ >= b->pair_mask);
    *s = (struct bpe_pair){key, (uint64_t)rank << 32 | (uint32_t)merged};
    b->crosses |= begins_with_mark(spelling(b, right)) && !ends_in_mark(spelling(b, left));
    return true;
}

uint64_t bpe_hash(const bpe *b)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; b->pair && i <= b->pair_mask; i++)
        if (b->pair[i].value != NO_PAIR) sum += rng_mix(b->pair[i].key ^ rng_mix(b->pair[i].value));
    return sum;
}

size_t bpe_merge_short(const bpe *b, int32_t *symbol, size_t n)
{
    BUG_IF(n > BPE_SHORT);
    uint64_t value[BPE_SHORT]; /* of the pair (i, i + 1) */
    for (size_t i = 0; i + 1 < n; i++) value[i] = pair_value(b, symbol[i], symbol[i + 1]);
    while (n > 1) {
        size_t at = 0;
        for (size_t i = 1; i + 1 < n; i++)
            if (value[i] >> 32 < value[at] >> 32) at = i;
        if (value[at] == NO_PAIR) break;
        symbol[at] = (int32_t)(uint32_t)value[at];
        memmove(symbol + at + 1, symbol + at + 2, (n - at - 2) * sizeof *symbol);
        if (at + 2 < n) memmove(value + at + 1, value + at + 2, (n - at - 2) * sizeof *value);
        n--;
        if (at > 0) value[at - 1] = pair_value(b, symbol[at - 1], symbol[at]);
        if (at + 1 < n) value[at] = pair_value(b, symbol[at], symbol[at + 1]);
    }
    return n;
}

/* A pair that may merge: least rank first, then leftmost. Out of date when the pair at `at` has
 * another value by now. */
typedef struct candidate {
    uint64_t value;
    uint32_t at;
} candidate;

typedef struct heap {
    candidate *p;
    size_t n, cap;
} heap;

static inline bool before(candidate a, candidate b)
{
    uint32_t x = (uint32_t)(a.value >> 32), y = (uint32_t)(b.value >> 32);
    return x < y || (x == y && a.at < b.at);
}

static void heap_push(heap *h, candidate c)
{
    if (c.value == NO_PAIR) return;
    if (h->n == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 64;
        h->p = xrealloc(h->p, h->cap * sizeof *h->p);
    }
    size_t i = h->n++;
    for (; i && before(c, h->p[(i - 1) / 2]); i = (i - 1) / 2) h->p[i] = h->p[(i - 1) / 2];
    h->p[i] = c;
}

static candidate heap_pop(heap *h)
{
    candidate top = h->p[0], last = h->p[--h->n];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < h->n; i = child) {
        if (child + 1 < h->n && before(h->p[child + 1], h->p[child])) child++;
        if (!before(h->p[child], last)) break;
        h->p[i] = h->p[child];
    }
    h->p[i] = last;
    return top;
}

/* Symbols in a doubly linked list over their first positions; GONE marks what a merge took up. */
size_t bpe_merge_long(const bpe *b, int32_t *symbol, size_t n)
{
    enum { GONE = -2 };
    BUG_IF(n >= INT32_MAX);
    heap h = {0};
    uint64_t *value = xmalloc(n * sizeof *value);
    int32_t *next = xmalloc(n * sizeof *next), *previous = xmalloc(n * sizeof *previous);
    for (size_t i = 0; i < n; i++) {
        next[i] = i + 1 < n ? (int32_t)i + 1 : -1;
        previous[i] = (int32_t)i - 1;
        value[i] = i + 1 < n ? pair_value(b, symbol[i], symbol[i + 1]) : NO_PAIR;
        heap_push(&h, (candidate){value[i], (uint32_t)i});
    }
    while (h.n) {
        candidate c = heap_pop(&h);
        if (c.value != value[c.at]) continue;
        int32_t right = next[c.at], after = next[right], left = previous[c.at];
        symbol[c.at] = (int32_t)(uint32_t)c.value;
        symbol[right] = GONE;
        value[right] = NO_PAIR;
        next[c.at] = after;
        if (after >= 0) previous[after] = (int32_t)c.at;
        value[c.at] = after >= 0 ? pair_value(b, symbol[c.at], symbol[after]) : NO_PAIR;
        heap_push(&h, (candidate){value[c.at], c.at});
        if (left < 0) continue;
        value[left] = pair_value(b, symbol[left], symbol[c.at]);
        heap_push(&h, (candidate){value[left], (uint32_t)left});
    }
    size_t left = 0;
    for (size_t i = 0; i < n; i++)
        if (symbol[i] != GONE) symbol[left++] = symbol[i];
    free(h.p);
    free(value);
    free(next);
    free(previous);
    return left;
}

static size_t put_unknown(const bpe *b, int32_t *symbol, size_t n, bool *was)
{
    if (b->unk < 0 || (*was && b->fuse_unk)) return n;
    symbol[n] = b->unk;
    *was = true;
    return n + 1;
}

/* One character: its token, else the tokens of its bytes if there is one for each, else unknown. */
static size_t put_character(const bpe *b, const char *c, int length, int32_t *symbol, size_t n, bool *was)
{
    int32_t id = spanmap_get(&b->words, b->key, c, (size_t)length);
    if (id >= 0) {
        *was = false;
        symbol[n] = id;
        return n + 1;
    }
    for (int i = 0; i < length; i++)
        if (b->byte_id[(unsigned char)c[i]] < 0) return put_unknown(b, symbol, n, was);
    *was = false;
    for (int i = 0; i < length; i++) symbol[n++] = b->byte_id[(unsigned char)c[i]];
    return n;
}

static bool is_affixed(const bpe *b) { return b->prefix.n || b->suffix.n; }

/* One character or byte with what its place in the word adds to it: its token, else unknown. */
static size_t put_affixed(const bpe *b, span c, bool first, bool last, int32_t *symbol, size_t n, bool *was)
{
    char key[4 + 2 * BPE_AFFIX];
    size_t length = 0;
    if (!first) {
        memcpy(key, b->prefix.p, b->prefix.n);
        length = b->prefix.n;
    }
    memcpy(key + length, c.p, c.n);
    length += c.n;
    if (last) {
        memcpy(key + length, b->suffix.p, b->suffix.n);
        length += b->suffix.n;
    }
    int32_t id = spanmap_get(&b->words, b->key, key, length);
    if (id < 0) return put_unknown(b, symbol, n, was);
    *was = false;
    symbol[n] = id;
    return n + 1;
}

/* symbol has room for one a byte; how many there are. */
static size_t symbols_of(const bpe *b, const char *word, size_t n, int32_t *symbol)
{
    size_t count = 0;
    bool was_unknown = false;
    for (size_t i = 0; i < n;) {
        if (is_affixed(b)) {
            size_t length = b->symbols == SYMBOL_CHARACTERS ? (size_t)utf8_length(word[i]) : 1;
            bool last = i + length == n;
            count = put_affixed(b, (span){word + i, length}, !i, last, symbol, count, &was_unknown);
            i += length;
            continue;
        }
        if (b->symbols == SYMBOL_CHARACTERS) {
            int length = utf8_length(word[i]);
            count = put_character(b, word + i, length, symbol, count, &was_unknown);
            i += (size_t)length;
            continue;
        }
        int32_t id = b->byte_id[(unsigned char)word[i++]];
        if (id < 0) {
            count = put_unknown(b, symbol, count, &was_unknown);
        } else {
            symbol[count++] = id;
            was_unknown = false;
        }
    }
    return count;
}

/* Symbols that are no tokens (characters that only begin merges) fall back to bytes or unknown. */
static void push_symbols(const bpe *b, const int32_t *symbol, size_t n, token_vec *ids)
{
    bool was_unknown = false;
    for (size_t i = 0; i < n; i++) {
        if (symbol[i] < b->v->size) {
            was_unknown = symbol[i] == b->unk;
            token_vec_push(ids, symbol[i]);
            continue;
        }
        span c = b->key[symbol[i]];
        int32_t fallback[4];
        size_t count = 0;
        for (size_t j = 0; j < c.n; j++) {
            int32_t id = b->byte_id[(unsigned char)c.p[j]];
            if (id >= 0) fallback[count++] = id;
        }
        if (count < c.n)
            count = put_unknown(b, fallback, 0, &was_unknown);
        else
            was_unknown = false;
        for (size_t j = 0; j < count; j++) token_vec_push(ids, fallback[j]);
    }
}

static void encode_merged(const bpe *b, const char *word, size_t n, token_vec *ids)
{
    int32_t few[BPE_SHORT];
    int32_t *symbol = n <= BPE_SHORT ? few : xmalloc(n * sizeof *symbol);
    size_t count = symbols_of(b, word, n, symbol);
    count = count <= BPE_SHORT ? bpe_merge_short(b, symbol, count) : bpe_merge_long(b, symbol, count);
    push_symbols(b, symbol, count, ids);
    if (symbol != few) free(symbol);
}

static void encode_part(const bpe *b, const char *word, size_t n, token_vec *ids)
{
    int32_t id = spanmap_get(&b->words, b->key, word, n);
    if (id < 0 || id >= b->v->size) {
        encode_merged(b, word, n, ids);
        return;
    }
    uint8_t whole = b->ignore_merges ? 1 : atomic_load_explicit(&b->whole[id], memory_order_relaxed);
    if (whole == 1) {
        token_vec_push(ids, id);
        return;
    }
    size_t start = ids->n;
    encode_merged(b, word, n, ids);
    bool itself = ids->n == start + 1 && ids->p[start] == id;
    if (!whole) atomic_store_explicit(&b->whole[id], itself ? 1 : 2, memory_order_relaxed);
}

/* Whether no merge goes from a character to a mark behind it. What is unknown or in bytes stands on the left
 * of such a place under the spelling of its token; the mark on the right is a token. */
static bool may_cut(const bpe *b)
{
    bool unknown_ends = b->unk >= 0 && ends_in_mark(b->v->spelled[b->unk]);
    bool whole = b->symbols != SYMBOL_CHARACTERS || b->ignore_merges || is_affixed(b) || unknown_ends;
    return !whole && b->mark >= 0 && !b->crosses;
}

/* The first place behind `from` where a mark follows something else, or n. */
static size_t next_cut(const char *word, size_t from, size_t n)
{
    bool after_mark = true;
    for (size_t i = from; i < n; i += after_mark ? MARK_BYTES : 1) {
        bool mark = word[i] == MARK[0] && begins_with_mark((span){word + i, n - i});
        if (mark && !after_mark) return i;
        after_mark = mark;
    }
    return n;
}

void bpe_encode(const bpe *b, const char *word, size_t n, token_vec *ids)
{
    bool cuts = may_cut(b);
    for (size_t from = 0, to; from < n; from = to) {
        to = cuts ? next_cut(word, from, n) : n;
        encode_part(b, word + from, to - from, ids);
    }
}
