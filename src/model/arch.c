/* arch.c -- the architectures there are, one row each. */
#include "model/arch.h"

#include <string.h>

extern const arch arch_llama; /* llama.c */

static const arch *const all[] = {&arch_llama};

const arch *arch_find(const char *name)
{
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!strcmp(all[i]->name, name)) return all[i];
    return NULL;
}
