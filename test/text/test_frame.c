/* test_frame.c -- what post-processors put around one text or two, and cutting two texts to a length. */
#include "text/frame.h"
#include "tokenizer_support.h"

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

/* Takes the document over; NULL with e set. */
static tokenizer *open_doc(json_t *doc, err *e)
{
    tokenizer *t = NULL;
    char *text = json_dumps(doc, 0);
    tokenizer_from_json(&t, text, strlen(text), "T.json", e);
    free(text);
    json_decref(doc);
    return t;
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
            assert_null(open_doc(doc, &e));
            assert_int_equal(e.code, E_UNSUPPORTED);
            continue;
        }
        err e = {0};
        tokenizer *t = open_doc(doc, &e);
        if (!t) fail_msg("%s", e.msg);
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(frames), cmocka_unit_test(fitting)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
