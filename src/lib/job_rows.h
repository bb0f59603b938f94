/* job_rows.h -- a data file as token rows, with what is to be said about it. */
#ifndef LIB_JOB_ROWS_H
#define LIB_JOB_ROWS_H

#include "lib/job_open.h"
#include "metric/symbols.h"
#include "text/classify.h"

/* Stays where it is: the parts point to each other. */
typedef struct job_rows {
    table table;
    chat *chat; /* NULL where rows are no conversations */
    row_shape shape;
    rowset set;
    int open; /* how many of the three are */
    bool classified; /* the set is a classifier's (job_class.h), without a shape: */
    class_columns columns;
} job_rows;

/* Which rows of a file: all, or with --eval_split those that are trained on and those that are held out. Of
 * these or of all, with one of the last two added, the part that guides a search or, by --judge_split, that
 * which judges. */
typedef enum rows_part {
    ROWS_ALL,
    ROWS_TRAINED,
    ROWS_HELD_OUT,
    ROWS_GUIDING = 4,
    ROWS_JUDGING = 8,
} rows_part;

/* Opens the rows of `path`, "-" for the standard input, with o->invalid_utf8; what it replaced is told by a note
 * when h is not NULL. */
int job_table_open(table *t, const char *path, const options *o, const job_hooks *h, err *e);

/* Reads and tokenizes `path` for a model of that configuration. Rows that are dropped or cut are told by notes
 * when h is not NULL. */
int job_rows_open(job_rows *r, const char *path, const options *o, const model_config *m, const tokenizer *t,
                  pool *team, const job_hooks *h, err *e);
/* The same of a part of the file: o->eval_split is the share held out, chosen by o->split_seed. */
int job_rows_open_part(job_rows *r, const char *path, rows_part part, const options *o, const model_config *m,
                       const tokenizer *t, pool *team, const job_hooks *h, err *e);
void job_rows_close(job_rows *r);

/* Leaves in r->table, which is open with r->shape (or is a classifier's), the rows of the part, by the shares and
 * the seed of o. E_USAGE when all have one prompt. */
int job_split(job_rows *r, const options *o, rows_part part, err *e);
/* How many different prompts the rows have. */
int job_rows_prompts(const job_rows *r, int64_t *out, err *e);
/* The findings as notes. */
void job_rows_tell(const job_rows *r, const char *path, const job_hooks *h);

/* The number of a row's prompt among those in `prompts`, which takes up a new one; of a row without a prompt,
 * or of a classifier, of its text. */
int job_rows_prompt(const job_rows *r, int64_t row, symbols *prompts, int64_t *out, err *e);

/* An array of lines: "12 rows are truncated (first: line 3): ...". */
json_t *job_rows_findings(const job_rows *r);

shape_options job_shape_options(const options *o);

/* The chat template for the rows of t, into *out and how->chat; nothing where they are no conversations. */
int job_chat_open(chat **out, shape_options *how, const table *t, shape_use use, const options *o,
                  const tokenizer *k, err *e);

#endif
