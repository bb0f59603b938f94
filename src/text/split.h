/* split.h -- cuts text into the words that are encoded one by one.
 *
 * A splitter is a list of steps; each step cuts every piece of the one before. A regular expression
 * sees its piece alone, as if nothing stood around it. Patterns are written in the dialect of the
 * tokenizers library (Oniguruma); pattern.c says what of it is understood. */
#ifndef TEXT_SPLIT_H
#define TEXT_SPLIT_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum split_what {
    SPLIT_KEEP,   /* matches are pieces, and so is the text between them */
    SPLIT_DROP,   /* only the text between matches stays */
    SPLIT_SELECT, /* only matches stay */
} split_what;

enum { SPLIT_STEPS = 16 };

typedef struct splitter {
    struct split_step *step[SPLIT_STEPS];
    int steps;
} splitter;

/* Appends a step. The pattern, n bytes, is checked and compiled: E_UNSUPPORTED with the reason. `where`
 * names it in messages ("tokenizer.json: pre_tokenizer.pattern"). */
int splitter_add(splitter *s, const char *pattern, size_t n, split_what what, const char *where, err *e);
/* Appends a step that puts a space before every piece that does not begin with one. */
int splitter_add_space(splitter *s, const char *where, err *e);
/* A pattern that matches exactly this text; appended to out. */
void pattern_quote(const char *text, size_t n, str *out);
void splitter_free(splitter *s);
uint64_t splitter_hash(const splitter *s, uint64_t seed);

/* Whether the step that adds a space adds it to the first piece too, or leaves that alone since it goes on
 * from a text before it. */
typedef enum split_first { SPLIT_SPACED, SPLIT_GOES_ON } split_first;

/* Calls fn for each piece of n bytes of UTF-8, in order, never an empty one. Pieces may lie in
 * storage that goes when fn returns. */
typedef void split_fn(void *arg, const char *piece, size_t n);
int splitter_run(const splitter *s, const char *text, size_t n, split_first first, split_fn *fn, void *arg,
                 err *e);

/* The pattern for PCRE2 (UTF, UCP, MULTILINE, newline is LF), appended to out (pattern.c). */
int pattern_translate(const char *pattern, size_t n, str *out, const char *where, err *e);

#endif
