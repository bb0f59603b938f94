/* arch.c -- the architecture of every family: model/NAME.c of each row of format/families.h. */
#include "model/arch.h"

#include "format/families.h"

#include <string.h>

#define X(name, ...) extern const arch arch_##name;
FAMILIES(X)
#undef X

#define X(name, ...) &arch_##name,
static const arch *const all[] = {FAMILIES(X)};
#undef X

const arch *arch_find(const char *name)
{
    for (int i = 0; family_at(i); i++)
        if (!strcmp(family_at(i)->name, name)) return all[i];
    return NULL;
}
