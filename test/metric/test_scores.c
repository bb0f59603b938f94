/* test_scores.c -- BLEU, chrF and ROUGE against what sacrebleu and rouge-score say of the same texts
 * (test/data/metric/scores.json, by test/golden/metric_scores.py), and the counts of variety and copies by
 * hand. */
#include "base/json.h"
#include "metric/bleu.h"
#include "metric/scores.h"
#include "metric/tokenize_13a.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { REFERENCES = 8 };

static passage text_of(const json_t *s)
{
    assert_true(json_is_string(s));
    return (passage){json_string_value(s), json_string_length(s)};
}

static int64_t references_of(const json_t *row, passage *out)
{
    const json_t *list = json_object_get(row, "references");
    size_t n = json_array_size(list);
    assert_in_range(n, 1, REFERENCES);
    for (size_t i = 0; i < n; i++) out[i] = text_of(json_array_get(list, i));
    return (int64_t)n;
}

/* The sums are of a handful of terms, so a few roundings of the larger number. */
static void same(const char *what, size_t row, double got, const json_t *o, const char *key, double scale)
{
    double want = json_number_value(json_object_get(o, key));
    assert_true(json_is_number(json_object_get(o, key)));
    if (!(fabs(got - want) <= scale * 1e-14))
        fail_msg("%s %zu: %s %.17g, not %.17g", what, row, key, got, want);
}

static void same_tokens(bleu *b, passage text, const json_t *row, size_t at)
{
    token_ids ids = {0};
    str line = {0};
    tokenize_13a(&b->words, text, &ids);
    for (int64_t i = 0; i < ids.n; i++) str_fmt(&line, "%s%s", i ? " " : "", b->words.text[ids.p[i]]);
    const char *want = json_string_value(json_object_get(row, "tokens"));
    if (strcmp(str_c(&line), want)) fail_msg("row %zu: tokens \"%s\", not \"%s\"", at, str_c(&line), want);
    str_free(&line);
    token_ids_free(&ids);
}

static json_t *recorded(void)
{
    err e = {0};
    json_t *all = json_parse_file("test/data/metric/scores.json", &e);
    if (!all) fail_msg("%s", e.msg);
    return all;
}

static void single_texts(void **state)
{
    (void)state;
    json_t *all = recorded(), *rows = json_object_get(all, "rows"), *row;
    bleu b = {0};
    scores *s = scores_new();
    size_t i;
    assert_in_range(json_array_size(rows), 100, 1000);
    json_array_foreach(rows, i, row)
    {
        passage text = text_of(json_object_get(row, "text")), reference[REFERENCES];
        int64_t n = references_of(row, reference);
        text_scores t = scores_add(s, text, reference, n);
        bleu_counts c = bleu_count(&b, text, reference, n);
        same_tokens(&b, text, row, i);
        same("row", i, t.bleu, row, "bleu", 100);
        same("row", i, bleu_score(&c, BLEU_CORPUS), row, "corpus_bleu", 100);
        same("row", i, t.chrf, row, "chrf", 100);
        same("row", i, t.rouge.one, row, "rouge1", 1);
        same("row", i, t.rouge.two, row, "rouge2", 1);
        same("row", i, t.rouge.l, row, "rougeL", 1);
    }
    bleu_free(&b);
    scores_free(s);
    json_decref(all);
}

static void corpora(void **state)
{
    (void)state;
    json_t *all = recorded(), *rows = json_object_get(all, "rows"), *groups = json_object_get(all, "groups"),
           *group;
    size_t i;
    assert_in_range(json_array_size(groups), 10, 1000);
    json_array_foreach(groups, i, group)
    {
        scores *s = scores_new();
        size_t first = (size_t)json_integer_value(json_object_get(group, "first"));
        for (size_t k = first; k < first + (size_t)json_integer_value(json_object_get(group, "count")); k++) {
            const json_t *row = json_array_get(rows, k);
            passage reference[REFERENCES];
            int64_t n = references_of(row, reference);
            scores_add(s, text_of(json_object_get(row, "text")), reference, n);
        }
        corpus_scores c = scores_total(s);
        same("group", i, c.bleu, group, "bleu", 100);
        same("group", i, c.brevity, group, "brevity", 1);
        same("group", i, (double)c.text_tokens, group, "text_tokens", 1);
        same("group", i, (double)c.reference_tokens, group, "reference_tokens", 1);
        same("group", i, c.chrf, group, "chrf", 100);
        same("group", i, c.rouge.one, group, "rouge1", 1);
        same("group", i, c.rouge.two, group, "rouge2", 1);
        same("group", i, c.rouge.l, group, "rougeL", 1);
        const json_t *p = json_object_get(group, "precisions");
        for (size_t k = 0; k < 4; k++)
            assert_true(fabs(c.precision[k] - json_number_value(json_array_get(p, k))) <= 1e-12);
        scores_free(s);
    }
    json_decref(all);
}

static passage plain(const char *text) { return (passage){text, strlen(text)}; }

static void variety_by_hand(void **state)
{
    (void)state;
    variety v = {0};
    /* 4-grams abab baba abab baba abab: 2 of 5 differ */
    variety_text t = variety_add(&v, plain("a b a b a b a b"));
    assert_int_equal(t.words, 8);
    assert_int_equal(t.characters, 15);
    assert_true(t.repetition == 1 - 2. / 5);
    t = variety_add(&v, plain(" a  caf\xc3\xa9\n"));
    assert_int_equal(t.words, 2);
    assert_int_equal(t.characters, 9);
    assert_true(t.repetition == 0);
    t = variety_add(&v, plain(""));
    assert_int_equal(t.words, 0);
    assert_int_equal(v.empty, 1);
    /* words a b café of 10; pairs ab ba (7), a café (1) */
    assert_true(variety_distinct(&v, 1) == 3. / 10);
    assert_true(variety_distinct(&v, 2) == 3. / 8);
    variety_free(&v);
}

static void copies(void **state)
{
    (void)state;
    scores *s = scores_new();
    passage reference = plain("x");
    scores_learned(s, plain(" A text\n that was  learned. "));
    scores_learned(s, plain("Another."));
    assert_true(scores_add(s, plain("A text that was learned."), &reference, 1).copied);
    assert_true(scores_add(s, plain("\tAnother.\xc2\xa0"), &reference, 1).copied);
    assert_false(scores_add(s, plain("a text that was learned."), &reference, 1).copied);
    assert_false(scores_add(s, plain("A text that was learned. Another."), &reference, 1).copied);
    corpus_scores c = scores_total(s);
    assert_int_equal(c.copied, 2);
    assert_int_equal(c.learned, 2);
    assert_int_equal(c.texts, 4);
    scores_free(s);
    s = scores_new();
    c = scores_total(s);
    assert_true(c.distinct1 == 0 && c.distinct2 == 0 && c.bleu == 0 && c.chrf == 0 && c.rouge.l == 0 &&
                c.words == 0);
    scores_free(s);
}

/* Bytes that are not UTF-8 count as characters of their own. */
static void broken_utf8(void **state)
{
    (void)state;
    scores *s = scores_new();
    passage text = {"\xff\xc3 a\0b \xe2\x82", 8}, reference = text;
    text_scores t = scores_add(s, text, &reference, 1);
    assert_true(t.chrf == 100);
    assert_int_equal(t.variety.characters, 8);
    scores_free(s);
}

/* Long texts take no longer than their length asks for, also those that repeat one word. */
static void long_texts(void **state)
{
    (void)state;
    enum { N = 40000 };
    char *text = malloc(2 * N);
    for (int i = 0; i < N; i++) memcpy(text + 2 * i, "a ", 2);
    scores *s = scores_new();
    passage p = {text, 2 * N}, reference = {text, N};
    text_scores t = scores_add(s, p, &reference, 1);
    assert_true(fabs(t.rouge.l - 2. / 3) < 1e-12);
    assert_true(t.variety.repetition > .999);
    scores_free(s);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_texts), cmocka_unit_test(corpora),     cmocka_unit_test(variety_by_hand),
        cmocka_unit_test(copies),       cmocka_unit_test(broken_utf8), cmocka_unit_test(long_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
