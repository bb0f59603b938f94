/* fuzz_table.c -- tables of all four formats, and the texts of their rows. */
#include "text/shape.h"

#include <string.h>
#include <utf8proc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What every reader relies on. */
static void check_table(const table *t)
{
    BUG_IF(t->rows < 1 || t->columns > TABLE_COLUMNS_MAX);
    for (int64_t row = 0; row < t->rows; row++) {
        BUG_IF(t->line[row] < (row ? t->line[row - 1] : 1));
        for (int64_t i = t->first[row]; i < t->first[row + 1]; i++) {
            const cell *c = &t->cells[i];
            BUG_IF(c->column >= t->columns || !c->text || c->n > TABLE_ROW_MAX);
            BUG_IF(memchr(c->text, 0, c->n) != NULL);
            for (size_t at = 0; at < c->n;) {
                utf8proc_int32_t letter;
                utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)c->text + at,
                                                      (utf8proc_ssize_t)(c->n - at), &letter);
                BUG_IF(n < 1);
                at += (size_t)n;
            }
            BUG_IF(table_cell(t, row, c->column).text != c->text);
        }
    }
}

static void use_shape(const table *t, shape_use use)
{
    static const shape_options none;
    row_shape s;
    err e = {0};
    str text = {0};
    int code = shape_init(&s, t, &none, use, &e);
    for (int64_t row = 0; row < t->rows && code == OK; row++) {
        err one = {0};
        str_clear(&text);
        if (shape_prompt(&s, row, &text, &one) == OK) shape_completion(&s, row, &text, &one);
    }
    if (code == OK) shape_release(&s);
    str_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    table t;
    err e = {0};
    if (table_parse(&t, "fuzz", (const char *)data, size, TABLE_REFUSE, &e) != OK) {
        BUG_IF(!e.msg[0] || strchr(e.msg, '\n'));
        return 0;
    }
    check_table(&t);
    use_shape(&t, SHAPE_LEARN);
    use_shape(&t, SHAPE_ANSWER);
    table_close(&t);
    return 0;
}
