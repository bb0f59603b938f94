/* job_references.c -- prompts with their references; see job_references.h. */
#include "lib/job_references.h"

#include "metric/attribute.h"

#include <stdlib.h>

typedef struct reading {
    const tokenizer *tokenizer;
    symbols prompts;
    int32_t *prompt; /* (rows) its number, -1: left out */
    int64_t *row;
    passage *text; /* (rows) */
} reading;

static int read_row(job_references *f, const job_rows *r, int64_t row, reading *d, err *e)
{
    str prompt = {0}, completion = {0};
    bool talk = r->shape.kind == SHAPE_CHAT;
    int bad = talk ? shape_last_turn(&r->shape, row, d->tokenizer, &prompt, &completion, e)
                   : shape_prompt(&r->shape, row, &prompt, e);
    if (!bad && !talk) bad = shape_completion(&r->shape, row, &completion, e);
    passage p = passage_trim((passage){str_c(&completion), completion.n});
    d->prompt[row] = -1;
    if (!bad && !p.n) {
        f->empty++;
    } else if (!bad) {
        int64_t before = d->prompts.n;
        d->prompt[row] = symbols_add(&d->prompts, str_c(&prompt), prompt.n);
        if (d->prompts.n > before) d->row[before] = row;
        d->text[row] = (passage){arena_strndup(&f->mem, p.p, p.n), p.n};
    }
    str_free(&prompt);
    str_free(&completion);
    return bad;
}

/* References in the order of their prompts. */
static void group(job_references *f, int64_t rows, reading *d)
{
    int64_t prompts = d->prompts.n, *next = xcalloc((size_t)prompts + 1, sizeof *next);
    job_prompts_init(&f->prompts, prompts);
    for (int64_t i = 0; i < prompts; i++)
        str_add(&f->prompts.text[i], d->prompts.text[i], d->prompts.bytes[i]);
    f->first = xcalloc((size_t)prompts + 1, sizeof *f->first);
    for (int64_t i = 0; i < rows; i++)
        if (d->prompt[i] >= 0) f->first[d->prompt[i] + 1]++;
    for (int64_t i = 0; i < prompts; i++) next[i + 1] = f->first[i + 1] += f->first[i];
    f->n = f->first[prompts];
    f->text = xcalloc((size_t)f->n + 1, sizeof *f->text);
    for (int64_t i = 0; i < rows; i++)
        if (d->prompt[i] >= 0) f->text[next[d->prompt[i]]++] = d->text[i];
    f->row = d->row;
    d->row = NULL;
    free(next);
}

int job_references_open(job_references *f, const job_rows *r, const tokenizer *t, err *e)
{
    int64_t rows = r->table.rows;
    int bad = OK;
    reading d = {.tokenizer = t,
                 .prompt = xcalloc((size_t)rows, sizeof *d.prompt),
                 .row = xcalloc((size_t)rows, sizeof *d.row),
                 .text = xcalloc((size_t)rows, sizeof *d.text)};
    *f = (job_references){0};
    for (int64_t i = 0; i < rows && !bad; i++) bad = read_row(f, r, i, &d, e);
    if (!bad) group(f, rows, &d);
    if (!bad && r->shape.kind == SHAPE_CHAT) f->prompts.bos = ROW_BOS_NEVER; /* a chat template writes its own */
    if (!bad && !f->n)
        bad = fail(e, E_USAGE,
                   r->shape.kind == SHAPE_CHAT
                       ? "%s: in no conversation the assistant says anything that texts could be compared with"
                       : "%s: no row has a completion to compare with; name its column with --completion-column",
                   r->table.name);
    symbols_free(&d.prompts);
    free(d.prompt);
    free(d.row);
    free(d.text);
    return bad;
}

void job_references_limit(job_references *f, int64_t n)
{
    if (n >= f->prompts.n) return;
    for (int64_t i = n; i < f->prompts.n; i++) str_free(&f->prompts.text[i]);
    f->prompts.n = n;
    f->n = f->first[n];
}

void job_references_close(job_references *f)
{
    job_prompts_release(&f->prompts);
    free(f->row);
    free(f->first);
    free(f->text);
    arena_free(&f->mem);
    *f = (job_references){0};
}
