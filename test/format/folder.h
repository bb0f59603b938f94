/* folder.h -- for the tests of checkpoints: one scratch folder a test, and recorded models copied into it
 * with one thing changed. */
#ifndef TEST_FORMAT_FOLDER_H
#define TEST_FORMAT_FOLDER_H

#include "format/checkpoint.h"
#include "format/safetensors.h"
#include "support.h"

static char *folder;

static inline int setup(void **state)
{
    (void)state;
    folder = scratch_new();
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    scratch_free(folder);
    return 0;
}

static inline void check_refused(const char *path, int code, const char *text)
{
    checkpoint *c;
    err e = {0};
    if (checkpoint_open(&c, path, &e) == OK) fail_msg("%s was accepted", path);
    assert_null(c);
    check_failed(&e, code, text);
}

/* The tensors of a recorded file, for a folder of the test's own that differs in one thing. */
typedef struct copy {
    safetensors *s;
    tensor       t[128];
    int64_t      n;
} copy;

static inline tensor *copy_find(copy *c, const char *name)
{
    for (int64_t i = 0; i < c->n; i++)
        if (!strcmp(c->t[i].name, name)) return &c->t[i];
    fail_msg("no %s", name);
    return NULL;
}

static inline void copy_open(copy *c, const char *from)
{
    err e = {0};
    str path = {0};
    str_fmt(&path, "%s/model.safetensors", from);
    check_ok(safetensors_open(&c->s, path.p, &e), &e);
    str_free(&path);
    c->n = 0;
    assert_true(safetensors_count(c->s) < 128);
    for (int64_t i = 0; i < safetensors_count(c->s); i++)
        c->t[c->n++] = *safetensors_at(c->s, i);
    scratch_copy(folder, from, "config.json");
}

static inline void copy_write(copy *c, const char *name, int64_t first, int64_t last)
{
    err e = {0};
    str path = {0};
    str_fmt(&path, "%s/%s", folder, name);
    check_ok(safetensors_write(path.p, c->t + first, last - first, NULL, 0, &e), &e);
    str_free(&path);
}

static inline void copy_save(copy *c)
{
    copy_write(c, "model.safetensors", 0, c->n);
    safetensors_close(c->s);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

#endif
