/* test_keep.c -- quantized weights kept on disk: the same bits as without, and never those of another content. */
#include "model/model.h"

#include "scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define MODEL "test/data/model/tiny-llama"

static model *opened_at(const char *path, const char *type, model_absmax absmax, model_keep *keep, pool *team)
{
    static const model_head none = {TASK_CAUSAL_LM, OBJECTIVE_CLASS, 0};
    err e = {0};
    model *m = NULL;
    if (model_open_keeping(&m, path, type, absmax, &none, keep, team, &e) != OK) fail_msg("%s", e.msg);
    return m;
}

static model *opened(const char *type, model_keep *keep)
{
    return opened_at(MODEL, type, MODEL_DOUBLE_QUANT, keep, NULL);
}

static bool same_tensor(const tensor *a, const tensor *b)
{
    tensor_array x[TENSOR_ARRAYS], y[TENSOR_ARRAYS];
    int n = tensor_arrays(a, x);
    bool same = !strcmp(a->name, b->name) && a->type == b->type && a->ndim == b->ndim &&
                !memcmp(a->dim, b->dim, sizeof a->dim) && a->pair_dim == b->pair_dim && tensor_arrays(b, y) == n;
    for (int i = 0; i < n && same; i++) same = x[i].bytes == y[i].bytes && !memcmp(x[i].p, y[i].p, x[i].bytes);
    if (!same || !a->q) return same && !b->q;
    return a->q->block == b->q->block && a->q->nested_block == b->q->nested_block &&
           !memcmp(a->q->map, b->q->map, sizeof a->q->map) &&
           !memcmp(a->q->nested_map, b->q->nested_map, sizeof a->q->nested_map);
}

static bool same_model(const model *a, const model *b)
{
    bool same = weights_count(a->weights) == weights_count(b->weights);
    for (int64_t i = 0; i < weights_count(a->weights) && same; i++)
        same = same_tensor(weights_at(a->weights, i), weights_at(b->weights, i));
    return same && model_bytes_owned(a) == model_bytes_owned(b) && model_bytes_mapped(a) == model_bytes_mapped(b);
}

/* Opens it twice, with and without, and wants the same; says whether it came from the disk. */
static bool from_disk(const char *path, const char *type, model_absmax absmax, model_keep *keep)
{
    model *plain = opened_at(path, type, absmax, NULL, NULL), *m = opened_at(path, type, absmax, keep, NULL);
    assert_true(same_model(plain, m));
    bool mapped = model_bytes_held(m) == 0;
    if (!mapped) assert_int_equal(model_bytes_held(m), model_bytes_owned(m));
    model_close(plain);
    model_close(m);
    return mapped;
}

/* How many files the folder holds, and the path of the last. */
static int files_in(const char *folder, char *path, size_t size)
{
    DIR *d = opendir(folder);
    int n = 0;
    for (const struct dirent *f; d && (f = readdir(d));)
        if (*f->d_name != '.') n++, path ? snprintf(path, size, "%s/%s", folder, f->d_name) : 0;
    if (d) closedir(d);
    return n;
}

static const struct {
    const char *type;
    model_absmax absmax;
} kinds[] = {{"nf4", MODEL_DOUBLE_QUANT}, {"nf4", MODEL_SINGLE_QUANT}, {"fp4", MODEL_DOUBLE_QUANT},
             {"int8", MODEL_SINGLE_QUANT}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void test_same_bits(void **state)
{
    (void)state;
    char *folder = scratch_new();
    model_keep keep = {.folder = folder, .most = 1 << 20};
    err e = {0};
    pool *team = pool_new(3, &e);
    for (int i = 0; i < KINDS; i++) {
        assert_false(from_disk(MODEL, kinds[i].type, kinds[i].absmax, &keep));
        assert_string_equal(keep.said, "");
        assert_int_equal(files_in(folder, NULL, 0), i + 1);
        assert_true(from_disk(MODEL, kinds[i].type, kinds[i].absmax, &keep));
        assert_string_equal(keep.said, "");
        model *m = opened_at(MODEL, kinds[i].type, kinds[i].absmax, &keep, team);
        assert_int_equal(model_bytes_held(m), 0);
        model_close(m);
        assert_int_equal(files_in(folder, NULL, 0), i + 1);
    }
    assert_false(from_disk(MODEL, "bf16", MODEL_DOUBLE_QUANT, &keep)); /* converted as fast as it is read */
    assert_int_equal(files_in(folder, NULL, 0), KINDS);
    keep.least = 1 << 20;
    assert_false(from_disk(MODEL, "nf4", MODEL_DOUBLE_QUANT, &keep)); /* too small to be looked for */
    pool_free(team);
    scratch_free(folder);
}

static void copy(const char *from, const char *to)
{
    str text = {0};
    err e = {0};
    assert_int_equal(file_read(&text, from, 1 << 24, &e), OK);
    assert_int_equal(file_write(to, text.p, text.n, &e), OK);
    str_free(&text);
}

static void flip(const char *path, off_t at)
{
    int fd = open(path, O_RDWR);
    char c;
    assert_int_equal(pread(fd, &c, 1, at), 1);
    c ^= 1;
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
}

/* The model file changes in place, its size and time stay: other weights. */
static void test_changed_model(void **state)
{
    (void)state;
    char *folder = scratch_new(), *other = scratch_new(), path[512];
    model_keep keep = {.folder = folder, .most = 1 << 20};
    snprintf(path, sizeof path, "%s/config.json", other);
    copy(MODEL "/config.json", path);
    snprintf(path, sizeof path, "%s/model.safetensors", other);
    copy(MODEL "/model.safetensors", path);
    assert_false(from_disk(MODEL, "nf4", MODEL_DOUBLE_QUANT, &keep));
    assert_true(from_disk(other, "nf4", MODEL_DOUBLE_QUANT, &keep)); /* the same content under another name */
    model *m = opened_at(other, "as-is", MODEL_DOUBLE_QUANT, NULL, NULL);
    const tensor *t = weights_find(m->weights, "model.layers.1.mlp.down_proj.weight");
    str bytes = {0};
    err e = {0};
    assert_int_equal(file_read(&bytes, path, 1 << 24, &e), OK);
    const char *at = memmem(bytes.p, bytes.n, t->data, t->bytes);
    off_t last = at - bytes.p + (off_t)t->bytes - 1, middle = last - (off_t)t->bytes / 2;
    str_free(&bytes);
    model_close(m);
    struct stat st;
    stat(path, &st);
    const off_t places[] = {last, middle};
    for (int i = 0; i < 2; i++) {
        flip(path, places[i]);
        utimensat(AT_FDCWD, path, (struct timespec[]){st.st_atim, st.st_mtim}, 0);
        assert_false(from_disk(other, "nf4", MODEL_DOUBLE_QUANT, &keep));
        assert_string_equal(keep.said, "");
        assert_int_equal(files_in(folder, NULL, 0), 2 + i);
        assert_true(from_disk(other, "nf4", MODEL_DOUBLE_QUANT, &keep));
    }
    scratch_free(folder);
    scratch_free(other);
}

/* Every byte of the head, and of every array, is looked at. */
static void test_damaged(void **state)
{
    (void)state;
    char *folder = scratch_new(), path[512];
    model_keep keep = {.folder = folder, .most = 1 << 20};
    assert_false(from_disk(MODEL, "nf4", MODEL_DOUBLE_QUANT, &keep));
    assert_int_equal(files_in(folder, path, sizeof path), 1);
    struct stat st;
    stat(path, &st);
    /* q of layer 0, (32, 32): 512 bytes of data, 16 codes, one nested scale, the offset, each padded to 64 */
    const off_t places[] = {0, 7, 8, 15, 16, 23, 24, 31, 40, 63, 64, 575, 576, 591, 640, 704};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        flip(path, places[i]);
        if (from_disk(MODEL, "nf4", MODEL_DOUBLE_QUANT, &keep)) fail_msg("byte %d is not looked at", (int)places[i]);
        assert_non_null(strstr(keep.said, "is damaged; it is made again"));
        assert_true(from_disk(MODEL, "nf4", MODEL_DOUBLE_QUANT, &keep));
        assert_string_equal(keep.said, "");
    }
    const off_t sizes[] = {0, 1, 63, 64, 65, st.st_size - 64, st.st_size - 1, st.st_size + 1, st.st_size + 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(truncate(path, sizes[i]), 0);
        assert_false(from_disk(MODEL, "nf4", MODEL_DOUBLE_QUANT, &keep));
        assert_non_null(strstr(keep.said, "is damaged"));
        assert_true(from_disk(MODEL, "nf4", MODEL_DOUBLE_QUANT, &keep));
    }
    unlink(path);
    mkdir(path, 0700); /* a folder of that name stays, and the weights are not kept */
    assert_false(from_disk(MODEL, "nf4", MODEL_DOUBLE_QUANT, &keep));
    assert_non_null(strstr(keep.said, "are not kept for the next time"));
    unlink(path);
    rmdir(path);
    mkfifo(path, 0600);
    assert_false(from_disk(MODEL, "nf4", MODEL_DOUBLE_QUANT, &keep));
    assert_true(from_disk(MODEL, "nf4", MODEL_DOUBLE_QUANT, &keep));
    assert_int_equal(files_in(folder, NULL, 0), 1);
    scratch_free(folder);
}

/* What keeps a file from being written is told, and no failure. */
static void test_cannot_write(void **state)
{
    (void)state;
    char *folder = scratch_new(), below[512];
    err e = {0};
    snprintf(below, sizeof below, "%s/file", folder);
    file_write(below, "x", 1, &e);
    strcat(below, "/kept");
    model_keep keep = {.folder = below, .most = 1 << 20};
    assert_false(from_disk(MODEL, "nf4", MODEL_DOUBLE_QUANT, &keep));
    assert_non_null(strstr(keep.said, "are not kept for the next time"));
    assert_non_null(strstr(keep.said, "--cache_dir"));

    snprintf(below, sizeof below, "%s/full", folder);
    struct rlimit old, small = {4096, RLIM_INFINITY};
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    bool mapped = from_disk(MODEL, "nf4", MODEL_DOUBLE_QUANT, &keep);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_false(mapped);
    assert_non_null(strstr(keep.said, "File too large"));
    assert_int_equal(files_in(below, NULL, 0), 0); /* nor is anything left of it */
    scratch_free(folder);
}

static void set_age(const char *path, time_t seconds)
{
    struct timespec t = {time(NULL) - seconds, 0};
    assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[]){t, t}, 0), 0);
}

/* The oldest go; reading makes young again; what is not of this kind stays; what a kill left goes in its turn. */
static void test_limit(void **state)
{
    (void)state;
    char *folder = scratch_new(), path[512], stranger[512], left[512], nf4[512];
    err e = {0};
    model_keep keep = {.folder = folder, .most = 100};
    assert_false(from_disk(MODEL, "nf4", MODEL_DOUBLE_QUANT, &keep));
    assert_non_null(strstr(keep.said, "more than --cache_limit"));
    assert_int_equal(files_in(folder, NULL, 0), 0);

    keep.most = 1 << 20;
    assert_false(from_disk(MODEL, "nf4", MODEL_DOUBLE_QUANT, &keep));
    files_in(folder, nf4, sizeof nf4);
    struct stat st;
    stat(nf4, &st);
    snprintf(stranger, sizeof stranger, "%s/model.gguf", folder);
    file_write(stranger, "x", 1, &e);
    snprintf(left, sizeof left, "%s/unfinished-abcdef", folder);
    file_write(left, "half", 4, &e);
    snprintf(path, sizeof path, "%s/old.weights", folder);
    file_write(path, "old", 3, &e);
    set_age(stranger, 9000);
    set_age(nf4, 4000);
    set_age(left, 3000);
    set_age(path, 2000);
    assert_true(from_disk(MODEL, "nf4", MODEL_DOUBLE_QUANT, &keep)); /* now the youngest */
    keep.most = 2 * st.st_size + 4; /* nf4 and fp4 are as large; room for one of the small ones, the younger */
    assert_false(from_disk(MODEL, "fp4", MODEL_DOUBLE_QUANT, &keep));
    assert_string_equal(keep.said, "");
    assert_false(file_exists(left));
    assert_true(file_exists(path));
    assert_true(file_exists(stranger));
    assert_true(file_exists(nf4));
    set_age(nf4, 5000);
    keep.most = 2 * st.st_size + 3;
    unlink(path);
    assert_false(from_disk(MODEL, "nf4", MODEL_SINGLE_QUANT, &keep)); /* larger than either */
    assert_false(file_exists(nf4));
    assert_true(file_exists(stranger));
    scratch_free(folder);
}

/* Several processes write and read the same at once. */
static void test_together(void **state)
{
    (void)state;
    enum { CHILDREN = 6 };
    char *folder = scratch_new();
    pid_t child[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        child[i] = fork();
        if (child[i]) continue;
        model_keep keep = {.folder = folder, .most = 1 << 20};
        int wrong = 0;
        for (int round = 0; round < 20; round++) {
            model *plain = opened("nf4", NULL), *m = opened("nf4", &keep);
            wrong += !same_model(plain, m) || *keep.said;
            model_close(plain);
            model_close(m);
        }
        _exit(wrong > 0);
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        waitpid(child[i], &status, 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_int_equal(files_in(folder, NULL, 0), 1);
    scratch_free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),     cmocka_unit_test(test_changed_model),
        cmocka_unit_test(test_damaged),       cmocka_unit_test(test_cannot_write),
        cmocka_unit_test(test_limit),         cmocka_unit_test(test_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
