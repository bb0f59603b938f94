/* family.c -- the table of families, by name. */
#include "format/family.h"

#include "format/config.h"
#include "format/families.h"

#include <string.h>

#define X(id, ...) {.name = #id, __VA_ARGS__},
static const family all[] = {FAMILIES(X)};
#undef X
enum { COUNT = sizeof all / sizeof *all };

const family *family_at(int i) { return i >= 0 && i < COUNT ? &all[i] : NULL; }

const family *family_find(const char *name)
{
    for (int i = 0; i < COUNT; i++)
        if (!strcmp(all[i].name, name)) return &all[i];
    return NULL;
}

const family *family_of_gguf(const char *architecture)
{
    for (int i = 0; i < COUNT; i++)
        if (all[i].gguf && !strcmp(all[i].gguf, architecture)) return &all[i];
    return NULL;
}
