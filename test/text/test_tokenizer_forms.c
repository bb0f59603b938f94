/* test_tokenizer_forms.c -- every form in which tokenizers come, against the recorded ids of the reference
 * implementations (test/data/tokenizer/forms.json, test/golden/tokenizer_forms.py): small vocabularies
 * always, large real ones when LORAC_SHARED names the folder of reference data. With
 * LORAC_TOKENIZER_TABLE=FILE the comparison is written there as the table of docs/TOKENIZERS.md. */
#include "scratch.h"
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

/* A folder with copies of the files named, and a tokenizer_config.json. */
static tokenizer *open_folder(const json_t *f)
{
    err e = {0};
    tokenizer *t = NULL;
    char *folder = scratch_new(), path[4096];
    const char *name;
    json_t *from;
    json_object_foreach(json_object_get(f, "files"), name, from)
    {
        str data = {0};
        snprintf(path, sizeof path, DATA "%s", json_string_value(from));
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

static tokenizer *open_form(const json_t *f, const char *folder)
{
    const char *kind = member(f, "kind");
    char path[4096];
    snprintf(path, sizeof path, "%s%s", folder, member(f, "path"));
    if (!strcmp(kind, "json")) return open_json(path);
    if (!strcmp(kind, "model")) return open_model(path);
    if (!strcmp(kind, "gguf")) return open_gguf(path);
    if (!strcmp(kind, "folder")) return open_folder(f);
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
        int n = compare_all(t, member(f, "name"), plain ? TOKENIZE_PLAIN : TOKENIZE_SPECIAL,
                            ids ? IDS_ONLY : IDS_AND_TEXT);
        assert_int_equal(n, 5200);
        str_fmt(&rows, "| %s | %s | %d | 0 |\n", member(f, "what"), tokenizer_kind(t), n);
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

/* ---- normalizers and pre-tokenizers alone ---- */

static void put_piece(void *arg, const char *piece, size_t n)
{
    str_add(arg, piece, n);
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
        must(splitter_run(&r->t->split, text, n, SPLIT_STARTS, put_piece, &out, &e), r->name, &e);
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

/* ---- frames ---- */

static void expect_frame(const tokenizer *t, bool pair, const char *wanted)
{
    int32_t a[] = {50, 51}, b[] = {60};
    const token_vec first = {a, 2, 2}, second = {b, 1, 1};
    token_vec ids = {0}, types = {0};
    str out = {0};
    tokenizer_frame(t, &first, pair ? &second : NULL, &ids, &types);
    assert_int_equal(ids.n, types.n);
    for (size_t i = 0; i < ids.n; i++) str_fmt(&out, i ? " %d:%d" : "%d:%d", ids.p[i], types.p[i]);
    assert_string_equal(str_c(&out), wanted);
    assert_int_equal(tokenizer_frame_tokens(t, pair ? FRAME_PAIR : FRAME_ONE), (int64_t)ids.n - (pair ? 3 :
                                                                                                 2));
    str_free(&out);
    token_vec_free(&ids);
    token_vec_free(&types);
}

static void frames(void **state)
{
    (void)state;
    static const struct {
        const char *post, *one, *pair;
    } cases[] = {
        {"{\"type\": \"BertProcessing\", \"cls\": [\"C\", 2], \"sep\": [\"S\", 3]}", "2:0 50:0 51:0 3:0",
         "2:0 50:0 51:0 3:0 60:1 3:1"},
        {"{\"type\": \"RobertaProcessing\", \"cls\": [\"C\", 2], \"sep\": [\"S\", 3]}", "2:0 50:0 51:0 3:0",
         "2:0 50:0 51:0 3:0 3:0 60:0 3:0"},
        {"{\"type\": \"TemplateProcessing\", \"single\": [{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}, "
         "{\"SpecialToken\": {\"id\": \"e\", \"type_id\": 0}}], \"pair\": [{\"Sequence\": {\"id\": \"B\", "
         "\"type_id\": 4}}, {\"SpecialToken\": {\"id\": \"e\", \"type_id\": 2}}, "
         "{\"Sequence\": {\"id\": \"A\", \"type_id\": 1}}], \"special_tokens\": "
         "{\"e\": {\"id\": \"e\", \"ids\": [7, 8]}}}",
         NULL, NULL},
        {"{\"type\": \"TemplateProcessing\", \"single\": [{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}, "
         "{\"SpecialToken\": {\"id\": \"e\", \"type_id\": 0}}], \"pair\": [{\"Sequence\": {\"id\": \"B\", "
         "\"type_id\": 4}}, {\"SpecialToken\": {\"id\": \"e\", \"type_id\": 2}}, "
         "{\"Sequence\": {\"id\": \"A\", \"type_id\": 1}}], \"special_tokens\": "
         "{\"e\": {\"id\": \"e\", \"ids\": [7]}}}",
         "50:0 51:0 7:0", "60:4 7:2 50:1 51:1"},
        {"null", "50:0 51:0", "50:0 51:0 60:1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *doc = tiny_doc();
        json_object_set_new(doc, "post_processor", json_loads(cases[i].post, JSON_DECODE_ANY, NULL));
        if (!cases[i].one) { /* two tokens at an end of one text */
            err e = {0};
            tokenizer *t;
            char *text = json_dumps(doc, 0);
            assert_int_equal(tokenizer_from_json(&t, text, strlen(text), "T.json", &e), E_UNSUPPORTED);
            free(text);
            json_decref(doc);
            continue;
        }
        tokenizer *t = from_doc(doc, "frame");
        expect_frame(t, false, cases[i].one);
        expect_frame(t, true, cases[i].pair);
        tokenizer_close(t);
    }
}

static void fitting(void **state)
{
    (void)state;
    static const int cases[][5] = {{5, 3, 8, 5, 3}, {5, 3, 7, 4, 3}, {5, 3, 4, 2, 2}, {3, 5, 5, 2, 3},
                                   {3, 9, 6, 3, 3}, {9, 3, 5, 3, 2}, {4, 4, 0, 0, 0}, {2, 9, 7, 2, 5}};
    int32_t p[9] = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        token_vec a = {p, (size_t)cases[i][0], 9}, b = {p, (size_t)cases[i][1], 9};
        frame_fit(&a, &b, cases[i][2]);
        if ((int)a.n != cases[i][3] || (int)b.n != cases[i][4])
            fail_msg("%zu: %zu and %zu", i, a.n, b.n);
    }
}

static int write_table(void **state)
{
    (void)state;
    const char *path = getenv("LORAC_TOKENIZER_TABLE");
    str out = {0};
    err e = {0};
    str_fmt(&out, "| form | read as | strings | differences |\n|---|---|---|---|\n%s", str_c(&rows));
    if (path && *path) must(file_write(path, out.p, out.n, &e), path, &e);
    str_free(&out);
    str_free(&rows);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_forms), cmocka_unit_test(large_forms), cmocka_unit_test(parts),
        cmocka_unit_test(frames),      cmocka_unit_test(fitting),
    };
    return cmocka_run_group_tests(tests, NULL, write_table);
}
