/* fuzz_spm.c -- SentencePiece's .model: pieces, character map, and the unigram or BPE model built of them.
 * The last 32 bytes are the text as well. */
#include "use_tokenizer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    err e = {0};
    tokenizer *t = NULL;
    size_t text = size > 32 ? size - 32 : 0;
    char *copy = malloc(size ? size : 1); /* freed before use: the tokenizer keeps none of it */
    if (!copy) return 0;
    if (size) memcpy(copy, data, size);
    int code = tokenizer_from_model(&t, copy, size, "fuzz", &e);
    free(copy);
    BUG_IF((code == OK) != (e.code == OK) || (code == OK) != (t != NULL) || (code != OK && !e.msg[0]));
    if (t) use_tokenizer(t, (const char *)data + text, size - text);
    tokenizer_close(t);
    return 0;
}
