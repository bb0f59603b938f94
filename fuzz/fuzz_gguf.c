/* fuzz_gguf.c -- GGUF files: every key printed and asked for as every kind, every tensor read, and the
 * configuration taken from the keys. */
#include "format/config.h"
#include "format/gguf.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_array(const gguf *g, const char *key)
{
    int64_t n = gguf_array_count(g, key);
    if (n < 0) return;
    gguf_text *texts = xcalloc((size_t)n, sizeof *texts);
    int64_t *ints = xcalloc((size_t)n, sizeof *ints);
    float *floats = xcalloc((size_t)n, sizeof *floats);
    if (gguf_array_texts(g, key, texts, n, NULL) == OK)
        for (int64_t i = 0; i < n; i++) BUG_IF(texts[i].n && !memchr(texts[i].p, texts[i].p[0], texts[i].n));
    gguf_array_ints(g, key, ints, n, NULL);
    gguf_array_floats(g, key, floats, n, NULL);
    free(texts);
    free(ints);
    free(floats);
}

static void use_keys(const gguf *g)
{
    str text = {0};
    for (int64_t i = 0; i < gguf_key_count(g); i++) {
        gguf_key k = gguf_key_at(g, i);
        str_clear(&text);
        str_add(&text, k.name.p, k.name.n);
        BUG_IF(!gguf_has(g, text.p));
        gguf_int(g, text.p, 0, NULL);
        gguf_num(g, text.p, 0, NULL);
        gguf_flag(g, text.p, false, NULL);
        gguf_string(g, text.p, NULL);
        read_array(g, text.p);
        str_clear(&text);
        gguf_key_print(g, i, 40, &text);
    }
    str_free(&text);
}

static void use_tensors(const gguf *g)
{
    for (int64_t i = 0; i < gguf_tensor_count(g); i++) {
        const tensor *t = gguf_tensor_at(g, i);
        BUG_IF(gguf_tensor_find(g, t->name) != t);
        int64_t rows = tensor_rows(t), cols = tensor_cols(t);
        if (!t->bytes || !dtype_table[t->type]->decode) continue;
        float last;
        tensor_decode(t, rows - 1, cols - 1, 1, &last);
        tensor_decode(t, 0, 0, 1, &last);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gguf *g;
    err e = {0};
    if (gguf_parse(&g, data, size, "fuzz", &e) != OK) {
        BUG_IF(!e.msg[0] || g);
        return 0;
    }
    BUG_IF(e.code);
    use_keys(g);
    use_tensors(g);
    model_config c;
    if (config_from_gguf(&c, &(gguf_parts){&g, 1}, &e) == OK)
        BUG_IF(c.layers < 1 || c.heads % c.kv_heads || c.head_dim % 2);
    gguf_close(g);
    return 0;
}
