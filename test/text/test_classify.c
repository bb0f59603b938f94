/* test_classify.c -- labels of columns, columns by their usual names, and rows of classifiers: where the
 * label is read from, pairs and their types, words, what is cut. The tokenizer is a small one of words, with
 * BERT's frame. */
#include "text/batch.h"
#include "text/classify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char words[] =
    "{\"version\": \"1.0\", \"added_tokens\": ["
    "{\"id\": 0, \"content\": \"[CLS]\", \"special\": true, \"single_word\": false, \"lstrip\": false,"
    " \"rstrip\": false, \"normalized\": false},"
    "{\"id\": 1, \"content\": \"[SEP]\", \"special\": true, \"single_word\": false, \"lstrip\": false,"
    " \"rstrip\": false, \"normalized\": false}],"
    "\"normalizer\": null, \"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"},"
    "\"post_processor\": {\"type\": \"BertProcessing\", \"sep\": [\"[SEP]\", 1], \"cls\": [\"[CLS]\", 0]},"
    "\"decoder\": {\"type\": \"WordPiece\", \"prefix\": \"##\", \"cleanup\": true},"
    "\"model\": {\"type\": \"WordPiece\", \"unk_token\": \"[UNK]\", \"continuing_subword_prefix\": \"##\","
    " \"max_input_chars_per_word\": 100, \"vocab\": {\"[CLS]\": 0, \"[SEP]\": 1, \"[UNK]\": 2, \"a\": 3,"
    " \"b\": 4, \"##c\": 5, \"d\": 6}}}";

static tokenizer *k;

static int open_tokenizer(void **state)
{
    (void)state;
    err e = {0};
    if (tokenizer_from_json(&k, words, strlen(words), "words", &e) == OK) return 0;
    print_error("%s\n", e.msg);
    return 1;
}

static int close_tokenizer(void **state)
{
    (void)state;
    tokenizer_close(k);
    return 0;
}

static void read_table(table *t, const char *text)
{
    err e = {0};
    if (table_parse(t, "data", text, strlen(text), TABLE_REFUSE, &e) != OK) fail_msg("%s", e.msg);
}

typedef struct made {
    table t;
    class_columns c;
    label_set l;
    rowset r;
    err e;
} made;

static int make(made *m, const char *text, label_kind kind, class_reads reads, int64_t max_length)
{
    memset(m, 0, sizeof *m);
    const class_names names = {.words = kind == LABEL_TOKENS};
    const class_options o = {max_length, reads};
    read_table(&m->t, text);
    int code = class_find_columns(&m->c, &m->t, &names, &m->e);
    if (code == OK) code = labels_collect(&m->l, kind, &m->t, m->c.label, &m->e);
    return code == OK ? rowset_classify(&m->r, &m->t, &m->c, &m->l, k, &o, &m->e) : code;
}

static void release(made *m)
{
    rowset_release(&m->r);
    labels_release(&m->l);
    table_close(&m->t);
}

static void must(int code, const made *m)
{
    if (code != OK) fail_msg("%s", m->e.msg);
}

static void refused(made *m, const char *text, label_kind kind, const char *line)
{
    assert_int_not_equal(make(m, text, kind, CLASS_READS_FIRST, 0), OK);
    if (strcmp(m->e.msg, line)) fail_msg("%s", m->e.msg);
    release(m);
}

static void same(const int32_t *have, const int32_t *want, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (have[i] != want[i]) fail_msg("number %d is %d, not %d", (int)i, (int)have[i], (int)want[i]);
}

static void test_texts(void **state)
{
    (void)state;
    made m;
    must(make(&m, "text,label\na bc,x\nd,y\na,x\n", LABEL_ONE, CLASS_READS_FIRST, 0), &m);
    assert_int_equal(m.l.n, 2);
    assert_string_equal(m.l.name[1], "y");
    assert_int_equal(m.r.n, 3);
    same(m.r.ids, (int32_t[]){0, 3, 4, 5, 1, 0, 6, 1, 0, 3, 1}, 11);
    assert_memory_equal(m.r.mask, ((uint8_t[]){1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0}), 11);
    assert_int_equal(m.r.target[0], 0);
    assert_int_equal(m.r.target[5], 1);
    assert_int_equal(m.r.label_tokens, 3);
    micro_batch b;
    micro_batch_init_for(&b, &m.r, 11, 3, 3, 0);
    for (int64_t i = 0; i < 3; i++) micro_batch_add(&b, &m.r, i);
    same(b.gather, (int32_t[]){0, 5, 8}, 3);
    same(b.target, (int32_t[]){0, 1, 0}, 3);
    micro_batch_release(&b);
    release(&m);
    must(make(&m, "text,label\na bc,x\nd,y\n", LABEL_ONE, CLASS_READS_LAST, 0), &m);
    assert_memory_equal(m.r.mask, ((uint8_t[]){0, 0, 0, 0, 1, 0, 0, 1}), 8);
    release(&m);
}

static void test_pairs(void **state)
{
    (void)state;
    made m;
    const char *text = "premise,hypothesis,label\na b d,d,0.5\na,b,-2e1\n";
    must(make(&m, text, LABEL_VALUE, CLASS_READS_FIRST, 6), &m);
    same(m.r.ids, (int32_t[]){0, 3, 4, 1, 6, 1, 0, 3, 1, 4, 1}, 11); /* the longer text lost its end */
    same(m.r.types, (int32_t[]){0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1}, 11);
    assert_int_equal(m.r.truncated, 1);
    assert_true(m.r.values[0] == 0.5f && m.r.values[1] == -20);
    assert_int_equal(m.r.outputs, 1);
    micro_batch b;
    micro_batch_init_for(&b, &m.r, 11, 2, 2, 0);
    micro_batch_add(&b, &m.r, 1);
    micro_batch_add(&b, &m.r, 0);
    same(b.types, (int32_t[]){0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1}, 11);
    assert_true(b.values[0] == -20 && b.values[1] == 0.5f);
    micro_batch_release(&b);
    release(&m);
}

static void test_several(void **state)
{
    (void)state;
    made m;
    const char *text = "{\"text\": \"a\", \"labels\": [\"z\", \"u\"]}\n"
                       "{\"text\": \"b\", \"labels\": []}\n";
    must(make(&m, text, LABEL_SEVERAL, CLASS_READS_FIRST, 0), &m);
    assert_int_equal(m.l.n, 2);
    assert_string_equal(m.l.name[0], "u");
    assert_memory_equal(m.r.values, ((float[]){1, 1, 0, 0}), 16);
    release(&m);
}

static void test_words(void **state)
{
    (void)state;
    made m;
    const char *text = "{\"tokens\": [\"a\", \"bcc\", \"d\"], \"ner_tags\": [0, 2, 1]}\n";
    must(make(&m, text, LABEL_TOKENS, CLASS_READS_FIRST, 0), &m);
    assert_int_equal(m.l.n, 3);
    assert_string_equal(m.l.name[2], "LABEL_2");
    same(m.r.ids, (int32_t[]){0, 3, 4, 5, 5, 6, 1}, 7);
    assert_memory_equal(m.r.mask, ((uint8_t[]){0, 1, 1, 0, 0, 1, 0}), 7);
    assert_true(m.r.target[1] == 0 && m.r.target[2] == 2 && m.r.target[5] == 1);
    release(&m);
    must(make(&m, text, LABEL_TOKENS, CLASS_READS_FIRST, 5), &m); /* the last word is cut, with its label */
    assert_int_equal(m.r.label_tokens, 2);
    release(&m);
    refused(&m, "{\"tokens\": [\"a\", \"b\"], \"ner_tags\": [0]}\n", LABEL_TOKENS,
            "data:1: 2 words and 1 labels");
}

static void test_guesses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        label_kind kind;
    } cases[] = {{"label\n3\n10\n", LABEL_ONE},
                 {"label\n3\n1.5\n", LABEL_VALUE},
                 {"label\nx\n1.5\n", LABEL_ONE},
                 {"{\"label\": [1]}\n{\"label\": []}\n", LABEL_SEVERAL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        table t;
        read_table(&t, cases[i].text);
        assert_int_equal(labels_guess(&t, 0), cases[i].kind);
        table_close(&t);
    }
}

static void test_refused(void **state)
{
    (void)state;
    made m;
    refused(&m, "words,label\na,1\n", LABEL_ONE,
            "data: has no column \"text\" (columns: words, label); name it with --text_column_names");
    refused(&m, "text,kind\na,1\n", LABEL_ONE,
            "data: has no column \"label\" (columns: text, kind); name it with --label_column_name");
    refused(&m, "text,label\na,x\nb,\n", LABEL_ONE, "data:3: \"label\" is empty: every row needs a label");
    refused(&m, "text,label\na,1.5\nb,x\n", LABEL_VALUE,
            "data:3: \"label\" has to be a number to be learned as one");
    refused(&m, "{\"text\": \"a\", \"labels\": 3}\n", LABEL_SEVERAL,
            "data:1: \"labels\" has to be a list of labels");
    label_set known;
    labels_copy(&known, LABEL_ONE, (const char *const[]){"x", "y"}, 2);
    table t;
    label_ids id = {0};
    err e = {0};
    read_table(&t, "label\ny\n1\nz\n");
    assert_int_equal(labels_of_cell(&known, &t, 0, 0, &id, &e), OK);
    assert_int_equal(id.p[0], 1);
    assert_int_equal(labels_of_cell(&known, &t, 1, 0, &id, &e), OK); /* by number */
    assert_int_equal(id.p[0], 1);
    assert_int_equal(labels_of_cell(&known, &t, 2, 0, &id, &e), E_FORMAT);
    assert_string_equal(e.msg, "data:4: \"label\" is \"z\", which is none of the 2 labels (x, ...)");
    free(id.p);
    table_close(&t);
    labels_release(&known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts), cmocka_unit_test(test_pairs),   cmocka_unit_test(test_several),
        cmocka_unit_test(test_words), cmocka_unit_test(test_guesses), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, open_tokenizer, close_tokenizer);
}
