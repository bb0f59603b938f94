/* trie.c -- see trie.h. Built depth first from the sorted keys; the children of a node go to the first base
 * where all their places are free, looked for from the first free place on. */
#include "text/trie.h"

#include <stdlib.h>
#include <string.h>

typedef struct builder {
    trie *t;
    const span *key;
    const int32_t *list;
    int32_t first_free; /* no place before it is free */
} builder;

static int compare(const void *a, const void *b, void *arg)
{
    const span *key = arg, x = key[*(const int32_t *)a], y = key[*(const int32_t *)b];
    int order = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);
    if (order) return order;
    if (x.n != y.n) return x.n < y.n ? -1 : 1;
    return *(const int32_t *)a - *(const int32_t *)b;
}

static void grow(trie *t, int32_t nodes)
{
    if (nodes <= t->nodes) return;
    int32_t most = t->nodes + t->nodes / 2 > nodes ? t->nodes + t->nodes / 2 : nodes;
    t->node = xrealloc(t->node, (size_t)most * sizeof *t->node);
    for (int32_t i = t->nodes; i < most; i++) t->node[i] = (trie_node){.check = -1, .value = -1};
    t->nodes = most;
}

static int32_t find_base(builder *b, const unsigned char *child, int n)
{
    trie *t = b->t;
    while (b->first_free < t->nodes && t->node[b->first_free].check >= 0) b->first_free++;
    int32_t at = b->first_free > child[0] ? b->first_free - child[0] : 1;
    for (;; at++) {
        grow(t, at + 512);
        int i = 0;
        while (i < n && t->node[at + child[i]].check < 0) i++;
        if (i == n) return at;
    }
}

/* Keys [from, to) of the list share their first `depth` bytes, which lead to node. */
static void build(builder *b, int32_t node, size_t from, size_t to, size_t depth)
{
    for (; from < to && b->key[b->list[from]].n == depth; from++)
        if (depth) b->t->node[node].value = b->list[from];
    if (from == to) return;
    unsigned char child[256];
    int n = 0;
    for (size_t i = from; i < to; i++) {
        unsigned char c = (unsigned char)b->key[b->list[i]].p[depth];
        if (!n || child[n - 1] != c) child[n++] = c;
    }
    int32_t base = find_base(b, child, n);
    b->t->node[node].base = base;
    for (int i = 0; i < n; i++) b->t->node[base + child[i]].check = node;
    for (int i = 0; i < n; i++) {
        size_t end = from;
        while (end < to && (unsigned char)b->key[b->list[end]].p[depth] == child[i]) end++;
        build(b, base + child[i], from, end, depth + 1);
        from = end;
    }
}

void trie_init(trie *t, const span *key, int32_t *list, size_t n)
{
    *t = (trie){0};
    grow(t, 512);
    t->node[0].check = 0; /* taken, and no child of its own: bases are 1 or more */
    qsort_r(list, n, sizeof *list, compare, (void *)key);
    builder b = {t, key, list, 1};
    build(&b, 0, 0, n, 0);
}

void trie_free(trie *t)
{
    free(t->node);
    *t = (trie){0};
}
