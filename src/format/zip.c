/* zip.c -- see zip.h. Every offset and length is checked against what is there. */
#include "format/zip.h"

#include <stdbool.h>
#include <string.h>

enum { END = 22, ENTRY = 46, LOCAL = 30, LOCATOR = 20, END64 = 56 };

static uint64_t little(const uint8_t *p, int n)
{
    uint64_t x = 0;
    for (int i = 0; i < n; i++) x |= (uint64_t)p[i] << (8 * i);
    return x;
}

static bool marked(const uint8_t *p, int a, int b)
{
    return p[0] == 'P' && p[1] == 'K' && p[2] == a && p[3] == b;
}

static int damaged(const char *where, err *e)
{
    return fail(e, E_FORMAT, "%s: is a damaged zip archive; fetch it again", where);
}

/* Where the directory is: its offset and number of entries. */
static bool find_directory(const uint8_t *data, size_t n, uint64_t *at, uint64_t *entries)
{
    enum { COMMENT = 0xffff };
    for (size_t back = END; back <= n && back <= END + COMMENT; back++) {
        const uint8_t *p = data + n - back;
        if (!marked(p, 5, 6)) continue;
        *entries = little(p + 10, 2);
        *at = little(p + 16, 4);
        if (back + LOCATOR > n || !marked(p - LOCATOR, 6, 7)) return true;
        const uint64_t far = little(p - LOCATOR + 8, 8);
        if (n < END64 || far > n - END64 || !marked(data + far, 6, 6)) return false;
        *entries = little(data + far + 32, 8);
        *at = little(data + far + 48, 8);
        return true;
    }
    return false;
}

/* What zip64 says of an entry: sizes and offset, each only where the short one is all ones. */
static bool read_extra(const uint8_t *p, size_t n, uint64_t *field[3])
{
    for (size_t at = 0; at + 4 <= n;) {
        const size_t id = little(p + at, 2), length = little(p + at + 2, 2);
        if (length > n - at - 4) return false;
        size_t have = at + 4;
        for (int i = 0; id == 1 && i < 3; i++) {
            if (*field[i] != 0xffffffff) continue;
            if (have + 8 > at + 4 + length) return false;
            *field[i] = little(p + have, 8);
            have += 8;
        }
        at += 4 + length;
    }
    return true;
}

/* The entry at p, of which `left` bytes are there; *length of it and its texts. */
static int read_entry(zip_entry *out, const uint8_t *data, size_t n, const uint8_t *p, size_t left,
                      size_t *length, arena *mem, const char *where, err *e)
{
    if (left < ENTRY || !marked(p, 1, 2)) return damaged(where, e);
    const size_t name = little(p + 28, 2), extra = little(p + 30, 2), comment = little(p + 32, 2);
    if (name + extra + comment > left - ENTRY) return damaged(where, e);
    *length = ENTRY + name + extra + comment;
    uint64_t size = little(p + 24, 4), packed = little(p + 20, 4), at = little(p + 42, 4);
    if (!read_extra(p + ENTRY + name, extra, (uint64_t *[]){&size, &packed, &at})) return damaged(where, e);
    out->name = arena_strndup(mem, (const char *)p + ENTRY, name);
    if (little(p + 10, 2) != 0 || little(p + 8, 2) & 1 || size != packed)
        return fail(e, E_UNSUPPORTED, "%s: %.100s in it is compressed or encrypted", where, out->name);
    if (n < LOCAL || at > n - LOCAL || !marked(data + at, 3, 4)) return damaged(where, e);
    const uint64_t begin = at + LOCAL + little(data + at + 26, 2) + little(data + at + 28, 2);
    if (begin > n || size > n - begin) return damaged(where, e);
    out->data = data + begin;
    out->size = size;
    return OK;
}

int zip_read(zip *out, const uint8_t *data, size_t n, arena *mem, const char *where, err *e)
{
    uint64_t at, entries;
    *out = (zip){0};
    if (!find_directory(data, n, &at, &entries) || at > n || entries > (n - at) / ENTRY)
        return damaged(where, e);
    out->entry = arena_new(mem, (size_t)(entries + 1) * sizeof *out->entry);
    int code = OK;
    for (; (uint64_t)out->n < entries && code == OK; out->n += code == OK) {
        size_t length = 0;
        code = read_entry(&out->entry[out->n], data, n, data + at, n - at, &length, mem, where, e);
        at += length;
    }
    return code;
}
