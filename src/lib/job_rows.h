/* job_rows.h -- a data file as token rows, with what is to be said about it. */
#ifndef LIB_JOB_ROWS_H
#define LIB_JOB_ROWS_H

#include "lib/job_open.h"
#include "text/row.h"

/* Stays where it is: the parts point to each other. */
typedef struct job_rows {
    table table;
    chat *chat; /* NULL where rows are no conversations */
    row_shape shape;
    rowset set;
    int open; /* how many of the three are */
} job_rows;

/* Reads and tokenizes `path`. Rows that are dropped or cut are told by notes when h is not NULL. */
int job_rows_open(job_rows *r, const char *path, const options *o, const tokenizer *t, pool *team,
                  const job_hooks *h, err *e);
void job_rows_close(job_rows *r);

/* An array of lines: "12 rows are truncated (first: line 3): ...". */
json_t *job_rows_findings(const job_rows *r);

shape_options job_shape_options(const options *o);

/* The chat template for the rows of t, into *out and how->chat; nothing where they are no conversations. */
int job_chat_open(chat **out, shape_options *how, const table *t, shape_use use, const options *o,
                  const tokenizer *k, err *e);

#endif
