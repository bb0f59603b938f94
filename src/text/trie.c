/* trie.c -- see trie.h. Built depth first from the sorted keys, without recursion, as keys may be of any
 * length; the children of a node go to the first base where all their places are free, looked for from the
 * first free place on. */
#include "text/trie.h"

#include <stdlib.h>
#include <string.h>

typedef struct builder {
    trie *t;
    const span *key;
    const int32_t *list;
    int32_t first_free; /* places before it are taken, or too few to be looked for again */
    int32_t most;       /* nodes */
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

/* -1: that would take too many nodes. */
static int32_t find_base(builder *b, const unsigned char *child, int n)
{
    enum { FAR = 1 << 14 }; /* holes that nothing fits in must not make each search longer than the last */
    trie *t = b->t;
    while (b->first_free < t->nodes && t->node[b->first_free].check >= 0) b->first_free++;
    int32_t at = b->first_free > child[0] ? b->first_free - child[0] : 1;
    for (int tries = 0;; at++, tries++) {
        if (at > b->most - 512) return -1;
        grow(t, at + 512);
        int i = 0;
        while (i < n && t->node[at + child[i]].check < 0) i++;
        if (i < n) continue;
        if (tries > FAR) b->first_free = at + child[0];
        return at;
    }
}

/* Keys [from, to) of the list share their first `depth` bytes, which lead to node. */
typedef struct part {
    int32_t node;
    size_t from, to, depth;
} part;

/* Gives a part's node its value and children, which come behind the *waiting parts; false: too many nodes. */
static bool build(builder *b, part p, part *wait, size_t *waiting)
{
    for (; p.from < p.to && b->key[b->list[p.from]].n == p.depth; p.from++)
        if (p.depth) b->t->node[p.node].value = b->list[p.from];
    if (p.from == p.to) return true;
    unsigned char child[256];
    int n = 0;
    for (size_t i = p.from; i < p.to; i++) {
        unsigned char c = (unsigned char)b->key[b->list[i]].p[p.depth];
        if (!n || child[n - 1] != c) child[n++] = c;
    }
    int32_t base = find_base(b, child, n);
    if (base < 0) return false;
    b->t->node[p.node].base = base;
    for (int i = 0; i < n; i++) b->t->node[base + child[i]].check = p.node;
    for (int i = n - 1; i >= 0; i--) { /* the first child comes next */
        size_t from = p.to;
        while (from > p.from && (unsigned char)b->key[b->list[from - 1]].p[p.depth] == child[i]) from--;
        wait[(*waiting)++] = (part){base + child[i], from, p.to, p.depth + 1};
        p.to = from;
    }
    return true;
}

bool trie_init(trie *t, const span *key, int32_t *list, size_t n, int32_t most)
{
    *t = (trie){0};
    grow(t, 512);
    t->node[0].check = 0; /* taken, and no child of its own: bases are 1 or more */
    qsort_r(list, n, sizeof *list, compare, (void *)key);
    builder b = {t, key, list, 1, most};
    part *wait = xmalloc((n + 1) * sizeof *wait); /* parts that wait share no key */
    wait[0] = (part){0, 0, n, 0};
    bool fits = true;
    for (size_t waiting = 1; fits && waiting;) {
        waiting--;
        fits = build(&b, wait[waiting], wait, &waiting);
    }
    free(wait);
    if (!fits) trie_free(t);
    return fits;
}

void trie_free(trie *t)
{
    free(t->node);
    *t = (trie){0};
}

int trie_refuse(const char *where, err *e)
{
    return fail(e, E_FORMAT, "%s: its tokens share so little that they take more than %d nodes; no vocabulary does",
                where, TRIE_NODES);
}
