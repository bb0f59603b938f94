/* scratch.h -- a folder of a test's own, below $TMPDIR. */
#ifndef TEST_SCRATCH_H
#define TEST_SCRATCH_H

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

#include <stdlib.h>

/* The path, on the heap; scratch_free() removes the folder and frees it. */
static inline char *scratch_new(void)
{
    const char *base = getenv("TMPDIR");
    str s = {0};
    str_fmt(&s, "%s/lorac-test-XXXXXX", base && *base ? base : P_tmpdir);
    if (!mkdtemp(s.p)) BUG("cannot make %s", s.p);
    return s.p;
}

static inline void scratch_free(char *folder)
{
    err e = {0};
    if (file_remove_tree(folder, &e) != OK) BUG("%s", e.msg);
    free(folder);
}

#endif
