/* trie.h -- all keys that a text begins with, one step a byte: a double array.
 *
 * Node s has the child for byte c at t = base[s] + c when check[t] == s (Aoe 1989). value[s] is the id of the
 * key that ends in s, or -1. */
#ifndef TEXT_TRIE_H
#define TEXT_TRIE_H

#include "base/err.h"
#include "text/vocab.h"

typedef struct trie_node {
    int32_t base, check, value; /* check -1: free */
} trie_node;

typedef struct trie {
    trie_node *node; /* node 0 is the root; there are 256 more than the greatest base */
    int32_t nodes;
} trie;

/* Vocabularies of 250,000 pieces take 2 million nodes; hostile keys, which share nothing and fit between no
 * others, might take hundreds for a byte. */
enum { TRIE_NODES = 1 << 25 };

/* Keys of the ids in list (n of them): key[id]. Sorts list. Of equal keys the greatest id counts; an empty
 * key is left out. False, and t empty, when they would take more than `most` nodes. */
bool trie_init(trie *t, const span *key, int32_t *list, size_t n, int32_t most);
void trie_free(trie *t);
int trie_refuse(const char *where, err *e); /* the failure that follows from it: E_FORMAT */

/* From node on along c; -1: no key goes there. */
static inline int32_t trie_step(const trie *t, int32_t node, unsigned char c)
{
    int32_t to = t->node[node].base + c;
    return t->node[to].check == node ? to : -1;
}

#endif
