/* family.c -- the table of families, by name. */
#include "format/family.h"

#include "format/config.h"
#include "format/families.h"
#include "format/family_norm.h"

#include <string.h>

#define X(id, ...) {.name = #id, __VA_ARGS__},
static const family all[] = {FAMILIES(X)};
#undef X
enum { COUNT = sizeof all / sizeof *all };

const family *family_at(int i) { return i >= 0 && i < COUNT ? &all[i] : NULL; }

const family *family_find(const char *name)
{
    for (int i = 0; i < COUNT; i++)
        if (!strcmp(all[i].name, name) || family_lists(all[i].alias, name)) return &all[i];
    return NULL;
}

const family *family_of_gguf(const char *architecture, bool experts)
{
    for (int i = 0; i < COUNT; i++)
        if (all[i].gguf && !strcmp(all[i].gguf, architecture) && all[i].experts == experts) return &all[i];
    return NULL;
}

/* The next word of a list; *n is its length, 0 after the last. */
static const char *next_word(const char *at, size_t *n)
{
    while (at && *at == ' ') at++;
    *n = at ? strcspn(at, " ") : 0;
    return at;
}

bool family_lists(const char *words, const char *name)
{
    size_t n;
    for (const char *w = next_word(words, &n); n; w = next_word(w + n, &n))
        if (strlen(name) == n && !strncmp(w, name, n)) return true;
    return false;
}

bool family_ends(const char *words, const char *name)
{
    size_t n, length = strlen(name);
    for (const char *w = next_word(words, &n); n; w = next_word(w + n, &n))
        if (length >= n && !strncmp(w, name + length - n, n)) return true;
    return false;
}
