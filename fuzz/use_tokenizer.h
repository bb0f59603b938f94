/* use_tokenizer.h -- what every target that reads a tokenizer does with one: each piece is looked up, and a
 * text goes to ids and back. */
#ifndef FUZZ_USE_TOKENIZER_H
#define FUZZ_USE_TOKENIZER_H

#include "text/tokenizer.h"
#include "text/unicode.h"

#include <string.h>

/* Ids exist, are the same a second time, and decode to UTF-8. */
static void use_text(const tokenizer *t, const char *text, size_t n, tokenize_how how)
{
    token_vec ids = {0}, again = {0};
    str back = {0};
    err e = {0};
    int code = tokenizer_encode(t, text, n, how, &ids, &e);
    BUG_IF(code == OK && n && utf8_valid(text, n) != n);
    BUG_IF(code != OK && ids.n);
    if (code == OK) {
        BUG_IF(tokenizer_encode(t, text, n, how, &again, &e) != OK || again.n != ids.n);
        BUG_IF(ids.n && memcmp(ids.p, again.p, ids.n * sizeof *ids.p));
        BUG_IF(tokenizer_decode(t, ids.p, ids.n, DECODE_ALL, &back, &e) != OK);
        BUG_IF(back.n && utf8_valid(back.p, back.n) != back.n);
        str_clear(&back);
        tokenizer_decode(t, ids.p, ids.n, DECODE_SKIP_SPECIAL, &back, &e);
    }
    token_vec_free(&ids);
    token_vec_free(&again);
    str_free(&back);
}

static void use_tokenizer(tokenizer *t, const char *text, size_t n)
{
    for (int64_t id = -1; id <= tokenizer_size(t) && id < 1000; id++) {
        int64_t found = tokenizer_find(t, tokenizer_piece(t, id)); /* a piece may hold a NUL */
        BUG_IF(found < -1 || found >= tokenizer_size(t));
    }
    int64_t named[] = {tokenizer_bos(t), tokenizer_eos(t), tokenizer_pad(t), tokenizer_unk(t)};
    for (int i = 0; i < 4; i++) BUG_IF(named[i] < -1 || named[i] >= tokenizer_size(t));
    use_text(t, text, n, TOKENIZE_PLAIN);
    use_text(t, text, n, TOKENIZE_SPECIAL);
}

#endif
