/* weights.c -- see weights.h: a list of tensors and an open-addressing table over their names. */
#include "tensor/weights.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry {
    tensor t;
    tensor owned; /* type DT_COUNT: nothing owned */
} entry;

struct weights {
    arena    mem;
    entry   *list;
    int64_t  n, cap;
    int64_t *table; /* index + 1 into list, 0 empty */
    int64_t  slots; /* a power of two */
};

static uint64_t hash(const char *s)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (; *s; s++) h = (h ^ (uint8_t)*s) * 0x100000001b3u;
    return h;
}

weights *weights_new(void) { return xcalloc(1, sizeof(weights)); }

void weights_free(weights *w)
{
    if (!w) return;
    for (int64_t i = 0; i < w->n; i++)
        if (w->list[i].owned.type != DT_COUNT) tensor_release(&w->list[i].owned);
    arena_free(&w->mem);
    free(w->list);
    free(w->table);
    free(w);
}

static int64_t *slot_of(const weights *w, const char *name)
{
    uint64_t at = hash(name);
    for (;; at++) {
        int64_t *s = &w->table[at & (uint64_t)(w->slots - 1)];
        if (!*s || !strcmp(w->list[*s - 1].t.name, name)) return s;
    }
}

static void grow(weights *w)
{
    if (w->n == w->cap) {
        w->cap = w->cap ? 2 * w->cap : 64;
        w->list = xrealloc(w->list, (size_t)w->cap * sizeof *w->list);
    }
    if (2 * (w->n + 1) <= w->slots) return;
    w->slots = w->slots ? 2 * w->slots : 256;
    free(w->table);
    w->table = xcalloc((size_t)w->slots, sizeof *w->table);
    for (int64_t i = 0; i < w->n; i++) *slot_of(w, w->list[i].t.name) = i + 1;
}

int weights_add(weights *w, const tensor *t, err *e)
{
    grow(w);
    int64_t *s = slot_of(w, t->name);
    if (*s) return fail(e, E_FORMAT, "tensor %s is there twice", t->name);
    entry *n = &w->list[w->n];
    n->t = *t;
    n->t.name = arena_strdup(&w->mem, t->name);
    n->owned = (tensor){.type = DT_COUNT};
    *s = ++w->n;
    return OK;
}

static entry *replace(weights *w, const tensor *t)
{
    BUG_IF(!w->slots);
    int64_t *s = slot_of(w, t->name);
    BUG_IF(!*s);
    entry *n = &w->list[*s - 1];
    const char *name = n->t.name;
    if (n->owned.type != DT_COUNT) tensor_release(&n->owned);
    n->owned = (tensor){.type = DT_COUNT};
    n->t = *t;
    n->t.name = name;
    return n;
}

void weights_adopt(weights *w, const tensor *t)
{
    entry *n = replace(w, t);
    n->owned = n->t;
}

void weights_replace(weights *w, const tensor *t) { replace(w, t); }

const tensor *weights_find(const weights *w, const char *name)
{
    if (!w->slots) return NULL;
    int64_t *s = slot_of(w, name);
    return *s ? &w->list[*s - 1].t : NULL;
}

int64_t weights_count(const weights *w) { return w->n; }
const tensor *weights_at(const weights *w, int64_t i) { return &w->list[i].t; }

size_t weights_owned_bytes(const weights *w)
{
    size_t bytes = 0;
    for (int64_t i = 0; i < w->n; i++)
        if (w->list[i].owned.type != DT_COUNT) bytes += tensor_bytes(&w->list[i].owned);
    return bytes;
}

static int by_storage(const void *a, const void *b)
{
    const tensor *const *x = a, *const *y = b;
    const uintptr_t p = (uintptr_t)(*x)->data, q = (uintptr_t)(*y)->data;
    if (p != q) return p < q ? -1 : 1;
    return (*x)->bytes < (*y)->bytes ? 1 : (*x)->bytes > (*y)->bytes ? -1 : 0;
}

int64_t weights_parameters(const weights *w)
{
    const tensor **all = xmalloc(((size_t)w->n + 1) * sizeof *all);
    int64_t sum = 0;
    for (int64_t i = 0; i < w->n; i++) all[i] = &w->list[i].t;
    qsort(all, (size_t)w->n, sizeof *all, by_storage);
    for (int64_t i = 0; i < w->n; i++)
        if (!i || !all[i]->data || all[i]->data != all[i - 1]->data) sum += tensor_count(all[i]);
    free(all);
    return sum;
}
