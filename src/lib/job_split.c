/* job_split.c -- one file for two ends: which of its rows are held out. See job_rows.h.
 *
 * Rows with the same prompt are one group and stay together, for a model that has seen one description of a
 * row would be judged by another of the same row; rows without a prompt are grouped by their text. Groups are
 * shuffled by the seed and taken until they hold the share of the rows, at least one; one is always left.
 * What is held out for a study is divided so once more, into what guides its search and what judges it at the
 * end. */
#include "base/rng.h"
#include "lib/job_rows.h"

#include <math.h>
#include <stdlib.h>

enum { SPLIT_STREAM = 0x73706c69, JUDGE_STREAM = 0x6a756467 };

/* The cells that a classifier reads. */
static void add_texts(const job_rows *r, int64_t row, str *out)
{
    const int column[] = {r->columns.text, r->columns.pair};
    for (int i = 0; i < 2 && column[i] >= 0; i++) {
        const cell c = table_cell(&r->table, row, column[i]);
        str_fmt(out, "%lld ", (long long)c.n);
        if (c.n) str_add(out, c.text, c.n);
    }
}

int job_rows_prompt(const job_rows *r, int64_t row, symbols *groups, int64_t *out, err *e)
{
    str text = {0};
    int bad = OK;
    if (r->classified)
        add_texts(r, row, &text);
    else if (r->shape.kind == SHAPE_IDS)
        str_fmt(&text, "%lld", (long long)row);
    else if (r->shape.kind == SHAPE_TEXT)
        bad = shape_completion(&r->shape, row, &text, e);
    else
        bad = shape_prompt(&r->shape, row, &text, e);
    if (!bad) *out = symbols_add(groups, str_c(&text), text.n);
    str_free(&text);
    return bad;
}

/* One division of a table: which share is held out, and which side stays. */
typedef struct division {
    double share;
    uint64_t key;
    bool held_out;
} division;

/* keep[row] = 1 for the rows of that side. */
static int choose(const table *t, const int64_t *group, int64_t groups, const division *d, uint8_t *keep, err *e)
{
    if (groups < 2)
        return fail(e, E_USAGE,
                    "%s: all rows have the same prompt, so none can be held out; give --eval-data FILE",
                    t->name);
    int64_t *order = xcalloc((size_t)groups, sizeof *order), *size = xcalloc((size_t)groups, sizeof *size);
    uint8_t *held = xcalloc((size_t)groups, 1);
    for (int64_t i = 0; i < t->rows; i++) size[group[i]]++;
    for (int64_t k = 0; k < groups; k++) order[k] = k;
    rng_shuffle(d->key, order, groups);
    int64_t taken = 0, wanted = (int64_t)ceil(d->share * (double)t->rows);
    for (int64_t k = 0; k < groups - 1 && taken < wanted; k++) {
        held[order[k]] = 1;
        taken += size[order[k]];
    }
    for (int64_t i = 0; i < t->rows; i++) keep[i] = held[group[i]] == d->held_out;
    free(order);
    free(size);
    free(held);
    return OK;
}

/* The group of each row, on the heap, and how many there are. */
static int64_t *groups_of(const job_rows *r, int64_t *n, err *e)
{
    symbols groups = {0};
    int64_t *group = xcalloc((size_t)r->table.rows, sizeof *group);
    int bad = OK;
    for (int64_t i = 0; i < r->table.rows && !bad; i++) bad = job_rows_prompt(r, i, &groups, &group[i], e);
    *n = groups.n;
    symbols_free(&groups);
    if (!bad) return group;
    free(group);
    return NULL;
}

static int divide(job_rows *r, const division *d, err *e)
{
    int64_t groups, *group = groups_of(r, &groups, e);
    if (!group) return e->code;
    uint8_t *keep = xcalloc((size_t)r->table.rows, 1);
    int bad = choose(&r->table, group, groups, d, keep, e);
    if (!bad) table_keep(&r->table, keep);
    free(keep);
    free(group);
    return bad;
}

int job_split(job_rows *r, const options *o, rows_part part, err *e)
{
    const uint64_t seed = (uint64_t)o->split_seed;
    const division first = {o->eval_split, rng_key(seed, SPLIT_STREAM), (part & ROWS_HELD_OUT) != 0},
                   second = {o->judge_split, rng_key(seed, JUDGE_STREAM), (part & ROWS_JUDGING) != 0};
    int bad = part & (ROWS_TRAINED | ROWS_HELD_OUT) ? divide(r, &first, e) : OK;
    if (!bad && part & (ROWS_GUIDING | ROWS_JUDGING)) bad = divide(r, &second, e);
    return bad;
}

int job_rows_prompts(const job_rows *r, int64_t *out, err *e)
{
    int64_t *group = groups_of(r, out, e);
    free(group);
    return group ? OK : e->code;
}
