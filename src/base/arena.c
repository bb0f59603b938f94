/* arena.c -- see arena.h. */
#include "base/arena.h"

#include "base/cpu.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 64, CHUNK = 1 << 16 };

struct chunk {
    struct chunk *next;
    size_t        cap, len;
    _Alignas(ALIGN) unsigned char mem[];
};

static void *must(void *p)
{
    if (!p) BUG("out of memory");
    return p;
}

void *xmalloc(size_t bytes) { return must(malloc(bytes ? bytes : 1)); }
void *xcalloc(size_t n, size_t size) { return must(calloc(n ? n : 1, size ? size : 1)); }
void *xrealloc(void *p, size_t bytes) { return must(realloc(p, bytes ? bytes : 1)); }

void *arena_new(arena *a, size_t n)
{
    BUG_IF(n > SIZE_MAX / 2);
    n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct chunk *c = a->head;
    if (!c || c->cap - c->len < n) {
        size_t cap = n > CHUNK ? n : CHUNK;
        c = must(aligned_alloc(ALIGN, sizeof *c + cap));
        *c = (struct chunk){.next = a->head, .cap = cap};
        a->head = c;
    }
    void *p = c->mem + c->len;
    c->len += n;
    a->used += n;
    return memset(p, 0, n);
}

char *arena_strndup(arena *a, const char *s, size_t n)
{
    char *d = arena_new(a, n + 1);
    memcpy(d, s, n);
    return d;
}

char *arena_strdup(arena *a, const char *s) { return arena_strndup(a, s, strlen(s)); }

char *arena_fmt(arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    BUG_IF(n < 0);
    char *s = arena_new(a, (size_t)n + 1);
    va_start(ap, fmt);
    vsnprintf(s, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return s;
}

void arena_free(arena *a)
{
    for (struct chunk *c = a->head, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    *a = (arena){0};
}

void *big_new(size_t bytes, const char *what, err *e)
{
    void *p = mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        fail(e, E_MEMORY, "not enough memory for %s: %.1f MiB needed, the machine has %.1f MiB in all", what,
             (double)bytes / 0x1p20, (double)cpu_memory() / 0x1p20);
        return NULL;
    }
    madvise(p, bytes, MADV_HUGEPAGE);
    return p;
}

void big_free(void *p, size_t bytes)
{
    if (p) munmap(p, bytes ? bytes : 1);
}
