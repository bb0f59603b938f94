/* table.h -- a data file as rows of named columns: JSONL, a JSON array of objects, CSV or TSV.
 *
 * The kind is told by content, never by name: the first byte that is not a space (after a byte-order
 * mark) is `{` for JSONL, `[` for a JSON array; anything else is CSV, or TSV when its first line holds
 * a tab. Lines that begin with # before a JSON array are skipped. The file is read once into memory and
 * indexed; a value is a view into it (or, where an escape had to be undone, into the table's arena) and
 * lives as long as the table.
 *
 * Values are text. A JSON string is unescaped; numbers, true and false keep the characters they are
 * written with; null is empty; an array or object keeps its JSON text. A JSON row may lack a column,
 * a CSV row may not. A row of a JSON array may be an array itself: its columns are called 1, 2, 3.
 * Columns are the union over the rows, in order of first appearance.
 *
 * Limits: 4 GiB a file, 16 MiB a row, 512 columns. */
#ifndef TEXT_TABLE_H
#define TEXT_TABLE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

enum { TABLE_ROW_MAX = 16 << 20, TABLE_COLUMNS_MAX = 512 };

typedef enum table_format { TABLE_JSONL, TABLE_JSON, TABLE_CSV, TABLE_TSV } table_format;

/* What becomes of bytes that are no UTF-8: an error, or U+FFFD for each maximal part that begins a character
 * (the practice that the Unicode Standard recommends, chapter 3.9; Python's errors="replace"). */
typedef enum table_broken { TABLE_REFUSE, TABLE_REPLACE } table_broken;

typedef enum cell_kind { CELL_ABSENT, CELL_TEXT, CELL_SCALAR, CELL_NULL, CELL_JSON } cell_kind;

typedef struct cell {
    const char *text; /* n bytes of UTF-8 without NUL; not terminated; NULL only when absent */
    uint32_t n;
    uint16_t column;
    uint8_t kind; /* cell_kind; CELL_SCALAR is a JSON number, true or false */
} cell;

typedef struct table {
    char *name; /* the path, for messages */
    table_format format;
    int64_t rows;
    int columns;
    char **column;  /* (columns) names */
    cell *cells;    /* the rows' cells, one after the other */
    int64_t *first; /* (rows + 1) where a row's cells start */
    int64_t *line;  /* (rows) the line a row starts on, from 1 */
    int64_t *replaced; /* (rows) characters put for broken UTF-8; NULL: none in the file */
    int64_t replaced_before; /* the same before the first row */
    int64_t cap_rows, cap_cells;
    str source;
    arena strings;
} table;

/* Reads a file; "-" is the standard input. E_IO when it cannot be read, E_FORMAT with
 * file:line:column (in characters, from 1) when it is not a table, and when it holds no row.
 * After a failure there is nothing to close. */
int table_open(table *t, const char *path, table_broken broken, err *e);

/* The same from n bytes of memory, which are copied; `name` stands for the path. */
int table_parse(table *t, const char *name, const char *text, size_t n, table_broken broken, err *e);
void table_close(table *t);

/* Leaves the rows with keep[row] != 0, in their order; their lines stay what they are in the file. */
void table_keep(table *t, const uint8_t *keep);

/* The column of that name, or -1. */
int table_column(const table *t, const char *name);
cell table_cell(const table *t, int64_t row, int column); /* CELL_ABSENT when the row lacks it */

/* Characters that stand for broken UTF-8 in the rows there are and before them; *rows is how many have some
 * (what comes before the first counts as one), *line where the first such row begins. */
int64_t table_replaced(const table *t, int64_t *rows, int64_t *line);

/* Appends "name, category": the row's fields, or those of the table when row < 0. */
void table_fields(const table *t, int64_t row, str *out);

/* Fails with `products.jsonl:17: no field "x" (fields: name, category); ADVICE`. */
int table_no_field(const table *t, int64_t row, const char *field, const char *advice, err *e);

const char *table_format_name(table_format f); /* "JSONL", "JSON", "CSV", "TSV" */

#endif
