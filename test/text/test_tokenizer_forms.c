/* test_tokenizer_forms.c -- every form in which tokenizers come, against the recorded ids of the reference
 * implementations (test/data/tokenizer/forms.json, test/golden/tokenizer_forms.py): small vocabularies
 * always, large real ones when LORAC_SHARED names the folder of reference data. With
 * LORAC_TOKENIZER_TABLE=FILE the comparison is written there as the table of docs/TOKENIZERS.md. */
#include "scratch.h"
#include "text/tokenizer_gguf.h"
#include "text/tokenizer_json.h"
#include "text/unicode.h"
#include "tokenizer_support.h"

static str rows; /* of the table */

static const char *member(const json_t *f, const char *key)
{
    const char *s = json_string_value(json_object_get(f, key));
    return s ? s : "";
}

static void must(int code, const char *name, const err *e)
{
    if (code != OK) fail_msg("%s: %s", name, e->msg);
}

static tokenizer *open_json(const char *path)
{
    err e = {0};
    str text = {0};
    tokenizer *t = NULL;
    read_all(&text, path);
    must(tokenizer_from_json(&t, text.p, text.n, path, &e), path, &e);
    str_free(&text);
    return t;
}

static tokenizer *open_model(const char *path)
{
    err e = {0};
    str data = {0};
    tokenizer *t = NULL;
    read_all(&data, path);
    must(tokenizer_from_model(&t, data.p, data.n, path, &e), path, &e);
    str_free(&data);
    return t;
}

static tokenizer *open_gguf(const char *path)
{
    err e = {0};
    gguf *g = NULL;
    tokenizer *t = NULL;
    must(gguf_open(&g, path, &e), path, &e);
    must(tokenizer_from_gguf(&t, g, &e), path, &e);
    gguf_close(g);
    return t;
}

/* A folder with copies of the files named, which lie under `from_folder`, and a tokenizer_config.json. */
static tokenizer *open_folder(const json_t *f, const char *from_folder)
{
    err e = {0};
    tokenizer *t = NULL;
    char *folder = scratch_new(), path[4096];
    const char *name;
    json_t *from;
    json_object_foreach(json_object_get(f, "files"), name, from)
    {
        str data = {0};
        snprintf(path, sizeof path, "%s%s", from_folder, json_string_value(from));
        read_all(&data, path);
        snprintf(path, sizeof path, "%s/%s", folder, name);
        must(file_write(path, data.p, data.n, &e), path, &e);
        str_free(&data);
    }
    const json_t *config = json_object_get(f, "config");
    snprintf(path, sizeof path, "%s/tokenizer_config.json", folder);
    if (config) must(json_save(config, path, 1, false, &e), path, &e);
    must(tokenizer_from_folder(&t, folder, &e), member(f, "name"), &e);
    scratch_free(folder);
    return t;
}

static void put_base64(str *out, const uint8_t *p, size_t n)
{
    static const char letter[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);
        for (size_t k = 0; k < 4; k++) str_putc(out, i + k <= n ? letter[v >> (18 - 6 * k) & 63] : '=');
    }
}

/* The tokens of a vocab.json with ids below tokens_in as a tiktoken file, their ids being the ranks. */
static tokenizer *open_tiktoken(const json_t *f, const char *vocab_path)
{
    err e = {0};
    tokenizer *t = NULL;
    char *folder = scratch_new(), path[4096];
    json_t *words = read_doc(vocab_path), *id;
    const char *word;
    str lines = {0};
    json_object_foreach(words, word, id)
    {
        if (json_integer_value(id) >= json_integer_value(json_object_get(f, "tokens_in"))) continue;
        uint8_t bytes[1024];
        size_t n = 0;
        uint32_t c;
        for (const char *p = word; *p; p += utf8_length(*p)) {
            assert_true(n < sizeof bytes && utf8_get(p, strlen(p), &c) && byte_of_letter(c) >= 0);
            bytes[n++] = (uint8_t)byte_of_letter(c);
        }
        put_base64(&lines, bytes, n);
        str_fmt(&lines, " %lld\n", (long long)json_integer_value(id));
    }
    json_decref(words);
    snprintf(path, sizeof path, "%s/%s", folder, member(f, "file"));
    must(file_write(path, lines.p, lines.n, &e), path, &e);
    str_free(&lines);
    must(tokenizer_from_folder(&t, folder, &e), member(f, "name"), &e);
    scratch_free(folder);
    return t;
}

static tokenizer *from_doc(json_t *doc, const char *name)
{
    err e = {0};
    tokenizer *t = NULL;
    char *text = json_dumps(doc, 0);
    must(tokenizer_from_json(&t, text, strlen(text), name, &e), name, &e);
    free(text);
    json_decref(doc);
    return t;
}

/* whole.json as a GGUF file that names the first of the values; the others have to mean the same. */
static tokenizer *open_pre(const json_t *f)
{
    tokenizer *t = NULL;
    const json_t *values = json_object_get(f, "values");
    for (size_t i = json_array_size(values); i-- > 0;) {
        err e = {0};
        gguf_text_file file = {0};
        uint64_t before = t ? tokenizer_fingerprint(t) : 0;
        bool first = !t;
        tokenizer_close(t);
        put_byte_level(&file, read_doc(DATA "whole.json"), json_string_value(json_array_get(values, i)));
        must(open_made(&t, &file, &e), member(f, "name"), &e);
        if (!first && tokenizer_fingerprint(t) != before)
            fail_msg("%s: value %zu is read in another way", member(f, "name"), i + 1);
    }
    return t;
}

static tokenizer *open_form(const json_t *f, const char *folder)
{
    const char *kind = member(f, "kind");
    char path[4096];
    snprintf(path, sizeof path, "%s%s", folder, member(f, "path"));
    if (!strcmp(kind, "json")) return open_json(path);
    if (!strcmp(kind, "model")) return open_model(path);
    if (!strcmp(kind, "gguf")) return open_gguf(path);
    if (!strcmp(kind, "folder")) return open_folder(f, folder);
    if (!strcmp(kind, "tiktoken")) return open_tiktoken(f, path);
    if (!strcmp(kind, "pre")) return open_pre(f);
    json_t *doc = tiny_doc();
    json_object_update(doc, json_object_get(f, "patch"));
    return from_doc(doc, member(f, "name"));
}

static json_t *forms(void)
{
    err e = {0};
    json_t *list = json_parse_file(DATA "forms.json", &e);
    if (!list) fail_msg("%s", e.msg);
    return list;
}

/* BOS, EOS, UNK and PAD, where they are recorded, and how many ids there are. */
static void compare_tokens(const tokenizer *t, const json_t *f)
{
    const json_t *wanted = json_object_get(f, "tokens");
    const int64_t is[] = {tokenizer_bos(t), tokenizer_eos(t), tokenizer_unk(t), tokenizer_pad(t)};
    for (size_t i = 0; wanted && i < 4; i++)
        if (is[i] != json_integer_value(json_array_get(wanted, i)))
            fail_msg("%s: special token %zu is %lld", member(f, "name"), i, (long long)is[i]);
    if (wanted) assert_int_equal(tokenizer_size(t), json_integer_value(json_object_get(f, "size")));
}

static void compare_forms(const char *shared)
{
    json_t *list = forms();
    const json_t *f;
    size_t i;
    char folder[4096];
    snprintf(folder, sizeof folder, shared ? "%s/data/" : "%s", shared ? shared : "");
    json_array_foreach(list, i, f)
    {
        if (!strcmp(member(f, "kind"), "part") || json_is_true(json_object_get(f,
                                                                               "shared")) != (shared != NULL))
            continue;
        tokenizer *t = open_form(f, shared ? folder : DATA);
        bool plain = json_is_true(json_object_get(f, "plain"));
        bool ids = json_is_true(json_object_get(f, "ids_only"));
        const char *recorded = *member(f, "ids") ? member(f, "ids") : member(f, "name");
        int n = compare_all(t, recorded, plain ? TOKENIZE_PLAIN : TOKENIZE_SPECIAL,
                            ids ? IDS_ONLY : IDS_AND_TEXT);
        assert_int_equal(n, 5200);
        compare_tokens(t, f);
        str_fmt(&rows, "| %s | %s | %d,%03d | 0 |\n", member(f, "what"), shared ? "`LORAC_SHARED`" : "always",
                n / 1000, n % 1000);
        tokenizer_close(t);
    }
    json_decref(list);
}

static void small_forms(void **state)
{
    (void)state;
    compare_forms(NULL);
}

static void large_forms(void **state)
{
    (void)state;
    const char *shared = getenv("LORAC_SHARED");
    if (!shared || !*shared) {
        print_message("SKIPPED: real tokenizers, as LORAC_SHARED names no folder of reference data\n");
        skip();
    }
    compare_forms(shared);
}

static bool has_value(const json_t *list, const char *value, size_t n)
{
    size_t i, k;
    const json_t *f, *v;
    json_array_foreach(list, i, f)
    {
        json_array_foreach(json_object_get(f, "values"), k, v)
        {
            if (json_string_length(v) == n && !memcmp(json_string_value(v), value, n)) return true;
        }
    }
    return false;
}

/* Every value of tokenizer.ggml.pre that is read has recorded ids. */
static void every_pre(void **state)
{
    (void)state;
    json_t *list = forms();
    int values = 0;
    for (size_t row = 0; gguf_pre_names(row); row++) {
        for (const char *s = gguf_pre_names(row); *s; s = strchr(s, ' ') + 1, values++)
            if (!has_value(list, s, strcspn(s, " "))) fail_msg("no ids are recorded for \"%s\"", s);
    }
    assert_true(values > 20);
    json_decref(list);
}

/* ---- normalizers and pre-tokenizers alone ---- */

static void put_part(void *arg, const char *p, size_t n)
{
    str_add(arg, p, n);
    str_putc(arg, 0);
}

/* Whatever the part is, the vocabulary is none. */
static tokenizer *open_part(const json_t *f)
{
    json_t *doc = json_pack("{s:{s:s s:{s:i} s:[]}}", "model", "type", "BPE", "vocab", "a", 0, "merges");
    const json_t *norm = json_object_get(f, "normalizer"), *pre = json_object_get(f, "pre_tokenizer");
    if (norm) json_object_set(doc, "normalizer", (json_t *)norm);
    if (pre) json_object_set(doc, "pre_tokenizer", (json_t *)pre);
    return from_doc(doc, member(f, "name"));
}

typedef struct part_run {
    const tokenizer *t;
    const char *name, *wanted;
    bool splits;
    int texts, bad;
} part_run;

static void compare_part(part_run *r, const char *text, size_t n)
{
    err e = {0};
    str out = {0};
    if (r->splits)
        must(splitter_run(&r->t->split, text, n, SPLIT_STARTS, put_part, &out, &e), r->name, &e);
    else
        must(normalizer_run(&r->t->norm, text, n, NORM_BEGINS, &out, &e), r->name, &e);
    uint16_t h = halves(fnv(0x811c9dc5u, str_c(&out), out.n));
    if (memcmp(r->wanted + 2 * r->texts, &h, 2) && r->bad++ < 3)
        print_error("%s: text %d \"%.100s\" gives \"%.200s\"\n", r->name, r->texts + 1, text, str_c(&out));
    r->texts++;
    str_free(&out);
}

static void compare_blocks(part_run *r)
{
    for (uint32_t block = 0; block < 0x20000; block += 256) {
        str text = {0};
        for (uint32_t c = block; c < block + 256; c++) {
            if (c >= 0xd800 && c < 0xe000) continue;
            str_putc(&text, 'a');
            utf8_put(&text, c);
            str_putc(&text, 'b');
        }
        compare_part(r, str_c(&text), text.n);
        str_free(&text);
    }
}

static void parts(void **state)
{
    (void)state;
    json_t *list = forms();
    const json_t *f;
    size_t i;
    str cases = {0};
    read_all(&cases, DATA "cases.txt");
    json_array_foreach(list, i, f)
    {
        if (strcmp(member(f, "kind"), "part")) continue;
        char path[256];
        str wanted = {0}, text = {0};
        snprintf(path, sizeof path, DATA "%s.parts", member(f, "name"));
        read_all(&wanted, path);
        tokenizer *t = open_part(f);
        part_run r = {t, member(f, "name"), wanted.p, json_object_get(f, "pre_tokenizer") != NULL, 0, 0};
        assert_int_equal(wanted.n, 2 * (5200 + 512));
        for (const char *p = cases.p; *p;) {
            p = read_case(p, &text);
            compare_part(&r, str_c(&text), text.n);
        }
        compare_blocks(&r);
        if (r.bad) fail_msg("%s: %d of %d texts differ", r.name, r.bad, r.texts);
        tokenizer_close(t);
        str_free(&wanted);
        str_free(&text);
    }
    str_free(&cases);
    json_decref(list);
}

static int write_table(void **state)
{
    (void)state;
    const char *path = getenv("LORAC_TOKENIZER_TABLE");
    str out = {0};
    err e = {0};
    str_fmt(&out, "| form | compared | strings | differences |\n|---|---|---|---|\n%s", str_c(&rows));
    if (path && *path) must(file_write(path, out.p, out.n, &e), path, &e);
    str_free(&out);
    str_free(&rows);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_forms), cmocka_unit_test(large_forms), cmocka_unit_test(every_pre),
        cmocka_unit_test(parts),
    };
    return cmocka_run_group_tests(tests, NULL, write_table);
}
