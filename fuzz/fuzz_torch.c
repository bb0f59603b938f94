/* fuzz_torch.c -- pytorch_model.bin: the zip archive or the pickles in a row, and every tensor's first and
 * last number. */
#include "format/torch_file.h"

#include "tensor/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    torch_file *f = NULL;
    err e = {0};
    if (torch_file_parse(&f, data, size, "fuzz", &e) != OK) {
        BUG_IF(!e.msg[0] || f);
        return 0;
    }
    BUG_IF(e.code);
    for (int64_t i = 0; i < torch_file_count(f); i++) {
        const tensor *t = torch_file_at(f, i);
        BUG_IF(!torch_file_find(f, t->name) || t->bytes > size);
        if (!t->bytes || !dtype_table[t->type]->decode) continue;
        float v;
        tensor_decode(t, 0, 0, 1, &v);
        tensor_decode(t, tensor_rows(t) - 1, tensor_cols(t) - 1, 1, &v);
    }
    torch_file_close(f);
    return 0;
}
