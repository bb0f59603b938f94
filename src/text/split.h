/* split.h -- cuts text into the words that are encoded one by one.
 *
 * A splitter is a list of steps; each step takes every piece of the one before and cuts it or writes it anew.
 * A step sees its piece alone, as if nothing stood around it. */
#ifndef TEXT_SPLIT_H
#define TEXT_SPLIT_H

#include "text/regex.h"
#include "text/vocab.h"

#include <stdbool.h>
#include <stdint.h>

/* What becomes of the matches of a step and of what lies between them, the segments of its piece. */
typedef enum split_what {
    SPLIT_KEEP,       /* each segment is a piece */
    SPLIT_DROP,       /* matches go */
    SPLIT_SELECT,     /* only matches stay */
    SPLIT_PREVIOUS,   /* a match belongs to what stands before it, unless that is a match */
    SPLIT_NEXT,       /* ... behind it */
    SPLIT_CONTIGUOUS, /* matches in a row are one piece */
} split_what;

/* SPLIT_SWAP: what the pattern does not match counts as the matches. */
typedef enum split_which { SPLIT_MATCHES, SPLIT_SWAP } split_which;

/* The Metaspace pre-tokenizer: spaces become a mark (U+2581), and one is put before a piece that has none,
 * never, when it begins the whole text, or always. */
typedef enum mark_before { MARK_NEVER, MARK_FIRST, MARK_ALWAYS } mark_before;
typedef enum mark_cut { MARK_CUTS, MARK_WHOLE } mark_cut; /* whether a piece begins at every mark */

enum { SPLIT_STEPS = 16 };

typedef struct splitter {
    struct split_step *step[SPLIT_STEPS];
    int steps;
} splitter;

/* Each appends a step. `where` names it in messages ("tokenizer.json: pre_tokenizer.pattern"); E_UNSUPPORTED.
 * */
int splitter_add(splitter *s, const char *pattern, size_t n, split_what what, split_which which,
                 const char *where,
                 err *e);
/* Matches are the single characters that `is` is true for. */
typedef bool split_class(uint32_t c);
int splitter_add_class(splitter *s, split_class *is, split_what what, const char *where, err *e);
/* A piece begins where the script (unicode_script) is another than that of the last character that has one; what
 * stands before the first of these goes. */
int splitter_add_scripts(splitter *s, const char *where, err *e);
/* A space before every piece that does not begin with one. */
int splitter_add_space(splitter *s, const char *where, err *e);
int splitter_add_marks(splitter *s, span mark, mark_before before, mark_cut cut, const char *where, err *e);
/* Each byte is written as its letter of the byte alphabet (vocab.h). */
int splitter_add_letters(splitter *s, const char *where, err *e);
void splitter_free(splitter *s);
uint64_t splitter_hash(const splitter *s, uint64_t seed);

/* What stands before the text; a space or mark is put before its first piece accordingly. */
typedef enum split_first {
    SPLIT_STARTS,  /* nothing */
    SPLIT_SPACED,  /* an added token: MARK_FIRST puts none */
    SPLIT_GOES_ON, /* text that it goes on from: none is put there */
} split_first;

/* Calls fn for each piece of n bytes of UTF-8, in order, never an empty one. Pieces may lie in
 * storage that goes when fn returns. */
typedef void split_fn(void *arg, const char *piece, size_t n);
int splitter_run(const splitter *s, const char *text, size_t n, split_first first, split_fn *fn, void *arg,
                 err *e);

#endif
