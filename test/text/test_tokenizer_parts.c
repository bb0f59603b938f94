/* test_tokenizer_parts.c -- what the recorded ids do not show: small vocabularies with a point to each, text
 * that comes back piece by piece, names of tokens, fingerprints, use by threads. */
#include "tokenizer_support.h"

#include "base/pool.h"

/* ---- tokenizers made of a few tokens ---- */

static tokenizer *made(const char *json)
{
    err e = {0};
    tokenizer *t;
    if (tokenizer_from_json(&t, json, strlen(json), "made.json", &e) != OK) fail_msg("%s", e.msg);
    return t;
}

/* The ids of text as "1 2 3"; closes nothing. */
static void expect(const tokenizer *t, const char *text, tokenize_how how, const char *wanted)
{
    err e = {0};
    token_vec ids = {0};
    str out = {0};
    if (tokenizer_encode(t, text, strlen(text), how, &ids, &e) != OK) fail_msg("%s", e.msg);
    for (size_t i = 0; i < ids.n; i++) str_fmt(&out, i ? " %d" : "%d", ids.p[i]);
    assert_string_equal(str_c(&out), wanted);
    token_vec_free(&ids);
    str_free(&out);
}

#define BYTES "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false}"

/* "ab" is a token that no merge gives. */
static void unreachable_word(void **state)
{
    (void)state;
    static const char model[] =
        "{" BYTES ", \"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2, "
        "\"aa\": 3}, \"merges\": [\"a a\"], \"ignore_merges\": %s}}";
    char json[512];
    snprintf(json, sizeof json, model, "false");
    tokenizer *t = made(json);
    for (int again = 0; again < 3; again++) {
        expect(t, "ab", TOKENIZE_PLAIN, "0 1");
        expect(t, "aa", TOKENIZE_PLAIN, "3");
    }
    tokenizer_close(t);
    snprintf(json, sizeof json, model, "true");
    t = made(json);
    expect(t, "ab", TOKENIZE_PLAIN, "2");
    expect(t, "abb", TOKENIZE_PLAIN, "0 1 1");
    tokenizer_close(t);
}

static tokenizer *with_added(const char *vocabulary, const char *list)
{
    str json = {0};
    str_fmt(&json,
            "{" BYTES ", \"model\": {\"type\": \"BPE\", \"merges\": [], \"vocab\": {%s}}, "
            "\"added_tokens\": [%s]}",
            vocabulary, list);
    tokenizer *t = made(json.p);
    str_free(&json);
    return t;
}

/* A special token in plain text covers what is in it; a joiner or a letter makes a word longer. */
static void added_tokens(void **state)
{
    (void)state;
    tokenizer *t = with_added("\"<\": 0, \">\": 1", "{\"id\": 4, \"content\": \"<<x>>\", \"special\": true}, "
                                                    "{\"id\": 5, \"content\": \"x\", \"normalized\": false}");
    expect(t, "x<<x>>", TOKENIZE_SPECIAL, "5 4");
    expect(t, "x<<x>>", TOKENIZE_PLAIN, "5 0 0 1 1"); /* x has no token but the added one: left out */
    expect(t, "<x>", TOKENIZE_PLAIN, "0 5 1");
    tokenizer_close(t);
    t = with_added("\"b\": 0", "{\"id\": 7, \"content\": \"<a\"}, {\"id\": 8, \"content\": \"<ab>\"}");
    expect(t, "<ab><a", TOKENIZE_PLAIN, "8 7"); /* the longest one that is there */
    expect(t, "<ab", TOKENIZE_PLAIN, "7 0");
    tokenizer_close(t);
    t = with_added("\"a\": 2, \"-\": 3", "{\"id\": 6, \"content\": \"w\", \"single_word\": true}");
    expect(t, "-w-w", TOKENIZE_PLAIN, "3 6 3 6");
    expect(t, "w\u200d-aw-\u00e9w-w\u0301-w_-w\u200c", TOKENIZE_PLAIN, "3 2 3 3 3 3");
    tokenizer_close(t);
}

#define MARKED "\"vocab\": {\"\u2581\": 0, \"a\": 1, \"\u2581a\": 2, \"<s>\": 3}, \"merges\": [\"\u2581 a\"]"

static void marks(void **state)
{
    (void)state;
    tokenizer *t = made("{\"added_tokens\": [{\"id\": 3, \"content\": \"<s>\", "
                        "\"special\": true"
                        "}], "
                        "\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"\u2581\", "
                        "\"prepend_scheme\": "
                        "\"first\", \"split\": false}, \"model\": {\"type\": \"BPE\", " MARKED "}}");
    expect(t, "a", TOKENIZE_SPECIAL, "2");
    expect(t, "<s>a<s> a", TOKENIZE_SPECIAL, "3 1 3 2");
    tokenizer_close(t);
    t = made(
        "{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Replace\", \"pattern\": "
        "{\"String\": \"x\"}, \"content\": \"\"}, {\"type\": \"Prepend\", \"prepend\": \"\u2581\"}]}, "
        "\"model\": {\"type\": \"BPE\", " MARKED "}}");
    expect(t, "xaxa", TOKENIZE_PLAIN, "2 1");
    expect(t, "xx", TOKENIZE_PLAIN, "");
    tokenizer_close(t);
}

/* Pieces of equal score: the leftmost pair first, whichever id is less. "\u00e9" alone is no piece. */
static void equal_scores(void **state)
{
    (void)state;
    static const char *const tokens[] = {"<unk>", "a", "b", "c", "bc", "ab", "\u00e9a", "<0xC3>", "<0xA9>"};
    const float scores[] = {0, -1, -1, -1, -2, -2, -3, 0, 0};
    const uint32_t types[] = {2, 1, 1, 1, 1, 1, 1, 6, 6};
    gguf_text_file f = {0};
    put_key_text(&f, "model", "llama");
    put_key_texts(&f, "tokens", tokens, 9);
    put_key_array(&f, "scores", GGUF_F32, 9);
    for (int i = 0; i < 9; i++) str_add(&f.keys, (const char *)&scores[i], 4);
    put_key_array(&f, "token_type", GGUF_I32, 9);
    for (int i = 0; i < 9; i++) put_u32(&f.keys, types[i]);
    put_key(&f, "add_space_prefix", GGUF_BOOL);
    str_putc(&f.keys, 0);
    err e = {0};
    tokenizer *t;
    if (open_made(&t, &f, &e) != OK) fail_msg("%s", e.msg);
    expect(t, "abc", TOKENIZE_PLAIN, "5 3");
    expect(t, "bc", TOKENIZE_PLAIN, "4");
    expect(t, "\u00e9a\u00e9", TOKENIZE_PLAIN, "6 7 8");
    expect(t, "xy\u00e9z", TOKENIZE_PLAIN, "0 7 8 0"); /* unknown ones in a row are one */
    tokenizer_close(t);
}

/* ---- small real ones for the rest ---- */

static tokenizer *open_tiny(void)
{
    err e = {0};
    str text = {0};
    tokenizer *t;
    read_all(&text, DATA "tiny.json");
    if (tokenizer_from_json(&t, text.p, text.n, "tiny.json", &e) != OK) fail_msg("%s", e.msg);
    str_free(&text);
    return t;
}

static tokenizer *open_spm(void)
{
    err e = {0};
    gguf *g;
    tokenizer *t = NULL;
    if (gguf_open(&g, DATA "spm512.gguf", &e) != OK || tokenizer_from_gguf(&t, g, &e) != OK)
        fail_msg("%s", e.msg);
    gguf_close(g);
    return t;
}

static void broken_text(void **state)
{
    (void)state;
    tokenizer *t = open_tiny();
    err e = {0};
    token_vec ids = {0};
    token_vec_push(&ids, 7);
    assert_int_equal(tokenizer_encode(t, "good \xe2\x82 bad", 12, TOKENIZE_PLAIN, &ids, &e), E_FORMAT);
    assert_non_null(strstr(e.msg, "byte 5"));
    assert_int_equal(ids.n, 1);
    token_vec_free(&ids);
    tokenizer_close(t);
}

static void names(void **state)
{
    (void)state;
    tokenizer *t = open_tiny();
    assert_int_equal(tokenizer_size(t), 2003);
    assert_int_equal(tokenizer_find(t, "<|im_end|>"), 2002);
    assert_int_equal(tokenizer_find(t, "<|im_en|>"), -1);
    assert_string_equal(tokenizer_piece(t, 2001), "<|im_start|>");
    assert_string_equal(tokenizer_piece(t, 95), "Ġ");
    assert_string_equal(tokenizer_piece(t, 2003), "");
    assert_string_equal(tokenizer_piece(t, -1), "");
    assert_true(tokenizer_is_special(t, 2000));
    assert_false(tokenizer_is_special(t, 0));
    assert_int_equal(tokenizer_bos(t), -1);
    assert_false(tokenizer_add_bos(t));
    err e = {0};
    str out = {0};
    const int32_t ids[] = {2001, 0, 2002};
    assert_int_equal(tokenizer_decode(t, ids, 3, DECODE_SKIP_SPECIAL, &out, &e), OK);
    assert_string_equal(out.p, "!");
    assert_int_equal(tokenizer_decode(t, (int32_t[]){2003}, 1, DECODE_ALL, &out, &e), E_USAGE);
    str_free(&out);
    tokenizer_close(t);
    t = open_spm();
    assert_int_equal(tokenizer_bos(t), 1);
    assert_int_equal(tokenizer_eos(t), 2);
    assert_int_equal(tokenizer_unk(t), 0);
    assert_int_equal(tokenizer_pad(t), -1);
    assert_true(tokenizer_add_bos(t));
    assert_false(tokenizer_add_eos(t));
    tokenizer_close(t);
}

static void put_ids(token_stream *s, const int32_t *ids, size_t n, const char *after_each, str *out)
{
    err e = {0};
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(token_stream_put(s, ids[i], out, &e), OK);
        str_puts(out, after_each);
    }
}

/* Bytes 0x00.. of spm512 are tokens 3.. */
static void streaming(void **state)
{
    (void)state;
    tokenizer *t = open_spm();
    token_stream s;
    str out = {0};
    token_stream_init(&s, t, DECODE_ALL, DECODE_GOES_ON);
    const int32_t face[] = {3 + 0xf0, 3 + 0x9f, 3 + 0x98, 3 + 0x80, 3 + 'x'};
    put_ids(&s, face, 5, "|", &out);
    token_stream_end(&s, &out);
    assert_string_equal(out.p, "|||\xf0\x9f\x98\x80|x|");
    /* broken: a beginning, a stray end, an overlong form, a surrogate, a beginning at the end */
    const int32_t broken[] = {3 + 0xf0, 3 + 0x9f, 3 + 'a',  3 + 0x80, 3 + 0xc0,
                              3 + 0x80, 3 + 0xed, 3 + 0xa0, 3 + 0xe2, 3 + 0x82};
    str_clear(&out);
    put_ids(&s, broken, 10, "", &out);
    token_stream_end(&s, &out);
    assert_string_equal(out.p, "\ufffd"
                               "a"
                               "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd");
    /* the space before a text goes, the one before a continuation stays */
    err e = {0};
    token_vec ids = {0};
    assert_int_equal(tokenizer_encode(t, "once", 4, TOKENIZE_PLAIN, &ids, &e), OK);
    str_clear(&out);
    put_ids(&s, ids.p, ids.n, "", &out);
    assert_string_equal(out.p, " once");
    token_stream_init(&s, t, DECODE_ALL, DECODE_FROM_START);
    str_clear(&out);
    put_ids(&s, ids.p, ids.n, "", &out);
    assert_string_equal(out.p, "once");
    token_vec_free(&ids);
    str_free(&out);
    tokenizer_close(t);
}

static void special_in_gguf(void **state)
{
    (void)state;
    tokenizer *t = open_spm();
    err e = {0};
    token_vec ids = {0};
    assert_int_equal(tokenizer_encode(t, "</s>", 4, TOKENIZE_SPECIAL, &ids, &e), OK);
    assert_int_equal(ids.n, 1);
    assert_int_equal(ids.p[0], 2);
    ids.n = 0;
    assert_int_equal(tokenizer_encode(t, "</s>", 4, TOKENIZE_PLAIN, &ids, &e), OK);
    assert_true(ids.n > 1);
    ids.n = 0; /* user-defined pieces are found in either case, the longest one */
    assert_int_equal(tokenizer_encode(t, "<cutter><cut>", 13, TOKENIZE_PLAIN, &ids, &e), OK);
    assert_int_equal(ids.n, 3);
    assert_int_equal(ids.p[1], tokenizer_find(t, "<cutter>"));
    token_vec_free(&ids);
    tokenizer_close(t);
}

/* ---- the whole ---- */

static void fingerprints(void **state)
{
    (void)state;
    tokenizer *t = open_tiny(), *same = open_tiny(), *other;
    assert_true(tokenizer_fingerprint(t) == tokenizer_fingerprint(same));
    uint64_t first = tokenizer_fingerprint(t);
    tokenizer_close(t);
    tokenizer_close(same);
    static const char *const changes[] = {"{\"normalizer\": null}", "{\"added_tokens\": []}",
                                          "{\"pre_tokenizer\": {\"type\": \"ByteLevel\"}}"};
    for (size_t i = 0; i < 3; i++) {
        json_t *doc = tiny_doc(), *change = json_loads(changes[i], 0, NULL);
        json_object_update(doc, change);
        char *text = json_dumps(doc, 0);
        err e = {0};
        if (tokenizer_from_json(&other, text, strlen(text), "T.json", &e) != OK) fail_msg("%s", e.msg);
        assert_true(tokenizer_fingerprint(other) != first);
        tokenizer_close(other);
        free(text);
        json_decref(change);
        json_decref(doc);
    }
    json_t *doc = tiny_doc(), *merges = json_object_get(json_object_get(doc, "model"), "merges");
    json_array_remove(merges, json_array_size(merges) - 1);
    char *text = json_dumps(doc, 0);
    err e = {0};
    assert_int_equal(tokenizer_from_json(&other, text, strlen(text), "T.json", &e), OK);
    assert_true(tokenizer_fingerprint(other) != first);
    tokenizer_close(other);
    free(text);
    json_decref(doc);
}

/* ---- threads ---- */

typedef struct shared_work {
    const tokenizer *t;
    str text;
    uint32_t hash[4];
} shared_work;

static void encode_thread(void *arg, int thread, int threads)
{
    (void)threads;
    shared_work *w = arg;
    token_vec ids = {0};
    err e = {0};
    for (int i = 0; i < 3; i++) tokenizer_encode(w->t, w->text.p, w->text.n, TOKENIZE_SPECIAL, &ids, &e);
    w->hash[thread] = fnv(0x811c9dc5u, ids.p, ids.n * 4);
    token_vec_free(&ids);
}

static void many_threads(void **state)
{
    (void)state;
    err e = {0};
    pool *p = pool_new(4, &e);
    tokenizer *t = open_tiny();
    shared_work w = {.t = t};
    read_all(&w.text, DATA "cases.txt");
    pool_run(p, encode_thread, &w);
    for (int i = 1; i < 4; i++) assert_int_equal(w.hash[i], w.hash[0]);
    pool_free(p);
    str_free(&w.text);
    tokenizer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unreachable_word), cmocka_unit_test(added_tokens),    cmocka_unit_test(marks),
        cmocka_unit_test(equal_scores),     cmocka_unit_test(broken_text),     cmocka_unit_test(names),
        cmocka_unit_test(streaming),        cmocka_unit_test(special_in_gguf), cmocka_unit_test(fingerprints),
        cmocka_unit_test(many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
