/* db.c -- see db.h. */
#include "tune/db.h"

#include "base/arena.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 20000, AGAIN_MS = 20 };

static int broken(const db *d, int why, err *e)
{
    const char *path = d->path;
    switch (why & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return fail(e, E_IO,
                    "%s: another program has kept it locked for %d seconds; close that, then try again", path,
                    WAIT_MS / 1000);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return fail(e, E_FORMAT,
                    "%s: is damaged or no SQLite file; restore it from a copy, or use another --out",
                    path);
    case SQLITE_FULL:
        return fail(e, E_IO, "%s: the disk is full; nothing that was reported is lost", path);
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return fail(e, E_IO, "%s: cannot be opened%s", path,
                    (why & 0xff) == SQLITE_READONLY ? " for writing" : "; is the folder there, and yours?");
    default:
        return fail(e, E_IO, "%s: %s", path, d->handle ? sqlite3_errmsg(d->handle) : sqlite3_errstr(why));
    }
}

int db_open(db *d, const char *path, db_mode mode, err *e)
{
    *d = (db){.path = strcpy(xmalloc(strlen(path) + 1), path)};
    int flags = mode == DB_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE;
    int why = sqlite3_open_v2(path, &d->handle, flags | SQLITE_OPEN_FULLMUTEX, NULL);
    if (why) return broken(d, why, e);
    sqlite3_extended_result_codes(d->handle, 1);
    sqlite3_busy_timeout(d->handle, WAIT_MS);
    /* Two processes that make a file at once: the change to WAL is refused without waiting. */
    for (int waited = 0; waited <= WAIT_MS; waited += AGAIN_MS) {
        why = sqlite3_exec(d->handle,
                           "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
                           NULL, NULL, NULL);
        if ((why & 0xff) != SQLITE_BUSY) break;
        sqlite3_sleep(AGAIN_MS);
    }
    return why ? broken(d, why, e) : OK;
}

void db_close(db *d)
{
    sqlite3_close(d->handle);
    free(d->path);
    *d = (db){0};
}

static int prepare(db *d, sqlite3_stmt **out, err *e, const char *sql, const char *types, va_list a)
{
    int why = sqlite3_prepare_v2(d->handle, sql, -1, out, NULL);
    for (int i = 0; !why && types[i]; i++) {
        if (types[i] == 'i')
            why = sqlite3_bind_int64(*out, i + 1, va_arg(a, int64_t));
        else if (types[i] == 'd')
            why = sqlite3_bind_double(*out, i + 1, va_arg(a, double));
        else
            why = sqlite3_bind_text(*out, i + 1, va_arg(a, const char *), -1, SQLITE_TRANSIENT);
    }
    if (!why) return OK;
    broken(d, why, e);
    db_done(*out);
    *out = NULL;
    return e->code;
}

int db_prepare(db *d, sqlite3_stmt **out, err *e, const char *sql, const char *types, ...)
{
    va_list a;
    va_start(a, types);
    int bad = prepare(d, out, e, sql, types, a);
    va_end(a);
    return bad;
}

int db_row(db *d, sqlite3_stmt *s, err *e)
{
    int why = sqlite3_step(s);
    return why == SQLITE_ROW ? 1 : why == SQLITE_DONE ? 0 : broken(d, why, e);
}

void db_done(sqlite3_stmt *s) { sqlite3_finalize(s); }

const char *db_text(sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    return text ? text : "";
}

/* The first column of the first row to *out, 0 without one. */
static int run(db *d, double *out, err *e, const char *sql, const char *types, va_list a)
{
    sqlite3_stmt *s = NULL;
    int bad = prepare(d, &s, e, sql, types, a);
    if (!bad) bad = db_row(d, s, e);
    *out = bad > 0 ? sqlite3_column_double(s, 0) : 0;
    db_done(s);
    return bad < 0 ? bad : OK;
}

int db_run(db *d, err *e, const char *sql, const char *types, ...)
{
    double unread;
    va_list a;
    va_start(a, types);
    int bad = run(d, &unread, e, sql, types, a);
    va_end(a);
    return bad;
}

int db_number(db *d, double *out, err *e, const char *sql, const char *types, ...)
{
    va_list a;
    va_start(a, types);
    int bad = run(d, out, e, sql, types, a);
    va_end(a);
    return bad;
}

int db_begin(db *d, err *e) { return db_run(d, e, "BEGIN IMMEDIATE", ""); }

int db_end(db *d, int code, err *e)
{
    if (code == OK) code = db_run(d, e, "COMMIT", "");
    if (code != OK && !sqlite3_get_autocommit(d->handle)) sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL,
                                                                       NULL);
    return code;
}
