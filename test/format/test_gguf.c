/* test_gguf.c -- GGUF: every kind of value and of tensor written and read again, and asked for as what
 * it is not. */
#include "format/gguf.h"
#include "format/gguf_file.h"
#include "format/gguf_write.h"
#include "support.h"

#include <math.h>

static char *folder, *path;

static int setup(void **state)
{
    (void)state;
    str s = {0};
    folder = scratch_new();
    str_fmt(&s, "%s/file.gguf", folder);
    path = s.p;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scratch_free(folder);
    free(path);
    return 0;
}

static tensor matrix(const char *name, dtype type, int64_t rows, int64_t cols, const void *data)
{
    return (tensor){.name = name, .type = type, .ndim = 2, .dim = {rows, cols, 1, 1}, .data = data,
                    .bytes = (size_t)rows * dtype_bytes(type, cols)};
}

static gguf *open_written(gguf_writer *w)
{
    gguf *g;
    err e = {0};
    check_ok(gguf_writer_save(w, path, &e), &e);
    check_ok(gguf_open(&g, path, &e), &e);
    gguf_writer_free(w);
    return g;
}

static const gguf_text words[] = {{"one", 3}, {"", 0}, {"\xc3\xa9\0z", 4}};

static gguf_writer *writer_of_all(void)
{
    static const float floats[] = {1.5f, -INFINITY, 0x1p-149f};
    static const int32_t ints[] = {-1, INT32_MAX, INT32_MIN, 0};
    gguf_writer *w = gguf_writer_new();
    gguf_put_u32(w, "u", UINT32_MAX);
    gguf_put_f32(w, "f", -0.1f);
    gguf_put_bool(w, "yes", true);
    gguf_put_bool(w, "no", false);
    gguf_put_string(w, "s", "a \"line\"\n");
    gguf_put_string(w, "empty", "");
    gguf_put_texts(w, "words", words, 3);
    gguf_put_floats(w, "floats", floats, 3);
    gguf_put_ints(w, "ints", ints, 4);
    gguf_put_ints(w, "none", NULL, 0);
    return w;
}

static void check_scalars(const gguf *g)
{
    err e = {0};
    assert_int_equal(gguf_version(g), 3);
    assert_int_equal(gguf_int(g, "u", 0, &e), UINT32_MAX);
    assert_true((float)gguf_num(g, "f", 0, &e) == -0.1f);
    assert_true(gguf_num(g, "u", 0, &e) == (double)UINT32_MAX);
    assert_true(gguf_flag(g, "yes", false, &e));
    assert_false(gguf_flag(g, "no", true, &e));
    gguf_text s = gguf_string(g, "s", &e);
    assert_int_equal(s.n, 9);
    assert_memory_equal(s.p, "a \"line\"\n", 9);
    assert_non_null(gguf_string(g, "empty", &e).p);
    assert_int_equal(gguf_string(g, "empty", &e).n, 0);
    assert_null(gguf_string(g, "absent", &e).p);
    assert_int_equal(gguf_int(g, "absent", 7, &e), 7);
    assert_true(gguf_num(g, "absent", 0.5, &e) == 0.5);
    assert_true(gguf_flag(g, "absent", true, &e));
    assert_true(gguf_has(g, "no") && !gguf_has(g, "n") && !gguf_has(g, "nob"));
    check_ok(OK, &e);
}

static void check_arrays(const gguf *g)
{
    err e = {0};
    gguf_text t[3];
    float f[3];
    int64_t i[4];
    assert_int_equal(gguf_array_count(g, "words"), 3);
    assert_int_equal(gguf_array_count(g, "none"), 0);
    assert_int_equal(gguf_array_count(g, "absent"), -1);
    assert_int_equal(gguf_array_count(g, "u"), -1);
    check_ok(gguf_array_texts(g, "words", t, 3, &e), &e);
    for (int k = 0; k < 3; k++) {
        assert_int_equal(t[k].n, words[k].n);
        assert_memory_equal(t[k].p, words[k].p, words[k].n);
    }
    check_ok(gguf_array_floats(g, "floats", f, 3, &e), &e);
    assert_true(f[0] == 1.5f && f[1] == -INFINITY && f[2] == 0x1p-149f);
    check_ok(gguf_array_ints(g, "ints", i, 4, &e), &e);
    assert_true(i[0] == -1 && i[1] == INT32_MAX && i[2] == INT32_MIN && i[3] == 0);
    check_ok(gguf_array_ints(g, "none", i, 0, &e), &e);
    assert_int_equal(gguf_array_ints(g, "ints", i, 3, &e), E_FORMAT);
    check_failed(&e, E_FORMAT, "key ints has 4 items, 3 are needed");
}

static void check_printed(const gguf *g, int64_t i, size_t limit, const char *want)
{
    str s = {0};
    gguf_key_print(g, i, limit, &s);
    assert_string_equal(str_c(&s), want);
    str_free(&s);
}

static void test_values(void **state)
{
    (void)state;
    gguf *g = open_written(writer_of_all());
    check_scalars(g);
    check_arrays(g);
    assert_int_equal(gguf_key_count(g), 10);
    gguf_key k = gguf_key_at(g, 6);
    assert_true(k.type == GGUF_ARRAY && k.item == GGUF_STRING && k.count == 3);
    assert_memory_equal(k.name.p, "words", 5);
    check_printed(g, 0, 9, "4294967295");
    check_printed(g, 1, 9, "-0.100000001");
    check_printed(g, 2, 9, "true");
    check_printed(g, 4, 99, "\"a \\\"line\\\"\\n\"");
    check_printed(g, 4, 2, "\"a ...\"");
    check_printed(g, 6, 2, "[\"on...\", \"\", ...]");
    check_printed(g, 6, 3, "[\"one\", \"\", \"\xc3\xa9\\x00...\"]");
    check_printed(g, 8, 9, "[-1, 2147483647, -2147483648, 0]");
    check_printed(g, 9, 9, "[]");
    gguf_close(g);
}

static void test_wrong_kinds(void **state)
{
    (void)state;
    gguf *g = open_written(writer_of_all());
    err e = {0};
    assert_int_equal(gguf_int(g, "f", 3, &e), 3);
    check_failed(&e, E_FORMAT, "key f has to be a whole number, it is of type f32");
    e = (err){0};
    assert_true(gguf_num(g, "s", 3, &e) == 3);
    check_failed(&e, E_FORMAT, "key s has to be a number, it is of type string");
    e = (err){0};
    assert_true(gguf_flag(g, "u", true, &e));
    check_failed(&e, E_FORMAT, "key u has to be true or false");
    e = (err){0};
    assert_null(gguf_string(g, "words", &e).p);
    check_failed(&e, E_FORMAT, "key words has to be a string, it is an array of string");
    e = (err){0};
    gguf_text t[4];
    assert_int_equal(gguf_array_texts(g, "ints", t, 4, &e), E_FORMAT);
    e = (err){0};
    assert_int_equal(gguf_array_texts(g, "absent", t, 4, &e), E_FORMAT);
    check_failed(&e, E_FORMAT, "key absent is missing");
    gguf_close(g);
}

/* Keys of the types the writer has no call for, from a file of the gguf package; and copied. */
static void test_other_types(void **state)
{
    (void)state;
    gguf *g, *copy;
    err e = {0};
    check_ok(gguf_open(&g, DATA "tiny.gguf", &e), &e);
    gguf_writer *w = gguf_writer_new();
    for (int64_t i = 0; i < gguf_key_count(g); i++) gguf_put_copy(w, g, i);
    for (int64_t i = 0; i < gguf_tensor_count(g); i++) gguf_put_tensor(w, gguf_tensor_at(g, i));
    copy = open_written(w);
    const gguf *both[] = {g, copy};
    for (int k = 0; k < 2; k++) {
        assert_int_equal(gguf_int(both[k], "test.negative", 0, &e), -5);
        assert_true(gguf_num(both[k], "test.double", 0, &e) == 0.1);
        int64_t items[3];
        check_ok(gguf_array_ints(both[k], "test.bytes", items, 3, &e), &e);
        assert_true(items[0] == 7 && items[1] == -8 && items[2] == 9);
    }
    assert_int_equal(gguf_key_count(copy), gguf_key_count(g));
    assert_int_equal(gguf_tensor_count(copy), gguf_tensor_count(g));
    for (int64_t i = 0; i < gguf_tensor_count(g); i++) {
        const tensor *a = gguf_tensor_at(g, i), *b = gguf_tensor_at(copy, i);
        assert_string_equal(a->name, b->name);
        assert_true(a->type == b->type && a->ndim == b->ndim && a->bytes == b->bytes);
        assert_memory_equal(a->dim, b->dim, sizeof a->dim);
        assert_memory_equal(a->data, b->data, a->bytes);
    }
    gguf_close(copy);
    gguf_close(g);
}

static void add_number(str *s, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) str_putc(s, (char)(v >> 8 * i & 0xff));
}

/* A file of one key, byte by byte. */
static gguf *open_key(str *s, const char *key, gguf_type type, uint64_t value, int bytes)
{
    gguf *g;
    err e = {0};
    str_clear(s);
    str_puts(s, "GGUF");
    add_number(s, 3, 4);
    add_number(s, 0, 8);
    add_number(s, 1, 8);
    add_number(s, strlen(key), 8);
    str_puts(s, key);
    add_number(s, type, 4);
    add_number(s, value, bytes);
    check_ok(gguf_parse(&g, (const uint8_t *)s->p, s->n, "bytes", &e), &e);
    return g;
}

/* The largest and the least of every integer type. */
static void test_integers(void **state)
{
    (void)state;
    static const struct {
        gguf_type type;
        int bytes;
        int64_t value;
    } cases[] = {{GGUF_U8, 1, UINT8_MAX},  {GGUF_U16, 2, UINT16_MAX}, {GGUF_U32, 4, UINT32_MAX},
                 {GGUF_U64, 8, INT64_MAX}, {GGUF_I8, 1, INT8_MIN},    {GGUF_I16, 2, INT16_MIN},
                 {GGUF_I32, 4, INT32_MIN}, {GGUF_I64, 8, INT64_MIN},  {GGUF_I8, 1, INT8_MAX},
                 {GGUF_I16, 2, INT16_MAX}, {GGUF_I32, 4, INT32_MAX},  {GGUF_I64, 8, INT64_MAX}};
    str s = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err e = {0};
        gguf *g = open_key(&s, "k", cases[i].type, (uint64_t)cases[i].value, cases[i].bytes);
        assert_true(gguf_int(g, "k", 0, &e) == cases[i].value);
        assert_true(gguf_num(g, "k", 0, &e) == (double)cases[i].value);
        check_ok(OK, &e);
        gguf_close(g);
    }
    err e = {0};
    gguf *g = open_key(&s, "k", GGUF_U64, (uint64_t)1 << 63, 8);
    assert_true(gguf_num(g, "k", 0, &e) == 0x1p63);
    check_ok(OK, &e);
    assert_int_equal(gguf_int(g, "k", 5, &e), 5);
    check_failed(&e, E_FORMAT, "key k is too large a number");
    gguf_close(g);
    str_free(&s);
}

/* The alignment of the file a key is copied from says nothing of the file that is written. */
static void test_alignment_is_not_copied(void **state)
{
    (void)state;
    static const float data[16];
    const tensor t[2] = {matrix("a", DT_F32, 2, 4, data), matrix("b", DT_F32, 2, 4, data)};
    str s = {0};
    gguf *g = open_key(&s, "general.alignment", GGUF_U32, 64, 4);
    gguf_writer *w = gguf_writer_new();
    gguf_put_copy(w, g, 0);
    gguf_put_tensor(w, &t[0]);
    gguf_put_tensor(w, &t[1]);
    gguf *copy = open_written(w);
    assert_int_equal(gguf_key_count(copy), 0);
    assert_int_equal(gguf_tensor_count(copy), 2);
    gguf_close(copy);
    gguf_close(g);
    str_free(&s);
}

/* A tensor of every type GGUF has, of odd sizes, comes back with its shape and bytes. */
static void test_tensors(void **state)
{
    (void)state;
    static uint8_t data[4096];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 7 + 1);
    gguf_writer *w = gguf_writer_new();
    tensor kept[DT_COUNT];
    int64_t n = 0;
    for (int t = 0; t < DT_COUNT; t++) {
        if (gguf_dtype_number((dtype)t) < 0) continue;
        kept[n] = matrix(dtype_name((dtype)t), (dtype)t, 3, dtype_table[t]->per_block, data);
        gguf_put_tensor(w, &kept[n++]);
    }
    assert_true(n >= 18);
    tensor cube = {
        .name = "cube", .type = DT_F32, .ndim = 3, .dim = {2, 3, 5, 1}, .data = data, .bytes = 120};
    tensor scalar = {
        .name = "scalar", .type = DT_F32, .ndim = 0, .dim = {1, 1, 1, 1}, .data = data, .bytes = 4};
    tensor empty = matrix("empty", DT_F32, 3, 0, data);
    gguf_put_tensor(w, &cube);
    gguf_put_tensor(w, &scalar);
    gguf_put_tensor(w, &empty);
    gguf *g = open_written(w);
    assert_int_equal(gguf_tensor_count(g), n + 3);
    for (int64_t i = 0; i < n; i++) {
        const tensor *t = gguf_tensor_at(g, i);
        assert_true(t->type == kept[i].type && t->ndim == 2 && t->dim[0] == 3 && t->bytes == kept[i].bytes);
        assert_memory_equal(t->data, data, t->bytes);
        assert_int_equal((uintptr_t)t->data % 32, 0);
        assert_ptr_equal(gguf_tensor_find(g, kept[i].name), t);
    }
    const tensor *t = gguf_tensor_find(g, "cube");
    assert_true(t->ndim == 3 && t->dim[0] == 2 && t->dim[1] == 3 && t->dim[2] == 5 && t->dim[3] == 1);
    assert_int_equal(gguf_tensor_find(g, "scalar")->ndim, 0);
    assert_int_equal(gguf_tensor_find(g, "empty")->bytes, 0);
    assert_null(gguf_tensor_find(g, "cub"));
    gguf_close(g);
}

static void test_writer_refuses(void **state)
{
    (void)state;
    static const float x[64];
    err e = {0};
    gguf_writer *w = gguf_writer_new();
    gguf_put_u32(w, "k", 1);
    gguf_put_f32(w, "k", 1);
    assert_int_equal(gguf_writer_save(w, path, &e), E_USAGE);
    check_failed(&e, E_USAGE, "key k is to be written twice");
    gguf_writer_free(w);
    w = gguf_writer_new();
    tensor t = matrix("t", DT_F32, 8, 8, x);
    gguf_put_tensor(w, &t);
    gguf_put_tensor(w, &t);
    e = (err){0};
    assert_int_equal(gguf_writer_save(w, path, &e), E_USAGE);
    check_failed(&e, E_USAGE, "tensor t is to be written twice");
    gguf_writer_free(w);
    w = gguf_writer_new();
    t = matrix("t", DT_NF4, 8, 8, x);
    gguf_put_tensor(w, &t);
    e = (err){0};
    assert_int_equal(gguf_writer_save(w, path, &e), E_UNSUPPORTED);
    check_failed(&e, E_UNSUPPORTED, "tensor t is nf4");
    gguf_writer_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),      cmocka_unit_test(test_wrong_kinds),
        cmocka_unit_test(test_other_types), cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_integers),    cmocka_unit_test(test_alignment_is_not_copied),
        cmocka_unit_test(test_writer_refuses),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
