/* gguf_parts.c -- see gguf_parts.h. */
#include "format/gguf_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t five_digits(const char *s)
{
    int64_t n = 0;
    for (int i = 0; i < 5; i++) {
        if (s[i] < '0' || s[i] > '9') return -1;
        n = 10 * n + s[i] - '0';
    }
    return n;
}

bool gguf_part_name(const char *name, size_t *stem, int64_t *number, int64_t *count)
{
    enum { TAIL = sizeof "-00001-of-00003.gguf" - 1 };
    const size_t n = strlen(name);
    if (n < TAIL) return false;
    const char *tail = name + n - TAIL;
    if (tail[0] != '-' || strncmp(tail + 6, "-of-", 4) || strcmp(tail + 15, ".gguf")) return false;
    *stem = n - TAIL;
    *number = five_digits(tail + 1);
    *count = five_digits(tail + 10);
    return *number >= 1 && *count >= *number && *count <= GGUF_MAX_PARTS;
}

/* Part k, opened as that of a split of n. */
static int open_part(gguf **out, const char *path, int64_t k, int64_t n, err *e)
{
    int code = gguf_open(out, path, e);
    if (code != OK) return code;
    err mine = {0};
    int64_t no = gguf_int(*out, "split.no", -1, &mine), count = gguf_int(*out, "split.count", -1, &mine);
    if (mine.code != OK) return fail(e, mine.code, "%s", mine.msg);
    if (no == k && count == n) return OK;
    return fail(e, E_FORMAT,
                "%s: says that it is part %lld of %lld (split.no, split.count), its name says %lld of %lld",
                path, (long long)no + 1, (long long)count, (long long)k + 1, (long long)n);
}

static int check_tensors(const gguf_parts *p, err *e)
{
    int64_t have = 0, want = gguf_int(p->part[0], "split.tensors.count", -1, NULL);
    for (int64_t k = 0; k < p->n; k++) have += gguf_tensor_count(p->part[k]);
    if (want < 0 || want == have) return OK;
    return fail(e, E_FORMAT,
                "%s: the parts hold %lld tensors, not %lld (split.tensors.count); fetch them again",
                gguf_path(p->part[0]), (long long)have, (long long)want);
}

int gguf_parts_open(gguf_parts *out, const char *path, err *e)
{
    size_t stem;
    int64_t number, count = 1;
    const bool split = gguf_part_name(path, &stem, &number, &count);
    *out = (gguf_parts){.part = xcalloc((size_t)count, sizeof *out->part)};
    int code = OK;
    for (int64_t k = 0; k < count && code == OK; k++) {
        str name = {0};
        if (split)
            str_fmt(&name, "%.*s-%05lld-of-%05lld.gguf", (int)stem, path, (long long)k + 1, (long long)count);
        code =
            split ? open_part(&out->part[k], str_c(&name), k, count, e) : gguf_open(&out->part[k], path, e);
        if (out->part[k]) out->n = k + 1;
        str_free(&name);
    }
    if (code == OK && split) code = check_tensors(out, e);
    if (code != OK) gguf_parts_close(out);
    return code;
}

void gguf_parts_close(gguf_parts *p)
{
    for (int64_t k = 0; k < p->n; k++) gguf_close(p->part[k]);
    free(p->part);
    *p = (gguf_parts){0};
}

const tensor *gguf_parts_find(const gguf_parts *p, const char *name)
{
    const tensor *t = NULL;
    for (int64_t k = 0; k < p->n && !t; k++) t = gguf_tensor_find(p->part[k], name);
    return t;
}
