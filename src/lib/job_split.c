/* job_split.c -- one file for two ends: which of its rows are held out. See job_rows.h.
 *
 * Rows with the same prompt are one group and stay together, for a model that has seen one description of a
 * row would be judged by another of the same row; rows without a prompt are grouped by their text. Groups are
 * shuffled by the seed and taken until they hold the share of the rows, at least one; one is always left. */
#include "base/rng.h"
#include "lib/job_rows.h"

#include <math.h>
#include <stdlib.h>

enum { SPLIT_STREAM = 0x73706c69 };

int job_rows_prompt(const job_rows *r, int64_t row, symbols *groups, int64_t *out, err *e)
{
    str text = {0};
    int bad = OK;
    if (r->shape.kind == SHAPE_IDS)
        str_fmt(&text, "%lld", (long long)row);
    else if (r->shape.kind == SHAPE_TEXT)
        bad = shape_completion(&r->shape, row, &text, e);
    else
        bad = shape_prompt(&r->shape, row, &text, e);
    if (!bad) *out = symbols_add(groups, str_c(&text), text.n);
    str_free(&text);
    return bad;
}

/* keep[row] = 1 for the rows of `part`. */
static int choose(const table *t, const int64_t *group, int64_t groups, double share, uint64_t seed,
                  rows_part part, uint8_t *keep, err *e)
{
    if (groups < 2)
        return fail(e, E_USAGE,
                    "%s: all rows have the same prompt, so none can be held out; give --eval-data FILE",
                    t->name);
    int64_t *order = xcalloc((size_t)groups, sizeof *order), *size = xcalloc((size_t)groups, sizeof *size);
    uint8_t *held = xcalloc((size_t)groups, 1);
    for (int64_t i = 0; i < t->rows; i++) size[group[i]]++;
    for (int64_t k = 0; k < groups; k++) order[k] = k;
    rng_shuffle(rng_key(seed, SPLIT_STREAM), order, groups);
    int64_t taken = 0, wanted = (int64_t)ceil(share * (double)t->rows);
    for (int64_t k = 0; k < groups - 1 && taken < wanted; k++) {
        held[order[k]] = 1;
        taken += size[order[k]];
    }
    for (int64_t i = 0; i < t->rows; i++) keep[i] = held[group[i]] == (part == ROWS_HELD_OUT);
    free(order);
    free(size);
    free(held);
    return OK;
}

int job_split(job_rows *r, double share, uint64_t seed, rows_part part, err *e)
{
    if (part == ROWS_ALL) return OK;
    symbols groups = {0};
    int64_t *group = xcalloc((size_t)r->table.rows, sizeof *group);
    uint8_t *keep = xcalloc((size_t)r->table.rows, 1);
    int bad = OK;
    for (int64_t i = 0; i < r->table.rows && !bad; i++) bad = job_rows_prompt(r, i, &groups, &group[i], e);
    if (!bad) bad = choose(&r->table, group, groups.n, share, seed, part, keep, e);
    if (!bad) table_keep(&r->table, keep);
    free(keep);
    free(group);
    symbols_free(&groups);
    return bad;
}
