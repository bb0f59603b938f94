/* err.h -- how a call fails: a negative code, and one line for people in the caller's err.
 *
 * Functions that can fail return OK (0) or a negative code and take an `err *` last. The first
 * failure wins, so a clean-up that fails too never hides the cause. The line says what, where and
 * what to do; the library never prints it, `cli/` does. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum {
    OK = 0,
    E_MEMORY = -1,      /* not enough memory: the line says needed and how to need less */
    E_IO = -2,          /* the operating system refused: file, disk, permission */
    E_FORMAT = -3,      /* a file is not what it claims to be */
    E_UNSUPPORTED = -4, /* a valid thing that this program does not do */
    E_USAGE = -5,       /* the caller asked for something that makes no sense */
    E_NUMERIC = -6,     /* a NaN or an infinity where a number has to be */
    E_STOPPED = -7,     /* a signal asked to stop; everything was saved */
};

typedef struct err {
    int  code;
    char msg[1024];
} err;

/* Records code and message unless e already holds a failure; returns code: `return fail(e, ...)`.
 * e may be NULL. */
int fail(err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* A broken invariant of this program (never of its input): prints file and line and aborts. */
#define BUG(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)
#define BUG_IF(cond) do { if (cond) BUG("%s", #cond); } while (0)
void bug_at(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), noreturn, cold));

#endif
