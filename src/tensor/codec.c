/* codec.c -- ranges of rows in terms of whole blocks.
 *
 * A range that starts or ends inside a block goes through a buffer of one block. */
#include "tensor/codec.h"

#include "tensor/block.h"

#include <string.h>

void codec_decode(const tensor *t, int64_t row, int64_t first, int64_t n, float *dst, codec_get *get)
{
    const int64_t per = dtype_table[t->type]->per_block;
    const size_t size = (size_t)dtype_table[t->type]->block_bytes;
    const uint8_t *b = (const uint8_t *)t->data + (size_t)(row * (tensor_cols(t) / per) + first / per) * size;
    float part[K_BLOCK];

    for (int64_t skip = first % per, take; n > 0; n -= take, dst += take, b += size, skip = 0) {
        take = per - skip < n ? per - skip : n;
        if (take == per) {
            get(b, dst);
        } else {
            get(b, part);
            memcpy(dst, part + skip, (size_t)take * sizeof *dst);
        }
    }
}

void codec_encode(tensor *dst, const float *src, codec_put *put)
{
    const int64_t per = dtype_table[dst->type]->per_block;
    const size_t size = (size_t)dtype_table[dst->type]->block_bytes;
    uint8_t *b = (uint8_t *)dst->data;
    for (int64_t left = tensor_count(dst) / per; left > 0; left--, b += size, src += per) put(b, src);
}
