/* support.h -- what the tests of format/ share: scratch folders, files as bytes, and checks of errors. */
#ifndef TEST_FORMAT_SUPPORT_H
#define TEST_FORMAT_SUPPORT_H

#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "scratch.h"
#include "tensor/weights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DATA "test/data/format/"

static inline void scratch_write(const char *folder, const char *name, const void *data, size_t n)
{
    str path = {0};
    err e = {0};
    str_fmt(&path, "%s/%s", folder, name);
    if (file_write(path.p, data, n, &e) != OK) fail_msg("%s", e.msg);
    str_free(&path);
}

static inline void scratch_text(const char *folder, const char *name, const char *text)
{
    scratch_write(folder, name, text, strlen(text));
}

static inline void scratch_copy(const char *folder, const char *from, const char *name)
{
    str path = {0}, bytes = {0};
    err e = {0};
    str_fmt(&path, "%s/%s", from, name);
    if (file_read(&bytes, path.p, (size_t)1 << 24, &e) != OK) fail_msg("%s", e.msg);
    scratch_write(folder, name, bytes.p, bytes.n);
    str_free(&path);
    str_free(&bytes);
}

/* The call failed with that code, and its one line says `text`. */
static inline void check_failed(const err *e, int code, const char *text)
{
    if (e->code != code || !strstr(e->msg, text))
        fail_msg("expected %d with \"%s\", got %d: %s", code, text, e->code, e->msg);
    if (strchr(e->msg, '\n')) fail_msg("more than a line: %s", e->msg);
}

static inline void check_ok(int code, const err *e)
{
    if (code != OK || e->code != OK) fail_msg("failed with %d: %s", code, e->msg);
}

/* Reads every value, as a model would, so that a sanitizer sees a view that is too large. */
static inline double read_all(const tensor *t)
{
    double sum = 0;
    if (!dtype_table[t->type]->decode || !tensor_count(t)) return 0;
    int64_t cols = tensor_cols(t);
    float *row = xcalloc((size_t)cols, sizeof *row);
    for (int64_t r = 0; r < tensor_rows(t); r++) {
        tensor_decode(t, r, 0, cols, row);
        for (int64_t i = 0; i < cols; i++) sum += (double)row[i];
    }
    free(row);
    return sum;
}

#endif
