/* added.h -- finds added tokens ("<|im_end|>") in text before it is cut into words.
 *
 * The first match from the left, the longest one there, then on after its end. The strings are a trie
 * of bytes. A match may be refused (single_word with a letter beside it, a special token in plain
 * text) and then still covers its text; it may take the white space before or after it. */
#ifndef TEXT_ADDED_H
#define TEXT_ADDED_H

#include "text/tokenizer.h"

/* ADDED_PYTHON: U+001C to U+001F count as white space, as for the classes of XLM-R and T5, which are Python. */
enum { ADDED_LSTRIP = 1, ADDED_RSTRIP = 2, ADDED_SINGLE_WORD = 4, ADDED_SPECIAL = 8, ADDED_PYTHON = 16 };

typedef struct added {
    struct added_node *node; /* node 0 is the root */
    int32_t nodes, cap;
    bool first[256]; /* a token begins with this byte */
    struct added_token *token;
    int32_t tokens;
} added;

/* n > 0 bytes; false when the same bytes were added before. */
bool added_add(added *a, const char *text, size_t n, int32_t id, unsigned flags);
void added_free(added *a);

uint64_t added_hash(const added *a, uint64_t seed);

/* How long the longest token is that s begins with; 0: none. */
size_t added_at(const added *a, const char *s, size_t n);

typedef struct added_match {
    size_t start, end; /* with the white space it takes */
    int32_t id;
} added_match;

/* The next match at or after *cursor in s, n bytes of UTF-8; *cursor moves behind it. */
bool added_next(const added *a, const char *s, size_t n, size_t *cursor, tokenize_how how, added_match *m);

#endif
