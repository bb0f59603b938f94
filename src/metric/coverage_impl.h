/* coverage_impl.h -- what the files coverage*.c share: the vocabulary of attributes, and the places in a text
 * where something of it is said. */
#ifndef METRIC_COVERAGE_IMPL_H
#define METRIC_COVERAGE_IMPL_H

#include "metric/coverage.h"
#include "metric/grams.h"
#include "metric/quantity.h"

typedef struct value {
    char *text;           /* as the data first have it */
    quantity *quantities; /* those it is, by itself or by a synonym */
    int amounts;
    int yes; /* of a yes/no attribute: 1 or 0 */
} value;

typedef struct attribute {
    char *name, *words; /* words: the name as normalized words, by which synonyms find it */
    symbols keys;       /* a value's normalized words -> its number */
    value *values;      /* (keys.n) */
    int64_t cap;
    bool boolean; /* all values of the data are yes or no */
    bool closed;  /* its values are few: another one in a text counts */
    bool money;   /* its name says so: a bare number is an amount of any currency */
} attribute;

enum {
    PHRASE_LITERAL = 1,  /* the value itself */
    PHRASE_ANCHORED = 2, /* counts only near a word for the attribute */
    PHRASE_WEAK = 4,     /* is never counted against a row */
    PHRASE_ANCHOR = 8,   /* a word for the attribute, of no value */
};

typedef struct phrase {
    int attribute, value; /* value -1: PHRASE_ANCHOR */
    int flags;
    int32_t next; /* another phrase of the same words, or -1 */
} phrase;

/* A phrase in a text, at the words [first, last). */
typedef struct hit {
    int attribute, value, flags;
    int64_t first, last;
    bool dropped;
} hit;

struct coverage {
    symbols words;
    attribute *attributes;
    symbols names; /* attribute's name -> its number */
    int64_t cap;
    grams tree; /* phrases, word by word; count and limit of a node: its first and last phrase + 1 */
    phrase *phrases;
    int64_t n_phrases, cap_phrases;
    int64_t longest; /* words of a phrase */
    synonyms synonyms;
    /* the text that is being judged */
    normal text;
    quantities amounts;
    hit *hits;
    int64_t n_hits, cap_hits;
};

/* coverage_hits.c: finds what c->text says: hits in the order of their places, those that do not count
 * dropped; the value of a yes/no attribute is what is said, negation heeded. */
void coverage_find(coverage *c);

#endif
