/* test_torch.c -- files of torch.save(): what is in them, as zip archives and as older pickles; what calls
 * something or is damaged is refused, whatever byte is wrong (recorded by test/golden/torch_files.py). */
#include "folder.h"
#include "format/torch_file.h"
#include "format/torch_pickle.h"

#define TORCH DATA "torch/"

static const tensor *find(const torch_file *f, const char *name, dtype type, int64_t count)
{
    const tensor *t = torch_file_find(f, name);
    if (!t) fail_msg("no %s", name);
    assert_int_equal(t->type, type);
    assert_int_equal(tensor_count(t), count);
    return t;
}

static float at(const tensor *t, int64_t row, int64_t col)
{
    float x;
    tensor_decode(t, row, col, 1, &x);
    return x;
}

static void check_content(const char *path)
{
    torch_file *f;
    err e = {0};
    check_ok(torch_file_open(&f, path, &e), &e);
    assert_int_equal(torch_file_count(f), 8);
    const tensor *t = find(f, "f32", DT_F32, 12);
    assert_true(t->ndim == 2 && t->dim[0] == 3 && t->dim[1] == 4 && at(t, 2, 3) == 11);
    t = find(f, "view", DT_F32, 12);
    assert_true(t->dim[0] == 2 && at(t, 0, 0) == 12 && at(t, 1, 5) == 23);
    assert_true(at(find(f, "bf16", DT_BF16, 5), 0, 3) == 0.75f);
    assert_true(at(find(f, "f16", DT_F16, 6), 1, 2) == 3);
    assert_true(at(find(f, "parameter", DT_F32, 2), 0, 1) == -1.5f);
    assert_true(((const int64_t *)find(f, "i64", DT_I64, 3)->data)[2] == (int64_t)1 << 40);
    assert_int_equal(find(f, "empty", DT_F32, 0)->dim[1], 3);
    assert_int_equal(find(f, "scalar", DT_F32, 1)->ndim, 0);
    assert_true(*(const float *)find(f, "scalar", DT_F32, 1)->data == 2.25f);
    assert_null(torch_file_find(f, "other"));
    assert_string_equal(torch_file_at(f, 0)->name, "f32");
    torch_file_close(f);
}

static void test_content(void **state)
{
    (void)state;
    check_content(TORCH "zip.bin");
    check_content(TORCH "legacy.bin");
}

static void check_not(const char *path, int code, const char *text)
{
    torch_file *f;
    err e = {0};
    if (torch_file_open(&f, path, &e) == OK) fail_msg("%s was accepted", path);
    assert_null(f);
    check_failed(&e, code, text);
}

static void test_refused(void **state)
{
    (void)state;
    check_not(TORCH "hostile.bin", E_UNSUPPORTED, "posix.system, which is no part of a model's tensors");
    check_not(TORCH "transposed.bin", E_UNSUPPORTED, "tensor t is not stored in the order of its elements");
    check_not(TORCH "README.md", E_FORMAT, "not of torch.save()");
    check_not(TORCH "none.bin", E_IO, "none.bin");
}

/* A tensor that says it has more rows than its storage has. */
static void test_too_large(void **state)
{
    (void)state;
    str bytes = {0};
    err e = {0};
    torch_file *f;
    check_ok(file_read(&bytes, TORCH "zip.bin", 1 << 20, &e), &e);
    char *shape = memmem(bytes.p, bytes.n, "K\003K\004\206", 5); /* (3, 4) */
    assert_non_null(shape);
    shape[1] = 7;
    assert_int_equal(torch_file_parse(&f, (const uint8_t *)bytes.p, bytes.n, "x", &e), E_FORMAT);
    check_failed(&e, E_FORMAT, "the numbers of tensor f32 are not there");
    str_free(&bytes);
}

/* Each byte wrong in three ways, and every length: read, or refused in one line. */
static void damage(const char *path)
{
    str bytes = {0};
    err e = {0};
    check_ok(file_read(&bytes, path, 1 << 20, &e), &e);
    for (size_t i = 0; i < bytes.n; i++)
        for (int way = 0; way < 4; way++) {
            torch_file *f;
            err mine = {0};
            const size_t n = way == 3 ? i : bytes.n;
            uint8_t *again = xmalloc(n + 1); /* to the byte, so that reading past the end is seen */
            memcpy(again, bytes.p, n);
            if (way < 3) again[i] ^= (uint8_t)(way == 0 ? 0x01 : way == 1 ? 0x80 : 0xff);
            if (torch_file_parse(&f, again, n, "x", &mine) == OK) torch_file_close(f);
            else assert_true(mine.msg[0] && !strchr(mine.msg, '\n'));
            free(again);
        }
    str_free(&bytes);
}

static void test_damaged(void **state)
{
    (void)state;
    damage(TORCH "zip.bin");
    damage(TORCH "legacy.bin");
}

/* Pickles by hand. */
static void test_pickles(void **state)
{
    (void)state;
    static const struct {
        const char *pickle;
        size_t      n;
        int         code;
        const char *text;
    } bad[] = {
#define P(s, code, text) {"\x80\x02" s, sizeof("\x80\x02" s) - 1, code, text}
        P("}", E_FORMAT, "has no end"),
        P(".", E_FORMAT, "its stack"),
        P("}}.", E_FORMAT, "its stack"),
        P("cos\nsystem\n.", E_UNSUPPORTED, "os.system"),
        P("cbuiltins\neval\nX\x01\x00\x00\x00" "1\x85R.", E_UNSUPPORTED, "builtins.eval"),
        P("cos", E_FORMAT, "a name is cut off"),
        P("h\x00.", E_FORMAT, "its memo"),
        P("}q\x05.", E_FORMAT, "its memo"),
        P("u.", E_FORMAT, "its stack"),
        P("}(Nu.", E_FORMAT, "its stack"),
        P("NNs.", E_FORMAT, "its stack"),
        P("X\xff\xff\xff\xff" "a.", E_FORMAT, "a text"),
        P("N\x81.", E_UNSUPPORTED, "the opcode 0x81"),
        P("i", E_UNSUPPORTED, "the opcode 0x69"),
        P("N}b.", E_UNSUPPORTED, "the state of an object"),
        P("ccollections\nOrderedDict\nN\x85R.", E_UNSUPPORTED, "a call of an unusual kind"),
        P("N)R.", E_FORMAT, "a call"),
        P("]Q.", E_FORMAT, "a storage"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        arena mem = {0};
        pickle_value v;
        size_t used;
        err e = {0};
        if (pickle_load(&v, (const uint8_t *)bad[i].pickle, bad[i].n, &used, &mem, "x", &e) == OK)
            fail_msg("%d was accepted", (int)i);
        check_failed(&e, bad[i].code, bad[i].text);
        arena_free(&mem);
    }
}

/* A pickle of which much more could be made than it has bytes. */
static void test_long_pickle(void **state)
{
    (void)state;
    enum { TEXT = 17 << 20 };
    char *pickle = xmalloc(TEXT + 8);
    memset(pickle, 'a', TEXT + 8);
    memcpy(pickle, "\x80\x02X\x00\x00\x10\x01", 7);
    pickle[TEXT + 7] = '.';
    arena mem = {0};
    pickle_value v;
    size_t used;
    err e = {0};
    assert_true(pickle_load(&v, (uint8_t *)pickle, TEXT + 8, &used, &mem, "x", &e) != OK);
    check_failed(&e, E_FORMAT, "a text");
    arena_free(&mem);
    free(pickle);
}

/* A model in two such files, against the same in safetensors. */
static void test_model(void **state)
{
    (void)state;
    checkpoint *a, *b;
    err e = {0};
    check_ok(checkpoint_open(&a, TORCH "model", &e), &e);
    check_ok(checkpoint_open(&b, "test/data/model/tiny/llama-linear", &e), &e);
    assert_true(checkpoint_fingerprint(a) == checkpoint_fingerprint(b));
    checkpoint_close(a);
    checkpoint_close(b);
    static const char *const names[] = {"config.json", "pytorch_model.bin.index.json",
                                        "pytorch_model-00001-of-00002.bin"};
    for (int i = 0; i < 3; i++) scratch_copy(folder, TORCH "model", names[i]);
    check_refused(folder, E_IO, "pytorch_model-00002-of-00002.bin");
    scratch_copy(folder, TORCH "model", "pytorch_model-00001-of-00002.bin");
    scratch_text(folder, "pytorch_model.bin.index.json", "{\"weight_map\": {\"a\": \"../x.bin\"}}");
    check_refused(folder, E_FORMAT, "not a plain name");
    scratch_text(folder, "pytorch_model.bin.index.json",
                 "{\"weight_map\": {\"a\": \"pytorch_model-00001-of-00002.bin\"}}");
    check_refused(folder, E_FORMAT, "tensor a is in none of its files");
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_content), TEST(test_refused), TEST(test_too_large),
                                       TEST(test_damaged), TEST(test_pickles), TEST(test_long_pickle),
                                       TEST(test_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
