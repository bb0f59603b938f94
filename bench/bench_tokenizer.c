/* bench_tokenizer.c -- how fast text becomes token ids, on one thread, line by line:
 *
 *     bench_tokenizer [TOKENIZER [TEXT]]
 *
 * TOKENIZER is a tokenizer.json, a .model, a GGUF file or a folder; the best of five runs counts.
 * bench/peer/tokenize_peer.py does the same with the tokenizers library. */
#include "base/clock.h"
#include "base/file.h"
#include "text/tokenizer.h"

#include <stdio.h>
#include <string.h>

static int open_any(tokenizer **t, const char *path, err *e)
{
    size_t n = strlen(path);
    gguf *g = NULL;
    str text = {0};
    if (n > 5 && !strcmp(path + n - 5, ".gguf")) {
        int code = gguf_open(&g, path, e);
        if (code == OK) code = tokenizer_from_gguf(t, g, e);
        gguf_close(g);
        return code;
    }
    bool json = n > 5 && !strcmp(path + n - 5, ".json"), model = strstr(path, ".model") != NULL;
    if (!json && !model) return tokenizer_from_folder(t, path, e);
    int code = file_read(&text, path, (size_t)512 << 20, e);
    if (code == OK && json) code = tokenizer_from_json(t, text.p, text.n, path, e);
    if (code == OK && model) code = tokenizer_from_model(t, text.p, text.n, path, e);
    str_free(&text);
    return code;
}

static double one_run(const tokenizer *t, const str *text, int64_t *tokens, err *e)
{
    token_vec ids = {0};
    double began = clock_seconds();
    *tokens = 0;
    for (const char *p = text->p, *stop = p + text->n, *end; p < stop; p = end + 1) {
        end = memchr(p, '\n', (size_t)(stop - p));
        if (!end) end = stop;
        ids.n = 0;
        if (tokenizer_encode(t, p, (size_t)(end - p), TOKENIZE_SPECIAL, &ids, e) != OK) break;
        *tokens += (int64_t)ids.n;
    }
    token_vec_free(&ids);
    return clock_seconds() - began;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "test/data/tokenizer/tiny.json";
    const char *data = argc > 2 ? argv[2] : "test/data/metric/e2e-judged.csv";
    err e = {0};
    str text = {0};
    tokenizer *t = NULL;
    int64_t tokens = 0;
    double best = 1e30;
    if (file_read(&text, data, (size_t)1 << 30, &e) == OK && open_any(&t, path, &e) == OK)
        for (int i = 0; i < 5; i++) {
            double s = one_run(t, &text, &tokens, &e);
            if (s < best) best = s;
        }
    if (e.code == OK)
        printf("tokenizer   %s, %.1f MB: %.1f MB/s, %.1f million tokens/s\n", tokenizer_kind(t),
               (double)text.n / 1e6, (double)text.n / best / 1e6, (double)tokens / best / 1e6);
    else
        fprintf(stderr, "bench_tokenizer: %s\n", e.msg);
    tokenizer_close(t);
    str_free(&text);
    return e.code != OK;
}
