/* batch.c -- micro-batches: see batch.h for the layout. The sampler is in sampler.c. */
#include "text/batch.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

void micro_batch_init(micro_batch *b, int64_t tokens, int64_t labels, int64_t docs)
{
    *b = (micro_batch){.max_tokens = tokens, .max_labels = labels, .max_docs = docs};
    b->ids = xcalloc((size_t)tokens, sizeof *b->ids);
    b->positions = xcalloc((size_t)tokens, sizeof *b->positions);
    b->start = xcalloc((size_t)tokens, sizeof *b->start);
    b->gather = xcalloc((size_t)labels, sizeof *b->gather);
    b->target = xcalloc((size_t)labels, sizeof *b->target);
    b->weight = xcalloc((size_t)labels, sizeof *b->weight);
    b->row_index = xcalloc((size_t)docs, sizeof *b->row_index);
}

void micro_batch_init_for(micro_batch *b, const rowset *r, int64_t tokens, int64_t labels, int64_t docs,
                          int64_t source)
{
    micro_batch_init(b, tokens, labels, docs);
    if (r->types) b->types = xcalloc((size_t)tokens, sizeof *b->types);
    if (r->values) b->values = xcalloc((size_t)labels * (size_t)r->outputs, sizeof *b->values);
    if (!r->source) return;
    b->max_source = source;
    b->source_ids = xcalloc((size_t)source, sizeof *b->source_ids);
    b->source_start = xcalloc((size_t)source, sizeof *b->source_start);
    b->seen = xcalloc((size_t)tokens, 2 * sizeof *b->seen);
}

void micro_batch_release(micro_batch *b)
{
    free(b->types);
    free(b->source_ids);
    free(b->source_start);
    free(b->seen);
    free(b->values);
    free(b->ids);
    free(b->positions);
    free(b->start);
    free(b->gather);
    free(b->target);
    free(b->weight);
    free(b->row_index);
    *b = (micro_batch){0};
}

void micro_batch_clear(micro_batch *b) { b->tokens = b->labels = b->n_docs = b->source = 0; }

/* The source of a row whose n tokens begin at s. */
static void add_source(micro_batch *b, const rowset *r, int64_t row, int64_t s, int64_t n)
{
    const int64_t first = r->source_offset[row], rows = r->source_offset[row + 1] - first, from = b->source;
    BUG_IF(rows > b->max_source - from);
    memcpy(b->source_ids + from, r->source + first, (size_t)rows * sizeof *r->source);
    for (int64_t i = 0; i < rows; i++) b->source_start[from + i] = (int32_t)from;
    b->source += rows;
    for (int64_t i = s; i < s + n; i++) {
        b->seen[2 * i] = (int32_t)from;
        b->seen[2 * i + 1] = (int32_t)b->source;
    }
}

void micro_batch_add(micro_batch *b, const rowset *r, int64_t row)
{
    BUG_IF(row < 0 || row >= r->n);
    const int32_t *ids = r->ids + r->offset[row];
    const uint8_t *mask = r->mask + r->offset[row];
    int64_t n = r->offset[row + 1] - r->offset[row], s = b->tokens;
    BUG_IF(n > b->max_tokens - s || b->n_docs == b->max_docs);
    memcpy(b->ids + s, ids, (size_t)n * sizeof *ids);
    for (int64_t i = 0; i < n; i++) {
        b->positions[s + i] = (int32_t)i;
        b->start[s + i] = (int32_t)s;
    }
    if (r->source) add_source(b, r, row, s, n);
    if (r->types && b->types) memcpy(b->types + s, r->types + r->offset[row], (size_t)n * sizeof *b->types);
    for (int64_t i = r->target ? 0 : 1; i < n; i++) {
        if (!mask[i]) continue;
        BUG_IF(b->labels == b->max_labels);
        b->gather[b->labels] = (int32_t)(r->target ? s + i : s + i - 1);
        b->target[b->labels] = r->target ? r->target[r->offset[row] + i] : ids[i];
        if (r->values && b->values)
            memcpy(b->values + b->labels * r->outputs, r->values + row * r->outputs,
                   (size_t)r->outputs * sizeof *b->values);
        b->labels++;
    }
    b->tokens += n;
    b->row_index[b->n_docs++] = row;
}
