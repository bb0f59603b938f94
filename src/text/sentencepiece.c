/* sentencepiece.c -- see sentencepiece.h. */
#include "text/sentencepiece.h"

#include "text/unicode.h"

#include <stdlib.h>

typedef struct scored {
    float score;
    int32_t id;
} scored;

static int by_score(const void *a, const void *b)
{
    const scored *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* Characters of pieces that are no pieces; the same one may be counted more than once. */
static size_t count_unknown(const bpe *b, span piece)
{
    size_t n = 0;
    for (size_t i = 0, length; i < piece.n; i += length) {
        length = (size_t)utf8_length(piece.p[i]);
        n += spanmap_get(&b->words, b->key, piece.p + i, length) < 0;
    }
    return n;
}

static void add_unknown(bpe *b, span piece)
{
    for (size_t i = 0, length; i < piece.n; i += length) {
        length = (size_t)utf8_length(piece.p[i]);
        if (spanmap_get(&b->words, b->key, piece.p + i, length) < 0)
            bpe_add_character(b, (span){piece.p + i, length});
    }
}

static void add_words(bpe *b, const vocab *v)
{
    for (int32_t id = 0; id < v->size; id++) {
        span word = v->spelled[id];
        if (v->flags[id] & TOKEN_WORD) bpe_add_word(b, id, word);
        if (v->flags[id] & TOKEN_BYTE) b->byte_id[byte_of_name(word.p, word.n)] = id;
    }
}

/* The ways to cut piece id into two known halves; adds each as a merge unless rank is negative. */
static size_t cuts(bpe *b, int32_t id, int64_t rank)
{
    size_t n = 0;
    span piece = b->key[id];
    for (size_t i = 0; i < piece.n;) {
        i += (size_t)utf8_length(piece.p[i]);
        if (i == piece.n) break;
        int32_t left = spanmap_get(&b->words, b->key, piece.p, i);
        if (left < 0) continue;
        int32_t right = spanmap_get(&b->words, b->key, piece.p + i, piece.n - i);
        if (right < 0) continue;
        n++;
        if (rank >= 0) bpe_add_merge(b, left, right, (uint32_t)rank, id);
    }
    return n;
}

void sentencepiece_build(bpe *b, const vocab *v, const float *score)
{
    bpe_init(b, v, SYMBOL_CHARACTERS, 0);
    add_words(b, v);
    size_t unknown = 0, words = 0, merges = 0;
    for (int32_t id = 0; id < v->size; id++)
        if (v->flags[id] & TOKEN_WORD) unknown += count_unknown(b, v->spelled[id]);
    if (unknown) { /* again, with room for them */
        bpe_free(b);
        bpe_init(b, v, SYMBOL_CHARACTERS, unknown);
        add_words(b, v);
        for (int32_t id = 0; id < v->size; id++)
            if (v->flags[id] & TOKEN_WORD) add_unknown(b, v->spelled[id]);
    }
    scored *order = xmalloc((size_t)v->size * sizeof *order);
    for (int32_t id = 0; id < v->size; id++) {
        if (!(v->flags[id] & TOKEN_WORD)) continue;
        order[words++] = (scored){score[id], id};
        merges += cuts(b, id, -1);
    }
    qsort(order, words, sizeof *order, by_score);
    bpe_reserve(b, merges);
    uint32_t rank = 0;
    for (size_t i = 0; i < words; i++) {
        if (i && order[i].score != order[i - 1].score) rank++;
        cuts(b, order[i].id, rank);
    }
    free(order);
}
