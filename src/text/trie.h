/* trie.h -- all keys that a text begins with, one step a byte: a double array.
 *
 * Node s has the child for byte c at t = base[s] + c when check[t] == s (Aoe 1989). value[s] is the id of the
 * key that ends in s, or -1. */
#ifndef TEXT_TRIE_H
#define TEXT_TRIE_H

#include "text/vocab.h"

typedef struct trie_node {
    int32_t base, check, value; /* check -1: free */
} trie_node;

typedef struct trie {
    trie_node *node; /* node 0 is the root; there are 256 more than the greatest base */
    int32_t nodes;
} trie;

/* Keys of the ids in list (n of them): key[id]. Sorts list. Of equal keys the greatest id counts; an empty
 * key is left out. */
void trie_init(trie *t, const span *key, int32_t *list, size_t n);
void trie_free(trie *t);

/* From node on along c; -1: no key goes there. */
static inline int32_t trie_step(const trie *t, int32_t node, unsigned char c)
{
    int32_t to = t->node[node].base + c;
    return t->node[to].check == node ? to : -1;
}

#endif
