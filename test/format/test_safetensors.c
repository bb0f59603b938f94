/* test_safetensors.c -- safetensors: written and read again; each rule of the format broken on purpose;
 * good files cut and changed at every byte of the header. */
#include "format/safetensors.h"
#include "support.h"

/* A file of that header and `data` bytes of data, parsed from memory of exactly its size. */
typedef struct file {
    str          s;
    uint8_t     *copy;
    safetensors *open;
} file;

static int parse_bytes(file *f, err *e)
{
    f->copy = xmalloc(f->s.n);
    if (f->s.n) memcpy(f->copy, f->s.p, f->s.n);
    return safetensors_parse(&f->open, f->copy, f->s.n, "file", e);
}

static void release(file *f)
{
    safetensors_close(f->open);
    free(f->copy);
    str_free(&f->s);
}

static void make(file *f, const char *header, size_t header_bytes, uint64_t claimed, size_t data)
{
    *f = (file){0};
    for (int i = 0; i < 8; i++) str_putc(&f->s, (char)(claimed >> 8 * i & 0xff));
    str_add(&f->s, header, header_bytes);
    for (size_t i = 0; i < data; i++) str_putc(&f->s, (char)(i + 1));
}

static void check_refused(const char *header, size_t data, int code, const char *text)
{
    file f;
    err e = {0};
    make(&f, header, strlen(header), strlen(header), data);
    assert_int_equal(parse_bytes(&f, &e), code);
    assert_null(f.open);
    check_failed(&e, code, text);
    release(&f);
}

static void accept(file *f, const char *header, size_t data)
{
    err e = {0};
    make(f, header, strlen(header), strlen(header), data);
    check_ok(parse_bytes(f, &e), &e);
    for (int64_t i = 0; i < safetensors_count(f->open); i++) read_all(safetensors_at(f->open, i));
}

static void test_good(void **state)
{
    (void)state;
    file f;
    accept(&f, "{}", 0);
    assert_int_equal(safetensors_count(f.open), 0);
    release(&f);
    accept(&f, "{\"__metadata__\":{\"format\":\"pt\",\"k\":\"\\u00e9\"}}     ", 0);
    assert_string_equal(safetensors_metadata(f.open, "k"), "\xc3\xa9");
    assert_null(safetensors_metadata(f.open, "absent"));
    assert_int_equal(safetensors_metadata_count(f.open), 2);
    release(&f);
    accept(&f, /* not in the order of the data; a scalar, an empty one, five dimensions */
           "{\"b\":{\"dtype\":\"U8\",\"shape\":[1,2,1,1,3],\"data_offsets\":[4,10]},"
           "\"e\":{\"dtype\":\"F64\",\"shape\":[0,7],\"data_offsets\":[4,4]},"
           "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 10);
    assert_string_equal(safetensors_at(f.open, 0)->name, "a");
    const tensor *b = safetensors_find(f.open, "b");
    assert_true(b->type == DT_U8 && b->ndim == 5 && b->dim[1] == 2 && b->dim[4] == 3 && b->bytes == 6);
    assert_int_equal(((const uint8_t *)b->data)[0], 5);
    assert_int_equal(safetensors_find(f.open, "a")->ndim, 0);
    assert_int_equal(safetensors_find(f.open, "e")->bytes, 0);
    assert_null(safetensors_find(f.open, "c"));
    release(&f);
}

/* Headers of every length: the data begins anywhere, and values are read right all the same. */
static void test_not_aligned(void **state)
{
    (void)state;
    for (int spaces = 0; spaces < 9; spaces++) {
        file f;
        str header = {0};
        str_puts(&header, "{\"x\":{\"dtype\":\"I16\",\"shape\":[2],\"data_offsets\":[0,4]},"
                          "\"y\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}");
        for (int i = 0; i < spaces; i++) str_putc(&header, ' ');
        accept(&f, header.p, 8);
        const tensor *y = safetensors_find(f.open, "y");
        assert_int_equal((uintptr_t)y->data % 4, 0);
        assert_memory_equal(y->data, "\5\6\7\10", 4);
        assert_int_equal(*(const int16_t *)safetensors_find(f.open, "x")->data, 0x0201);
        release(&f);
        str_free(&header);
    }
}

#define T(NAME, TYPE, SHAPE, OFFSETS)                                                                        \
    "\"" NAME "\":{\"dtype\":\"" TYPE "\",\"shape\":" SHAPE ",\"data_offsets\":" OFFSETS "}"

static void test_rules(void **state)
{
    (void)state;
    const struct {
        const char *header;
        size_t      data;
        const char *text;
    } bad[] = {
        {" {}", 0, "header is not JSON"},
        {"[]", 0, "header is not JSON"},
        {"{", 0, "not valid JSON"},
        {"{}x", 0, "not valid JSON"},
        {"{\"\xff\":{}}", 0, "not valid JSON"},
        {"{" T("a", "U8", "[1]", "[0,1]") "," T("a", "U8", "[1]", "[1,2]") "}", 2, "not valid JSON"},
        {"{\"a\":1}", 0, "tensor a has no dtype"},
        {"{\"a\":{\"dtype\":1}}", 0, "tensor a has no dtype"},
        {"{\"a\":{\"dtype\":\"U8\"}}", 0, "tensor a has no shape"},
        {"{" T("a", "U8", "[-1]", "[0,1]") "}", 1, "tensor a has a bad shape"},
        {"{" T("a", "U8", "[1.0]", "[0,1]") "}", 1, "tensor a has a bad shape"},
        {"{" T("a", "U8", "[\"1\"]", "[0,1]") "}", 1, "tensor a has a bad shape"},
        {"{" T("a", "U8", "[4294967296,4294967296]", "[0,0]") "}", 0, "shape of tensor a overflows"},
        {"{" T("a", "F64", "[2305843009213693952]", "[0,0]") "}", 0, "shape of tensor a overflows"},
        {"{" T("a", "U8", "[4294967296,4294967296,0]", "[0,0]") "}", 0, "shape of tensor a overflows"},
        {"{" T("a", "U8", "[99999999999999999999]", "[0,0]") "}", 0, "not valid JSON"},
        {"{" T("a", "U8", "[1]", "[0]") "}", 1, "no valid data_offsets"},
        {"{" T("a", "U8", "[1]", "[0,1,1]") "}", 1, "no valid data_offsets"},
        {"{" T("a", "U8", "[1]", "[1,0]") "}", 1, "no valid data_offsets"},
        {"{" T("a", "U8", "[1]", "[-1,0]") "}", 1, "no valid data_offsets"},
        {"{" T("a", "U8", "[1]", "{}") "}", 1, "no valid data_offsets"},
        {"{" T("a", "U8", "[2]", "[0,2]") "}", 1, "tensor a runs past the end"},
        {"{" T("a", "U8", "[1]", "[0,9223372036854775807]") "}", 1, "tensor a runs past the end"},
        {"{" T("a", "F32", "[1]", "[0,3]") "}", 3, "takes 4 bytes by its shape and 3 by its offsets"},
        {"{" T("a", "U8", "[1]", "[0,2]") "}", 2, "takes 1 bytes by its shape and 2 by its offsets"},
        {"{" T("a", "U8", "[1]", "[1,2]") "}", 2, "tensor a leaves a hole"},
        {"{" T("a", "U8", "[1]", "[0,1]") "," T("b", "U8", "[1]", "[2,3]") "}", 3, "tensor b leaves a hole"},
        {"{" T("a", "U8", "[2]", "[0,2]") "," T("b", "U8", "[2]", "[1,3]") "}", 3, "tensor b overlaps"},
        {"{" T("a", "U8", "[1]", "[0,1]") "}", 2, "1 bytes after its last tensor"},
        {"{}", 1, "1 bytes after its last tensor"},
        {"{" T("", "U8", "[1]", "[0,1]") "}", 1, "no valid name"},
        {"{" T("a\\u001b[2J", "U8", "[1]", "[0,1]") "}", 1, "no valid name"},
        {"{\"__metadata__\":[]}", 0, "__metadata__ is no object"},
        {"{\"__metadata__\":{\"k\":1}}", 0, "\"k\" is no string"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_refused(bad[i].header, bad[i].data, E_FORMAT, bad[i].text);
    check_refused("{" T("a", "F8_E4M3", "[1]", "[0,1]") "}", 1, E_UNSUPPORTED, "stored as F8_E4M3");
    check_refused("{" T("a", "U8", "[1,1,1,1,1,1]", "[0,1]") "}", 1, E_UNSUPPORTED, "6 dimensions");
}

static void test_header_size(void **state)
{
    (void)state;
    const uint64_t claimed[] = {0, 1, 3, 1000, 100000001, (uint64_t)1 << 63, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof claimed / sizeof *claimed; i++) {
        file f;
        err e = {0};
        make(&f, "{}", 2, claimed[i], 0);
        assert_int_equal(parse_bytes(&f, &e), E_FORMAT);
        if (claimed[i] > 2) check_failed(&e, E_FORMAT, "or is cut short");
        assert_true(e.msg[0] != 0);
        release(&f);
    }
    for (size_t n = 0; n < 8; n++) {
        file f = {0};
        err e = {0};
        str_add(&f.s, "\2\0\0\0\0\0\0\0", n);
        assert_int_equal(parse_bytes(&f, &e), E_FORMAT);
        check_failed(&e, E_FORMAT, "too short");
        release(&f);
    }
}

static void test_cut_and_changed(void **state)
{
    (void)state;
    const char *const names[] = {DATA "nf4/model.safetensors", DATA "adapter/adapter_model.safetensors"};
    for (int k = 0; k < 2; k++) {
        str s = {0};
        err e = {0};
        check_ok(file_read(&s, names[k], 1 << 20, &e), &e);
        size_t head = 8 + (uint8_t)s.p[0] + 256 * (size_t)(uint8_t)s.p[1];
        for (size_t n = 0; n < s.n; n += n < head ? 1 + (n > 300) * 6 : 1009) {
            file f = {0};
            str_add(&f.s, s.p, n);
            e = (err){0};
            if (parse_bytes(&f, &e) == OK) fail_msg("a file cut at byte %zu was accepted", n);
            release(&f);
        }
        for (size_t at = 0; at < head; at += 1 + (at > 700) * 4) {
            static const char values[] = {0, ' ', '"', '9', '}', '-', (char)0xff};
            char was = s.p[at];
            for (size_t i = 0; i < sizeof values; i++) {
                file f = {0};
                s.p[at] = values[i];
                str_add(&f.s, s.p, s.n);
                e = (err){0};
                if (parse_bytes(&f, &e) == OK)
                    for (int64_t t = 0; t < safetensors_count(f.open); t++)
                        read_all(safetensors_at(f.open, t));
                release(&f);
            }
            s.p[at] = was;
        }
        str_free(&s);
    }
}

/* Every type, in the order the format's own writer would choose; metadata; the data aligned. */
static void test_written(void **state)
{
    (void)state;
    static const dtype types[] = {DT_U8,  DT_F32, DT_BOOL, DT_I64, DT_BF16,
                                  DT_F64, DT_I16, DT_I8,   DT_F16, DT_I32};
    enum { TYPES = sizeof types / sizeof *types };
    static double data[64];
    for (int i = 0; i < 64; i++) data[i] = i + 0.25;
    char *folder = scratch_new();
    arena mem = {0};
    err e = {0};
    tensor t[TYPES];
    for (int i = 0; i < TYPES; i++)
        t[i] = (tensor){.name = dtype_name(types[i]),
                        .type = types[i],
                        .ndim = 2,
                        .dim = {3, 1 + i % 3, 1, 1},
                        .data = data,
                        .bytes = (size_t)(3 * (1 + i % 3)) * dtype_bytes(types[i], 1)};
    const safetensors_pair pairs[] = {{"base", "a \"b\""}, {"empty", ""}};
    const char *path = arena_fmt(&mem, "%s/f", folder);
    check_ok(safetensors_write(path, t, TYPES, pairs, 2, &e), &e);
    safetensors *s;
    check_ok(safetensors_open(&s, path, &e), &e);
    assert_string_equal(safetensors_path(s), path);
    assert_string_equal(safetensors_metadata(s, "format"), "pt");
    assert_string_equal(safetensors_metadata(s, "base"), "a \"b\"");
    assert_string_equal(safetensors_metadata(s, "empty"), "");
    assert_int_equal(safetensors_count(s), TYPES);
    for (int i = 0; i < TYPES; i++) {
        const tensor *r = safetensors_find(s, t[i].name);
        assert_true(r && r->type == t[i].type && r->bytes == t[i].bytes && r->dim[1] == t[i].dim[1]);
        assert_memory_equal(r->data, t[i].data, r->bytes);
        assert_int_equal((uintptr_t)r->data % dtype_bytes(r->type, 1), 0);
        const tensor *before = i ? safetensors_at(s, i - 1) : NULL, *here = safetensors_at(s, i);
        if (!before) continue;
        size_t x = dtype_bytes(before->type, 1), y = dtype_bytes(here->type, 1);
        assert_true(x > y || (x == y && strcmp(before->name, here->name) < 0));
    }
    safetensors_close(s);
    arena_free(&mem);
    scratch_free(folder);
}

/* The header's length is a multiple of 8, whatever is in it, so that the data begins aligned. */
static void test_header_padded(void **state)
{
    (void)state;
    static const double data[1];
    char *folder = scratch_new();
    arena mem = {0};
    err e = {0};
    const char *path = arena_fmt(&mem, "%s/f", folder);
    for (int n = 1; n <= 8; n++) {
        str text = {0};
        const tensor t = {.name = arena_fmt(&mem, "%.*s", n, "aaaaaaaa"), .type = DT_F64, .ndim = 0,
                          .dim = {1, 1, 1, 1}, .data = data, .bytes = sizeof data};
        check_ok(safetensors_write(path, &t, 1, NULL, 0, &e), &e);
        check_ok(file_read(&text, path, 1 << 16, &e), &e);
        assert_int_equal((uint8_t)text.p[0] % 8, 0);
        assert_int_equal(text.n, 8 + (uint8_t)text.p[0] + sizeof data);
        str_free(&text);
    }
    arena_free(&mem);
    scratch_free(folder);
}

/* Rows that a GGUF file keeps in pairs are written in the order of Hugging Face. */
static void test_pairs_undone(void **state)
{
    (void)state;
    float x[8][3];
    for (int r = 0; r < 8; r++)
        for (int i = 0; i < 3; i++) x[r][i] = (float)(10 * r + i);
    tensor t = {.name = "q", .type = DT_F32, .ndim = 2, .dim = {8, 3, 1, 1}, .pair_dim = 4, .data = x,
                .bytes = sizeof x};
    char *folder = scratch_new();
    arena mem = {0};
    err e = {0};
    const char *path = arena_fmt(&mem, "%s/f", folder);
    check_ok(safetensors_write(path, &t, 1, NULL, 0, &e), &e);
    safetensors *s;
    check_ok(safetensors_open(&s, path, &e), &e);
    const float *y = safetensors_at(s, 0)->data;
    static const int from[] = {0, 2, 1, 3, 4, 6, 5, 7};
    for (int r = 0; r < 8; r++) assert_true(y[3 * r + 1] == (float)(10 * from[r] + 1));
    safetensors_close(s);
    arena_free(&mem);
    scratch_free(folder);
}

static void test_writer_refuses(void **state)
{
    (void)state;
    static const float x[32];
    char *folder = scratch_new();
    arena mem = {0};
    const char *path = arena_fmt(&mem, "%s/f", folder);
    tensor t[2] = {{.name = "a", .type = DT_F32, .ndim = 1, .dim = {8, 1, 1, 1}, .data = x, .bytes = 32}};
    t[1] = t[0];
    err e = {0};
    assert_int_equal(safetensors_write(path, t, 2, NULL, 0, &e), E_USAGE);
    check_failed(&e, E_USAGE, "tensor a is to be written twice");
    t[0].type = DT_Q8_0;
    e = (err){0};
    assert_int_equal(safetensors_write(path, t, 1, NULL, 0, &e), E_UNSUPPORTED);
    check_failed(&e, E_UNSUPPORTED, "tensor a is q8_0");
    t[0].type = DT_F32;
    t[0].name = "\xff";
    e = (err){0};
    assert_int_equal(safetensors_write(path, t, 1, NULL, 0, &e), E_FORMAT);
    check_failed(&e, E_FORMAT, "not UTF-8");
    t[0].name = "a";
    e = (err){0};
    assert_int_equal(safetensors_write(arena_fmt(&mem, "%s/no/f", folder), t, 1, NULL, 0, &e), E_IO);
    assert_false(file_exists(path));
    arena_free(&mem);
    scratch_free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),        cmocka_unit_test(test_not_aligned),
        cmocka_unit_test(test_rules),       cmocka_unit_test(test_header_size),
        cmocka_unit_test(test_written),     cmocka_unit_test(test_header_padded),
        cmocka_unit_test(test_pairs_undone), cmocka_unit_test(test_cut_and_changed),
        cmocka_unit_test(test_writer_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
