/* test_tokenizer.c -- tokenizers against recorded ids of the reference implementations, over the strings
 * of test/data/tokenizer/cases.txt: the committed small vocabularies always, large ones when
 * LORAC_SHARED names the folder of reference data and LORAC_MODEL SmolLM2's GGUF file. */
#include "tokenizer_support.h"

static void check(tokenizer *t, const char *name, tokenize_how how)
{
    assert_true(compare_all(t, name, how, IDS_AND_TEXT) == 5200);
    tokenizer_close(t);
}

static void sentencepiece(void **state)
{
    (void)state;
    err e = {0};
    gguf *g;
    tokenizer *t = NULL;
    if (gguf_open(&g, DATA "spm512.gguf", &e) != OK) fail_msg("%s", e.msg);
    if (tokenizer_from_gguf(&t, g, &e) != OK) fail_msg("%s", e.msg);
    gguf_close(g);
    assert_int_equal(tokenizer_size(t), 516);
    check(t, "spm512", TOKENIZE_PLAIN);
}

/* tiny.json or llama512.json with members replaced; as tokenizer_ids.py does. */
static tokenizer *variant(const char *name, const json_t *v)
{
    err e = {0};
    char path[256];
    snprintf(path, sizeof path, DATA "%s", json_string_value(json_object_get(v, "base")));
    json_t *doc = json_parse_file(path, &e), *value;
    if (!doc) fail_msg("%s", e.msg);
    const char *key;
    json_object_foreach(json_object_get(v, "patch"), key, value)
    {
        if (!strcmp(key, "model"))
            json_object_update(json_object_get(doc, key), value);
        else
            json_object_set(doc, key, value);
    }
    char *text = json_dumps(doc, 0);
    tokenizer *t;
    if (tokenizer_from_json(&t, text, strlen(text), name, &e) != OK) fail_msg("%s", e.msg);
    free(text);
    json_decref(doc);
    return t;
}

static void json_variants(void **state)
{
    (void)state;
    err e = {0};
    json_t *doc = json_parse_file(DATA "variants.json", &e), *v;
    if (!doc) fail_msg("%s", e.msg);
    const char *name;
    json_object_foreach(doc, name, v)
    {
        tokenize_how how = json_is_true(json_object_get(v, "plain")) ? TOKENIZE_PLAIN : TOKENIZE_SPECIAL;
        enum compared what = json_is_true(json_object_get(v, "ids_only")) ? IDS_ONLY : IDS_AND_TEXT;
        tokenizer *t = variant(name, v);
        assert_true(compare_all(t, name, how, what) == 5200);
        tokenizer_close(t);
    }
    json_decref(doc);
}

static void expect_goes_on(const tokenizer *t, const char *name, const char *before, const char *after)
{
    err e = {0};
    token_vec whole = {0}, parts = {0};
    str text = {0};
    size_t start = strlen(before), n = strlen(after);
    str_fmt(&text, "%s%s", before, after);
    int code = tokenizer_encode(t, text.p, text.n, TOKENIZE_SPECIAL, &whole, &e);
    if (code == OK) code = tokenizer_encode(t, before, start, TOKENIZE_SPECIAL, &parts, &e);
    if (code == OK) code = tokenizer_encode_on(t, text.p, start, n, TOKENIZE_SPECIAL, &parts, &e);
    if (code != OK) fail_msg("%s: %s", name, e.msg);
    if (whole.n != parts.n || memcmp(whole.p, parts.p, whole.n * sizeof *whole.p))
        fail_msg("%s: \"%s\" and \"%s\" are %zu tokens in two parts, %zu as one", name, before, after,
                 parts.n, whole.n);
    token_vec_free(&whole);
    token_vec_free(&parts);
    str_free(&text);
}

/* In two parts, cut where a word begins, a text is what it is as one: no space comes in between. Left out is
 * the one whose pattern looks across spaces. */
static void text_that_goes_on(void **state)
{
    (void)state;
    static const char *const special[] = {"<|im_end|>", "</s>", "<s>"};
    err e = {0};
    json_t *doc = json_parse_file(DATA "variants.json", &e), *v;
    if (!doc) fail_msg("%s", e.msg);
    const char *name;
    json_object_foreach(doc, name, v)
    {
        if (!strcmp(name, "json-selected")) continue;
        tokenizer *t = variant(name, v);
        expect_goes_on(t, name, "the cat", " sat there");
        expect_goes_on(t, name, "the cat.\n", "");
        expect_goes_on(t, name, "", "the cat");
        for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
            char before[64];
            snprintf(before, sizeof before, "the cat%s", special[i]);
            if (!tokenizer_is_special(t, tokenizer_find(t, special[i]))) continue;
            expect_goes_on(t, name, before, "it sat");
            expect_goes_on(t, name, special[i], "sat");
        }
        tokenizer_close(t);
    }
    json_decref(doc);
}

/* ---- large vocabularies ---- */

static const char *shared(const char *what)
{
    const char *folder = getenv("LORAC_SHARED");
    if (folder && folder[0]) return folder;
    print_message("SKIPPED: %s, as LORAC_SHARED does not name the folder of reference data\n", what);
    skip();
    return NULL;
}

static tokenizer *open_gguf(const char *path)
{
    err e = {0};
    gguf *g;
    tokenizer *t = NULL;
    if (gguf_open(&g, path, &e) != OK || tokenizer_from_gguf(&t, g, &e) != OK) fail_msg("%s", e.msg);
    gguf_close(g);
    return t;
}

static void large_json(void **state)
{
    (void)state;
    const char *folder = shared("tokenizer.json of real models");
    static const char *const names[] = {"gpt2", "roberta-base", "phi-3-mini", "small-ci"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        err e = {0};
        char path[4096];
        tokenizer *t;
        snprintf(path, sizeof path, "%s/data/tokenizers/%s/tokenizer.json", folder, names[i]);
        str text = {0};
        read_all(&text, path);
        if (tokenizer_from_json(&t, text.p, text.n, path, &e) != OK) fail_msg("%s", e.msg);
        str_free(&text);
        snprintf(path, sizeof path, "large-%s", names[i]);
        check(t, path, TOKENIZE_SPECIAL);
    }
}

static void large_gguf(void **state)
{
    (void)state;
    const char *folder = shared("GGUF vocabularies of GPT-2 and Llama");
    char path[4096];
    snprintf(path, sizeof path, "%s/data/tokenizers/gguf-vocabs/ggml-vocab-gpt-2.gguf", folder);
    check(open_gguf(path), "large-gpt-2.gguf", TOKENIZE_SPECIAL);
    snprintf(path, sizeof path, "%s/data/tokenizers/gguf-vocabs/ggml-vocab-llama-spm.gguf", folder);
    check(open_gguf(path), "large-llama-spm.gguf", TOKENIZE_PLAIN);
}

/* Qwen2.5 comes as vocab.json, merges.txt and tokenizer_config.json: make the tokenizer.json. */
enum normalizer { WITH_NFC, WITHOUT_NFC };
static tokenizer *open_qwen(const char *folder, enum normalizer nfc)
{
    err e = {0};
    char path[4096];
    json_t *doc = json_parse_file(DATA "tiny.json", &e), *model = json_object_get(doc, "model"), *v;
    if (nfc == WITHOUT_NFC) json_object_set_new(doc, "normalizer", json_null());
    snprintf(path, sizeof path, "%s/data/tokenizers/qwen2.5/vocab.json", folder);
    json_object_set_new(model, "vocab", json_parse_file(path, &e));
    snprintf(path, sizeof path, "%s/data/tokenizers/qwen2.5/merges.txt", folder);
    str text = {0};
    read_all(&text, path);
    json_t *merges = json_array(), *added = json_array();
    for (char *p = text.p, *end; (end = strchr(p, '\n')); p = end + 1)
        if (end > p && strncmp(p, "#version", 8))
            json_array_append_new(merges, json_stringn(p, (size_t)(end - p)));
    json_object_set_new(model, "merges", merges);
    str_free(&text);
    snprintf(path, sizeof path, "%s/data/tokenizers/qwen2.5/tokenizer_config.json", folder);
    json_t *config = json_parse_file(path, &e);
    const char *id;
    json_object_foreach(json_object_get(config, "added_tokens_decoder"), id, v)
    {
        json_object_set_new(v, "id", json_integer(atoi(id)));
        json_array_append(added, v);
    }
    json_object_set_new(doc, "added_tokens", added);
    char *all = json_dumps(doc, 0);
    tokenizer *t;
    if (tokenizer_from_json(&t, all, strlen(all), "qwen2.5", &e) != OK) fail_msg("%s", e.msg);
    free(all);
    json_decref(config);
    json_decref(doc);
    return t;
}

static void large_qwen(void **state)
{
    (void)state;
    check(open_qwen(shared("Qwen2.5's vocabulary"), WITH_NFC), "large-qwen2.5", TOKENIZE_SPECIAL);
}

static void large_smollm2(void **state)
{
    (void)state;
    const char *path = getenv("LORAC_MODEL");
    if (!path || !path[0]) {
        print_message("SKIPPED: SmolLM2's vocabulary, as LORAC_MODEL does not name its GGUF file\n");
        skip();
    }
    check(open_gguf(path), "large-smollm2", TOKENIZE_SPECIAL);
}

/* ---- llama.cpp's own vocabulary tests: texts between marks, a line of ids for each ---- */

static int compare_llama_cpp(const tokenizer *t, const char *texts, const char *ids_of)
{
    static const char mark[] = "\n__ggml_vocab_test__\n";
    int n = 0;
    token_vec ids = {0};
    for (const char *p = texts, *w = ids_of, *end; (end = strstr(p, mark)); p = end + strlen(mark), n++) {
        err e = {0};
        ids.n = 0;
        if (*w == '-') { /* the texts differ between releases; this one was not recorded */
            w += 2;
            continue;
        }
        assert_int_equal(tokenizer_encode(t, p, (size_t)(end - p), TOKENIZE_PLAIN, &ids, &e), OK);
        const char *line_end = strchr(w, '\n');
        for (size_t i = 0; i < ids.n; i++) {
            char *after;
            long id = strtol(w, &after, 10);
            if (id != ids.p[i] || after > line_end)
                fail_msg("llama.cpp text %d \"%.*s\": id %zu is %d, not %ld", n, (int)(end - p), p, i,
                         ids.p[i], id);
            w = after;
        }
        if (w != line_end) fail_msg("llama.cpp text %d \"%.*s\": ids are missing", n, (int)(end - p), p);
        w++;
    }
    token_vec_free(&ids);
    return n;
}

static void llama_cpp(void **state)
{
    (void)state;
    const char *folder = shared("llama.cpp's vocabulary tests");
    static const char *const names[] = {"gpt-2", "llama-spm"};
    char path[4096];
    str texts = {0}, ids = {0};
    for (size_t i = 0; i < 2; i++) {
        str_clear(&texts);
        str_clear(&ids);
        snprintf(path, sizeof path, "%s/data/tokenizers/gguf-vocabs/ggml-vocab-%s.gguf.inp", folder, names[i]);
        read_all(&texts, path);
        snprintf(path, sizeof path, "%s/data/tokenizers/gguf-vocabs/ggml-vocab-%s.gguf.out", folder, names[i]);
        read_all(&ids, path);
        snprintf(path, sizeof path, "%s/data/tokenizers/gguf-vocabs/ggml-vocab-%s.gguf", folder, names[i]);
        tokenizer *t = open_gguf(path);
        assert_true(compare_llama_cpp(t, texts.p, ids.p) > 40);
        tokenizer_close(t);
    }
    str_clear(&ids);
    read_all(&ids, DATA "llama_cpp_qwen2.out");
    tokenizer *t = open_qwen(folder, WITHOUT_NFC); /* llama.cpp does not normalize */
    assert_true(compare_llama_cpp(t, texts.p, ids.p) > 40);
    tokenizer_close(t);
    str_free(&texts);
    str_free(&ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentencepiece), cmocka_unit_test(json_variants),
        cmocka_unit_test(large_json),    cmocka_unit_test(large_gguf),
        cmocka_unit_test(large_qwen),    cmocka_unit_test(large_smollm2),
        cmocka_unit_test(llama_cpp),     cmocka_unit_test(text_that_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
