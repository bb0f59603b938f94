/* regex.h -- regular expressions of tokenizers, run by PCRE2, as machine code where it can do that.
 *
 * Patterns are written in the dialect of the tokenizers library (Oniguruma); pattern.c says what of it is
 * understood. One that can match nothing is refused. */
#ifndef TEXT_REGEX_H
#define TEXT_REGEX_H

#include "base/err.h"
#include "base/str.h"

#include <stddef.h>

typedef struct regex regex;

/* NULL with E_UNSUPPORTED and the reason; `where` names it in messages ("tokenizer.json:
 * pre_tokenizer.pattern"). */
regex *regex_new(const char *pattern, size_t n, const char *where, err *e);
void regex_free(regex *r); /* NULL is fine */

/* What matching needs and threads may not share; `regex_run run = {0};` before the first match. */
typedef struct regex_run {
    void *match, *context, *stack;
} regex_run;

void regex_run_free(regex_run *run);

/* The next match in n bytes of UTF-8 at or after `from` is [*start, *end); both are n when there is none. */
int regex_next(const regex *r, regex_run *run, const char *p, size_t n, size_t from, size_t *start,
               size_t *end,
               err *e);

/* The pattern for PCRE2 (UTF, UCP, MULTILINE, newline is LF), appended to out (pattern.c). */
int pattern_translate(const char *pattern, size_t n, str *out, const char *where, err *e);
/* A pattern that matches exactly this text; appended to out. */
void pattern_quote(const char *text, size_t n, str *out);

#endif
