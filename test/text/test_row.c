/* test_row.c -- ids and masks token by token, truncation, dropping, findings, refusals, threads. The
 * tokenizer is bytes.h's: ids are bytes, so that what is expected can be written down as text. */
#include "text/fixture.h"

static tokenizer *both, *plain; /* BOS and EOS; neither */

static int open_tokenizers(void **state)
{
    (void)state;
    both = bytes_tokenizer("{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\", \"add_bos_token\": true}");
    plain = bytes_tokenizer("{}");
    return 0;
}

static int close_tokenizers(void **state)
{
    (void)state;
    tokenizer_close(both);
    tokenizer_close(plain);
    return 0;
}

/* tokens: a letter each, '^' for BOS and '$' for EOS; mask: '0' and '1'. */
static void expect_row(const fixture *f, int64_t row, const char *tokens, const char *mask)
{
    assert_true(row < f->r.n);
    int64_t at = f->r.offset[row], n = f->r.offset[row + 1] - at;
    assert_int_equal(n, strlen(tokens));
    assert_int_equal(n, strlen(mask));
    for (int64_t i = 0; i < n; i++) {
        int32_t id = tokens[i] == '^' ? BYTES_BOS : tokens[i] == '$' ? BYTES_EOS : tokens[i];
        assert_int_equal(f->r.ids[at + i], id);
        assert_int_equal(f->r.mask[at + i], mask[i] - '0');
    }
}

static void expect_found(const fixture *f, row_finding kind, int64_t count, int64_t line)
{
    assert_int_equal(f->r.found[kind].count, count);
    assert_int_equal(f->r.found[kind].line, line);
}

static void prompt_and_completion(void **state)
{
    (void)state;
    const char *data = "prompt,completion\nab:, cd\nx,<s>y</s>\n,z\n<s>q,r\n";
    fixture f;
    build(&f, data, both, (row_options){0});
    assert_int_equal(f.r.n, 4);
    expect_row(&f, 0, "^ab: cd$", "00001111");
    expect_row(&f, 1, "^x^y$", "00111");
    expect_row(&f, 2, "^z$", "011");
    expect_row(&f, 3, "^qr$", "0011");
    assert_int_equal(f.r.rows, 4);
    assert_int_equal(f.r.tokens, 20);
    assert_int_equal(f.r.label_tokens, 11);
    assert_int_equal(f.r.longest, 8);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(f.r.row[i], i);
        assert_int_equal(f.r.line[i], i + 2);
    }
    close_fixture(&f);
    build(&f, data, both, (row_options){.loss = ROW_LOSS_ALL, .bos = ROW_BOS_NEVER, .eos = ROW_EOS_NEVER});
    expect_row(&f, 0, "ab: cd", "011111");
    expect_row(&f, 1, "x^y$", "0111");
    assert_int_equal(f.r.n, 3); /* "z" alone has nothing before it */
    expect_row(&f, 2, "^qr", "011");
    close_fixture(&f);
    build(&f, data, plain, (row_options){.bos = ROW_BOS_ALWAYS, .loss = ROW_LOSS_COMPLETION});
    expect_row(&f, 0, "ab: cd", "000111");
    close_fixture(&f);
    build(&f, "prompt,completion\na</s>,\"\"\n", both, (row_options){0});
    expect_row(&f, 0, "^a$$", "0001"); /* the prompt's EOS is not the completion's */
    close_fixture(&f);
}

static void text_is_learned_whole(void **state)
{
    (void)state;
    fixture f;
    build(&f, "text\nabc\n<s>d</s>\n\"\"\n", both, (row_options){0});
    expect_row(&f, 0, "^abc$", "01111");
    expect_row(&f, 1, "^d$", "011");
    expect_row(&f, 2, "^$", "01");
    expect_found(&f, FIND_EMPTY_COMPLETION, 1, 4);
    close_fixture(&f);
    build(&f, "text\nabc\n", both, (row_options){.bos = ROW_BOS_NEVER});
    expect_row(&f, 0, "abc$", "0111");
    close_fixture(&f);
}

static void bos_when_asked(void **state)
{
    (void)state;
    tokenizer *t = bytes_tokenizer("{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\"}");
    token_vec v = {0};
    err e = {0};
    assert_int_equal(row_prompt(t, ROW_BOS_AUTO, "ab", 2, &v, &e), OK);
    assert_int_equal(v.n, 2);
    assert_int_equal(row_prompt(t, ROW_BOS_ALWAYS, "c", 1, &v, &e), OK);
    assert_int_equal(v.n, 4);
    assert_int_equal(v.p[2], BYTES_BOS);
    assert_int_equal(row_prompt(t, ROW_BOS_ALWAYS, "", 0, &v, &e), OK);
    assert_int_equal(v.n, 5);
    token_vec_free(&v);
    tokenizer_close(t);
}

static void truncation_keeps_the_start(void **state)
{
    (void)state;
    fixture f;
    build(&f, "prompt,completion\na:, bcd\nabcd:, x\na:, b\nabcdefgh, x\n", both,
          (row_options){.max_length = 6});
    assert_int_equal(f.r.rows, 4);
    assert_int_equal(f.r.n, 2);
    assert_int_equal(f.r.dropped, 2);
    assert_int_equal(f.r.truncated, 1);
    expect_row(&f, 0, "^a: bc", "000111");
    expect_row(&f, 1, "^a: b$", "000111");
    assert_int_equal(f.r.row[1], 2);
    assert_int_equal(f.r.line[1], 4);
    assert_int_equal(f.r.longest, 6);
    assert_int_equal(f.r.tokens, 12);
    expect_found(&f, FIND_TRUNCATED, 1, 2);
    expect_found(&f, FIND_PROMPT_TOO_LONG, 2, 3);
    expect_found(&f, FIND_NO_LABEL, 0, 0);
    expect_found(&f, FIND_NO_EOS, 0, 0);
    close_fixture(&f);
    build(&f, "prompt,completion\nabcdefgh, x\n", both, (row_options){.max_length = 6, .loss = ROW_LOSS_ALL});
    expect_row(&f, 0, "^abcde", "011111");
    close_fixture(&f);
}

static void token_ids_as_given(void **state)
{
    (void)state;
    const char *data =
        "{\"input_ids\": [97, 98, 99, 100], \"labels\": [97, -100, 99, 100], "
        "\"completion_mask\": [0, 1, 1, 0], \"assistant_masks\": [1,1,1,1]}\n"
        "{\"input_ids\": [97, 257], \"labels\": [-100, 257], \"completion_mask\": \"[0,1]\", "
        "\"assistant_masks\": [1,1]}\n"
        "{\"input_ids\": [], \"labels\": [], \"completion_mask\": [], \"assistant_masks\": []}\n"
        "{\"input_ids\": [97, 98, 98], \"labels\": [97, 98, 98], \"completion_mask\": [1, 1, 1], "
        "\"assistant_masks\": [0,0,1]}\n";
    fixture f;
    build(&f, data, both, (row_options){0});
    assert_int_equal(f.r.n, 3);
    expect_row(&f, 0, "abcd", "0010");
    expect_row(&f, 1, "a$", "01");
    expect_row(&f, 2, "abb", "001");
    expect_found(&f, FIND_NO_EOS, 2, 1);
    expect_found(&f, FIND_NO_LABEL, 1, 3);
    close_fixture(&f);
    build(&f, data, both, (row_options){.loss = ROW_LOSS_ALL, .max_length = 3});
    expect_row(&f, 0, "abc", "001");
    expect_row(&f, 2, "abb", "011");
    expect_found(&f, FIND_NO_EOS, 2, 1);
    close_fixture(&f);
}

static void findings(void **state)
{
    (void)state;
    fixture f;
    build(&f,
          "prompt,completion\n"
          "a:,b\n"        /* 2: no space */
          "a:, b\n"       /* 3 */
          "\"a \",b\n"    /* 4 */
          "a,\"\"\n"      /* 5: empty */
          "a:, b\n"       /* 6: as 3 */
          "a<s>,b\n"      /* 7: a special token ends the prompt */
          "a:,\xc3\xa9\n" /* 8: not ASCII */
          "a:,.\n"        /* 9: no word */
          "a:,b\n"        /* 10: as 2 */
          ",b\n"          /* 11 */
          "\xc3\xa9,b\n", /* 12: not ASCII before it */
          both, (row_options){0});
    assert_int_equal(f.r.n, 11);
    expect_found(&f, FIND_NO_SPACE, 2, 2);
    expect_found(&f, FIND_EMPTY_COMPLETION, 1, 5);
    expect_found(&f, FIND_DUPLICATE, 2, 6);
    expect_found(&f, FIND_TRUNCATED, 0, 0);
    expect_found(&f, FIND_NO_EOS, 0, 0);
    close_fixture(&f);
    build(&f, "prompt,completion\na:, b\n:, ab\na,: b\n", plain, (row_options){0});
    expect_found(&f, FIND_NO_EOS, 3, 2);
    expect_found(&f, FIND_DUPLICATE, 0, 0); /* the same tokens under another mask are another row */
    close_fixture(&f);
    for (int i = 0; i < FIND_COUNT; i++) assert_true(strlen(row_finding_text(i)) > 0);
}

static void refusals(void **state)
{
    (void)state;
    row_options o = {0};
    refuse("text\na\n", both, (row_options){.loss = ROW_LOSS_COMPLETION}, E_USAGE,
           "f: --completion-only-loss true needs a prompt, and rows of text have none");
    refuse("{\"input_ids\": [1]}", both, (row_options){.loss = ROW_LOSS_COMPLETION}, E_USAGE,
           "f: --completion-only-loss true needs a prompt, and rows of token ids have none");
    refuse("text\na\n", both, (row_options){.max_length = 1}, E_USAGE,
           "--max-length 1: at least 2, or 0 for no limit");
    refuse("prompt,completion\nx,y\nabcdef, x\nabcdefg, x\n", both, (row_options){.max_length = 2}, E_FORMAT,
           "f:2: not one of 3 rows can be used: the prompt alone fills --max-length, so that the row is "
           "dropped; "
           "raise it or shorten the prompt");
    refuse("{\"input_ids\": [1]}", both, o, E_FORMAT,
           "f:1: not one of 1 rows can be used: no token is left to learn, so that the row is dropped");
    refuse("{\"input_ids\": \"x\"}", both, o, E_FORMAT, "f:1: \"input_ids\" has to be a list of whole numbers");
    refuse("{\"input_ids\": null}", both, o, E_FORMAT, "f:1: \"input_ids\" has to be a list of whole numbers");
    refuse("{\"input_ids\": {}}", both, o, E_FORMAT, "f:1: \"input_ids\" has to be a list of whole numbers");
    refuse("{\"input_ids\": [1, 2.5]}", both, o, E_FORMAT, "f:1: \"input_ids\" has to be a list of whole numbers");
    refuse("{\"input_ids\": [99999999999999999999]}", both, o, E_FORMAT,
           "f:1: \"input_ids\" has to be a list of whole numbers");
    refuse("{\"input_ids\": [1, 2]}\n{\"input_ids\": [1, 258]}", both, o, E_FORMAT,
           "f:2: \"input_ids\" holds 258; it has to be from 0 to 257");
    refuse("{\"input_ids\": [-1]}", both, o, E_FORMAT, "f:1: \"input_ids\" holds -1; it has to be from 0 to 257");
    refuse("{\"input_ids\": [1, 2], \"labels\": [1]}", both, o, E_FORMAT,
           "f:1: \"labels\" is not as long as \"input_ids\"");
    refuse("{\"input_ids\": [1, 2], \"labels\": [-100, 3]}", both, o, E_FORMAT,
           "f:1: \"labels\" differs from \"input_ids\" where it is not -100");
    refuse("{\"input_ids\": [1, 2], \"completion_mask\": [0, 2]}", both, o, E_FORMAT,
           "f:1: \"completion_mask\" holds 2; it has to be from 0 to 1");
    refuse("{\"input_ids\": [1, 2], \"labels\": [1, 2]}\n{\"input_ids\": [1, 2]}", both, o, E_FORMAT,
           "f:2: no field \"labels\" (fields: input_ids); every row of token ids has the same fields");
    refuse("{\"text\": 1}\n{\"x\": 1}", both, o, E_FORMAT,
           "f:2: no field \"text\" (fields: x); name the column to learn with --dataset-text-field");
}

static void same_for_any_number_of_threads(void **state)
{
    (void)state;
    str s = {0};
    str_puts(&s, "prompt,completion\n");
    for (int i = 0; i < 997; i++) {
        str_fmt(&s, "%.*s:,", i % 40, "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
        str_fmt(&s, "%s%d\n", i % 3 ? " " : "", i % 100);
    }
    err e = {0};
    row_options o = {.max_length = 38};
    fixture one, many;
    build(&one, s.p, both, o);
    assert_true(one.r.dropped > 0 && one.r.truncated > 0 && one.r.found[FIND_DUPLICATE].count > 0);
    for (int threads = 2; threads <= 5; threads++) {
        pool *p = pool_new(threads, &e);
        assert_int_equal(try_build(&many, s.p, both, o, p, &e), OK);
        assert_int_equal(many.r.n, one.r.n);
        size_t n = (size_t)one.r.n, tokens = (size_t)one.r.offset[n];
        assert_int_equal(one.r.tokens, tokens);
        assert_memory_equal(many.r.offset, one.r.offset, (n + 1) * sizeof *one.r.offset);
        assert_memory_equal(many.r.ids, one.r.ids, tokens * sizeof *one.r.ids);
        assert_memory_equal(many.r.mask, one.r.mask, tokens);
        assert_memory_equal(many.r.row, one.r.row, n * sizeof *one.r.row);
        assert_memory_equal(many.r.line, one.r.line, n * sizeof *one.r.line);
        assert_memory_equal(many.r.found, one.r.found, sizeof one.r.found);
        assert_int_equal(many.r.label_tokens, one.r.label_tokens);
        assert_int_equal(many.r.longest, one.r.longest);
        close_fixture(&many);
        pool_free(p);
    }
    close_fixture(&one);
    str_free(&s);
}

static void the_first_bad_row_is_named(void **state)
{
    (void)state;
    str s = {0};
    for (int i = 0; i < 100; i++)
        str_puts(&s, i == 40 || i == 60 || i == 99 ? "{\"x\":1}\n" : "{\"text\":\"ab\"}\n");
    for (int threads = 1; threads <= 4; threads++) {
        err e = {0};
        fixture f;
        pool *p = pool_new(threads, &e);
        assert_int_equal(try_build(&f, s.p, both, (row_options){0}, p, &e), E_FORMAT);
        assert_string_equal(e.msg, "f:41: no field \"text\" (fields: x); name the column to learn with "
                                   "--dataset-text-field");
        close_fixture(&f);
        pool_free(p);
    }
    str_free(&s);
}

/* A SentencePiece tokenizer writes a space before a text; between prompt and completion there is none. */
static void no_space_between_prompt_and_completion(void **state)
{
    (void)state;
    err e = {0};
    gguf *g;
    tokenizer *t;
    fixture f;
    token_vec whole = {0};
    static const char text[] = "Tom and Lily went to the park.";
    if (gguf_open(&g, "test/data/models/stories260k/stories260K.gguf", &e) != OK ||
        tokenizer_from_gguf(&t, g, &e) != OK)
        fail_msg("%s", e.msg);
    build(&f, "prompt,completion\nTom and, Lily went to the park.\nTom and</s>,Lily\n", t, (row_options){0});
    assert_int_equal(row_prompt(t, ROW_BOS_AUTO, text, strlen(text), &whole, &e), OK);
    token_vec_push(&whole, (int32_t)tokenizer_eos(t));
    assert_int_equal(f.r.offset[1], whole.n);
    assert_memory_equal(f.r.ids, whole.p, whole.n * sizeof *whole.p);
    whole.n = 0;
    assert_int_equal(row_prompt(t, ROW_BOS_AUTO, "Tom and</s>Lily", 15, &whole, &e), OK);
    token_vec_push(&whole, (int32_t)tokenizer_eos(t));
    assert_int_equal(f.r.offset[2] - f.r.offset[1], whole.n);
    assert_memory_equal(f.r.ids + f.r.offset[1], whole.p, whole.n * sizeof *whole.p);
    token_vec_free(&whole);
    close_fixture(&f);
    tokenizer_close(t);
    gguf_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompt_and_completion),
        cmocka_unit_test(text_is_learned_whole),
        cmocka_unit_test(bos_when_asked),
        cmocka_unit_test(no_space_between_prompt_and_completion),
        cmocka_unit_test(truncation_keeps_the_start),
        cmocka_unit_test(token_ids_as_given),
        cmocka_unit_test(findings),
        cmocka_unit_test(refusals),
        cmocka_unit_test(same_for_any_number_of_threads),
        cmocka_unit_test(the_first_bad_row_is_named),
    };
    return cmocka_run_group_tests(tests, open_tokenizers, close_tokenizers);
}
