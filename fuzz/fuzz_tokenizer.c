/* fuzz_tokenizer.c -- a tokenizer and a text for it. An input that begins with "GGUF" is a GGUF file whose
 * last 32 bytes are the text as well; any other is a tokenizer.json up to the first NUL, then the text. */
#include "use_tokenizer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    if (t) use_tokenizer(t, first + text, size - text);
    tokenizer_close(t);
    free(copy);
    return 0;
}
