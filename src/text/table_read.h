/* table_read.h -- what the readers of table.h's formats share: they walk t->source and add rows. */
#ifndef TEXT_TABLE_READ_H
#define TEXT_TABLE_READ_H

#include "text/table.h"

/* Adds a row that starts at `at`; the cells that follow belong to it. Rows come in file order. */
void table_add_row(table *t, const char *at);

/* A cell of the last row, with `column` from table_name(). */
void table_add_cell(table *t, int column, cell_kind kind, const char *text, size_t n);

/* The number of a column, made when new. `guess` is looked at first. -1 with e set when the table
 * already has the most columns there may be; `at` is where the name stands. */
int table_name(table *t, const char *name, size_t n, int guess, const char *at, err *e);

/* Fails with file:line:column of `at`, a place in the source. */
int table_fail(const table *t, const char *at, err *e, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Text from `text` to the end of the source, byte-order mark left out. */
int csv_read(table *t, const char *text, char separator, err *e);
int jsonl_read(table *t, const char *text, err *e);
int json_array_read(table *t, const char *text, err *e);

#endif
