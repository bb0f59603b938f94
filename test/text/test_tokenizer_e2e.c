/* test_tokenizer_e2e.c -- SmolLM2's ids of the restaurant descriptions of a recorded fine-tuning run,
 * 2000 training and 500 validation rows, to the last one. Needs LORAC_SHARED and LORAC_MODEL. */
#include "tokenizer_support.h"

/* A field of a CSV line, without its quotes; *p moves behind the comma or the end of the line. */
static void csv_field(const char **p, str *out)
{
    str_clear(out);
    bool quoted = **p == '"';
    if (quoted) ++*p;
    for (; **p; ++*p) {
        if (quoted && **p == '"') {
            if ((*p)[1] == '"') {
                ++*p;
            } else {
                quoted = false;
                continue;
            }
        } else if (!quoted && (**p == ',' || **p == '\n' || **p == '\r')) {
            break;
        }
        str_putc(out, **p);
    }
    if (**p == '\r') ++*p;
    if (**p) ++*p;
}

static void compare_ids(const token_vec *ids, const json_t *wanted, const char *what, size_t row)
{
    size_t n = json_array_size(wanted);
    for (size_t i = 0; i < n && i < ids->n; i++)
        if (ids->p[i] != json_integer_value(json_array_get(wanted, i)))
            fail_msg("%s row %zu: id %zu", what, row, i);
    if (ids->n != n) fail_msg("%s row %zu: %zu ids, not %zu", what, row, ids->n, n);
}

static void compare_rows(const tokenizer *t, const char *csv, const json_t *rows, const char *what)
{
    str text = {0}, ref = {0}, prompt = {0};
    token_vec ids = {0};
    const char *p = csv;
    csv_field(&p, &text);
    assert_string_equal(text.p, "mr");
    csv_field(&p, &text);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        err e = {0};
        csv_field(&p, &text);
        csv_field(&p, &ref);
        str_clear(&prompt);
        str_fmt(&prompt, "Describe the restaurant: %s\nDescription:", text.p);
        ids.n = 0;
        assert_int_equal(tokenizer_encode(t, prompt.p, prompt.n, TOKENIZE_PLAIN, &ids, &e), OK);
        compare_ids(&ids, json_array_get(json_array_get(rows, i), 0), what, i);
        str_clear(&prompt);
        str_fmt(&prompt, " %s", ref.p);
        ids.n = 0;
        assert_int_equal(tokenizer_encode(t, prompt.p, prompt.n, TOKENIZE_PLAIN, &ids, &e), OK);
        token_vec_push(&ids, (int32_t)tokenizer_eos(t));
        compare_ids(&ids, json_array_get(json_array_get(rows, i), 1), what, i);
    }
    str_free(&text);
    str_free(&ref);
    str_free(&prompt);
    token_vec_free(&ids);
}

static void recorded_rows(void **state)
{
    (void)state;
    const char *folder = getenv("LORAC_SHARED"), *model = getenv("LORAC_MODEL");
    if (!folder || !folder[0] || !model || !model[0]) {
        print_message(
            "SKIPPED: the rows of a recorded run, as LORAC_SHARED and LORAC_MODEL are not both set\n");
        skip();
    }
    err e = {0};
    char path[4096];
    gguf *g;
    tokenizer *t = NULL;
    if (gguf_open(&g, model, &e) != OK || tokenizer_from_gguf(&t, g, &e) != OK) fail_msg("%s", e.msg);
    gguf_close(g);
    assert_string_equal(tokenizer_kind(t), "byte-level BPE (smollm)");
    assert_int_equal(tokenizer_eos(t), 2);
    snprintf(path, sizeof path, "%s/data/reference/smollm2-e2e/tokens.json", folder);
    json_t *wanted = json_parse_file(path, &e);
    if (!wanted) fail_msg("%s", e.msg);
    static const char *const parts[][2] = {{"train", "trainset.csv"}, {"dev", "devset.csv"}};
    const size_t counts[] = {2000, 500};
    for (int i = 0; i < 2; i++) {
        const json_t *rows = json_object_get(wanted, parts[i][0]);
        assert_int_equal(json_array_size(rows), counts[i]);
        str csv = {0};
        snprintf(path, sizeof path, "%s/data/e2e/%s", folder, parts[i][1]);
        read_all(&csv, path);
        compare_rows(t, csv.p, rows, parts[i][0]);
        str_free(&csv);
    }
    json_decref(wanted);
    tokenizer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(recorded_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
