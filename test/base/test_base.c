/* test_base.c -- the bottom layer: errors, arena, strings, files, threads, random numbers, JSON. */
#include "base/arena.h"
#include "base/cpu.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/pool.h"
#include "base/rng.h"

#include <malloc.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* cmocka has a macro of this name */

static char folder[] = "build/test-base-XXXXXX";

static int begin(void **state)
{
    (void)state;
    mkdir("build", 0777);
    return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    return file_remove_tree(folder, NULL);
}

static const char *in_folder(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void test_err(void **state)
{
    (void)state;
    err e = {0};
    assert_int_equal(fail(&e, E_FORMAT, "first %d", 1), E_FORMAT);
    assert_int_equal(fail(&e, E_IO, "second"), E_IO); /* its own code, but the first message stays */
    assert_int_equal(e.code, E_FORMAT);
    assert_string_equal(e.msg, "first 1");
    assert_int_equal(fail(NULL, E_USAGE, "nobody listens"), E_USAGE);
    e = (err){0};
    fail(&e, E_FORMAT, "column '%s'", "a\nb\x1b[31m\x7f\xc3\xa9");
    assert_string_equal(e.msg, "column 'a b [31m \xc3\xa9'");
}

static void test_arena(void **state)
{
    (void)state;
    arena a = {0};
    for (size_t n = 0; n < 3000; n += 7) {
        unsigned char *p = arena_new(&a, n);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (size_t i = 0; i < n; i++) assert_int_equal(p[i], 0);
        memset(p, 0xff, n);
    }
    unsigned char *large = arena_new(&a, 1 << 20);
    assert_int_equal(large[(1 << 20) - 1], 0);
    assert_string_equal(arena_fmt(&a, "%s-%d", "x", 12), "x-12");
    assert_string_equal(arena_strndup(&a, "hello", 3), "hel");
    arena_free(&a);
    assert_int_equal(a.used, 0);
    mallopt(M_PERTURB, 0x5a); /* zero also where memory was not */
    unsigned char *p = arena_new(&a, 1000);
    mallopt(M_PERTURB, 0);
    for (int i = 0; i < 1000; i++) assert_int_equal(p[i], 0);
    arena_free(&a);
}

static void test_big(void **state)
{
    (void)state;
    err e = {0};
    assert_null(big_new((size_t)1 << 60, "everything", &e));
    assert_int_equal(e.code, E_MEMORY);
    assert_non_null(strstr(e.msg, "everything"));
    char *p = big_new(10000, "a little", NULL);
    assert_non_null(p);
    assert_int_equal(p[9999], 0);
    big_free(p, 10000);
}

static void test_str(void **state)
{
    (void)state;
    str s = {0};
    assert_string_equal(str_c(&s), "");
    for (int i = 0; i < 200; i++) str_fmt(&s, "%d,", i);
    assert_int_equal(s.n, 10 * 2 + 90 * 3 + 100 * 4);
    assert_true(str_starts(s.p, "0,1,2,") && str_ends(s.p, "198,199,"));
    str_clear(&s);
    str_add(&s, "a\0b", 3);
    str_putc(&s, 'c');
    assert_int_equal(s.n, 4);
    assert_memory_equal(s.p, "a\0bc", 5);
    str_free(&s);
    for (int i = 0; i < 300; i++) {
        str_putc(&s, 'x');
        assert_true(s.cap > s.n); /* room for the NUL */
    }
    str_free(&s);
    assert_int_equal(str_distance("kitten", "sitting"), 3);
    assert_int_equal(str_distance("", "abc"), 3);
    assert_int_equal(str_distance("same", "same"), 0);
}

static void test_file(void **state)
{
    (void)state;
    err e = {0};
    const char *path = in_folder("a");
    assert_int_equal(file_write(path, "one", 3, &e), OK);
    outfile o;
    assert_int_equal(file_create(&o, path, &e), OK);
    file_put(&o, "two", 3);
    filemap m;
    assert_int_equal(filemap_open(&m, path, &e), OK); /* not committed: the old content is there */
    assert_memory_equal(m.data, "one", 3);
    filemap_close(&m);
    assert_int_equal(file_commit(&o, &e), OK);
    str s = {0};
    assert_int_equal(file_read(&s, path, 100, &e), OK);
    assert_string_equal(s.p, "two");
    assert_int_equal(file_read(&s, path, 3, &e), OK);
    assert_int_equal(file_read(&s, path, 2, &e), E_FORMAT);
    str_free(&s);
    assert_int_equal(file_create(&o, path, NULL), OK);
    file_put(&o, "three", 5);
    char *temp = strdup(o.temp);
    assert_true(file_exists(temp));
    file_abandon(&o);
    assert_false(file_exists(temp));
    free(temp);
    assert_int_equal(filemap_open(&m, path, NULL), OK);
    assert_int_equal(m.size, 3);
    filemap_close(&m);
}

static void test_file_refusals(void **state)
{
    (void)state;
    err e = {0};
    filemap m;
    assert_int_equal(filemap_open(&m, in_folder("absent"), &e), E_IO);
    assert_non_null(strstr(e.msg, "No such file"));
    assert_int_equal(filemap_open(&m, folder, NULL), E_IO);
    assert_int_equal(file_write(in_folder("empty"), "", 0, NULL), OK);
    assert_int_equal(filemap_open(&m, in_folder("empty"), NULL), OK);
    assert_null(m.data);
    assert_int_equal(file_mkdirs(in_folder("x/y/z"), NULL), OK);
    assert_int_equal(file_mkdirs(in_folder("x/y/z"), NULL), OK);
    assert_true(file_is_dir(in_folder("x/y")));
    assert_int_equal(file_mkdirs(in_folder("empty"), NULL), E_IO);
    assert_int_equal(file_remove_tree(in_folder("x"), NULL), OK);
    assert_false(file_exists(in_folder("x")));
    if (access("/dev/full", W_OK) == 0) { /* a disk without room */
        outfile o = {
            .f = fopen("/dev/full", "wb"), .path = strdup(in_folder("a")), .temp = strdup(in_folder("full"))};
        e = (err){0};
        file_put(&o, "data", 4);
        assert_int_equal(file_commit(&o, &e), E_IO);
        assert_non_null(strstr(e.msg, "No space left"));
    }
}

typedef struct team_work {
    pool *p;
    int seen[64], after[64];
} team_work;

static void team_fn(void *arg, int thread, int threads)
{
    team_work *w = arg;
    for (int round = 0; round < 1000; round++) {
        w->seen[thread]++;
        pool_barrier(w->p);
        for (int t = 0; t < threads; t++) /* everybody has arrived, nobody has gone on */
            if (w->seen[t] != w->seen[thread]) w->after[thread]++;
        pool_barrier(w->p);
    }
}

/* Every piece of both lanes is taken by one thread, in every phase. */
typedef struct pieces {
    pool *p;
    _Atomic int taken[POOL_LANES][100];
} pieces;

static void take_fn(void *arg, int thread, int threads)
{
    pieces *w = arg;
    (void)thread, (void)threads;
    for (int round = 0; round < 200; round++) {
        for (int64_t k; (k = pool_take(w->p, POOL_LANE_A)) < 100;) w->taken[POOL_LANE_A][k]++;
        for (int64_t k; (k = pool_take(w->p, POOL_LANE_B)) < 99;) w->taken[POOL_LANE_B][k]++;
        pool_barrier(w->p);
    }
}

static void test_pool_take(void **state)
{
    (void)state;
    for (int n = 1; n <= 4; n++) {
        err e = {0};
        pieces w = {.p = pool_new(n, &e)};
        for (int k = 0; k < 2; k++) pool_run(w.p, take_fn, &w);
        for (int k = 0; k < 100; k++) {
            assert_int_equal(w.taken[POOL_LANE_A][k], 400);
            assert_int_equal(w.taken[POOL_LANE_B][k], k < 99 ? 400 : 0);
        }
        pool_free(w.p);
    }
}

/* Pieces in turn with functions, so often that every way of arriving late or asleep happens: each piece is done
 * once, before pool_pieces() returns. */
typedef struct counted {
    _Atomic int times[50];
    _Atomic int threads_seen;
} counted;

static void count_piece(void *arg, int64_t k, int thread)
{
    counted *c = arg;
    c->times[k]++;
    c->threads_seen |= 1 << thread;
    if (thread && k == 49) usleep(2000); /* the caller falls asleep over it */
}

static void count_thread(void *arg, int t, int threads)
{
    (void)arg, (void)t, (void)threads;
}

static void test_pool_pieces(void **state)
{
    (void)state;
    err e = {0};
    for (int n = 1; n <= 4; n++) {
        pool *p = pool_new(n, &e);
        counted c = {0};
        int rounds = 2000;
        for (int r = 0; r < rounds; r++) {
            if (r % 3 == 0) pool_run(p, count_thread, NULL);
            if (r % 500 == 7) usleep(2000); /* the members fall asleep */
            pool_pieces(p, count_piece, &c, r % 51);
            for (int k = 0; k < 50; k++) {
                assert_int_equal(c.times[k], k < r % 51);
                c.times[k] = 0;
            }
        }
        assert_true(c.threads_seen < 1 << n);
        pool_free(p);
    }
    counted alone = {0};
    pool_pieces(NULL, count_piece, &alone, 3);
    assert_true(alone.times[2] == 1 && alone.times[3] == 0 && alone.threads_seen == 1);
}

static void test_pool(void **state)
{
    (void)state;
    for (int n = 1; n <= 5; n++) {
        err e = {0};
        team_work w = {.p = pool_new(n, &e)};
        assert_non_null(w.p);
        assert_int_equal(pool_threads(w.p), n);
        for (int k = 0; k < 3; k++) pool_run(w.p, team_fn, &w);
        for (int t = 0; t < n; t++) {
            assert_int_equal(w.seen[t], 3000);
            assert_int_equal(w.after[t], 0);
        }
        pool_free(w.p);
    }
    team_work alone = {0};
    pool_run(NULL, team_fn, &alone);
    assert_int_equal(alone.seen[0], 1000);
    assert_true(cpu_cores() >= 1);
}

/* Every bit, the length and the order count, wherever the bytes lie; in pieces it is another hash. */
static void test_hash(void **state)
{
    (void)state;
    enum { MOST = 140 };
    uint8_t room[MOST + 8] = {0}, *at[2] = {room, room + 3};
    uint64_t seen[MOST + 1];
    for (size_t n = 0; n <= MOST; n++) {
        for (size_t i = 0; i < n; i++) at[1][i] = (uint8_t)(i % 7 == 3 ? 0 : i * 37);
        seen[n] = hash_add(0, at[1], n);
        for (size_t k = 0; k < n; k++) assert_true(seen[k] != seen[n]);
        for (size_t bit = 0; bit < 8 * n; bit++) {
            at[1][bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_true(hash_add(0, at[1], n) != seen[n]);
            at[1][bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        assert_true(hash_add(1, at[1], n) != seen[n]);
        for (size_t i = 0; i < n; i++) at[0][i] = (uint8_t)(i % 7 == 3 ? 0 : i * 37);
        assert_true(hash_add(0, at[0], n) == seen[n]);
    }
    uint64_t swapped[16] = {0}, zeros[16] = {0};
    swapped[0] = 1;
    uint64_t one = hash_add(0, swapped, sizeof swapped);
    swapped[0] = 0, swapped[8] = 1; /* the same lane, a turn later */
    uint64_t later = hash_add(0, swapped, sizeof swapped);
    swapped[8] = 0, swapped[1] = 1; /* another lane */
    assert_true(one != later && one != hash_add(0, swapped, sizeof swapped));
    assert_true(hash_add(0, zeros, 64) != hash_add(0, zeros, 128));
}

static void test_rng(void **state)
{
    (void)state;
    uint64_t key = rng_key(42, 7);
    assert_true(rng_key(42, 8) != key && rng_key(43, 7) != key);
    double sum = 0, squares = 0, normal = 0, normal2 = 0;
    enum { N = 100000 };
    for (uint64_t i = 0; i < N; i++) {
        double u = rng_unit(key, i), z = rng_normal(key, i);
        assert_true(u >= 0 && u < 1);
        sum += u, squares += u * u, normal += z, normal2 += z * z;
    }
    /* five standard errors */
    assert_true(fabs(sum / N - 0.5) < 5 * sqrt(1 / 12.0 / N));
    assert_true(fabs(squares / N - 1 / 3.0) < 5 * sqrt(4 / 45.0 / N));
    assert_true(fabs(normal / N) < 5 / sqrt(N) && fabs(normal2 / N - 1) < 5 * sqrt(2.0 / N));
    int64_t order[257];
    int hit[257] = {0}, moved = 0;
    rng_shuffle(key, order, 257);
    for (int i = 0; i < 257; i++) hit[order[i]]++, moved += order[i] != i;
    for (int i = 0; i < 257; i++) assert_int_equal(hit[i], 1);
    assert_true(moved > 240);
    int orders[3][3] = {{0}}; /* all six orders of three are equally likely: five standard errors */
    for (uint64_t k = 0; k < 6000; k++) {
        rng_shuffle(rng_key(k, 0), order, 3);
        orders[order[0]][order[1]]++;
    }
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            if (i != j) assert_true(fabs(orders[i][j] - 1000.0) < 5 * sqrt(6000 * 5 / 36.0));
}

static void test_json(void **state)
{
    (void)state;
    err e = {0};
    assert_null(json_parse("{\"a\": 1, \"a\": 2}", 16, "twice.json", &e));
    assert_non_null(strstr(e.msg, "twice.json"));
    e = (err){0};
    const char *text = "{\"i\": 3, \"r\": 4.0, \"h\": 0.5, \"b\": true, \"s\": \"x\", \"n\": null}";
    json_t *o = json_parse(text, strlen(text), "t", &e);
    assert_int_equal(json_int(o, "i", 0, "t", &e), 3);
    assert_int_equal(json_int(o, "r", 0, "t", &e), 4);
    assert_int_equal(json_int(o, "n", 9, "t", &e), 9);
    assert_true(json_flag(o, "b", false, "t", &e));
    assert_string_equal(json_text(o, "s", "", "t", &e), "x");
    assert_int_equal(e.code, OK);
    assert_int_equal(json_int(o, "h", 7, "t", &e), 7);
    assert_string_equal(e.msg, "t: \"h\" has to be a whole number");
    assert_int_equal(json_save(o, in_folder("o.json"), 2, true, NULL), OK);
    json_t *again = json_parse_file(in_folder("o.json"), NULL);
    assert_true(json_equal(o, again));
    json_decref(o);
    json_decref(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err),  cmocka_unit_test(test_arena),     cmocka_unit_test(test_big),
        cmocka_unit_test(test_str),  cmocka_unit_test(test_file),      cmocka_unit_test(test_file_refusals),
        cmocka_unit_test(test_pool), cmocka_unit_test(test_pool_take), cmocka_unit_test(test_pool_pieces), cmocka_unit_test(test_rng),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
