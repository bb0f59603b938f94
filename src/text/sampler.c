/* sampler.c -- the order of an epoch, cut into micro-batches: see batch.h.
 *
 * order[first[i]] .. order[first[i + 1] - 1] are the rows of micro-batch i of the epoch at hand; they are
 * worked out again when another epoch is asked for. Random numbers: the order of epoch k is shuffled with key
 * (seed, ORDER_STREAM, k), its bins with (seed, BIN_STREAM, k). */
#include "text/batch.h"

#include "base/arena.h"
#include "base/rng.h"
#include "text/pack.h"

#include <stdlib.h>
#include <string.h>

enum { ORDER_STREAM = 0x6f726472, BIN_STREAM = 0x62696e73 };

struct sampler {
    const rowset *r;
    sampler_options o;
    int64_t micro_batches, epoch; /* epoch: the one at hand, or -1 */
    int64_t *order;               /* (n) */
    int64_t *first;               /* (micro_batches + 1) */
    int64_t *labels;              /* (n) of a row */
    int64_t *bin;                 /* (n) packing: the bin of the i-th longest row; else NULL */
    int64_t *place;               /* packing: (micro_batches) where in the epoch a bin comes */
    struct ranked *ranked;        /* (n) scratch */
    int64_t most_tokens, most_labels, most_docs, most_source;
};

typedef struct ranked {
    int64_t key, tie, row;
} ranked;

static int by_rank(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->key != y->key) return x->key > y->key ? -1 : 1;
    return x->tie < y->tie ? -1 : x->tie > y->tie;
}

static int64_t tokens_of(const sampler *s, int64_t row) { return s->r->offset[row + 1] - s->r->offset[row]; }

static int64_t source_of(const sampler *s, int64_t row)
{
    return s->r->source ? s->r->source_offset[row + 1] - s->r->source_offset[row] : 0;
}

/* What rows are sorted by: what is read first. */
static int64_t length(const sampler *s, int64_t row)
{
    return s->r->source ? source_of(s, row) : tokens_of(s, row);
}

/* Sorts n rows, longest first; of equals the earlier stays earlier. */
static void sort_by_length(sampler *s, int64_t *rows, int64_t n)
{
    for (int64_t i = 0; i < n; i++) s->ranked[i] = (ranked){length(s, rows[i]), i, rows[i]};
    qsort(s->ranked, (size_t)n, sizeof *s->ranked, by_rank);
    for (int64_t i = 0; i < n; i++) rows[i] = s->ranked[i].row;
}

static uint64_t epoch_key(const sampler *s, uint64_t stream, int64_t epoch)
{
    return rng_key(rng_key(s->o.seed, stream), (uint64_t)epoch);
}

static void group_by_length(sampler *s)
{
    int64_t n = s->r->n, group = s->o.batch * s->o.accumulate, runs = n / 4 / group;
    int64_t run = group * (runs < 1 ? 1 : runs > 50 ? 50 : runs), best = 0;
    for (int64_t i = 0; i < n; i += run) {
        sort_by_length(s, s->order + i, n - i < run ? n - i : run);
        if (length(s, s->order[i]) > length(s, s->order[best])) best = i;
    }
    int64_t longest = s->order[best];
    s->order[best] = s->order[0];
    s->order[0] = longest;
}

/* place[bin]: shuffled, or by the earliest row of each bin; s->order holds the rows, longest first. */
static void place_bins(sampler *s)
{
    int64_t n = s->micro_batches;
    if (s->o.order != ORDER_SEQUENTIAL) {
        rng_shuffle(epoch_key(s, BIN_STREAM, s->epoch), s->place, n);
        return;
    }
    for (int64_t b = 0; b < n; b++) s->ranked[b] = (ranked){0, s->r->n, b};
    for (int64_t i = 0; i < s->r->n; i++)
        if (s->order[i] < s->ranked[s->bin[i]].tie) s->ranked[s->bin[i]].tie = s->order[i];
    qsort(s->ranked, (size_t)n, sizeof *s->ranked, by_rank);
    for (int64_t i = 0; i < n; i++) s->place[s->ranked[i].row] = i;
}

/* From the epoch's order of rows to its order in bins. */
static void pack_epoch(sampler *s)
{
    int64_t n = s->r->n;
    sort_by_length(s, s->order, n);
    place_bins(s);
    memset(s->first, 0, (size_t)(s->micro_batches + 1) * sizeof *s->first);
    for (int64_t i = 0; i < n; i++) s->first[s->place[s->bin[i]] + 1]++;
    for (int64_t i = 0; i < s->micro_batches; i++) s->first[i + 1] += s->first[i];
    for (int64_t i = 0; i < n; i++) s->ranked[i].row = s->order[i];
    for (int64_t i = 0; i < n; i++) s->order[s->first[s->place[s->bin[i]]]++] = s->ranked[i].row;
    memmove(s->first + 1, s->first, (size_t)s->micro_batches * sizeof *s->first); /* each ran to the next */
    s->first[0] = 0;
}

static void load_epoch(sampler *s, int64_t epoch)
{
    if (s->epoch == epoch) return;
    BUG_IF(epoch < 0);
    s->epoch = epoch;
    if (s->o.order != ORDER_SEQUENTIAL)
        rng_shuffle(epoch_key(s, ORDER_STREAM, epoch), s->order, s->r->n);
    else
        for (int64_t i = 0; i < s->r->n; i++) s->order[i] = i;
    if (s->o.pack == PACK_ROWS)
        pack_epoch(s);
    else if (s->o.order == ORDER_BY_LENGTH)
        group_by_length(s);
}

static void max_into(int64_t *most, int64_t value)
{
    if (value > *most) *most = value;
}

/* Every epoch is the same, so the first one tells. */
static void measure_exactly(sampler *s)
{
    for (int64_t i = 0; i < s->micro_batches; i++) {
        int64_t tokens, labels;
        sampler_count(s, 0, i, &tokens, &labels);
        max_into(&s->most_tokens, tokens);
        max_into(&s->most_labels, labels);
        max_into(&s->most_docs, s->first[i + 1] - s->first[i]);
        int64_t source = 0;
        for (int64_t k = s->first[i]; k < s->first[i + 1]; k++) source += source_of(s, s->order[k]);
        max_into(&s->most_source, source);
    }
}

/* The sum of the `most` largest of n keys in s->ranked. */
static int64_t sum_of_largest(sampler *s, int64_t n, int64_t most)
{
    int64_t sum = 0;
    qsort(s->ranked, (size_t)n, sizeof *s->ranked, by_rank);
    for (int64_t i = 0; i < n && i < most; i++) sum += s->ranked[i].key;
    return sum;
}

static void measure_shuffled(sampler *s)
{
    int64_t n = s->r->n;
    for (int64_t i = 0; i < n; i++) s->ranked[i] = (ranked){tokens_of(s, i), i, i};
    s->most_tokens = sum_of_largest(s, n, s->o.batch);
    for (int64_t i = 0; i < n; i++) s->ranked[i] = (ranked){source_of(s, i), i, i};
    s->most_source = sum_of_largest(s, n, s->o.batch);
    for (int64_t i = 0; i < n; i++) s->ranked[i] = (ranked){s->labels[i], i, i};
    s->most_labels = sum_of_largest(s, n, s->o.batch);
    s->most_docs = s->o.batch;
}

/* A bin holds the same lengths in every epoch, each with at most the labels of some row that long. */
static void measure_packed(sampler *s, const int64_t *sorted)
{
    int64_t n = s->r->n;
    ranked *sum = xcalloc((size_t)s->micro_batches, sizeof *sum); /* tokens, labels, rows */
    for (int64_t i = 0, j; i < n; i = j) {
        int64_t most = 0;
        for (j = i; j < n && length(s, sorted[j]) == length(s, sorted[i]); j++)
            max_into(&most, s->labels[sorted[j]]);
        for (int64_t k = i; k < j; k++) {
            ranked *b = &sum[s->bin[k]];
            *b = (ranked){b->key + length(s, sorted[k]), b->tie + most, b->row + 1};
        }
    }
    for (int64_t b = 0; b < s->micro_batches; b++) {
        max_into(&s->most_tokens, sum[b].key);
        max_into(&s->most_labels, sum[b].tie);
        max_into(&s->most_docs, sum[b].row);
    }
    free(sum);
}

/* An upper bound, from lengths alone. */
static int64_t could_hold(const rowset *r, const sampler_options *o)
{
    int64_t most = o->max_length, rows = o->batch < r->n ? o->batch : r->n;
    if (o->pack == PACK_NONE && __builtin_mul_overflow(rows, r->longest, &most)) most = INT64_MAX;
    return most < r->tokens ? most : r->tokens;
}

static void plan_bins(sampler *s)
{
    int64_t n = s->r->n, *lengths = xmalloc((size_t)n * sizeof *lengths);
    s->bin = xmalloc((size_t)n * sizeof *s->bin);
    for (int64_t i = 0; i < n; i++) s->order[i] = i;
    sort_by_length(s, s->order, n);
    for (int64_t i = 0; i < n; i++) lengths[i] = length(s, s->order[i]);
    s->micro_batches = pack_best_fit(lengths, n, could_hold(s->r, &s->o), s->bin);
    s->place = xmalloc((size_t)s->micro_batches * sizeof *s->place);
    free(lengths);
}

static int check(const rowset *r, const sampler_options *o, err *e)
{
    if (o->batch < 1) return fail(e, E_USAGE, "a micro-batch of %lld rows: at least 1", (long long)o->batch);
    if (o->accumulate < 1)
        return fail(e, E_USAGE, "%lld micro-batches a step: at least 1", (long long)o->accumulate);
    if (r->n < 1) return fail(e, E_USAGE, "there are no rows to take batches from");
    if (o->pack == PACK_ROWS && r->source)
        return fail(e, E_USAGE, "--packing is for decoders; rows of an encoder and a decoder lie end to end without "
                    "padding anyway");
    if (o->pack == PACK_ROWS && o->max_length < r->longest)
        return fail(e, E_USAGE, "packing into %lld tokens: the longest row has %lld; raise --max-length",
                    (long long)o->max_length, (long long)r->longest);
    if (could_hold(r, o) > INT32_MAX)
        return fail(
            e, E_USAGE,
            "a micro-batch could hold %lld tokens; lower --per-device-train-batch-size or --max-length",
            (long long)could_hold(r, o));
    return OK;
}

static int64_t count_labels(const rowset *r, int64_t row)
{
    int64_t labels = 0;
    for (int64_t i = r->offset[row]; i < r->offset[row + 1]; i++) labels += r->mask[i];
    return labels;
}

sampler *sampler_new(const rowset *r, const sampler_options *o, err *e)
{
    if (check(r, o, e) != OK) return NULL;
    sampler *s = xcalloc(1, sizeof *s);
    int64_t n = r->n;
    *s = (sampler){.r = r, .o = *o, .epoch = -1};
    if (s->o.batch > n) s->o.batch = n;
    if (s->o.accumulate > n) s->o.accumulate = n;
    s->order = xmalloc((size_t)n * sizeof *s->order);
    s->labels = xmalloc((size_t)n * sizeof *s->labels);
    s->ranked = xmalloc((size_t)n * sizeof *s->ranked);
    for (int64_t i = 0; i < n; i++) s->labels[i] = count_labels(r, i);
    s->micro_batches = (n + s->o.batch - 1) / s->o.batch;
    if (o->pack == PACK_ROWS) plan_bins(s);
    s->first = xmalloc((size_t)(s->micro_batches + 1) * sizeof *s->first);
    for (int64_t i = 0; i <= s->micro_batches; i++) s->first[i] = i * s->o.batch < n ? i * s->o.batch : n;
    if (o->order == ORDER_SEQUENTIAL)
        measure_exactly(s);
    else if (o->pack == PACK_ROWS)
        measure_packed(s, s->order);
    else
        measure_shuffled(s);
    return s;
}

void sampler_free(sampler *s)
{
    if (!s) return;
    free(s->order);
    free(s->first);
    free(s->labels);
    free(s->bin);
    free(s->place);
    free(s->ranked);
    free(s);
}

int64_t sampler_micro_batches(const sampler *s) { return s->micro_batches; }

int64_t sampler_steps(const sampler *s) { return (s->micro_batches + s->o.accumulate - 1) / s->o.accumulate; }

void sampler_largest(const sampler *s, int64_t *tokens, int64_t *labels, int64_t *docs)
{
    *tokens = s->most_tokens;
    *labels = s->most_labels;
    *docs = s->most_docs;
}

int64_t sampler_largest_source(const sampler *s) { return s->most_source; }

void sampler_count(sampler *s, int64_t epoch, int64_t index, int64_t *tokens, int64_t *labels)
{
    BUG_IF(index < 0 || index >= s->micro_batches);
    load_epoch(s, epoch);
    *tokens = *labels = 0;
    for (int64_t i = s->first[index]; i < s->first[index + 1]; i++) {
        *tokens += tokens_of(s, s->order[i]);
        *labels += s->labels[s->order[i]];
    }
}

void sampler_fill(sampler *s, int64_t epoch, int64_t index, micro_batch *b)
{
    BUG_IF(index < 0 || index >= s->micro_batches);
    load_epoch(s, epoch);
    micro_batch_clear(b);
    for (int64_t i = s->first[index]; i < s->first[index + 1]; i++) micro_batch_add(b, s->r, s->order[i]);
}
