/* db.h -- SQLite behind the house's errors: one file, write-ahead log, statements with their values bound.
 *
 * Every failure is one line with the file's name: locked by another program, damaged, disk full. */
#ifndef TUNE_DB_H
#define TUNE_DB_H

#include "base/err.h"

#include <sqlite3.h>

typedef struct db {
    sqlite3 *handle;
    char *path;
} db;

typedef enum db_mode { DB_READ, DB_WRITE } db_mode; /* DB_WRITE makes the file where there is none */

int db_open(db *d, const char *path, db_mode mode, err *e);
void db_close(db *d); /* also after a failed open */

/* A statement with its values: types is a letter each, 'i' int64_t, 'd' double, 's' text or NULL. */
int db_prepare(db *d, sqlite3_stmt **out, err *e, const char *sql, const char *types, ...);
/* The next row: 1; no more: 0; else a negative code. */
int db_row(db *d, sqlite3_stmt *s, err *e);
void db_done(sqlite3_stmt *s); /* NULL is fine */
const char *db_text(sqlite3_stmt *s, int column); /* "" where there is none */

/* A statement without rows. */
int db_run(db *d, err *e, const char *sql, const char *types, ...);
/* The one number of a query. */
int db_number(db *d, double *out, err *e, const char *sql, const char *types, ...);

/* A transaction that may write: others wait. db_end() commits, or takes all back when code is not OK; it
 * returns the first of code and its own failure. */
int db_begin(db *d, err *e);
int db_end(db *d, int code, err *e);

#endif
