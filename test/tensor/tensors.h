/* tensors.h -- what the tests of tensor/ share: numbers, views, recorded parts, comparisons. */
#ifndef TEST_TENSOR_TENSORS_H
#define TEST_TENSOR_TENSORS_H

#include "base/file.h"
#include "base/rng.h"
#include "tensor/tensor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* after the standard headers it leans on */
#include <cmocka.h>

/* n normal numbers times sigma; the caller frees them. */
static inline float *normals(int64_t n, double sigma, uint64_t seed)
{
    float *x = xmalloc((size_t)n * sizeof *x);
    uint64_t key = rng_key(seed, 7);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(sigma * rng_normal(key, (uint64_t)i));
    return x;
}

static inline tensor view_of(dtype t, int64_t rows, int64_t cols, const void *data)
{
    return (tensor){.name = "t", .type = t, .ndim = 2, .dim = {rows, cols, 1, 1}, .data = data,
                    .bytes = dtype_bytes(t, rows * cols)};
}

static inline tensor allocated(dtype t, int64_t rows, int64_t cols, tensor_absmax absmax)
{
    tensor out;
    err e = {0};
    if (tensor_alloc(&out, t, rows, cols, absmax, &e)) fail_msg("%s", e.msg);
    return out;
}

/* All of a tensor; the caller frees it. */
static inline float *decoded(const tensor *t)
{
    int64_t rows = tensor_rows(t), cols = tensor_cols(t);
    float *x = xmalloc((size_t)(rows * cols) * sizeof *x);
    for (int64_t r = 0; r < rows; r++) tensor_decode(t, r, 0, cols, x + r * cols);
    return x;
}

static inline uint32_t float_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

/* Equal to the bit, but for the sign of zero. */
static inline void assert_same_floats(const float *a, const float *b, int64_t n, const char *what)
{
    for (int64_t i = 0; i < n; i++)
        if (float_bits(a[i]) != float_bits(b[i]) && !(a[i] == 0 && b[i] == 0))
            fail_msg("%s: element %lld is %.9g, recorded %.9g", what, (long long)i, (double)a[i],
                     (double)b[i]);
}

static inline double relative_rmse(const float *x, const float *y, int64_t n)
{
    double miss = 0, all = 0;
    for (int64_t i = 0; i < n; i++) {
        miss += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
        all += (double)x[i] * (double)x[i];
    }
    return sqrt(miss / all);
}

/* A recorded file: parts of a size (uint32) and bytes. */
typedef struct record {
    filemap m;
    size_t  at;
} record;

static inline record record_open(const char *name)
{
    record r = {0};
    char path[256];
    err e = {0};
    snprintf(path, sizeof path, "test/data/codec/%s.bin", name);
    if (filemap_open(&r.m, path, &e)) fail_msg("%s", e.msg);
    return r;
}

/* The next part, copied; its elements of `size` bytes are counted in n. The caller frees it. */
static inline void *record_next(record *r, size_t size, int64_t *n)
{
    uint32_t bytes;
    assert_true(r->at + sizeof bytes <= r->m.size);
    memcpy(&bytes, r->m.data + r->at, sizeof bytes);
    r->at += sizeof bytes;
    assert_true(bytes <= r->m.size - r->at && bytes % size == 0);
    void *p = xmalloc(bytes);
    memcpy(p, r->m.data + r->at, bytes);
    r->at += bytes;
    *n = (int64_t)(bytes / size);
    return p;
}

static inline void record_close(record *r)
{
    assert_int_equal(r->at, r->m.size);
    filemap_close(&r->m);
}

#endif
