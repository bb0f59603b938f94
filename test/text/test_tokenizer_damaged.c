/* test_tokenizer_damaged.c -- tokenizer files that are damaged or mean harm: character maps whose trie leads into
 * characters, pieces of any length, SentencePiece files without the pieces that a family has. */
#include "scratch.h"
#include "tokenizer_support.h"

#include "text/charsmap.h"
#include "text/tokenizer_folder.h"
#include "text/trie.h"
#include "text/unicode.h"
#include "text/unicode_class.h"

#include <time.h>
#include <utf8proc.h>

/* ---- character maps ---- */

enum { UNITS = 0x400 };

typedef struct made_map {
    uint32_t bytes, unit[UNITS];
    char result[8];
} made_map;

/* A unit for byte c under the node at `at`, whose own children are under `to`. */
static void put_unit(made_map *m, uint32_t at, unsigned char c, uint32_t to, uint32_t has_value)
{
    m->unit[at ^ c] = (at ^ c ^ to) << 10 | has_value << 8 | c;
}

static int open_map(charsmap *out, made_map *m, err *e)
{
    m->bytes = sizeof m->unit;
    return charsmap_init(out, (const char *)m, sizeof *m, "map", e);
}

/* "a" becomes what begins at `value` of result; the same for the first two bytes of U+2581. */
static made_map map_to(const char *result, uint32_t value)
{
    made_map m = {0};
    put_unit(&m, 0, 'a', 0x100, 1);
    put_unit(&m, 0, 0xe2, 0x200, 0);
    put_unit(&m, 0x200, 0x96, 0x300, 1);
    m.unit[0x100] = m.unit[0x300] = value;
    snprintf(m.result, sizeof m.result, "%s", result);
    return m;
}

static void whole_characters(void **state)
{
    (void)state;
    charsmap map;
    err e = {0};
    const char *result = "";
    made_map good = map_to("\xc3\xa9", 0), within = map_to("\xc3\xa9", 1), broken = map_to("\xf0", 0);
    assert_int_equal(open_map(&map, &good, &e), OK);
    assert_int_equal(charsmap_longest(&map, "ab", 2, &result), 1);
    assert_string_equal(result, "\xc3\xa9");
    assert_int_equal(charsmap_longest(&map, "\xe2\x96\x81", 3, &result), 0);
    charsmap_free(&map);
    assert_int_equal(open_map(&map, &within, &e), OK);
    assert_int_equal(charsmap_longest(&map, "ab", 2, &result), 0);
    charsmap_free(&map);
    assert_int_equal(open_map(&map, &broken, &e), E_FORMAT);
    assert_non_null(strstr(e.msg, "UTF-8"));
    charsmap_free(&map);
}

/* ---- tries ---- */

static void long_keys(void **state)
{
    (void)state;
    enum { LENGTH = 1 << 20 };
    char *text = xmalloc(LENGTH);
    memset(text, 'x', LENGTH);
    const span key[] = {{text, LENGTH}, {text, 2}, {text, LENGTH - 1}};
    int32_t list[] = {0, 1, 2}, node = 0, values = 0;
    trie t;
    assert_true(trie_init(&t, key, list, 3, TRIE_NODES));
    for (int i = 0; i < LENGTH; i++) {
        node = trie_step(&t, node, 'x');
        assert_true(node > 0);
        values += t.node[node].value >= 0;
    }
    assert_int_equal(values, 3);
    assert_int_equal(t.node[node].value, 0);
    assert_int_equal(trie_step(&t, node, 'x'), -1);
    trie_free(&t);
    free(text);
}

/* Keys of which no two share a byte take places of their own; with fewer to be had there is no trie. */
static void too_many_nodes(void **state)
{
    (void)state;
    enum { KEYS = 200, LENGTH = 40 };
    char text[KEYS][LENGTH];
    span key[KEYS];
    int32_t list[KEYS];
    for (int i = 0; i < KEYS; i++) {
        memset(text[i], i, LENGTH);
        key[i] = (span){text[i], LENGTH};
        list[i] = i;
    }
    trie t;
    err e = {0};
    assert_true(trie_init(&t, key, list, KEYS, 1 << 16));
    assert_true(t.nodes > KEYS * LENGTH && t.nodes <= 1 << 16);
    trie_free(&t);
    assert_false(trie_init(&t, key, list, KEYS, KEYS * LENGTH / 2));
    assert_null(t.node);
    assert_int_equal(trie_refuse("T.model", &e), E_FORMAT);
    assert_non_null(strstr(e.msg, "T.model: its tokens share so little"));
}

/* ---- files ---- */

static void write_text(const char *folder, const char *name, const char *text, size_t n)
{
    err e = {0};
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (file_write(path, text, n, &e) != OK) fail_msg("%s", e.msg);
}

static void few_pieces(void **state)
{
    (void)state;
    static const char one[] = "\n\x03\n\x01" "a", config[] = "{\"tokenizer_class\": \"XLMRobertaTokenizer\"}";
    char *folder = scratch_new();
    err e = {0};
    tokenizer *t = NULL;
    write_text(folder, "sentencepiece.bpe.model", one, sizeof one - 1);
    write_text(folder, "tokenizer_config.json", config, strlen(config));
    assert_int_equal(tokenizer_from_folder(&t, folder, &e), E_FORMAT);
    assert_non_null(strstr(e.msg, "too few"));
    scratch_free(folder);
}

/* Of DeBERTa: what its class might do besides, and pieces without its special ones. */
static void other_deberta(void **state)
{
    (void)state;
    static const char one[] = "\n\x03\n\x01" "a", lower[] = "{\"do_lower_case\": true}", none[] = "{}",
                      other[] = "{\"tokenizer_class\": \"PegasusTokenizerFast\"}";
    char *folder = scratch_new();
    err e = {0};
    tokenizer *t = NULL;
    write_text(folder, "spm.model", one, sizeof one - 1);
    write_text(folder, "tokenizer_config.json", lower, strlen(lower));
    assert_int_equal(tokenizer_from_folder(&t, folder, &e), E_UNSUPPORTED);
    assert_non_null(strstr(e.msg, "do_lower_case"));
    e = (err){0};
    write_text(folder, "tokenizer_config.json", none, strlen(none));
    assert_int_equal(tokenizer_from_folder(&t, folder, &e), E_FORMAT);
    e = (err){0};
    write_text(folder, "spiece.model", one, sizeof one - 1); /* comes first, and is another class's */
    write_text(folder, "tokenizer_config.json", other, strlen(other));
    assert_int_equal(tokenizer_from_folder(&t, folder, &e), E_UNSUPPORTED);
    assert_non_null(strstr(e.msg, "PegasusTokenizer"));
    scratch_free(folder);
}

static void long_tokens(void **state)
{
    (void)state;
    char *folder = scratch_new();
    err e = {0};
    tokenizer *t = NULL;
    str line = {0};
    for (int i = 0; i < 8192; i++) str_puts(&line, "AAAA");
    str_puts(&line, " 0\n");
    write_text(folder, "cl100k_base.tiktoken", line.p, line.n);
    assert_int_equal(tokenizer_from_folder(&t, folder, &e), E_FORMAT);
    assert_non_null(strstr(e.msg, ":1: a line has to be"));
    str_free(&line);
    scratch_free(folder);
}

/* All bytes and as many pairs as make a known file, with a gap, so that the last has a special token's
 * rank. */
static void special_ranks(void **state)
{
    (void)state;
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    enum { TOKENS = 50256 };
    char *folder = scratch_new();
    err e = {0};
    tokenizer *t = NULL;
    str text = {0};
    for (int i = 0; i < TOKENS; i++) {
        unsigned a = i < 256 ? (unsigned)i : (unsigned)(i - 256) / 256, b = (unsigned)(i - 256) % 256;
        str_fmt(&text, "%c%c", letters[a >> 2], letters[(a & 3) << 4 | (i < 256 ? 0 : b >> 4)]);
        if (i < 256) str_puts(&text, "==");
        else str_fmt(&text, "%c=", letters[(b & 15) << 2]);
        str_fmt(&text, " %d\n", i == TOKENS - 1 ? TOKENS : i);
    }
    write_text(folder, "r50k_base.tiktoken", text.p, text.n);
    assert_int_equal(tokenizer_from_folder(&t, folder, &e), E_FORMAT);
    assert_non_null(strstr(e.msg, "rank 50256 is that of a special token"));
    str_free(&text);
    scratch_free(folder);
}

/* ---- marks ---- */

/* Every character before and after marks that change their order, as utf8proc has it in one go. */
static void marks_as_the_library(void **state)
{
    (void)state;
    static const int options[] = {
        [UNICODE_NFC] = UTF8PROC_COMPOSE, [UNICODE_NFD] = UTF8PROC_DECOMPOSE,
        [UNICODE_NFKC] = UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
        [UNICODE_NFKD] = UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT};
    str text = {0}, got = {0};
    for (uint32_t c = 0xa0; c < 0x1d200; c++) {
        if (c == 0x3400) c = 0xf900;
        if (c == 0x10000) c = 0x1d100;
        for (int form = UNICODE_NFC; form <= UNICODE_NFKD && !unicode_is_unnormalized(c); form++) {
            str_clear(&text), str_clear(&got);
            const uint32_t all[] = {'e', c, 0x301, 0x323, c, 0x301, 0xff9e, 0xf73, c};
            for (int i = 0; i < 9; i++) utf8_put(&text, all[i]);
            utf8proc_uint8_t *want;
            utf8proc_ssize_t n =
                utf8proc_map((const utf8proc_uint8_t *)text.p, (utf8proc_ssize_t)text.n, &want,
                             (utf8proc_option_t)(UTF8PROC_STABLE | options[form]));
            unicode_normalize(text.p, text.n, (unicode_form)form, &got);
            assert_int_equal(got.n, n);
            assert_memory_equal(got.p, want, got.n);
            free(want);
        }
    }
    str_free(&text), str_free(&got);
}

static void many_marks(void **state)
{
    (void)state;
    enum { PAIRS = 1 << 17 };
    str text = {0}, got = {0};
    for (int i = 0; i < PAIRS; i++) str_puts(&text, "\u0301\u0323"); /* above, below */
    clock_t begun = clock();
    unicode_normalize(text.p, text.n, UNICODE_NFD, &got);
    assert_true((clock() - begun) / CLOCKS_PER_SEC < 5); /* by pairs it takes a minute */
    assert_int_equal(got.n, text.n);
    assert_memory_equal(got.p, "\u0323\u0323", 4);
    assert_memory_equal(got.p + got.n - 4, "\u0301\u0301", 4);
    str_free(&text), str_free(&got);
}

/* In memory of exactly their size, so that a sanitizer sees a rank read past the end. */
static int exact_tiktoken(const char *text, err *e)
{
    size_t n = strlen(text);
    char *data = xmalloc(n);
    memcpy(data, text, n);
    tokenizer *t = NULL;
    *e = (err){0};
    int code = tokenizer_from_tiktoken(&t, data, n, "r50k_base.tiktoken", "f", e);
    tokenizer_close(t);
    free(data);
    return code;
}

static void ranks(void **state)
{
    (void)state;
    static const char *const bad[] = {"YQ== ", "YQ== -1", "YQ== +1", "YQ== 1 ", "YQ== 1x", "YQ== 536870911",
                                      "YQ== 18446744073709551617"};
    err e;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(exact_tiktoken(bad[i], &e), E_FORMAT);
        assert_non_null(strstr(e.msg, "f:1: a line has to be"));
    }
    assert_int_equal(exact_tiktoken("YQ== 12", &e), E_FORMAT);
    assert_non_null(strstr(e.msg, "1 tokens with ranks up to 13"));
}

static void number_for_fields(void **state)
{
    (void)state;
    /* pieces, training, normalizer */
    static const char *const number[] = {"\x08\x01", "\x10\x01", "\x18\x01"};
    for (int i = 0; i < 3; i++) {
        err e = {0};
        tokenizer *t = NULL;
        assert_int_equal(tokenizer_from_model(&t, number[i], 2, "f", &e), E_FORMAT);
        assert_non_null(strstr(e.msg, "a damaged one"));
    }
}

/* ---- texts that grow ---- */

static void growing_texts(void **state)
{
    (void)state;
    enum { LENGTH = 10000 };
    char content[257] = "", text[LENGTH];
    memset(content, 'b', 256);
    memset(text, 'a', LENGTH);
    for (int i = 0; i < 2; i++) {
        json_t *doc = tiny_doc();
        json_object_set_new(doc, "normalizer",
                            json_pack("{s:s s:{s:s} s:s}", "type", "Replace", "pattern", "String", "a", "content",
                                      content + i * 56));
        char *written = json_dumps(doc, 0);
        err e = {0};
        tokenizer *t = NULL;
        token_vec ids = {0};
        int code = tokenizer_from_json(&t, written, strlen(written), "T.json", &e);
        if (i) {
            assert_int_equal(code, OK);
            assert_int_equal(tokenizer_encode(t, text, 9, TOKENIZE_PLAIN, &ids, &e), OK);
            assert_int_equal(tokenizer_encode(t, text, LENGTH, TOKENIZE_PLAIN, &ids, &e), E_UNSUPPORTED);
            tokenizer_close(t);
        } else assert_int_equal(code, E_UNSUPPORTED);
        token_vec_free(&ids);
        free(written);
        json_decref(doc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_characters),
        cmocka_unit_test(long_keys), cmocka_unit_test(too_many_nodes),
        cmocka_unit_test(few_pieces), cmocka_unit_test(other_deberta),
        cmocka_unit_test(long_tokens),
        cmocka_unit_test(special_ranks),
        cmocka_unit_test(marks_as_the_library),
        cmocka_unit_test(many_marks),
        cmocka_unit_test(ranks),
        cmocka_unit_test(number_for_fields),
        cmocka_unit_test(growing_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
