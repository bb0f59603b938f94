/* normalize.h -- what happens to a text before it is cut into words: a list of steps, each over the whole
 * text. */
#ifndef TEXT_NORMALIZE_H
#define TEXT_NORMALIZE_H

#include "text/added.h"
#include "text/charsmap.h"
#include "text/regex.h"
#include "text/vocab.h"

enum { NORM_STEPS = 16 };

#define WORD_MARK_TEXT "\xe2\x96\x81" /* U+2581 */

typedef enum norm_what {
    NORM_NFC,
    NORM_NFD,
    NORM_NFKC,
    NORM_NFKD,
    NORM_LOWER,
    NORM_ACCENTS, /* combining marks go */
    NORM_STRIP,   /* flags: white space goes on the left, on the right */
    NORM_PREPEND, /* `to` before the text, unless that is empty */
    NORM_REPLACE, /* every `from`, or match of `pattern`, becomes `to` */
    NORM_NMT,     /* control characters go, odd spaces become a space */
    NORM_BERT,    /* flags */
    NORM_CHARSMAP, /* `map`, by grapheme clusters */
    NORM_LETTERS, /* bytes are written as letters of the byte alphabet */
    NORM_PIECES,  /* SentencePiece: `map`, `keep`, flags */
} norm_what;

enum {
    STRIP_LEFT = 1,
    STRIP_RIGHT = 2,
    BERT_CLEAN = 1,
    BERT_IDEOGRAPHS = 2, /* spaces around them */
    BERT_ACCENTS = 4,
    BERT_LOWER = 8,
    PIECES_PREFIX = 1,   /* a space before the text, */
    PIECES_SUFFIX = 2,   /* or behind it */
    PIECES_COLLAPSE = 4, /* spaces at the ends go, those in a row become one */
    PIECES_MARK = 8,     /* spaces become U+2581 */
};

typedef struct norm_step {
    norm_what what;
    unsigned flags;
    span from, to;
    regex *pattern;
    const charsmap *map;
    const added *keep; /* texts that are left as they are */
} norm_step;

typedef struct normalizer {
    norm_step step[NORM_STEPS];
    int steps;
} normalizer;

/* Appends a step; false when there are too many. Copies no texts; owns `pattern`. */
bool normalizer_add(normalizer *n, norm_step step);
void normalizer_free(normalizer *n);
uint64_t normalizer_hash(const normalizer *n, uint64_t seed);

/* Whether the text begins the whole, or goes on from text before it: then nothing is put before it. */
typedef enum norm_first { NORM_BEGINS, NORM_GOES_ON } norm_first;

/* n bytes of UTF-8, appended to out, which was empty. E_UNSUPPORTED: they become more than NORM_GROWTH times as
 * many and NORM_SPARE, which no text of a language does (U+FDFA has 11 times as many in NFKC). */
enum { NORM_GROWTH = 31, NORM_SPARE = 1 << 16 };
int normalizer_run(const normalizer *n, const char *text, size_t bytes, norm_first first, str *out, err *e);

/* SentencePiece's own way (normalize_pieces.c), and BERT's (normalize_bert.c). */
void normalize_pieces(const norm_step *s, const char *text, size_t n, norm_first first, str *out);
void normalize_bert(const norm_step *s, const char *text, size_t n, str *out);

#endif
