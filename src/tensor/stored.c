/* stored.c -- see stored.h. */
#include "tensor/stored.h"

#include "tensor/extent.h"

int tensor_arrays(const tensor *t, tensor_array out[TENSOR_ARRAYS])
{
    int n = 0;
    out[n++] = (tensor_array){t->data, t->bytes};
    if (!t->q) return n;
    extent x = extent_in(t);
    const tensor_array all[] = {{t->q->absmax, x.absmax},
                                {t->q->code, x.code},
                                {t->q->nested_absmax, x.nested},
                                {&t->q->nested_offset, x.code ? sizeof t->q->nested_offset : 0},
                                {t->q->scb, x.scb}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].bytes) out[n++] = all[i];
    return n;
}

size_t tensor_stored_bytes(dtype t, int64_t rows, int64_t cols, tensor_absmax absmax)
{
    size_t data = dtype_bytes(t, rows * cols);
    extent x = extent_of(t, rows, cols, BLOCK, NESTED_BLOCK, absmax, data);
    return round_up(data) + round_up(x.absmax) + round_up(x.code) + round_up(x.nested) +
           round_up(x.code ? sizeof(float) : 0) + round_up(x.scb);
}

void tensor_view(tensor *out, quant *q, dtype t, int64_t rows, int64_t cols, tensor_absmax absmax,
                 const void *stored)
{
    size_t data = dtype_bytes(t, rows * cols);
    extent x = extent_of(t, rows, cols, BLOCK, NESTED_BLOCK, absmax, data);
    char *at = (char *)(uintptr_t)stored;
    *out = (tensor){.type = t, .ndim = 2, .dim = {rows, cols, 1, 1}, .bytes = data};
    out->data = place(&at, data);
    if (!x.absmax && !x.code && !x.scb) return;
    *q = (quant){.absmax = place(&at, x.absmax)};
    q->code = place(&at, x.code);
    q->nested_absmax = place(&at, x.nested);
    const float *offset = place(&at, x.code ? sizeof *offset : 0);
    q->nested_offset = offset ? *offset : 0;
    q->scb = place(&at, x.scb);
    init_quant(q, t);
    out->q = q;
}
