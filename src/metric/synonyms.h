/* synonyms.h -- how else an attribute's value is said: a file of the user's, and what is built in.
 *
 * A line of the file has three fields, parted by tabs:
 *
 *   ATTRIBUTE  VALUE  PHRASE     the value is realized where the phrase stands
 *   ATTRIBUTE  VALUE  @PHRASE    ... near one of the attribute's own words: its name, and those of the next
 * kind ATTRIBUTE  VALUE  ~PHRASE    realizes the value, but is never counted against a row that has another
 * one ATTRIBUTE  @      WORD       another word for the attribute: "priced" for priceRange
 *
 * An attribute is named as in the data, in any letter case, with spaces, underscores or capitals between
 * words; of a yes/no attribute the values are yes and no. Empty lines and lines that begin with # are left
 * out. */
#ifndef METRIC_SYNONYMS_H
#define METRIC_SYNONYMS_H

#include "base/err.h"
#include "metric/symbols.h"

typedef struct synonym {
    const char *attribute, *value, *phrase; /* phrase with its @ or ~ */
    bool built_in;
} synonym;

typedef struct synonyms {
    synonym *p;
    int64_t n, cap;
    arena mem;
} synonyms;

/* Appends those built in (synonyms_e2e.c). */
void synonyms_built_in(synonyms *s);
/* Appends a file's, up to 16 MiB. E_IO, or E_FORMAT with the line. */
int synonyms_open(synonyms *s, const char *path, err *e);
int synonyms_parse(synonyms *s, const char *name, const char *text, size_t n, err *e);
void synonyms_free(synonyms *s);

#endif
