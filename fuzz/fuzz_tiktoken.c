/* fuzz_tiktoken.c -- a tiktoken file and a text. The first byte picks the file's name, which says how text is
 * cut; then the lines up to the first NUL, then the text. */
#include "text/tokenizer_folder.h"
#include "use_tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    int names = 0;
    while (tiktoken_names()[names]) names++;
    int which = data[0] % (names + 1);
    const char *name = which < names ? tiktoken_names()[which] : "tokenizer.model";
    const char *lines = (const char *)data + 1;
    size_t n = strnlen(lines, size - 1), text = n + 1 < size - 1 ? n + 1 : size - 1;
    err e = {0};
    tokenizer *t = NULL;
    int code = tokenizer_from_tiktoken(&t, lines, n, name, "fuzz", &e);
    BUG_IF((code == OK) != (e.code == OK) || (code == OK) != (t != NULL) || (code != OK && !e.msg[0]));
    if (t) use_tokenizer(t, lines + text, size - 1 - text);
    tokenizer_close(t);
    return 0;
}
