/* keep.c -- see keep.h: the key, reading and writing. */
#include "model/keep.h"

#include "base/hash.h"
#include "base/rng.h"
#include "model/keep_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LAYOUT = 1, HEAD = 64 };

typedef struct head {
    char magic[8];
    uint64_t key, hash, bytes;
    char rest[32];
} head;

_Static_assert(sizeof(head) == HEAD, "the layout in keep.h");

static head head_of(uint64_t key, uint64_t hash, size_t bytes)
{
    return (head){{'l', 'o', 'r', 'a', 'c', 0, 0, LAYOUT}, key, hash, bytes, {0}};
}

static size_t stored_bytes(const keep_set *s, int64_t i)
{
    return tensor_stored_bytes(s->type, tensor_rows(s->from[i]), tensor_cols(s->from[i]), s->absmax);
}

static size_t file_bytes(const keep_set *s)
{
    size_t bytes = HEAD;
    for (int64_t i = 0; i < s->n; i++) bytes += stored_bytes(s, i);
    return bytes;
}

bool keep_wanted(const model_keep *k, const keep_set *s)
{
    if (!k || !k->folder || !dtype_table[s->type]->is_quantized || !s->n) return false;
    return file_bytes(s) >= (size_t)k->least;
}

/* ------------------------------------------------------------------------------------ hashes */

static uint64_t hash_arrays(uint64_t h, const tensor *t)
{
    tensor_array array[TENSOR_ARRAYS];
    int n = tensor_arrays(t, array);
    for (int i = 0; i < n; i++) h = hash_add(h, array[i].p, array[i].bytes);
    return h;
}

/* What a tensor is, and what is read of its second row: another decoder, or order of rows, is another content. */
static uint64_t hash_source(const tensor *t)
{
    enum { PIECE = 256 };
    float x[PIECE];
    const int64_t facts[] = {t->type, tensor_rows(t), tensor_cols(t), t->pair_dim, t->q ? t->q->block : 0,
                             t->q ? t->q->nested_block : 0};
    const int64_t n = tensor_cols(t) < PIECE ? tensor_cols(t) : PIECE;
    tensor_decode(t, tensor_rows(t) > 1, 0, n, x);
    uint64_t h = hash_add(hash_arrays(0, t), facts, sizeof facts);
    if (t->q) h = hash_add(h, t->q->map, sizeof t->q->map);
    if (t->q && t->q->code) h = hash_add(h, t->q->nested_map, sizeof t->q->nested_map);
    return hash_add(h, x, (size_t)n * sizeof *x);
}

typedef struct hashing {
    const keep_set *s;
    uint64_t *of; /* (n) */
    enum { SOURCES, RESULTS } what;
    _Atomic int64_t next;
} hashing;

static void hash_some(void *arg, int thread, int threads)
{
    (void)thread, (void)threads;
    hashing *h = arg;
    for (int64_t i; (i = atomic_fetch_add(&h->next, 1)) < h->s->n;)
        h->of[i] = h->what == SOURCES ? hash_source(h->s->from[i]) : hash_arrays(0, &h->s->to[i]);
}

static uint64_t hash_all(const keep_set *s, int what, pool *team)
{
    hashing h = {.s = s, .of = xcalloc((size_t)s->n, sizeof *h.of), .what = what};
    pool_run(team, hash_some, &h);
    uint64_t all = hash_add(0, h.of, (size_t)s->n * sizeof *h.of);
    free(h.of);
    return all;
}

/* What the encoder makes of two thousand numbers, roughly normal. */
static uint64_t hash_probe(dtype type, tensor_absmax absmax)
{
    enum { ROWS = 4, COLS = 512 };
    float x[ROWS * COLS];
    for (uint64_t i = 0; i < ROWS * COLS; i++) {
        double sum = -2;
        for (uint64_t k = 0; k < 4; k++) sum += rng_unit(type, 4 * i + k);
        x[i] = (float)sum;
    }
    tensor from = {.type = DT_F32, .ndim = 2, .dim = {ROWS, COLS, 1, 1}, .data = x, .bytes = sizeof x}, to;
    err ignored = {0};
    if (tensor_alloc(&to, type, ROWS, COLS, absmax, &ignored)) return 0;
    uint64_t h = tensor_convert(&to, &from, &ignored) ? 0 : hash_arrays(0, &to);
    tensor_release(&to);
    return h;
}

uint64_t keep_key(const keep_set *s, pool *team)
{
    const uint64_t parts[] = {hash_all(s, SOURCES, team), hash_probe(s->type, s->absmax), s->absmax};
    return hash_add(hash_add(0, dtype_name(s->type), strlen(dtype_name(s->type))), parts, sizeof parts);
}

/* ----------------------------------------------------------------------------------- reading */

static void path_of(str *out, const model_keep *k, const keep_set *s, uint64_t key)
{
    str_fmt(out, "%s/%s-%016llx%s", k->folder, dtype_name(s->type), (unsigned long long)key, KEEP_ENDING);
}

static void see(const keep_set *s, const filemap *map, arena *mem)
{
    const uint8_t *at = map->data + HEAD;
    for (int64_t i = 0; i < s->n; i++) {
        const tensor *t = s->from[i];
        tensor_view(&s->to[i], arena_new(mem, sizeof(quant)), s->type, tensor_rows(t), tensor_cols(t), s->absmax, at);
        s->to[i].name = t->name;
        s->to[i].ndim = t->ndim;
        memcpy(s->to[i].dim, t->dim, sizeof t->dim);
        at += stored_bytes(s, i);
    }
}

bool keep_load(model_keep *k, const keep_set *s, uint64_t key, filemap *map, arena *mem, pool *team)
{
    str path = {0};
    err ignored = {0};
    path_of(&path, k, s, key);
    bool there = file_exists(path.p), right = there && filemap_open(map, path.p, &ignored) == OK;
    if (right) {
        const size_t bytes = file_bytes(s);
        right = map->size == bytes;
        if (right) see(s, map, mem);
        head want = right ? head_of(key, hash_all(s, RESULTS, team), bytes) : (head){0};
        right = right && !memcmp(&want, map->data, sizeof want);
        if (right) utimensat(AT_FDCWD, path.p, NULL, 0); /* the least recently used goes first */
        else filemap_close(map);
    }
    if (!right) memset(s->to, 0, (size_t)s->n * sizeof *s->to);
    if (there && !right) snprintf(k->said, sizeof k->said, "%s: is damaged; it is made again", path.p);
    str_free(&path);
    return right;
}

/* ----------------------------------------------------------------------------------- writing */

static bool put(int fd, const void *data, size_t n)
{
    const char *p = data;
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

static bool put_tensor(int fd, const tensor *t)
{
    static const char zeros[64];
    tensor_array array[TENSOR_ARRAYS];
    int n = tensor_arrays(t, array);
    for (int i = 0; i < n; i++)
        if (!put(fd, array[i].p, array[i].bytes) || !put(fd, zeros, -array[i].bytes % sizeof zeros)) return false;
    return true;
}

/* Not flushed to the disk: what a power cut leaves of it is seen by the hash, and made again. */
static bool write_file(const model_keep *k, const keep_set *s, const head *h, const char *path)
{
    str temp = {0};
    str_fmt(&temp, "%s/%sXXXXXX", k->folder, KEEP_TEMPORARY);
    int fd = mkostemp(temp.p, O_CLOEXEC);
    bool good = fd >= 0 && put(fd, h, sizeof *h);
    for (int64_t i = 0; i < s->n && good; i++) good = put_tensor(fd, &s->to[i]);
    int why = errno;
    if (fd >= 0 && close(fd) && good) good = false, why = errno;
    if (good && rename(temp.p, path)) good = false, why = errno;
    if (fd >= 0 && !good) unlink(temp.p);
    str_free(&temp);
    errno = why;
    return good;
}

void keep_save(model_keep *k, const keep_set *s, uint64_t key, pool *team)
{
    static const char *const how = "(--cache_dir names another folder; none keeps nothing)";
    const size_t bytes = file_bytes(s);
    err e = {0};
    str path = {0};
    path_of(&path, k, s, key);
    if (file_mkdirs(k->folder, &e)) {
        snprintf(k->said, sizeof k->said, "the quantized weights are not kept for the next time: %.300s %s",
                 e.msg, how);
    } else if (bytes > (size_t)k->most) {
        snprintf(k->said, sizeof k->said,
                 "the quantized weights are not kept for the next time: %.1f MiB are more than "
                 "--cache_limit",
                 (double)bytes / 0x1p20);
    } else if (!keep_make_room(k->folder, bytes, k->most)) {
        snprintf(k->said, sizeof k->said,
                 "the quantized weights are not kept for the next time: the disk of %.200s has no "
                 "room for %.1f MiB %s",
                 k->folder, (double)bytes / 0x1p20, how);
    } else {
        head h = head_of(key, hash_all(s, RESULTS, team), bytes);
        if (!write_file(k, s, &h, path.p))
            snprintf(k->said, sizeof k->said, "the quantized weights are not kept for the next time: %.200s: %s %s",
                     k->folder, strerror(errno), how);
    }
    str_free(&path);
}
