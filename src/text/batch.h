/* batch.h -- which rows a micro-batch holds, in which order, and how they lie end to end.
 *
 * A micro-batch is one run of token rows: documents one after the other, without padding. Position i of
 * a document that starts at row s is token row s + i:
 *
 *   ids[s + i]        its i-th token
 *   positions[s + i]  i
 *   start[s + i]      s, below which attention never looks
 *
 * and for every token i >= 1 whose mask is 1 there is a label: gather = s + i - 1, target = its id. In rows
 * of a classifier it is gather = s + i, and target what the row says there.
 *
 * With an encoder (rows with a source) the sources lie end to end as well, in rows of their own, with a start for
 * each; seen[s + i] is where those of the document begin and end, and gather = s + i.
 *
 * The place in the data is (epoch, index), index counting micro-batches from 0. Everything about a
 * micro-batch is a function of rows, options and place, so that a run resumes anywhere and sees what it
 * would have seen.
 *
 * Without packing a micro-batch is the next `batch` rows of the epoch's order (fewer in the last one):
 *   ORDER_RANDOM      shuffled anew each epoch
 *   ORDER_SEQUENTIAL  as in the file
 *   ORDER_BY_LENGTH   shuffled; then in runs of min(50, max(1, n / 4g)) * g rows, g = batch * accumulate,
 *                     sorted by length, longest first; then the longest row of all swapped to the front
 *                     (as the Hugging Face Trainer groups by length)
 *
 * With packing the rows are put into bins of max_length tokens by best-fit decreasing: longest first (of
 * equals the one that comes first in the epoch's order), each into the fullest bin that still has room,
 * and into a new one if there is none; a row is never split. The lengths in the bins are the same in every
 * epoch; which of the rows of a length lies where is the epoch's order. Each bin is a micro-batch; bins are
 * shuffled anew each epoch, or, when sequential, come in the order of their earliest row. */
#ifndef TEXT_BATCH_H
#define TEXT_BATCH_H

#include "text/row.h"

typedef struct micro_batch {
    int64_t tokens, labels, n_docs;
    int32_t *ids, *positions, *start; /* (tokens) */
    int32_t *types;                   /* (tokens) token types; NULL: the rows have none */
    int32_t *gather, *target;         /* (labels) gather is increasing */
    float *values;                    /* (labels, outputs) of rows with values instead of targets; or NULL */
    float *weight;                    /* (labels) left to the caller */
    int64_t source;                   /* rows of an encoder */
    int32_t *source_ids, *source_start; /* (source); or NULL */
    int32_t *seen;                    /* (tokens, 2); or NULL */
    int64_t *row_index;               /* (n_docs) rows of the rowset */
    int64_t max_tokens, max_labels, max_docs, max_source;
} micro_batch;

/* Arrays of these sizes, all set to nothing. */
void micro_batch_init(micro_batch *b, int64_t tokens, int64_t labels, int64_t docs);
/* The same with room for what rows of r have: types, values, and so many rows of an encoder. */
void micro_batch_init_for(micro_batch *b, const rowset *r, int64_t tokens, int64_t labels, int64_t docs,
                          int64_t source);
void micro_batch_release(micro_batch *b);

/* Empties b, and appends a row. A row that does not fit is a bug of the caller. */
void micro_batch_clear(micro_batch *b);
void micro_batch_add(micro_batch *b, const rowset *r, int64_t row);

typedef enum sampler_order { ORDER_RANDOM, ORDER_SEQUENTIAL, ORDER_BY_LENGTH } sampler_order;
typedef enum sampler_pack { PACK_NONE, PACK_ROWS } sampler_pack;

typedef struct sampler_options {
    sampler_order order;
    sampler_pack pack;
    int64_t batch;      /* rows of a micro-batch, when not packing */
    int64_t accumulate; /* micro-batches of an optimizer step */
    int64_t max_length; /* tokens of a micro-batch, when packing */
    uint64_t seed;
} sampler_options;

typedef struct sampler sampler;

/* Keeps r, which has to outlive the sampler. E_USAGE: options that make no sense. */
sampler *sampler_new(const rowset *r, const sampler_options *o, err *e);
void sampler_free(sampler *s); /* NULL is fine */

int64_t sampler_micro_batches(const sampler *s); /* of an epoch, the same for each */
int64_t sampler_steps(const sampler *s);         /* optimizer steps of an epoch; the last may be short */

/* The most that a micro-batch of any epoch holds: exact when sequential and for packed tokens, else an
 * upper bound (the `batch` longest rows; the most labels that rows of the packed lengths have). */
void sampler_largest(const sampler *s, int64_t *tokens, int64_t *labels, int64_t *docs);
int64_t sampler_largest_source(const sampler *s); /* rows of an encoder; 0: there is none */

/* What a micro-batch will hold, without making it: for the weight of a label in its optimizer step. */
void sampler_count(sampler *s, int64_t epoch, int64_t index, int64_t *tokens, int64_t *labels);

/* Fills b, which has room for sampler_largest(). Not from two threads at once. */
void sampler_fill(sampler *s, int64_t epoch, int64_t index, micro_batch *b);

#endif
