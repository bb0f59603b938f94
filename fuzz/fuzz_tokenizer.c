/* fuzz_tokenizer.c -- a tokenizer and a text for it. An input that begins with "GGUF" is a GGUF file whose
 * last 32 bytes are the text as well; any other is a tokenizer.json up to the first NUL, then the text. */
#include "text/tokenizer.h"
#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ids exist, are the same a second time, and decode to UTF-8. */
static void use(const tokenizer *t, const char *text, size_t n, tokenize_how how)
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

static void use_all(tokenizer *t, const char *text, size_t n)
{
    for (int64_t id = -1; id <= tokenizer_size(t) && id < 1000; id++) {
        int64_t found = tokenizer_find(t, tokenizer_piece(t, id)); /* a piece may hold a NUL */
        BUG_IF(found < -1 || found >= tokenizer_size(t));
    }
    int64_t named[] = {tokenizer_bos(t), tokenizer_eos(t), tokenizer_pad(t), tokenizer_unk(t)};
    for (int i = 0; i < 4; i++) BUG_IF(named[i] < -1 || named[i] >= tokenizer_size(t));
    use(t, text, n, TOKENIZE_PLAIN);
    use(t, text, n, TOKENIZE_SPECIAL);
}

static int open_gguf(tokenizer **t, const uint8_t *data, size_t size, err *e)
{
    gguf *g = NULL;
    int code = gguf_parse(&g, data, size, "fuzz", e);
    if (code == OK) code = tokenizer_from_gguf(t, g, e);
    gguf_close(g);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    err e = {0};
    tokenizer *t = NULL;
    uint8_t *copy = malloc(size ? size : 1); /* aligned, and exactly as long */
    if (!copy) return 0;
    if (size) memcpy(copy, data, size);
    const char *first = (char *)copy;
    size_t n = size ? strnlen(first, size) : 0, text = n < size ? n + 1 : size;
    int code;
    if (size > 4 && !memcmp(copy, "GGUF", 4)) {
        text = size > 32 ? size - 32 : 0;
        code = open_gguf(&t, copy, size, &e);
    } else {
        code = tokenizer_from_json(&t, first, n, "fuzz", &e);
    }
    BUG_IF((code == OK) != (e.code == OK) || (code == OK) != (t != NULL));
    if (t) use_all(t, first + text, size - text);
    tokenizer_close(t);
    free(copy);
    return 0;
}
