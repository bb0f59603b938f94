/* test_source.c -- rows for an encoder and a decoder: what each reads and what is to be said, cuts, findings,
 * refusals; and how they lie in micro-batches. The tokenizer is bytes.h's, so that ids are bytes. */
#include "text/batch.h"

#include "text/fixture.h"

enum { START = 1, PAD = 2 };

static tokenizer *bytes; /* EOS: byte 257 */

static int open_tokenizer(void **state)
{
    (void)state;
    bytes = bytes_tokenizer("{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\", \"add_bos_token\": true}");
    return 0;
}

static int close_tokenizer(void **state)
{
    (void)state;
    tokenizer_close(bytes);
    return 0;
}

static row_options with_source(row_options o)
{
    o.with_source = true;
    if (o.bos == ROW_BOS_AUTO) o.bos = ROW_BOS_NEVER;
    o.start = START;
    o.pad = PAD;
    return o;
}

/* Ids as text: BOS is ^, EOS $, the start >, padding _. */
static void spell(const int32_t *ids, int64_t n, char *out)
{
    for (int64_t k = 0; k < n; k++)
        out[k] = (char)(ids[k] == BYTES_BOS   ? '^'
                        : ids[k] == BYTES_EOS ? '$'
                        : ids[k] == START     ? '>'
                        : ids[k] == PAD       ? '_'
                                              : ids[k]);
    out[n] = 0;
}

static void expect(const fixture *f, int64_t row, const char *source, const char *ids, const char *target,
                   const char *mask)
{
    char have[64];
    const rowset *r = &f->r;
    const int64_t at = r->offset[row], n = r->offset[row + 1] - at, from = r->source_offset[row];
    spell(r->source + from, r->source_offset[row + 1] - from, have);
    assert_string_equal(have, source);
    spell(r->ids + at, n, have);
    assert_string_equal(have, ids);
    spell(r->target + at, n, have);
    assert_string_equal(have, target);
    for (int64_t k = 0; k < n; k++) assert_int_equal(r->mask[at + k], mask[k] - '0');
}

static void texts(void **state)
{
    (void)state;
    fixture f;
    build(&f, "prompt,completion\nabc,de\nx</s>,y</s>\nq,\nabc,de\nabc,df\n", bytes, with_source((row_options){0}));
    assert_int_equal(f.r.n, 5);
    expect(&f, 0, "abc$", ">de", "de$", "111");
    expect(&f, 1, "x$", ">y", "y$", "11");
    expect(&f, 2, "q$", ">", "$", "1");
    assert_int_equal(f.r.found[FIND_EMPTY_COMPLETION].count, 1);
    assert_int_equal(f.r.found[FIND_DUPLICATE].count, 1); /* of the first, which the last is not */
    assert_int_equal(f.r.found[FIND_DUPLICATE].line, 5);
    assert_int_equal(f.r.tokens, 4 + 3 + 2 + 2 + 2 + 1 + 2 * (4 + 3));
    assert_int_equal(f.r.label_tokens, 12);
    assert_int_equal(f.r.longest, 4);
    close_fixture(&f);
}

/* BART's, each with its own BOS. */
static void texts_that_begin(void **state)
{
    (void)state;
    fixture f;
    build(&f, "prompt,completion\nabc,de\n<s>x,<s>y\n", bytes, with_source((row_options){.bos = ROW_BOS_ALWAYS}));
    expect(&f, 0, "^abc$", ">^de", "^de$", "1111");
    expect(&f, 1, "^x$", ">^y", "^y$", "111");
    close_fixture(&f);
}

/* Each is cut by itself, and ends all the same. */
static void cuts(void **state)
{
    (void)state;
    fixture f;
    build(&f, "prompt,completion\nabcdef,xy\nab,uvwxyz\nabc,xyz\n",
          bytes, with_source((row_options){.max_length = 4}));
    expect(&f, 0, "abc$", ">xy", "xy$", "111");
    expect(&f, 1, "ab$", ">uvw", "uvw$", "1111");
    expect(&f, 2, "abc$", ">xyz", "xyz$", "1111");
    assert_int_equal(f.r.truncated, 2);
    assert_int_equal(f.r.dropped, 0);
    close_fixture(&f);
}

static void token_ids(void **state)
{
    (void)state;
    fixture f;
    build(&f,
          "{\"input_ids\": [97, 98], \"labels\": [99, -100, 257]}\n"
          "{\"input_ids\": [97], \"labels\": [-100]}\n"
          "{\"input_ids\": [], \"labels\": [97]}\n",
          bytes, with_source((row_options){0}));
    assert_int_equal(f.r.n, 1);
    expect(&f, 0, "ab", ">c_", "c_$", "101");
    assert_int_equal(f.r.found[FIND_NO_LABEL].count, 2);
    assert_int_equal(f.r.label_tokens, 2);
    close_fixture(&f);
}

/* The last word is no id of the decoder's: rows that differ there alone are not the same. */
static void repeated(void **state)
{
    (void)state;
    fixture f;
    build(&f,
          "{\"input_ids\": [97, 98], \"labels\": [99, 100]}\n"
          "{\"input_ids\": [97, 98], \"labels\": [99, 101]}\n"
          "{\"input_ids\": [97, 97], \"labels\": [99, 100]}\n"
          "{\"input_ids\": [97, 98], \"labels\": [99, 100]}\n",
          bytes, with_source((row_options){0}));
    assert_int_equal(f.r.n, 4);
    assert_int_equal(f.r.found[FIND_DUPLICATE].count, 1);
    assert_int_equal(f.r.found[FIND_DUPLICATE].line, 4);
    close_fixture(&f);
}

static void refusals(void **state)
{
    (void)state;
    refuse("text\na\n", bytes, with_source((row_options){0}), E_UNSUPPORTED,
           "f: an encoder and a decoder learn a prompt and a completion, and these are rows of text; name both "
           "with --prompt-template and --completion-template");
    refuse("prompt,completion\na,b\n", bytes, with_source((row_options){.loss = ROW_LOSS_ALL}), E_UNSUPPORTED,
           "--completion-only-loss false: the prompt goes to the encoder, which predicts nothing");
    refuse("{\"input_ids\": [1]}", bytes, with_source((row_options){0}), E_FORMAT,
           "f: token ids for an encoder and a decoder need \"labels\", what the decoder is to write");
    refuse("{\"input_ids\": [1], \"labels\": [-7]}", bytes, with_source((row_options){0}), E_FORMAT,
           "f:1: \"labels\" holds -7; only -100 is below 0");
    refuse("{\"input_ids\": [1], \"labels\": [258]}", bytes, with_source((row_options){0}), E_FORMAT,
           "f:1: \"labels\" holds 258; it has to be from -100 to 257");
}

static void micro_batches(void **state)
{
    (void)state;
    fixture f;
    err e = {0};
    build(&f, "prompt,completion\na,xyz\nbcd,u\nef,vw\n", bytes, with_source((row_options){0}));
    sampler_options o = {ORDER_SEQUENTIAL, PACK_NONE, .batch = 2, .accumulate = 1};
    sampler *s = sampler_new(&f.r, &o, &e);
    int64_t tokens, labels, docs;
    micro_batch b;
    sampler_largest(s, &tokens, &labels, &docs);
    assert_int_equal(tokens, 4 + 2);
    assert_int_equal(sampler_largest_source(s), 2 + 4);
    micro_batch_init_for(&b, &f.r, tokens, labels, docs, sampler_largest_source(s));
    for (int again = 0; again < 2; again++) {
        sampler_fill(s, 0, 0, &b);
        assert_int_equal(b.tokens, 6);
        assert_int_equal(b.source, 6);
        assert_memory_equal(b.start, ((int32_t[]){0, 0, 0, 0, 4, 4}), sizeof(int32_t[6]));
        assert_memory_equal(b.gather, ((int32_t[]){0, 1, 2, 3, 4, 5}), sizeof(int32_t[6]));
        assert_memory_equal(b.target, ((int32_t[]){'x', 'y', 'z', 257, 'u', 257}), sizeof(int32_t[6]));
        assert_memory_equal(b.source_ids, ((int32_t[]){'a', 257, 'b', 'c', 'd', 257}), sizeof(int32_t[6]));
        assert_memory_equal(b.source_start, ((int32_t[]){0, 0, 2, 2, 2, 2}), sizeof(int32_t[6]));
        assert_memory_equal(b.seen, ((int32_t[]){0, 2, 0, 2, 0, 2, 0, 2, 2, 6, 2, 6}), sizeof(int32_t[12]));
    }
    micro_batch_release(&b);
    sampler_free(s);
    o.order = ORDER_BY_LENGTH; /* of the source: b c d comes first */
    o.batch = 1;
    s = sampler_new(&f.r, &o, &e);
    assert_int_equal(sampler_largest_source(s), 4);
    sampler_count(s, 0, 0, &tokens, &labels);
    assert_int_equal(tokens, 2);
    sampler_free(s);
    o.pack = PACK_ROWS;
    o.max_length = 99;
    assert_null(sampler_new(&f.r, &o, &e));
    assert_non_null(strstr(e.msg, "--packing is for decoders"));
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),     cmocka_unit_test(texts_that_begin), cmocka_unit_test(cuts),
        cmocka_unit_test(token_ids), cmocka_unit_test(repeated),         cmocka_unit_test(refusals),
        cmocka_unit_test(micro_batches),
    };
    return cmocka_run_group_tests(tests, open_tokenizer, close_tokenizer);
}
