/* test_tokenizer_read.c -- reading tokenizers: what is refused and how the line names it, keys and files that
 * say something besides the ids. */
#include "scratch.h"
#include "tokenizer_support.h"

/* ---- what is refused ---- */

static void expect_refusal(json_t *doc, int code, const char *in_message)
{
    err e = {0};
    tokenizer *t = NULL;
    char *text = json_dumps(doc, 0);
    int got = tokenizer_from_json(&t, text, strlen(text), "T.json", &e);
    free(text);
    if (got != code || strncmp(e.msg, "T.json", 6) || !strstr(e.msg, in_message))
        fail_msg("code %d, not %d, or no \"%s\" in: %s", got, code, in_message, e.msg);
    tokenizer_close(t);
}

static void refused_members(void **state)
{
    (void)state;
    static const struct refusal {
        const char *key, *value, *message;
        int code;
    } refusals[] = {
        {"normalizer",
         "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"ByteLevel\"}, {\"type\": \"NFC\"}]}",
         ": normalizer.normalizers[1]: a part behind ByteLevel", E_UNSUPPORTED},
        {"normalizer", "{\"type\": \"ByteLevel\"}", ": pre_tokenizer.pretokenizers[1]: ByteLevel", E_UNSUPPORTED},
        {"normalizer",
         "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFC\"}, {\"type\": \"Uppercase\"}]}",
         ": normalizer.normalizers[1].type: Uppercase", E_UNSUPPORTED},
        {"normalizer", "{\"type\": \"NFC\", \"more\": 1}", ": normalizer.more", E_UNSUPPORTED},
        {"normalizer", "7", ": normalizer has to be", E_FORMAT},
        {"normalizer", "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \"\\\\b\"}, \"content\": \"b\"}",
         ": normalizer.pattern", E_UNSUPPORTED},
        {"pre_tokenizer", "{\"type\": \"FixedLength\"}", ": pre_tokenizer.type: FixedLength", E_UNSUPPORTED},
        {"pre_tokenizer", "{\"type\": \"UnicodeScripts\", \"more\": 1}", ": pre_tokenizer.more", E_UNSUPPORTED},
        {"pre_tokenizer", "{\"type\": \"Metaspace\", \"replacement\": \"__\"}",
         ": pre_tokenizer.replacement has to be one character", E_FORMAT},
        {"pre_tokenizer", "{\"type\": \"Metaspace\", \"replacement\": \"\"}",
         ": pre_tokenizer.replacement has to be one character", E_FORMAT},
        {"pre_tokenizer",
         "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"\\\\W+\"}, \"behavior\": \"Isolated\"}",
         ": pre_tokenizer.pattern: this use of a backslash", E_UNSUPPORTED},
        {"pre_tokenizer",
         "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"a(*ACCEPT)b\"}, \"behavior\": \"Isolated\"}",
         ": pre_tokenizer.pattern: a verb", E_UNSUPPORTED},
        {"pre_tokenizer",
         "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"a*\"}, \"behavior\": \"Isolated\"}",
         "can match nothing", E_UNSUPPORTED},
        {"pre_tokenizer",
         "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"a\"}, \"behavior\": \"Glued\"}",
         ": pre_tokenizer.behavior: Glued", E_UNSUPPORTED},
        {"pre_tokenizer", "{\"type\": \"ByteLevel\", \"add_prefix_space\": 3}", "add_prefix_space", E_FORMAT},
        {"post_processor", "{\"type\": \"Other\"}", ": post_processor.type: Other", E_UNSUPPORTED},
        {"decoder", "{\"type\": \"WordPiece\"}", ": decoder.type: WordPiece", E_UNSUPPORTED},
        {"added_tokens", "[{\"id\": 5, \"content\": \"<x>\"}]", ": added_tokens[0]: id 5", E_FORMAT},
        {"added_tokens", "[{\"id\": 99999999, \"content\": \"<x>\"}]", ": added_tokens[0].id", E_FORMAT},
        {"added_tokens", "[{\"id\": 2000, \"content\": \"\"}]", ": added_tokens[0]", E_UNSUPPORTED},
        {"extra", "1", ": extra", E_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        json_t *doc = tiny_doc();
        json_object_set_new(doc, refusals[i].key, json_loads(refusals[i].value, JSON_DECODE_ANY, NULL));
        expect_refusal(doc, refusals[i].code, refusals[i].message);
        json_decref(doc);
    }
}

/* What stands for a space in the pieces has to stand for one when they become text. */
static void refused_marks(void **state)
{
    (void)state;
    static const struct refusal {
        const char *key, *value, *message;
    } refusals[] = {
        {"decoder", "{\"type\": \"Metaspace\", \"replacement\": \"_\"}", ": decoder.replacement: another mark"},
        {"pre_tokenizer", "{\"type\": \"Metaspace\", \"replacement\": \"_\"}", ": decoder.replacement: another mark"},
        {"decoder", "{\"type\": \"BPEDecoder\", \"suffix\": \"</w>\"}", ": decoder: BPEDecoder for a model without"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        json_t *doc = read_doc(DATA "unigram.json");
        json_object_set_new(doc, refusals[i].key, json_loads(refusals[i].value, 0, NULL));
        expect_refusal(doc, E_UNSUPPORTED, refusals[i].message);
        json_decref(doc);
    }
}

static void refused_models(void **state)
{
    (void)state;
    static const struct refusal {
        const char *key, *value, *message;
        int code;
    } refusals[] = {
        {"type", "\"WordLevel\"", ": model.type: WordLevel of bytes", E_UNSUPPORTED},
        {"type", "\"Letters\"", ": model.type: Letters", E_UNSUPPORTED},
        {"dropout", "0.1", ": model.dropout", E_UNSUPPORTED},
        {"continuing_subword_prefix", "\"#################\"", ": model.continuing_subword_prefix", E_UNSUPPORTED},
        {"continuing_subword_prefix", "\"###\"", ": model.merges[0] has to be two tokens, the second", E_FORMAT},
        {"end_of_word_suffix", "\"</w >\"", ": model.end_of_word_suffix", E_UNSUPPORTED},
        {"end_of_word_suffix", "\"\u2581\"", ": model.end_of_word_suffix", E_UNSUPPORTED},
        {"unk_token", "\"<none>\"", ": model.unk_token", E_FORMAT},
        {"merges", "[\"a\"]", ": model.merges[0] has to be", E_FORMAT},
        {"merges", "[[\"a\", \"b\", \"c\"]]", ": model.merges[0] has to be", E_FORMAT},
        {"merges", "[\"a nothing\"]", ": model.merges[0]", E_FORMAT},
        {"merges", "[\"t h\", \"t h\"]", ": model.merges[1]: the merge is there twice", E_FORMAT},
        {"merges", "{}", ": model.merges has to be a list", E_FORMAT},
        {"vocab", "{\"a\": 0, \"b\": 0}", ": model.vocab: id 0", E_FORMAT},
        {"vocab", "{\"a\": 123456789}", ": model.vocab", E_FORMAT},
        {"vocab", "{\"a\": -1}", ": model.vocab", E_FORMAT},
        {"vocab", "[]", ": model.vocab", E_FORMAT},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        json_t *doc = tiny_doc();
        json_t *model = json_object_get(doc, "model");
        json_object_set_new(model, refusals[i].key, json_loads(refusals[i].value, JSON_DECODE_ANY, NULL));
        expect_refusal(doc, refusals[i].code, refusals[i].message);
        json_decref(doc);
    }
}

static void refused_gguf(void **state)
{
    (void)state;
    static const char *const three[] = {"a", "b", "ab"}, *const twice[] = {"a", "a", "ab"},
                             *const merge[] = {"a b"}, *const odd[] = {"a c"};
    struct {
        const char *model, *pre, *const *tokens, *const *merges, *message;
        int code;
    } cases[] = {
        {NULL, NULL, three, merge, "no tokenizer", E_FORMAT},
        {"rwkv", NULL, three, merge, "\"rwkv\"", E_UNSUPPORTED},
        {"gpt2", "mystery", three, merge, "\"mystery\"", E_UNSUPPORTED},
        {"gpt2", "gpt-2", NULL, merge, "tokens", E_FORMAT},
        {"gpt2", "gpt-2", three, NULL, "merges", E_FORMAT},
        {"gpt2", "gpt-2", three, odd, "merges[0]", E_FORMAT},
        {"gpt2", "gpt-2", twice, merge, "0 and 1 are the same", E_FORMAT},
        {"llama", NULL, three, NULL, "scores", E_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err e = {0};
        gguf_text_file f = {0};
        tokenizer *t = NULL;
        if (cases[i].model) put_key_text(&f, "model", cases[i].model);
        if (cases[i].pre) put_key_text(&f, "pre", cases[i].pre);
        if (cases[i].tokens) put_key_texts(&f, "tokens", cases[i].tokens, 3);
        if (cases[i].merges) put_key_texts(&f, "merges", cases[i].merges, 1);
        int code = open_made(&t, &f, &e);
        if (code != cases[i].code || !strstr(e.msg, cases[i].message)) fail_msg("%zu: %d %s", i, code, e.msg);
    }
}

static void gguf_keys(void **state)
{
    (void)state;
    err e = {0};
    gguf_text_file f = {0};
    tokenizer *t;
    put_tiny(&f, NULL); /* no `pre`: as "default" */
    put_key_u32(&f, "bos_token_id", 2000);
    put_key_u32(&f, "eos_token_id", 2002);
    put_key_u32(&f, "padding_token_id", UINT32_MAX);
    assert_int_equal(open_made(&t, &f, &e), OK);
    assert_string_equal(tokenizer_kind(t), "byte-level BPE (default)");
    assert_int_equal(tokenizer_bos(t), 2000);
    assert_int_equal(tokenizer_eos(t), 2002);
    assert_int_equal(tokenizer_pad(t), -1);
    assert_false(tokenizer_add_bos(t));
    tokenizer_close(t);
    put_tiny(&f, "llama-bpe");
    put_key_u32(&f, "bos_token_id", 2000);
    assert_int_equal(open_made(&t, &f, &e), OK);
    assert_true(tokenizer_add_bos(t));
    tokenizer_close(t);
    put_tiny(&f, "smollm");
    put_key_u32(&f, "eos_token_id", 2003);
    assert_int_equal(open_made(&t, &f, &e), E_FORMAT);
    assert_non_null(strstr(e.msg, "2003"));
}

/* ---- a folder ---- */

static void write_text(const char *folder, const char *name, const char *text, size_t n)
{
    err e = {0};
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (file_write(path, text, n, &e) != OK) fail_msg("%s", e.msg);
}

static void folder(void **state)
{
    (void)state;
    char *path = scratch_new();
    err e = {0};
    tokenizer *t = NULL;
    assert_int_equal(tokenizer_from_folder(&t, path, &e), E_IO);
    str text = {0};
    read_all(&text, DATA "tiny.json");
    write_text(path, "tokenizer.json", text.p, text.n);
    str_free(&text);
    static const char config[] =
        "{\"bos_token\": {\"content\": \"<|endoftext|>\"}, \"eos_token\": \"<|im_end|>\", "
        "\"pad_token\": null, \"add_bos_token\": true}";
    write_text(path, "tokenizer_config.json", config, strlen(config));
    e = (err){0};
    if (tokenizer_from_folder(&t, path, &e) != OK) fail_msg("%s", e.msg);
    assert_int_equal(tokenizer_bos(t), 2000);
    assert_int_equal(tokenizer_eos(t), 2002);
    assert_int_equal(tokenizer_pad(t), -1);
    assert_true(tokenizer_add_bos(t));
    tokenizer_close(t);
    static const char wrong[] = "{\"eos_token\": \"<|nothing|>\"}";
    write_text(path, "tokenizer_config.json", wrong, strlen(wrong));
    assert_int_equal(tokenizer_from_folder(&t, path, &e), E_FORMAT);
    assert_non_null(strstr(e.msg, "eos_token"));
    static const char more[] = "{\"added_tokens_decoder\": {\"2003\": {\"content\": \"<new>\"}}}";
    write_text(path, "tokenizer_config.json", more, strlen(more));
    e = (err){0};
    assert_int_equal(tokenizer_from_folder(&t, path, &e), E_UNSUPPORTED);
    assert_non_null(strstr(e.msg, "<new>"));
    scratch_free(path);
}

/* ---- post-processors: only what they add is read ---- */

static void post_processors(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "{\"type\": \"RobertaProcessing\", \"sep\": [\"</s>\", 2002], \"cls\": [\"<s>\", 2000]}",
        "{\"type\": \"Sequence\", \"processors\": [{\"type\": \"ByteLevel\"}, {\"type\": "
        "\"TemplateProcessing\", \"single\": "
        "[{\"SpecialToken\": {\"id\": \"B\"}}, {\"Sequence\": {\"id\": \"A\"}}, {\"SpecialToken\": {\"id\": "
        "\"E\"}}], "
        "\"special_tokens\": {\"B\": {\"ids\": [2000]}, \"E\": {\"ids\": [2002]}}}]}",
    };
    for (size_t i = 0; i < 2; i++) {
        json_t *doc = tiny_doc();
        json_object_set_new(doc, "post_processor", json_loads(forms[i], 0, NULL));
        char *text = json_dumps(doc, 0);
        err e = {0};
        tokenizer *t;
        if (tokenizer_from_json(&t, text, strlen(text), "T.json", &e) != OK) fail_msg("%s", e.msg);
        assert_true(tokenizer_add_bos(t) && tokenizer_add_eos(t));
        assert_int_equal(tokenizer_bos(t), 2000);
        assert_int_equal(tokenizer_eos(t), 2002);
        tokenizer_close(t);
        free(text);
        json_decref(doc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_members), cmocka_unit_test(refused_models), cmocka_unit_test(refused_marks),
        cmocka_unit_test(refused_gguf),    cmocka_unit_test(gguf_keys),      cmocka_unit_test(folder),
        cmocka_unit_test(post_processors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
