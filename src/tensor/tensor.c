/* tensor.c -- shapes, row order, storage, and re-encoding in pieces.
 *
 * What tensor_alloc() makes is one block of memory: the data, then the quant and its arrays, each at
 * a multiple of 64 bytes. Where they lie follows from type and shape alone, so tensor_release() can
 * tell the size again. */
#include "tensor/tensor.h"

#include "tensor/extent.h"

int64_t tensor_count(const tensor *t) { return tensor_rows(t) * tensor_cols(t); }

int64_t tensor_rows(const tensor *t)
{
    int64_t rows = 1;
    for (int i = 0; i + 1 < t->ndim; i++) rows *= t->dim[i];
    return rows;
}

int64_t tensor_cols(const tensor *t) { return t->ndim ? t->dim[t->ndim - 1] : 1; }

int64_t tensor_file_row(const tensor *t, int64_t row)
{
    if (!t->pair_dim) return row;
    int64_t j = row % t->pair_dim, half = t->pair_dim / 2;
    return row - j + 2 * (j % half) + j / half;
}

const void *tensor_row(const tensor *t, int64_t row)
{
    int64_t at = tensor_file_row(t, row);
    if (!is_flat(t->type)) return (const char *)t->data + (size_t)at * dtype_bytes(t->type, tensor_cols(t));
    BUG_IF(at * tensor_cols(t) % 2);
    return (const char *)t->data + at * tensor_cols(t) / 2;
}

void tensor_decode(const tensor *t, int64_t row, int64_t first, int64_t n, float *dst)
{
    BUG_IF(row < 0 || row >= tensor_rows(t) || first < 0 || n < 0 || n > tensor_cols(t) - first);
    BUG_IF(!dtype_table[t->type]->decode || !t->data);
    dtype_table[t->type]->decode(t, tensor_file_row(t, row), first, n, dst);
}

int tensor_alloc(tensor *out, dtype t, int64_t rows, int64_t cols, tensor_absmax absmax, err *e)
{
    const dtype_info *d = dtype_table[t];
    int64_t n, bits;
    *out = (tensor){0};
    if (rows < 1 || cols < 1) return fail(e, E_USAGE, "a tensor of %lld rows and %lld columns is empty",
                                          (long long)rows, (long long)cols);
    if (!is_flat(t) && cols % d->per_block)
        return fail(e, E_USAGE, "%s needs rows of a multiple of %d elements, not %lld: choose another type",
                    d->name, d->per_block, (long long)cols);
    if (__builtin_mul_overflow(rows, cols, &n) || __builtin_mul_overflow(n, 128, &bits))
        return fail(e, E_MEMORY, "a tensor of %lld rows and %lld columns does not fit in memory",
                    (long long)rows, (long long)cols);

    size_t data = dtype_bytes(t, n);
    extent x = extent_of(t, rows, cols, BLOCK, NESTED_BLOCK, absmax, data);
    char *at = big_new(x.total, "a tensor", e);
    if (!at) return E_MEMORY;
    *out = (tensor){.type = t, .ndim = 2, .dim = {rows, cols, 1, 1}, .bytes = data};
    out->data = place(&at, data);
    if (x.total == round_up(data)) return OK;

    quant *q = place(&at, sizeof *q);
    q->absmax = place(&at, x.absmax);
    q->code = place(&at, x.code);
    q->nested_absmax = place(&at, x.nested);
    q->scb = place(&at, x.scb);
    init_quant(q, t);
    out->q = q;
    return OK;
}

void tensor_release(tensor *t)
{
    if (t->data) big_free((void *)t->data, extent_in(t).total);
    *t = (tensor){0};
}

size_t tensor_bytes(const tensor *t)
{
    if (!t->q) return t->bytes;
    extent x = extent_in(t);
    return t->bytes + x.absmax + x.code + x.nested + x.scb;
}

/* Elements [first, first + n) of dst as a tensor of its own that shares the storage. They start at a
 * block (a row for INT8). With absmax, block maxima go there and are not quantized. */
static tensor part_of(const tensor *dst, int64_t first, int64_t n, float *absmax, quant *q)
{
    int64_t cols = dst->type == DT_INT8 ? tensor_cols(dst) : n;
    tensor p = {.type = dst->type, .ndim = 2, .dim = {n / cols, cols, 1, 1}};
    p.data = (const char *)dst->data + dtype_bytes(dst->type, first);
    p.bytes = dtype_bytes(dst->type, n);
    if (!dst->q) return p;
    *q = (quant){.block = dst->q->block};
    if (dst->type == DT_INT8) q->scb = dst->q->scb + first / cols;
    else q->absmax = absmax + first / q->block;
    p.q = q;
    return p;
}

/* Elements in a piece: about 64 Ki, and whole rows for INT8, else whole blocks. */
static int64_t piece_of(const tensor *t)
{
    enum { ABOUT = 1 << 16 };
    int64_t unit = is_flat(t->type)       ? t->q->block
                   : t->type == DT_INT8 ? tensor_cols(t)
                                        : dtype_table[t->type]->per_block;
    return unit < ABOUT ? ABOUT / unit * unit : unit;
}

/* All of src through `buffer` of `piece` floats into dst; pieces need not end where rows do. */
static void convert_pieces(tensor *dst, const tensor *src, float *buffer, int64_t piece, float *absmax)
{
    const int64_t rows = tensor_rows(src), cols = tensor_cols(src), count = rows * cols;
    for (int64_t at = 0, row = 0, col = 0; at < count; at += piece) {
        int64_t n = count - at < piece ? count - at : piece;
        for (int64_t have = 0, take; have < n; have += take) {
            take = cols - col < n - have ? cols - col : n - have;
            tensor_decode(src, row, col, take, buffer + have);
            col += take;
            if (col == cols) row++, col = 0;
        }
        quant q;
        tensor p = part_of(dst, at, n, absmax, &q);
        dtype_table[dst->type]->encode(&p, buffer);
    }
}

int tensor_convert(tensor *dst, const tensor *src, err *e)
{
    const dtype_info *from = dtype_table[src->type], *to = dtype_table[dst->type];
    if (!from->is_weight || !to->encode)
        return fail(e, E_UNSUPPORTED, "%s cannot be converted to %s", from->name, to->name);
    BUG_IF(tensor_rows(dst) != tensor_rows(src) || tensor_cols(dst) != tensor_cols(src) || dst->pair_dim);
    BUG_IF(!src->data || !dst->data);

    quant *q = (quant *)dst->q;
    bool nested = q && q->code;
    int64_t piece = piece_of(dst), blocks = nested ? blocks_of(tensor_count(dst), q->block) : 0;
    size_t buffer_bytes = (size_t)piece * sizeof(float), absmax_bytes = (size_t)blocks * sizeof(float);
    float *buffer = big_new(buffer_bytes, "converting a tensor", e);
    float *maxima = nested ? big_new(absmax_bytes, "the scales of a tensor", e) : NULL;
    int code = buffer && (maxima || !nested) ? OK : E_MEMORY;
    if (!code) {
        convert_pieces(dst, src, buffer, piece, nested ? maxima : q ? q->absmax : NULL);
        if (nested) nf4_nest(q, maxima, blocks);
    }
    big_free(buffer, buffer_bytes);
    big_free(maxima, absmax_bytes);
    return code;
}
