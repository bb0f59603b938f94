/* test_tokenizer_base.c -- below a tokenizer: the two ways to merge agree, characters, patterns and
 * splitting. */
#include "tokenizer_support.h"

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

/* Letters a, b and the mark; each merge's token is spelled as its two sides together. A merge from a letter to a
 * mark behind it is left out unless `crossing`. Lines encode as if merged whole. */
static void check_lines(uint64_t round, bool crossing)
{
    enum { LETTERS = 3, SIZE = 40, LINE = 40 };
    static const char *const letter[LETTERS] = {"a", "b", "\xe2\x96\x81"};
    uint64_t key = rng_key(round, 7), at = 0;
    vocab v;
    bpe b;
    vocab_init(&v, SIZE, WORD_MARK);
    bpe_init(&b, &v, SYMBOL_CHARACTERS, 0);
    bpe_reserve(&b, SIZE);
    int32_t n = 0;
    for (; n < LETTERS; n++) vocab_set(&v, n, letter[n], strlen(letter[n]), TOKEN_WORD);
    for (int32_t i = 0; i < n; i++) bpe_add_word(&b, i, v.spelled[i]);
    for (int tries = 0; n < SIZE && tries < 500; tries++) {
        int32_t left = (int32_t)(rng_of(key, at++) % (uint64_t)n);
        int32_t right = (int32_t)(rng_of(key, at++) % (uint64_t)n);
        span l = v.spelled[left], r = v.spelled[right];
        char both[64];
        int length = snprintf(both, sizeof both, "%s%s", l.p, r.p);
        bool crosses = (unsigned char)l.p[l.n - 1] != 0x81 && (unsigned char)r.p[0] == 0xe2;
        bool known = spanmap_get(&b.words, b.key, both, (size_t)length) >= 0;
        if (length > 20 || known || (crosses && !crossing)) continue;
        vocab_set(&v, n, both, (size_t)length, TOKEN_WORD);
        bpe_add_word(&b, n, v.spelled[n]);
        assert_true(bpe_add_merge(&b, left, right, (uint32_t)tries, n++));
    }
    if (!crossing) assert_false(b.crosses);
    int32_t symbol[LINE];
    str line = {0};
    for (int i = 0; i < LINE; i++) {
        symbol[i] = (int32_t)(rng_of(key, at++) % LETTERS);
        str_puts(&line, letter[symbol[i]]);
    }
    size_t whole = bpe_merge_long(&b, symbol, LINE);
    token_vec ids = {0};
    bpe_encode(&b, line.p, line.n, &ids);
    assert_int_equal(ids.n, whole);
    assert_memory_equal(ids.p, symbol, whole * sizeof *symbol);
    token_vec_free(&ids);
    str_free(&line);
    bpe_free(&b);
    vocab_free(&v);
}

static void lines_are_cut(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 300; round++) check_lines(round, round % 2);
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

/* Longer than need be, halves of pairs, beyond Unicode, cut or without a beginning: none is a character. */
static void malformed_utf8(void **state)
{
    (void)state;
    static const char *const bad[] = {"\xc0\x80",         "\xc1\xbf",         "\xe0\x80\x80", "\xe0\x9f\xbf",
                                      "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
                                      "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",         "\x80",
                                      "\xe2\x82",         "\xe2(\xa1",        "\xf0\x9f\x98"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint32_t c;
        assert_int_equal(utf8_get(bad[i], strlen(bad[i]), &c), 0);
        assert_int_equal(utf8_valid(bad[i], strlen(bad[i])), 0);
    }
}

static void white_space(void **state)
{
    (void)state;
    uint32_t n = 0, sum = 0;
    for (uint32_t c = 0; c < 0x110000; c++)
        if (unicode_is_space(c)) n++, sum += c;
    assert_int_equal(n, 25); /* of the Unicode Character Database, and the sum of their numbers */
    assert_int_equal(sum, 9 + 10 + 11 + 12 + 13 + 32 + 0x85 + 0xa0 + 0x1680 + 11 * 0x2000 + 55 + 0x2028 +
                              0x2029 + 0x202f + 0x205f + 0x3000);
    static const char text[] = "a\u2003 \u3000b";
    assert_int_equal(unicode_spaces_after(text + 1, strlen(text) - 1), 7);
    assert_int_equal(unicode_spaces_before(text, strlen(text) - 1), 7);
}

/* Every byte has one letter: printable ones themselves, the others in order from U+0100. */
static void byte_letters(void **state)
{
    (void)state;
    int seen[256] = {0}, last = -1;
    for (uint32_t c = 0; c < 0x200; c++) {
        int b = byte_of_letter(c);
        if (b < 0) continue;
        seen[b]++;
        if (c < 0x100) assert_int_equal(b, c);
        if (c < 0x100) continue;
        assert_true(b > last);
        last = b;
    }
    for (int b = 0; b < 256; b++) assert_int_equal(seen[b], 1);
    assert_int_equal(byte_of_letter(0x120), ' ');
}

/* ---- splitting ---- */

static void patterns(void **state)
{
    (void)state;
    static const char *const bad[] = {"\\W",     "\\b",      "\\h",   "[[a]]",        "[a&&b]",   "(?m:a)",
                                      "(?<n>a)", "\\p{Han}", "a{2}+", "a{,2}",        "(",        ")",
                                      "[a",      "\\",       "\\pL",  "(?i:\\p{Lu})", "[\\P{L}]", "[\\S]",
                                      "[]",      "a{1,2,3}", "\\1",   "(?R)",         "\\K",      "\\x41"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err e = {0};
        splitter s = {0};
        if (splitter_add(&s, bad[i], strlen(bad[i]), SPLIT_KEEP, SPLIT_MATCHES, "P", &e) != E_UNSUPPORTED)
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
        assert_int_equal(splitter_add(&s, cases[i].pattern, strlen(cases[i].pattern), SPLIT_KEEP, SPLIT_MATCHES, "P",
                                      &e),
                         OK);
        assert_int_equal(
            splitter_run(&s, cases[i].text, strlen(cases[i].text), SPLIT_SPACED, put_bar, &out, &e), OK);
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
    assert_int_equal(splitter_add(&s, "(?:a(?=b)|b(?=a|$))+", 20, SPLIT_KEEP, SPLIT_MATCHES, "P", &e), OK);
    assert_int_equal(splitter_run(&s, text.p, text.n, SPLIT_SPACED, put_bar, &out, &e), OK);
    assert_int_equal(out.n, text.n + 1);
    str_free(&text);
    str_free(&out);
    splitter_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_agree), cmocka_unit_test(lines_are_cut), cmocka_unit_test(utf8),
        cmocka_unit_test(malformed_utf8),
        cmocka_unit_test(white_space),  cmocka_unit_test(byte_letters), cmocka_unit_test(patterns),
        cmocka_unit_test(splitting),    cmocka_unit_test(deep_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
