/* unicode_class.h -- classes of characters as the parts of the tokenizers library know them.
 *
 * Each part was written against another version of Unicode, so that the system's library would cut and
 * normalize newer characters differently. The tables (unicode_tables.c) hold what each part really does. */
#ifndef TEXT_UNICODE_CLASS_H
#define TEXT_UNICODE_CLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct char_range {
    uint32_t first, last;
} char_range;

typedef struct char_small {
    uint32_t first, last, small; /* capitals, and the small letter of the first; the others follow */
} char_small;

typedef struct char_script {
    uint32_t first, last;
    int script;
} char_script;

#define UNICODE_TABLES(X)                                                                                    \
    X(punctuation) X(word) X(numeric) X(nonspacing) X(combining) X(other) X(unnormalized)
#define X(name)                                                                                              \
    extern const char_range unicode_##name[];                                                                \
    extern const size_t unicode_##name##_count;
UNICODE_TABLES(X)
#undef X
extern const char_small unicode_small[];
extern const size_t unicode_small_count;
extern const char_script unicode_scripts[]; /* unicode_scripts.c */
extern const size_t unicode_scripts_count;

bool unicode_is_punctuation(uint32_t c); /* of the Punctuation and the BERT pre-tokenizer; ASCII signs too */
bool unicode_is_word(uint32_t c);        /* \w of the Whitespace pre-tokenizer */
bool unicode_is_numeric(uint32_t c);     /* of the Digits pre-tokenizer */
bool unicode_is_nonspacing(uint32_t c);  /* what the BERT normalizer takes for an accent */
bool unicode_is_combining(uint32_t c);   /* what StripAccents takes for one */
bool unicode_is_other(uint32_t c);       /* what the BERT normalizer cleans away */
bool unicode_is_unnormalized(uint32_t c); /* left alone by NFC, NFD, NFKC and NFKD, its neighbours too */
bool unicode_is_ideograph(uint32_t c);   /* what the BERT normalizer puts spaces around */

/* The script of c for the UnicodeScripts pre-tokenizer, 1 or more; 0: none, as of a space. */
int unicode_script(uint32_t c);

/* The small letter of c, else c; U+0130 has two and is for the caller. */
uint32_t unicode_lower(uint32_t c);

#endif
