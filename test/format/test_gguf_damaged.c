/* test_gguf_damaged.c -- GGUF files that are not what they claim to be: each rule of the layout broken
 * on purpose, then a good file cut at every byte and changed at every byte. The last two say only that
 * nothing is read that is not there; a sanitizer is the judge. */
#include "format/config.h"
#include "format/gguf.h"
#include "support.h"

/* A file put together by hand. */
static void add_number(str *s, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) str_putc(s, (char)(v >> 8 * i & 0xff));
}

static void add_text(str *s, const char *text)
{
    add_number(s, strlen(text), 8);
    str_add(s, text, strlen(text));
}

static void add_head(str *s, uint32_t version, uint64_t tensors, uint64_t keys)
{
    str_puts(s, "GGUF");
    add_number(s, version, 4);
    add_number(s, tensors, 8);
    add_number(s, keys, 8);
}

static void add_key(str *s, const char *key, uint32_t type)
{
    add_text(s, key);
    add_number(s, type, 4);
}

static void add_matrix(str *s, const char *name, uint64_t cols, uint64_t rows, uint32_t type, uint64_t offset)
{
    add_text(s, name);
    add_number(s, 2, 4);
    add_number(s, cols, 8);
    add_number(s, rows, 8);
    add_number(s, type, 4);
    add_number(s, offset, 8);
}

static void pad(str *s, size_t align, size_t data)
{
    while (s->n % align) str_putc(s, 0);
    for (size_t i = 0; i < data; i++) str_putc(s, 1);
}

/* Parses a copy of exactly n bytes and gives it back, so that reading past it is seen. */
static int parse(const char *bytes, size_t n, gguf **g, uint8_t **copy, err *e)
{
    *copy = xmalloc(n);
    if (n) memcpy(*copy, bytes, n);
    return gguf_parse(g, *copy, n, "file", e);
}

static void check_refused(str *s, int code, const char *text)
{
    gguf *g;
    uint8_t *copy;
    err e = {0};
    assert_int_equal(parse(s->p, s->n, &g, &copy, &e), code);
    assert_null(g);
    check_failed(&e, code, text);
    free(copy);
    str_free(s);
}

static void check_accepted(str *s)
{
    gguf *g;
    uint8_t *copy;
    err e = {0};
    check_ok(parse(s->p, s->n, &g, &copy, &e), &e);
    for (int64_t i = 0; i < gguf_tensor_count(g); i++) read_all(gguf_tensor_at(g, i));
    gguf_close(g);
    free(copy);
    str_free(s);
}

static void test_versions(void **state)
{
    (void)state;
    str s = {0};
    check_refused(&s, E_FORMAT, "not a GGUF file");
    str_puts(&s, "GGML\3\0\0\0");
    check_refused(&s, E_FORMAT, "not a GGUF file");
    add_head(&s, 2, 0, 0);
    check_accepted(&s);
    add_head(&s, 3, 0, 0);
    check_accepted(&s);
    add_head(&s, 1, 0, 0);
    check_refused(&s, E_UNSUPPORTED, "GGUF version 1");
    add_head(&s, 4, 0, 0);
    check_refused(&s, E_UNSUPPORTED, "GGUF version 4");
    add_head(&s, 0x03000000, 0, 0);
    check_refused(&s, E_UNSUPPORTED, "big-endian");
}

static void test_counts(void **state)
{
    (void)state;
    const uint64_t counts[] = {1,
                               1000,
                               (uint64_t)1 << 32,
                               (uint64_t)1 << 61, /* times 8, 4 or 2 these are 0 */
                               (uint64_t)1 << 62,
                               (uint64_t)1 << 63,
                               UINT64_MAX};
    for (int i = 0; i < 7; i++) {
        str s = {0};
        add_head(&s, 3, 0, counts[i]);
        check_refused(&s, E_FORMAT, "past the end");
        add_head(&s, 3, counts[i], 0);
        check_refused(&s, E_FORMAT, "past the end");
        for (uint32_t item = 0; item < 13; item++) { /* an array of that many items of each type */
            if (item == 9) continue;
            add_head(&s, 3, 0, 1);
            add_key(&s, "k", 9);
            add_number(&s, item, 4);
            add_number(&s, counts[i], 8);
            check_refused(&s, E_FORMAT, "past the end");
        }
        add_head(&s, 3, 0, 1); /* a string of that length */
        add_key(&s, "k", 8);
        add_number(&s, counts[i], 8);
        check_refused(&s, E_FORMAT, "past the end");
        add_head(&s, 3, 0, 1); /* a key's name */
        add_number(&s, counts[i] + 20, 8);
        pad(&s, 1, 6);
        check_refused(&s, E_FORMAT, "past the end");
    }
}

static void test_keys(void **state)
{
    (void)state;
    str s = {0};
    add_head(&s, 3, 0, 2);
    add_key(&s, "twice", 0);
    add_number(&s, 1, 1);
    add_key(&s, "twice", 4);
    add_number(&s, 1, 4);
    check_refused(&s, E_FORMAT, "key twice is there twice");
    add_head(&s, 3, 0, 1);
    add_key(&s, "k", 13);
    pad(&s, 1, 8);
    check_refused(&s, E_FORMAT, "key k is of type 13");
    add_head(&s, 3, 0, 1);
    add_key(&s, "k", 9);
    add_number(&s, 9, 4);
    pad(&s, 1, 20);
    check_refused(&s, E_UNSUPPORTED, "array of arrays");
    add_head(&s, 3, 0, 1);
    add_key(&s, "k", 7);
    add_number(&s, 2, 1);
    check_refused(&s, E_FORMAT, "key k is a truth value of 2");
    const char *const names[] = {"", "a\nb", "\x7f", "\x1b[2J"};
    for (int i = 0; i < 4; i++) {
        add_head(&s, 3, 0, 1);
        add_key(&s, names[i], 0);
        pad(&s, 1, 9);
        check_refused(&s, E_FORMAT, "no valid name");
    }
    add_head(&s, 3, 0, 1); /* a number that no int64 holds */
    add_key(&s, "general.alignment", 10);
    add_number(&s, UINT64_MAX, 8);
    check_refused(&s, E_FORMAT, "general.alignment is too large");
}

static void test_alignment(void **state)
{
    (void)state;
    const uint32_t bad[] = {0, 1, 4, 24, 33, 1u << 25, UINT32_MAX};
    str s = {0};
    for (int i = 0; i < 7; i++) {
        add_head(&s, 3, 0, 1);
        add_key(&s, "general.alignment", 4);
        add_number(&s, bad[i], 4);
        check_refused(&s, E_FORMAT, "general.alignment is");
    }
    for (uint32_t align = 8; align <= 4096; align *= 2) {
        add_head(&s, 3, 1, 1);
        add_key(&s, "general.alignment", 4);
        add_number(&s, align, 4);
        add_matrix(&s, "t", 2, 2, 0, align);
        pad(&s, align, align + 16);
        check_accepted(&s);
    }
    add_head(&s, 3, 1, 0);
    add_matrix(&s, "t", 2, 2, 0, 16);
    pad(&s, 32, 32);
    check_refused(&s, E_FORMAT, "tensor t does not begin at a multiple of 32");
}

static void test_tensors(void **state)
{
    (void)state;
    str s = {0};
    const uint64_t beyond[] = {32, 64, (uint64_t)1 << 40, UINT64_MAX - 31};
    for (int i = 0; i < 4; i++) { /* 16 bytes at an offset, of 32 there are */
        add_head(&s, 3, 1, 0);
        add_matrix(&s, "t", 2, 2, 0, beyond[i]);
        pad(&s, 32, 32);
        check_refused(&s, E_FORMAT, "tensor t runs past the end");
    }
    add_head(&s, 3, 1, 0);
    add_matrix(&s, "t", 4, 4, 0, UINT64_MAX - 31); /* offset and 64 bytes add up to 32 */
    pad(&s, 32, 64);
    check_refused(&s, E_FORMAT, "tensor t runs past the end");
    const uint64_t shapes[][2] = {{(uint64_t)1 << 32, (uint64_t)1 << 32}, {(uint64_t)1 << 63, 1},
                                  {UINT64_MAX, UINT64_MAX}, {(uint64_t)1 << 60, 0}, {0, (uint64_t)1 << 62}};
    for (int i = 0; i < 5; i++) {
        add_head(&s, 3, 1, 0);
        add_matrix(&s, "t", shapes[i][0], shapes[i][1], 0, 0);
        pad(&s, 32, 32);
        check_refused(&s, E_FORMAT, "the shape of tensor t overflows");
    }
    add_head(&s, 3, 1, 0);
    add_matrix(&s, "t", 3, 3, 0, 0); /* 36 bytes of 35 */
    pad(&s, 32, 35);
    check_refused(&s, E_FORMAT, "tensor t runs past the end");
    add_head(&s, 3, 1, 0);
    add_matrix(&s, "t", 33, 1, 8, 0);
    pad(&s, 32, 68);
    check_refused(&s, E_FORMAT, "rows of 33 elements are no whole blocks of q8_0");
    add_head(&s, 3, 2, 0);
    add_matrix(&s, "a", 8, 2, 0, 0);
    add_matrix(&s, "b", 8, 1, 0, 32);
    pad(&s, 32, 64);
    check_refused(&s, E_FORMAT, "tensors a and b overlap");
    add_head(&s, 3, 2, 0);
    add_matrix(&s, "a", 8, 1, 0, 0);
    add_matrix(&s, "a", 8, 1, 0, 32);
    pad(&s, 32, 64);
    check_refused(&s, E_FORMAT, "tensor a is there twice");
    add_head(&s, 3, 1, 0);
    add_text(&s, "t");
    add_number(&s, 5, 4);
    pad(&s, 32, 99);
    check_refused(&s, E_FORMAT, "tensor t has 5 dimensions");
}

static void test_types(void **state)
{
    (void)state;
    str s = {0};
    const struct {
        uint32_t    type;
        const char *text;
    } refused[] = {{23, "stored as IQ4_XS"}, {39, "stored as MXFP4"}, {9, "stored as Q8_1"},
                   {4, "type number 4"},     {42, "type number 42"},  {UINT32_MAX, "type number 4294967295"}};
    for (int i = 0; i < 6; i++) {
        add_head(&s, 3, 1, 0);
        add_matrix(&s, "t", 256, 1, refused[i].type, 0);
        pad(&s, 32, 512);
        check_refused(&s, E_UNSUPPORTED, refused[i].text);
    }
}

/* Everything a user of a file would do with it. */
static void use(const gguf *g)
{
    str s = {0};
    for (int64_t i = 0; i < gguf_key_count(g); i++) {
        str_clear(&s);
        gguf_key_print(g, i, 50, &s);
    }
    for (int64_t i = 0; i < gguf_tensor_count(g); i++) read_all(gguf_tensor_at(g, i));
    model_config c;
    err e = {0};
    if (config_from_gguf(&c, &(gguf_parts){(gguf *[]){(gguf *)(uintptr_t)g}, 1}, &e) != OK)
        assert_true(e.msg[0] && !strchr(e.msg, '\n'));
    str_free(&s);
}

static void try(const char *bytes, size_t n)
{
    gguf *g;
    uint8_t *copy;
    err e = {0};
    if (parse(bytes, n, &g, &copy, &e) == OK) use(g);
    else assert_true(e.code != OK && e.msg[0] && !strchr(e.msg, '\n'));
    gguf_close(g);
    free(copy);
}

static str good_file(void)
{
    str s = {0};
    err e = {0};
    check_ok(file_read(&s, DATA "tiny.gguf", 1 << 20, &e), &e);
    return s;
}

/* The header of the recorded file ends where its data begins. */
static size_t header_bytes(const str *s)
{
    gguf *g;
    err e = {0};
    check_ok(gguf_parse(&g, (const uint8_t *)s->p, s->n, "file", &e), &e);
    size_t n = s->n;
    for (int64_t i = 0; i < gguf_tensor_count(g); i++) {
        size_t at = (size_t)((const char *)gguf_tensor_at(g, i)->data - s->p);
        if (at < n) n = at;
    }
    gguf_close(g);
    return n;
}

static void test_cut(void **state)
{
    (void)state;
    str s = good_file();
    size_t head = header_bytes(&s);
    for (size_t n = 0; n < s.n; n += n < head ? 1 : 997) {
        gguf *g;
        uint8_t *copy;
        err e = {0};
        if (parse(s.p, n, &g, &copy, &e) == OK) fail_msg("a file cut at byte %zu was accepted", n);
        assert_true(e.code == E_FORMAT && e.msg[0]);
        free(copy);
    }
    str_free(&s);
}

static void test_changed_bytes(void **state)
{
    (void)state;
    str s = good_file();
    size_t head = header_bytes(&s);
    const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
    for (size_t at = 0; at < head; at++) {
        char was = s.p[at];
        for (int i = 0; i < 7; i++) {
            s.p[at] = i < 5 ? (char)values[i] : (char)(was + (i == 5 ? 1 : -1));
            try(s.p, s.n);
        }
        s.p[at] = was;
    }
    str_free(&s);
}

/* Every aligned and unaligned eight bytes taken for a length. */
static void test_changed_lengths(void **state)
{
    (void)state;
    str s = good_file();
    size_t head = header_bytes(&s);
    const uint64_t values[] = {0, s.n, (uint64_t)1 << 31, (uint64_t)1 << 62, UINT64_MAX};
    for (size_t at = 8; at + 8 <= head; at++) {
        char was[8];
        memcpy(was, s.p + at, 8);
        for (int i = 0; i < 5; i++) {
            memcpy(s.p + at, &values[i], 8);
            try(s.p, s.n);
        }
        memcpy(s.p + at, was, 8);
    }
    str_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),      cmocka_unit_test(test_counts),
        cmocka_unit_test(test_keys),          cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_tensors),       cmocka_unit_test(test_types),
        cmocka_unit_test(test_cut),           cmocka_unit_test(test_changed_bytes),
        cmocka_unit_test(test_changed_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
