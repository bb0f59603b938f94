/* tokenizer_impl.h -- the inside of a tokenizer, for the files that read one and for tokenizer.c.
 *
 * Text takes this way, each part being empty in some tokenizers:
 *
 *   text -> added tokens that are looked for in the text as it is (raw)
 *        -> normalizer (norm), on what is left
 *        -> added tokens that are looked for in normalized text (normal)
 *        -> spaces become U+2581 (mark) -> splitter -> bpe
 *
 * A reader starts from tokenizer_new(), fills the parts in and ends with tokenizer_finish(). */
#ifndef TEXT_TOKENIZER_IMPL_H
#define TEXT_TOKENIZER_IMPL_H

#include "text/added.h"
#include "text/bpe.h"
#include "text/split.h"

enum { NORM_STEPS = 8 };

#define WORD_MARK_TEXT "\xe2\x96\x81" /* U+2581 */

typedef enum norm_what { NORM_NFC, NORM_PREPEND, NORM_REPLACE } norm_what;

typedef struct norm_step {
    norm_what what;
    span from, to; /* prepended: `to`, unless the text is empty; every `from` becomes `to` */
} norm_step;

/* The Metaspace pre-tokenizer: spaces become marks, and before the text comes one if it has none. */
typedef enum mark_before { MARK_OFF, MARK_NEVER, MARK_FIRST, MARK_ALWAYS } mark_before;

struct tokenizer {
    vocab v;
    bpe b;
    added raw, normal;
    norm_step norm[NORM_STEPS];
    int norms;
    mark_before mark;
    bool mark_cuts; /* a word begins at every mark */
    splitter split;
    bool strip_space; /* a decoded text loses the space it begins with */
    int64_t bos, eos, pad, unk;
    bool add_bos, add_eos;
    const char *kind;
    uint64_t fingerprint;
    arena mem;
};

tokenizer *tokenizer_new(void); /* empty; bos, eos, pad and unk are -1 */
/* Appends a normalization step; false when there are too many. Copies nothing. */
bool tokenizer_add_norm(tokenizer *t, norm_step step);
/* Normalizes n bytes of UTF-8, appended to out. */
void tokenizer_normalize(const tokenizer *t, const char *text, size_t n, str *out);
/* The vocabulary's single bytes become the byte-level alphabet of t->b. */
void tokenizer_index_bytes(tokenizer *t);
void tokenizer_finish(tokenizer *t, const char *kind); /* kind lives on t->mem or for ever */

#endif
