/* arena.h -- memory that is freed all at once.
 *
 * For the small things of one program, one file or one run: names, tables, lists. Large blocks
 * (weights, slab, moments) go through big_new(), which reports failure instead of dying. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/err.h"

#include <stddef.h>

typedef struct arena {
    struct chunk *head;
    size_t        used; /* bytes handed out so far */
} arena;

/* Zeroed, aligned to 64 bytes, never NULL: aborts when the system has no memory left. */
void *arena_new(arena *a, size_t bytes);
char *arena_strndup(arena *a, const char *s, size_t n);
char *arena_strdup(arena *a, const char *s);
char *arena_fmt(arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void  arena_free(arena *a); /* frees everything; the arena is empty and usable again */

/* malloc, calloc and realloc that abort instead of returning NULL, for small things that grow. */
void *xmalloc(size_t bytes);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t bytes);

/* A large block, aligned to 64 bytes and backed by huge pages where the system has them; zeroed.
 * NULL with a message saying `what`, need and have when there is not enough memory.
 * Freed with big_free(p, bytes), the same bytes as asked for. */
void *big_new(size_t bytes, const char *what, err *e);
void  big_free(void *p, size_t bytes);

#endif
