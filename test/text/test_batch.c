/* test_batch.c -- micro-batches against the rows they are made of; the sampler: each row once an epoch, the
 * order of each strategy, resuming anywhere, what is promised beforehand; packing against a slow best fit. */
#include "text/batch.h"

#include "base/arena.h"
#include "base/rng.h"
#include "text/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* n rows of 2 to `longest` tokens with masks at random, the first token's always 0, at least one label. */
static rowset make_rows(int64_t n, int64_t longest, uint64_t seed)
{
    rowset r = {.n = n, .rows = n};
    uint64_t key = rng_key(seed, 1), at = 0;
    r.offset = xcalloc((size_t)n + 1, sizeof *r.offset);
    for (int64_t i = 0; i < n; i++) {
        int64_t m = 2 + (int64_t)(rng_of(key, at++) % (uint64_t)(longest - 1));
        r.offset[i + 1] = r.offset[i] + m;
        if (m > r.longest) r.longest = m;
    }
    r.tokens = r.offset[n];
    r.ids = xmalloc((size_t)r.tokens * sizeof *r.ids);
    r.mask = xmalloc((size_t)r.tokens);
    for (int64_t i = 0; i < r.tokens; i++) {
        r.ids[i] = (int32_t)(rng_of(key, at++) % 50000);
        r.mask[i] = rng_of(key, at++) % 3 != 0;
    }
    for (int64_t i = 0; i < n; i++) {
        r.mask[r.offset[i]] = 0;
        r.mask[r.offset[i + 1] - 1] = 1;
    }
    for (int64_t i = 0; i < r.tokens; i++) r.label_tokens += r.mask[i];
    return r;
}

static void free_rows(rowset *r)
{
    free(r->offset);
    free(r->ids);
    free(r->mask);
}

static int64_t length(const rowset *r, int64_t row) { return r->offset[row + 1] - r->offset[row]; }

static sampler *make(const rowset *r, sampler_options o)
{
    err e = {0};
    sampler *s = sampler_new(r, &o, &e);
    if (!s) fail_msg("%s", e.msg);
    return s;
}

static micro_batch room_for(const sampler *s)
{
    micro_batch b;
    int64_t tokens, labels, docs;
    sampler_largest(s, &tokens, &labels, &docs);
    micro_batch_init(&b, tokens, labels, docs);
    return b;
}

static void documents_lie_end_to_end(void **state)
{
    (void)state;
    int64_t offset[] = {0, 3, 5, 9};
    int32_t ids[] = {10, 11, 12, 20, 21, 30, 31, 32, 33};
    uint8_t mask[] = {1, 0, 1, 0, 1, 1, 1, 0, 1}; /* of a first token: no label */
    rowset r = {.n = 3, .offset = offset, .ids = ids, .mask = mask};
    micro_batch b;
    micro_batch_init(&b, 7, 3, 2);
    for (int again = 0; again < 2; again++) {
        micro_batch_clear(&b);
        micro_batch_add(&b, &r, 2);
        micro_batch_add(&b, &r, 0);
        assert_int_equal(b.tokens, 7);
        assert_int_equal(b.labels, 3);
        assert_int_equal(b.n_docs, 2);
        assert_memory_equal(b.ids, ((int32_t[]){30, 31, 32, 33, 10, 11, 12}), sizeof(int32_t[7]));
        assert_memory_equal(b.positions, ((int32_t[]){0, 1, 2, 3, 0, 1, 2}), sizeof(int32_t[7]));
        assert_memory_equal(b.start, ((int32_t[]){0, 0, 0, 0, 4, 4, 4}), sizeof(int32_t[7]));
        assert_memory_equal(b.gather, ((int32_t[]){0, 2, 5}), sizeof(int32_t[3]));
        assert_memory_equal(b.target, ((int32_t[]){31, 33, 12}), sizeof(int32_t[3]));
        assert_memory_equal(b.row_index, ((int64_t[]){2, 0}), sizeof(int64_t[2]));
    }
    micro_batch_release(&b);
}

/* The rows of an epoch in order; checks counts, sizes and that every row comes once. */
static void collect(sampler *s, const rowset *r, int64_t epoch, int64_t most_tokens, int64_t *order)
{
    int64_t tokens, labels, docs, at = 0, all_tokens = 0, all_labels = 0;
    micro_batch b = room_for(s);
    uint8_t *seen = xcalloc((size_t)r->n, 1);
    for (int64_t i = 0; i < sampler_micro_batches(s); i++) {
        sampler_fill(s, epoch, i, &b);
        sampler_count(s, epoch, i, &tokens, &labels);
        assert_int_equal(tokens, b.tokens);
        assert_int_equal(labels, b.labels);
        assert_true(b.n_docs > 0 && b.tokens <= most_tokens);
        all_tokens += tokens;
        all_labels += labels;
        for (docs = 0; docs < b.n_docs; docs++) {
            int64_t row = b.row_index[docs];
            assert_int_equal(seen[row]++, 0);
            order[at++] = row;
        }
    }
    assert_int_equal(at, r->n);
    assert_int_equal(all_tokens, r->tokens);
    assert_int_equal(all_labels, r->label_tokens);
    free(seen);
    micro_batch_release(&b);
}

static void every_row_once_an_epoch(void **state)
{
    (void)state;
    for (int order = ORDER_RANDOM; order <= ORDER_BY_LENGTH; order++)
        for (int pack = PACK_NONE; pack <= PACK_ROWS; pack++)
            for (int64_t n = 1; n < 80; n += 13) {
                rowset r = make_rows(n, 40, (uint64_t)n);
                sampler_options o = {order, pack, .batch = 4, .accumulate = 3, .max_length = 40, .seed = 7};
                sampler *s = make(&r, o);
                int64_t *rows = xmalloc((size_t)n * sizeof *rows), most = pack ? 40 : INT64_MAX;
                int64_t m = sampler_micro_batches(s);
                if (!pack) assert_int_equal(m, (n + 3) / 4);
                assert_int_equal(sampler_steps(s), (m + 2) / 3);
                for (int64_t epoch = 0; epoch < 4; epoch++) collect(s, &r, epoch, most, rows);
                sampler_free(s);
                free(rows);
                free_rows(&r);
            }
}

static void resuming_sees_the_same(void **state)
{
    (void)state;
    rowset r = make_rows(61, 30, 3);
    for (int pack = PACK_NONE; pack <= PACK_ROWS; pack++) {
        sampler_options o = {ORDER_RANDOM, pack, .batch = 5, .accumulate = 1, .max_length = 64, .seed = 9};
        sampler *s = make(&r, o), *late = make(&r, o);
        micro_batch a = room_for(s), b = room_for(s);
        int64_t first[61], second[61], other[61], most = INT64_MAX;
        collect(s, &r, 0, most, first);
        collect(s, &r, 1, most, second);
        assert_memory_not_equal(first, second, sizeof first);
        for (int64_t i = sampler_micro_batches(s) - 1; i >= 0; i--) { /* any order, back and forth */
            sampler_fill(s, 2 + i % 2, i, &a);
            sampler_fill(late, 2 + i % 2, i, &b);
            assert_int_equal(a.n_docs, b.n_docs);
            assert_memory_equal(a.row_index, b.row_index, (size_t)a.n_docs * sizeof *a.row_index);
        }
        o.seed = 10;
        sampler *reseeded = make(&r, o);
        collect(reseeded, &r, 0, most, other);
        assert_memory_not_equal(first, other, sizeof first);
        micro_batch_release(&a);
        micro_batch_release(&b);
        sampler_free(s);
        sampler_free(late);
        sampler_free(reseeded);
    }
    free_rows(&r);
}

static void sequential_is_the_file(void **state)
{
    (void)state;
    rowset r = make_rows(23, 30, 4);
    sampler *s = make(&r, (sampler_options){ORDER_SEQUENTIAL, PACK_NONE, .batch = 4, .accumulate = 1});
    int64_t rows[23], tokens, labels, docs, most[2] = {0}, t, l;
    for (int64_t epoch = 0; epoch < 2; epoch++) {
        collect(s, &r, epoch, INT64_MAX, rows);
        for (int64_t i = 0; i < 23; i++) assert_int_equal(rows[i], i);
    }
    for (int64_t i = 0; i < sampler_micro_batches(s); i++) {
        sampler_count(s, 0, i, &t, &l);
        if (t > most[0]) most[0] = t;
        if (l > most[1]) most[1] = l;
    }
    sampler_largest(s, &tokens, &labels, &docs);
    assert_int_equal(tokens, most[0]); /* exact */
    assert_int_equal(labels, most[1]);
    assert_int_equal(docs, 4);
    sampler_free(s);
    free_rows(&r);
}

static void the_bound_of_shuffled_rows(void **state)
{
    (void)state;
    int64_t offset[] = {0, 5, 7, 16, 19}; /* lengths 5, 2, 9, 3 */
    int32_t ids[19] = {0};
    uint8_t mask[19] = {[1] = 1, [2] = 1, [3] = 1, [4] = 1, [6] = 1, [15] = 1, [17] = 1, [18] = 1};
    rowset r = {.n = 4, .offset = offset, .ids = ids, .mask = mask, .tokens = 19, .longest = 9};
    for (int order = ORDER_RANDOM; order <= ORDER_BY_LENGTH; order += 2) {
        int64_t tokens, labels, docs;
        sampler *s = make(&r, (sampler_options){order, PACK_NONE, .batch = 2, .accumulate = 1});
        sampler_largest(s, &tokens, &labels, &docs);
        assert_int_equal(tokens, 14);
        assert_int_equal(labels, 6);
        assert_int_equal(docs, 2);
        sampler_free(s);
        s = make(&r, (sampler_options){order, PACK_NONE, .batch = INT64_MAX, .accumulate = INT64_MAX});
        sampler_largest(s, &tokens, &labels, &docs);
        assert_int_equal(tokens, 19);
        assert_int_equal(docs, 4);
        assert_int_equal(sampler_steps(s), 1);
        sampler_count(s, 0, 0, &tokens, &labels);
        assert_int_equal(tokens, 19);
        sampler_free(s);
    }
}

static void grouping_by_length(void **state)
{
    (void)state;
    enum { N = 103, RUN = 24 }; /* g = 6: min(50, 103 / 24) * 6 */
    rowset r = make_rows(N, 60, 5);
    int64_t rows[N], shuffled[N], longest = 0;
    sampler_options o = {ORDER_BY_LENGTH, PACK_NONE, .batch = 3, .accumulate = 2, .seed = 11};
    sampler *s = make(&r, o);
    collect(s, &r, 1, INT64_MAX, rows);
    assert_int_equal(length(&r, rows[0]), r.longest);
    o.order = ORDER_RANDOM;
    sampler *plain = make(&r, o);
    collect(plain, &r, 1, INT64_MAX, shuffled);
    for (int64_t at = 0; at < N;
         at += RUN) { /* each run: the shuffled rows, longest first, of equals the earlier */
        int64_t n = N - at < RUN ? N - at : RUN, *run = shuffled + at;
        for (int64_t i = 1; i < n; i++)
            for (int64_t j = i; j > 0 && length(&r, run[j]) > length(&r, run[j - 1]); j--) {
                int64_t t = run[j];
                run[j] = run[j - 1];
                run[j - 1] = t;
            }
        if (length(&r, run[0]) > length(&r, shuffled[longest])) longest = at;
    }
    int64_t t = shuffled[0];
    shuffled[0] = shuffled[longest];
    shuffled[longest] = t;
    assert_true(longest > 0);
    assert_memory_equal(rows, shuffled, sizeof rows);
    sampler_free(s);
    sampler_free(plain);
    free_rows(&r);
}

/* Best fit by looking at every bin; returns the bins, their room in room[]. */
static int64_t slow_best_fit(const int64_t *lengths, int64_t n, int64_t capacity, int64_t *room)
{
    int64_t bins = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t best = -1;
        for (int64_t b = 0; b < bins; b++)
            if (room[b] >= lengths[i] && (best < 0 || room[b] < room[best])) best = b;
        if (best < 0) room[best = bins++] = capacity;
        room[best] -= lengths[i];
    }
    return bins;
}

static int upward(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void best_fit_is_best_fit(void **state)
{
    (void)state;
    enum { N = 400 };
    static const int64_t capacities[] = {1, 7, 63, 64, 65, 200, 1000};
    int64_t lengths[N], bin[N], room[N], left[N];
    for (size_t c = 0; c < sizeof capacities / sizeof *capacities; c++) {
        int64_t capacity = capacities[c];
        for (int64_t i = 0; i < N; i++)
            lengths[i] = -1 - (int64_t)(rng_of(rng_key(c, 0), (uint64_t)i) % (uint64_t)capacity);
        qsort(lengths, N, sizeof *lengths, upward);
        for (int64_t i = 0; i < N; i++) lengths[i] = -lengths[i];
        int64_t bins = pack_best_fit(lengths, N, capacity, bin);
        assert_int_equal(bins, slow_best_fit(lengths, N, capacity, room));
        for (int64_t b = 0; b < bins; b++) left[b] = capacity;
        for (int64_t i = 0; i < N; i++) left[bin[i]] -= lengths[i];
        qsort(left, (size_t)bins, sizeof *left, upward);
        qsort(room, (size_t)bins, sizeof *room, upward);
        assert_true(left[0] >= 0);
        assert_memory_equal(left, room, (size_t)bins * sizeof *left);
    }
    int64_t exact[] = {6, 5, 4, 3, 2}, where[5];
    assert_int_equal(pack_best_fit(exact, 5, 10, where), 2);
    assert_memory_equal(where, ((int64_t[]){0, 1, 0, 1, 1}), sizeof where);
}

static void packed_micro_batches(void **state)
{
    (void)state;
    rowset r = make_rows(500, 50, 6);
    sampler_options o = {ORDER_RANDOM, PACK_ROWS, .batch = 1, .accumulate = 1, .max_length = 128, .seed = 1};
    sampler *s = make(&r, o);
    int64_t rows[500], tokens, labels, docs, most = 0, t, l;
    assert_true(sampler_micro_batches(s) >= (r.tokens + 127) / 128);
    assert_true(sampler_micro_batches(s) <= (r.tokens + 127) / 128 + 2); /* nearly nothing is left empty */
    sampler_largest(s, &tokens, &labels, &docs);
    assert_true(tokens <= 128 && labels < 128);
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        collect(s, &r, epoch, 128, rows); /* its micro_batch has room for sampler_largest() and no more */
        for (int64_t i = 0; i < sampler_micro_batches(s); i++) {
            sampler_count(s, epoch, i, &t, &l);
            if (t > most) most = t;
        }
    }
    assert_int_equal(most, tokens);
    sampler_free(s);

    o.order = ORDER_SEQUENTIAL; /* bins come by their earliest row */
    s = make(&r, o);
    micro_batch b = room_for(s);
    int64_t before = -1;
    for (int64_t i = 0; i < sampler_micro_batches(s); i++) {
        int64_t earliest = INT64_MAX;
        sampler_fill(s, 3, i, &b);
        for (int64_t d = 0; d < b.n_docs; d++)
            if (b.row_index[d] < earliest) earliest = b.row_index[d];
        assert_true(earliest > before);
        before = earliest;
    }
    micro_batch_release(&b);
    sampler_free(s);
    free_rows(&r);
}

static void refusals(void **state)
{
    (void)state;
    rowset r = make_rows(5, 9, 2), empty = {0};
    rowset vast = {.n = (int64_t)1 << 34, .tokens = (int64_t)1 << 60, .longest = (int64_t)1 << 30};
    rowset huge = {.n = 4, .tokens = (int64_t)1 << 32, .longest = (int64_t)1 << 30};
    r.longest = 9;
    struct {
        const rowset *r;
        sampler_options o;
        const char *message;
    } cases[] = {
        {&r, {.batch = 0, .accumulate = 1}, "a micro-batch of 0 rows: at least 1"},
        {&r, {.batch = 1, .accumulate = -2}, "-2 micro-batches a step: at least 1"},
        {&empty, {.batch = 1, .accumulate = 1}, "there are no rows to take batches from"},
        {&r,
         {.pack = PACK_ROWS, .batch = 1, .accumulate = 1, .max_length = 8},
         "packing into 8 tokens: the longest row has 9; raise --max-length"},
        {&huge,
         {.batch = 2, .accumulate = 1},
         "a micro-batch could hold 2147483648 tokens; lower --per-device-train-batch-size or --max-length"},
        {&huge,
         {.batch = INT64_MAX, .accumulate = 1},
         "a micro-batch could hold 4294967296 tokens; lower --per-device-train-batch-size or --max-length"},
        {&vast,
         {.batch = INT64_MAX, .accumulate = 1},
         "a micro-batch could hold 1152921504606846976 tokens; lower --per-device-train-batch-size or "
         "--max-length"},
        {&huge,
         {.pack = PACK_ROWS, .batch = 1, .accumulate = 1, .max_length = INT64_MAX},
         "a micro-batch could hold 4294967296 tokens; lower --per-device-train-batch-size or --max-length"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err e = {0};
        assert_null(sampler_new(cases[i].r, &cases[i].o, &e));
        assert_int_equal(e.code, E_USAGE);
        assert_string_equal(e.msg, cases[i].message);
    }
    free_rows(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_lie_end_to_end),
        cmocka_unit_test(every_row_once_an_epoch),
        cmocka_unit_test(resuming_sees_the_same),
        cmocka_unit_test(sequential_is_the_file),
        cmocka_unit_test(the_bound_of_shuffled_rows),
        cmocka_unit_test(grouping_by_length),
        cmocka_unit_test(best_fit_is_best_fit),
        cmocka_unit_test(packed_micro_batches),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
