/* unigram.c -- see unigram.h. */
#include "text/unigram.h"

#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>

int unigram_init(unigram *u, const vocab *v, const double *score, double least, unigram_sums sums,
                 const char *where, err *e)
{
    *u = (unigram){.v = v, .sums = sums, .unk = -1};
    memset(u->byte_id, 0xff, sizeof u->byte_id);
    u->unknown_score = sums == SUMS_SINGLE ? (float)least - 10.0f : least - 10;
    u->score = xmalloc((size_t)v->size * sizeof *u->score);
    memcpy(u->score, score, (size_t)v->size * sizeof *u->score);
    int32_t *list = xmalloc((size_t)v->size * sizeof *list);
    size_t n = 0;
    for (int32_t id = 0; id < v->size; id++)
        if (v->flags[id] & TOKEN_WORD) list[n++] = id;
    bool fits = trie_init(&u->pieces, v->spelled, list, n, TRIE_NODES);
    free(list);
    return fits ? OK : trie_refuse(where, e);
}

void unigram_free(unigram *u)
{
    trie_free(&u->pieces);
    free(u->score);
    *u = (unigram){0};
}

uint64_t unigram_hash(const unigram *u)
{
    if (!u->score) return 0;
    uint64_t h = hash_bytes(u->sums, u->score, (size_t)u->v->size * sizeof *u->score);
    return hash_bytes(h ^ (uint32_t)u->unk, u->byte_id, sizeof u->byte_id);
}

/* The best way to the end of a prefix: its last piece begins at `from`. */
typedef struct reach {
    double best;
    int32_t id, from, to; /* from -1: not reached yet; to: the end of the piece that begins here */
} reach;

static void offer(const unigram *u, reach *at, double sum, int32_t from, int32_t id)
{
    if (u->sums == SUMS_SINGLE) sum = (float)sum;
    if (at->from >= 0 && sum <= at->best) return;
    at->best = sum;
    at->from = from;
    at->id = id;
}

static void offer_pieces(const unigram *u, reach *r, const char *text, int32_t i, int32_t n)
{
    const trie *t = &u->pieces;
    double here = r[i].best;
    int32_t node = 0, character = utf8_length(text[i]);
    bool alone = false;
    for (int32_t j = i; j < n && (node = trie_step(t, node, (unsigned char)text[j])) >= 0; j++) {
        int32_t id = t->node[node].value;
        if (id < 0) continue;
        offer(u, &r[j + 1], u->score[id] + here, i, id);
        alone |= j + 1 - i == character;
    }
    if (alone) return;
    offer(u, &r[i + character], u->unknown_score + here, i, u->unk);
}

/* Unknown text: the tokens of its bytes, or the unknown token. */
static void push_unknown(const unigram *u, const char *text, size_t n, token_vec *ids)
{
    span name = u->unk >= 0 ? u->v->spelled[u->unk] : (span){0};
    bool bytes = u->byte_id[0] >= 0 && !(name.n == n && !memcmp(name.p, text, n));
    for (size_t i = 0; bytes && i < n; i++) bytes = u->byte_id[(unsigned char)text[i]] >= 0;
    for (size_t i = 0; bytes && i < n; i++) token_vec_push(ids, u->byte_id[(unsigned char)text[i]]);
    if (!bytes && u->unk >= 0) token_vec_push(ids, u->unk);
}

static void push_path(const unigram *u, reach *r, const char *text, int32_t n, token_vec *ids)
{
    for (int32_t i = n; i; i = r[i].from) r[r[i].from].to = i;
    for (int32_t i = 0, end; i < n; i = end) {
        end = r[i].to;
        if (r[end].id != u->unk) {
            token_vec_push(ids, r[end].id);
            continue;
        }
        while (end < n && r[r[end].to].id == u->unk) end = r[end].to;
        push_unknown(u, text + i, (size_t)(end - i), ids);
    }
}

void unigram_encode(const unigram *u, const char *text, size_t n, token_vec *ids)
{
    enum { FEW = 256 };
    BUG_IF(n >= INT32_MAX);
    reach few[FEW + 1];
    reach *r = n <= FEW ? few : xmalloc((n + 1) * sizeof *r);
    for (size_t i = 0; i <= n; i++) r[i].from = -1;
    r[0].best = 0;
    for (size_t i = 0; i < n; i += (size_t)utf8_length(text[i])) offer_pieces(u, r, text, (int32_t)i,
                                                                              (int32_t)n);
    push_path(u, r, text, (int32_t)n, ids);
    if (r != few) free(r);
}
