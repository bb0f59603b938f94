/* tokenizer_gguf.h -- shared by the files that read the tokenizer of a GGUF file. */
#ifndef TEXT_TOKENIZER_GGUF_H
#define TEXT_TOKENIZER_GGUF_H

#include "text/pieces.h"

#define KEY "tokenizer.ggml."

typedef struct reader {
    const gguf *g;
    tokenizer *t;
    err *e;
    int64_t n; /* tokens */
    gguf_text *text;
    int64_t *type; /* PIECE_* */
    bool roberta;  /* pairs are framed as RoBERTa's */
} reader;

int reader_damaged(reader *r, const char *key, const char *what); /* E_FORMAT */

/* How byte-level text is cut: the key `pre` (tokenizer_gguf_pre.c). kind names it for people. */
typedef struct gguf_splitting {
    const char *kind;
    bool ignore_merges, add_bos, roberta;
} gguf_splitting;
int read_pre(reader *r, gguf_splitting *s);
/* The values of `pre` that are cut in the same way, with a space behind each; NULL behind the last row. */
const char *gguf_pre_names(size_t row);

/* Models "t5" and "bert" (tokenizer_gguf_models.c). */
int read_t5(reader *r);
int read_bert(reader *r);

#endif
