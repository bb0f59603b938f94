/* test_tokenizer_damaged.c -- tokenizer files that are damaged or mean harm: character maps whose trie leads into
 * characters, pieces of any length, SentencePiece files without the pieces that a family has. */
#include "scratch.h"
#include "tokenizer_support.h"

#include "text/charsmap.h"
#include "text/trie.h"

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
    trie_init(&t, key, list, 3);
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
        cmocka_unit_test(long_keys),
        cmocka_unit_test(few_pieces),
        cmocka_unit_test(long_tokens),
        cmocka_unit_test(growing_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
