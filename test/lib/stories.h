/* stories.h -- jobs over a small model, in a scratch folder that holds rows.jsonl. */
#ifndef TEST_LIB_STORIES_H
#define TEST_LIB_STORIES_H

#include "base/file.h"
#include "lib/options.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MODEL "test/data/models/stories260k/stories260K.gguf"

static char *dir;

/* dir/name holds `text`. */
static inline void dir_write(const char *name, const char *text)
{
    str path = {0};
    str_fmt(&path, "%s/%s", dir, name);
    assert_int_equal(file_write(path.p, text, strlen(text), NULL), OK);
    str_free(&path);
}

static inline int end(void **state)
{
    (void)state;
    scratch_free(dir);
    return 0;
}

/* The command over dir/rows.jsonl, into dir/name; the words of `usual` and `more` are separated by '|'. `more` may be
 * empty. */
static inline options options_of(command which, const char *name, const char *usual, const char *more)
{
    char copy[1200], *argv[64];
    int argc = 0;
    options o;
    err e = {0};
    snprintf(copy, sizeof copy,
             "--model|" MODEL "|--data|%s/rows.jsonl|--threads|1|--device|cpu:generic|--out|%s/%s|%s%s%s", dir, dir,
             name, usual, *more ? "|" : "", more);
    for (char *p = copy, *word; (word = strsep(&p, "|")) != NULL;) argv[argc++] = word;
    if (options_parse(&o, which, argc, argv, &e) != OK) fail_msg("%s: %s", more, e.msg);
    return o;
}

#endif
