/* pack.c -- see pack.h.
 *
 * Bins are kept in lists by the room they have left, and a bit a list says which are not empty, so that the
 * fullest bin with room for a document is the first set bit at or above its length: capacity / 64 words to
 * look at, at worst. */
#include "text/pack.h"

#include "base/arena.h"

#include <stdlib.h>

typedef struct shelves {
    int64_t *head; /* (capacity + 1) first bin with that room, or -1 */
    int64_t *next; /* (bins) */
    uint64_t *any; /* a bit a list */
    int64_t words;
} shelves;

static void shelve(shelves *s, int64_t bin, int64_t room)
{
    s->next[bin] = s->head[room];
    s->head[room] = bin;
    s->any[room / 64] |= (uint64_t)1 << room % 64;
}

/* The least room of any bin that is at least `least`, or -1. */
static int64_t find_room(const shelves *s, int64_t least)
{
    uint64_t bits = s->any[least / 64] & ~(uint64_t)0 << least % 64;
    for (int64_t w = least / 64;; bits = s->any[w]) {
        if (bits) return w * 64 + __builtin_ctzll(bits);
        if (++w == s->words) return -1;
    }
}

static int64_t take(shelves *s, int64_t room)
{
    int64_t bin = s->head[room];
    s->head[room] = s->next[bin];
    if (s->head[room] < 0) s->any[room / 64] &= ~((uint64_t)1 << room % 64);
    return bin;
}

int64_t pack_best_fit(const int64_t *length, int64_t n, int64_t capacity, int64_t *bin)
{
    shelves s = {.words = capacity / 64 + 1};
    s.head = xmalloc((size_t)(capacity + 1) * sizeof *s.head);
    s.next = xmalloc((size_t)n * sizeof *s.next);
    s.any = xcalloc((size_t)s.words, sizeof *s.any);
    for (int64_t i = 0; i <= capacity; i++) s.head[i] = -1;
    int64_t bins = 0;
    for (int64_t i = 0; i < n; i++) {
        BUG_IF(length[i] < 1 || length[i] > capacity || (i && length[i] > length[i - 1]));
        int64_t room = find_room(&s, length[i]);
        bin[i] = room < 0 ? bins++ : take(&s, room);
        shelve(&s, bin[i], (room < 0 ? capacity : room) - length[i]);
    }
    free(s.head);
    free(s.next);
    free(s.any);
    return bins;
}
