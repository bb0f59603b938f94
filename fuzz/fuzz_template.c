/* fuzz_template.c -- a template up to the first NUL, filled from the table that follows it. */
#include "text/template.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void render(const template *w, const char *text, size_t n)
{
    table t;
    err e = {0};
    str out = {0};
    if (table_parse(&t, "fuzz", text, n, TABLE_REFUSE, &e) != OK) return;
    for (int64_t row = 0; row < t.rows; row++) {
        err one = {0};
        str_clear(&out);
        template_render(w, &t, row, "advice", &out, &one);
        template_json_column(w, &t, row);
    }
    str_free(&out);
    table_close(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* exactly as long, so that a step too far is seen */
    if (!text) return 0;
    if (size) memcpy(text, data, size);
    text[size] = 0;
    err e = {0};
    size_t n = strlen(text);
    template *w = template_new(text, "--prompt-template", &e);
    BUG_IF(!w != (e.code == E_USAGE));
    if (w && n < size) render(w, text + n + 1, size - n - 1);
    template_free(w);
    free(text);
    return 0;
}
