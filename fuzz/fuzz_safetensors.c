/* fuzz_safetensors.c -- safetensors files: metadata, every tensor read, and weights that bitsandbytes
 * quantized put together and decoded. */
#include "format/bitsandbytes.h"
#include "format/safetensors.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_weights(const weights *w)
{
    for (int64_t i = 0; i < weights_count(w); i++) {
        const tensor *t = weights_at(w, i);
        if (!t->bytes || !dtype_table[t->type]->decode) continue;
        float v;
        tensor_decode(t, 0, 0, 1, &v);
        tensor_decode(t, tensor_rows(t) - 1, tensor_cols(t) - 1, 1, &v);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    safetensors *s;
    err e = {0};
    if (safetensors_parse(&s, data, size, "fuzz", &e) != OK) {
        BUG_IF(!e.msg[0] || s);
        return 0;
    }
    for (int64_t i = 0; i < safetensors_metadata_count(s); i++)
        BUG_IF(!safetensors_metadata(s, safetensors_metadata_at(s, i).key));
    size_t bytes = 0;
    for (int64_t i = 0; i < safetensors_count(s); i++) {
        const tensor *t = safetensors_at(s, i);
        BUG_IF(safetensors_find(s, t->name) != t);
        bytes += t->bytes;
    }
    BUG_IF(bytes > size);
    weights *w = weights_new();
    arena mem = {0};
    if (bitsandbytes_add(w, &s, 1, &mem, &e) == OK) use_weights(w);
    weights_free(w);
    arena_free(&mem);
    safetensors_close(s);
    return 0;
}
