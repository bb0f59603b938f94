/* fixture.h -- a text as table, shape and rows: for the tests of what becomes of rows. */
#ifndef TEST_TEXT_FIXTURE_H
#define TEST_TEXT_FIXTURE_H

#include "text/row.h"

#include "text/bytes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct fixture {
    table t;
    row_shape s;
    rowset r;
} fixture;

static inline int try_build(fixture *f, const char *text, const tokenizer *t, row_options o, pool *p, err *e)
{
    static const shape_options none;
    if (table_parse(&f->t, "f", text, strlen(text), TABLE_REFUSE, e) != OK) fail_msg("%s", e->msg);
    if (shape_init(&f->s, &f->t, &none, SHAPE_LEARN, e) != OK) fail_msg("%s", e->msg);
    return rowset_build(&f->r, &f->s, t, &o, p, e);
}

static inline void build(fixture *f, const char *text, const tokenizer *t, row_options o)
{
    err e = {0};
    if (try_build(f, text, t, o, NULL, &e) != OK) fail_msg("%s", e.msg);
}

static inline void close_fixture(fixture *f)
{
    rowset_release(&f->r);
    shape_release(&f->s);
    table_close(&f->t);
}

/* In these words, and without rows. */
static inline void refuse(const char *text, const tokenizer *t, row_options o, int code, const char *message)
{
    fixture f;
    err e = {0};
    assert_int_equal(try_build(&f, text, t, o, NULL, &e), code);
    assert_string_equal(e.msg, message);
    assert_null(f.r.ids);
    close_fixture(&f);
}

#endif
