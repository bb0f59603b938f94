/* test_tokenizer_parts.c -- what the recorded ids do not show: the two ways to merge agree, text comes
 * back piece by piece, the tokens' names, what is refused and how it is named, and use by threads. */
#include "tokenizer_support.h"

#include "base/pool.h"
#include "base/rng.h"
#include "text/bpe.h"
#include "text/split.h"
#include "text/unicode.h"

/* ---- merging ---- */

/* Five letters and 60 merges of random pairs, some of equal rank. */
static void merges_agree(void **state)
{
    (void)state;
    enum { LETTERS = 5, MERGES = 60, SIZE = LETTERS + MERGES };
    for (uint64_t round = 0; round < 300; round++) {
        uint64_t key = rng_key(round, 1), at = 0;
        vocab v;
        bpe b;
        vocab_init(&v, SIZE, WORD_MARK);
        bpe_init(&b, &v, SYMBOL_CHARACTERS, 0);
        bpe_reserve(&b, MERGES);
        for (int32_t i = LETTERS; i < SIZE; i++) {
            int32_t left = (int32_t)(rng_of(key, at++) % (uint64_t)i),
                    right = (int32_t)(rng_of(key, at++) % (uint64_t)i);
            bpe_add_merge(&b, left, right, (uint32_t)(rng_of(key, at++) % 40), i);
        }
        int32_t quick[BPE_SHORT], slow[BPE_SHORT];
        size_t n = rng_of(key, at++) % (BPE_SHORT + 1);
        for (size_t i = 0; i < n; i++) quick[i] = slow[i] = (int32_t)(rng_of(key, at++) % LETTERS);
        size_t a = bpe_merge_short(&b, quick, n), c = bpe_merge_long(&b, slow, n);
        assert_int_equal(a, c);
        assert_memory_equal(quick, slow, a * sizeof *quick);
        bpe_free(&b);
        vocab_free(&v);
    }
}

/* ---- UTF-8 ---- */

static void utf8(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x9f\xbf",
        "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xff",         "\xe2\x82",         "\xe2(\xa1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        str s = {0};
        str_fmt(&s, "0123456789%s", bad[i]);
        assert_int_equal(utf8_valid(s.p, s.n), 10);
        str_free(&s);
    }
    str s = {0};
    for (uint32_t c = 0; c < 0x110000; c++) {
        uint32_t back;
        if (c == 0xd800) c = 0xe000;
        str_clear(&s);
        utf8_put(&s, c);
        assert_int_equal(utf8_get(s.p, s.n, &back), s.n);
        assert_int_equal(utf8_length(s.p[0]), s.n);
        assert_int_equal(back, c);
    }
    str_free(&s);
}

/* ---- a small tokenizer for the rest ---- */

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
    tokenizer *t;
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

/* ---- what is refused ---- */

static json_t *tiny_doc(void)
{
    err e = {0};
    json_t *doc = json_parse_file(DATA "tiny.json", &e);
    if (!doc) fail_msg("%s", e.msg);
    return doc;
}

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
        {"normalizer", "{\"type\": \"NFKC\"}", ": normalizer.type: NFKC", E_UNSUPPORTED},
        {"normalizer",
         "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFC\"}, {\"type\": \"Lowercase\"}]}",
         ": normalizer.normalizers[1].type: Lowercase", E_UNSUPPORTED},
        {"normalizer", "{\"type\": \"NFC\", \"more\": 1}", ": normalizer.more", E_UNSUPPORTED},
        {"normalizer", "7", ": normalizer has to be", E_FORMAT},
        {"normalizer", "{\"type\": \"Replace\", \"pattern\": {\"Regex\": \"a\"}, \"content\": \"b\"}",
         ": normalizer.pattern", E_UNSUPPORTED},
        {"pre_tokenizer", "{\"type\": \"Whitespace\"}", ": pre_tokenizer.type: Whitespace", E_UNSUPPORTED},
        {"pre_tokenizer",
         "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"\\\\w+\"}, \"behavior\": \"Isolated\"}",
         ": pre_tokenizer.pattern: this use of a backslash", E_UNSUPPORTED},
        {"pre_tokenizer",
         "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"a*\"}, \"behavior\": \"Isolated\"}",
         "can match nothing", E_UNSUPPORTED},
        {"pre_tokenizer",
         "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"a\"}, \"behavior\": \"Contiguous\"}",
         ": pre_tokenizer.behavior: Contiguous", E_UNSUPPORTED},
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

static void refused_models(void **state)
{
    (void)state;
    static const struct refusal {
        const char *key, *value, *message;
        int code;
    } refusals[] = {
        {"type", "\"Unigram\"", ": model.type: Unigram", E_UNSUPPORTED},
        {"dropout", "0.1", ": model.dropout", E_UNSUPPORTED},
        {"continuing_subword_prefix", "\"##\"", ": model.continuing_subword_prefix", E_UNSUPPORTED},
        {"end_of_word_suffix", "\"</w>\"", ": model.end_of_word_suffix", E_UNSUPPORTED},
        {"unk_token", "\"<none>\"", ": model.unk_token", E_FORMAT},
        {"merges", "[\"a\"]", ": model.merges has to be", E_FORMAT},
        {"merges", "[[\"a\", \"b\", \"c\"]]", ": model.merges has to be", E_FORMAT},
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

static void patterns(void **state)
{
    (void)state;
    static const char *const bad[] = {"\\w",     "\\b",      "\\h",   "[[a]]",        "[a&&b]",   "(?m:a)",
                                      "(?<n>a)", "\\p{Han}", "a{2}+", "a{,2}",        "(",        ")",
                                      "[a",      "\\",       "\\pL",  "(?i:\\p{Lu})", "[\\P{L}]", "[\\S]",
                                      "[]",      "a{1,2,3}", "\\1",   "(?R)",         "\\K",      "\\x41"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err e = {0};
        splitter s = {0};
        if (splitter_add(&s, bad[i], strlen(bad[i]), SPLIT_KEEP, "P", &e) != E_UNSUPPORTED)
            fail_msg("%s", bad[i]);
        assert_int_equal(strncmp(e.msg, "P: ", 3), 0);
        splitter_free(&s);
    }
}

static void put_bar(void *arg, const char *piece, size_t n)
{
    str_add(arg, piece, n);
    str_putc(arg, '|');
}

/* U+1C89 is a letter since Unicode 16, U+180E no space since 6.3. */
static void splitting(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text, *pieces;
    } cases[] = {
        {"\\p{L}+", "a\u1c89-b", "a\u1c89|-|b|"},
        {"[^\\s]+", "a\u180e b", "a\u180e| |b|"},
        {"\\S+", "a\u180e\u2003b", "a\u180e|\u2003|b|"},
        {"\\d", "x\U00010d40y", "x|\U00010d40|y|"},
        {"a$", "a\nba", "a|\nb|a|"},
        {NULL, NULL, NULL},
    };
    for (size_t i = 0; cases[i].text; i++) {
        err e = {0};
        splitter s = {0};
        str out = {0};
        assert_int_equal(splitter_add(&s, cases[i].pattern, strlen(cases[i].pattern), SPLIT_KEEP, "P", &e),
                         OK);
        assert_int_equal(splitter_run(&s, cases[i].text, strlen(cases[i].text), put_bar, &out, &e), OK);
        assert_string_equal(out.p, cases[i].pieces);
        str_free(&out);
        splitter_free(&s);
    }
}

/* A pattern that needs a large stack for a long text gets one. */
static void deep_pattern(void **state)
{
    (void)state;
    err e = {0};
    splitter s = {0};
    str text = {0}, out = {0};
    for (int i = 0; i < 20000; i++) str_puts(&text, "ab");
    assert_int_equal(splitter_add(&s, "(?:a(?=b)|b(?=a|$))+", 20, SPLIT_KEEP, "P", &e), OK);
    assert_int_equal(splitter_run(&s, text.p, text.n, put_bar, &out, &e), OK);
    assert_int_equal(out.n, text.n + 1);
    str_free(&text);
    str_free(&out);
    splitter_free(&s);
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
        {"bert", NULL, three, merge, "\"bert\"", E_UNSUPPORTED},
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
    char path[] = "/tmp/tokenizer_test_XXXXXX";
    assert_non_null(mkdtemp(path));
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
    assert_int_equal(file_remove_tree(path, &e), OK);
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
        cmocka_unit_test(merges_agree),    cmocka_unit_test(utf8),
        cmocka_unit_test(broken_text),     cmocka_unit_test(names),
        cmocka_unit_test(streaming),       cmocka_unit_test(special_in_gguf),
        cmocka_unit_test(refused_members), cmocka_unit_test(refused_models),
        cmocka_unit_test(patterns),        cmocka_unit_test(splitting),
        cmocka_unit_test(deep_pattern),    cmocka_unit_test(refused_gguf),
        cmocka_unit_test(gguf_keys),       cmocka_unit_test(folder),
        cmocka_unit_test(post_processors), cmocka_unit_test(fingerprints),
        cmocka_unit_test(many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
