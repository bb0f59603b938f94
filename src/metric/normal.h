/* normal.h -- a text as the words that attribute values are looked for with.
 *
 * Letter case, accents and compatibility forms are folded (NFKD without marks), a plural's s is dropped,
 * "isn't" is "is not", a possessive 's is nothing, written-out numbers up to ninety-nine are numbers. The
 * articles and "and" are left out, so that "black, white" is "black and white"; what stood before a word is
 * kept in `stop`. Wide characters (Chinese, Japanese, Korean) are words of their own.
 *
 * Kept of the punctuation are currency signs; + and a stroke or dash between numbers; % and " behind a number
 * are the words percent and inch. */
#ifndef METRIC_NORMAL_H
#define METRIC_NORMAL_H

#include "base/str.h"
#include "metric/symbols.h"

typedef enum normal_kind { NORMAL_WORD, NORMAL_NUMBER, NORMAL_SIGN } normal_kind;

/* What lies between a word and the one before it: nothing, "and", a comma or the like, the end of a sentence.
 */
typedef enum normal_stop { STOP_NONE, STOP_AND, STOP_COMMA, STOP_SENTENCE } normal_stop;

typedef struct normal_word {
    int32_t id; /* in the symbols; equal numbers have equal ids, however they are written */
    uint8_t kind, stop;
    double number; /* of a NORMAL_NUMBER */
} normal_word;

/* `normal t = {0};` is an empty one. */
typedef struct normal {
    normal_word *p;
    int64_t n, cap;
} normal;

/* Replaces *out by the words of a text, adding new ones to s. */
void normal_read(normal *out, symbols *s, passage text);
void normal_free(normal *t);

/* Appends the name of an attribute as words with spaces: "family Friendly", "family_friendly" and
 * "familyFriendly" are "family Friendly" or "family friendly". */
void normal_name(const char *name, str *out);

#endif
