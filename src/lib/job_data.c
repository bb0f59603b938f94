/* job_data.c -- what a model will learn from a data file: counts, findings, and rows token by token. */
#include "lib/job_rows.h"
#include "text/batch.h"

#include <string.h>

/* Appends n tokens, each with the text it adds: those of a character in several tokens show at the last. mask
 * NULL: none is learned. */
static void add_tokens(json_t *list, const int32_t *ids, const uint8_t *mask, int64_t n, const tokenizer *t, err *e)
{
    token_stream stream;
    token_stream_init(&stream, t, DECODE_ALL, DECODE_GOES_ON);
    str text = {0};
    for (int64_t k = 0; k < n; k++) {
        str_clear(&text);
        if (token_stream_put(&stream, ids[k], &text, e)) break;
        json_array_append_new(list, json_pack("{s:s, s:i, s:b}", "text", str_c(&text), "id", (int)ids[k], "label",
                                              mask && mask[k]));
    }
    str_free(&text);
}

/* The tokens of row i; with an encoder what it reads, and then what the decoder is to write. */
static json_t *tokens_json(const rowset *s, int64_t i, const tokenizer *t, err *e)
{
    json_t *list = json_array();
    const int64_t first = s->offset[i], n = s->offset[i + 1] - first;
    if (s->source) {
        const int64_t from = s->source_offset[i];
        add_tokens(list, s->source + from, NULL, s->source_offset[i + 1] - from, t, e);
    }
    add_tokens(list, (s->source ? s->target : s->ids) + first, s->mask + first, n, t, e);
    return list;
}

static json_t *row_json(const job_rows *r, int64_t i, const options *o, const tokenizer *t, err *e)
{
    json_t *tokens = tokens_json(&r->set, i, t, e);
    int64_t labels = 0;
    for (size_t k = 0; k < json_array_size(tokens); k++)
        labels += json_is_true(json_object_get(json_array_get(tokens, k), "label"));
    bool full = r->set.offset[i + 1] - r->set.offset[i] == o->max_length;
    if (r->set.source) full = full || r->set.source_offset[i + 1] - r->set.source_offset[i] == o->max_length;
    return json_pack("{s:I, s:I, s:I, s:b, s:o}", "row", (json_int_t)r->set.row[i] + 1, "line",
                     (json_int_t)r->set.line[i], "label_tokens", (json_int_t)labels, "full", full, "tokens",
                     tokens);
}

static int add_view(json_t *out, const job_rows *r, const options *o, const tokenizer *t, err *e)
{
    json_t *view = json_array();
    json_object_set_new(out, "view", view);
    for (int64_t i = 0; i < r->set.n && !e->code; i++) {
        bool wanted = o->row > 0 ? r->set.row[i] + 1 == o->row : i < o->rows;
        if (wanted) json_array_append_new(view, row_json(r, i, o, t, e));
    }
    if (!e->code && o->row > 0 && !json_array_size(view))
        fail(e, E_USAGE, "--row %lld: %s", (long long)o->row,
             o->row > r->set.rows ? "there are not so many rows"
                                  : "this row is dropped; nothing of it is learned");
    return e->code;
}

/* With packing: the micro-batches of max_length tokens that an epoch takes, and how full they are. */
static int add_packing(json_t *out, const job_rows *r, const options *o, err *e)
{
    sampler_options how = {.order = ORDER_SEQUENTIAL,
                           .pack = PACK_ROWS,
                           .batch = 1,
                           .accumulate = 1,
                           .max_length = o->max_length};
    sampler *s = sampler_new(&r->set, &how, e);
    if (!s) return E_USAGE;
    double batches = (double)sampler_micro_batches(s);
    json_object_set_new(out, "mean_length", json_real((double)r->set.tokens / (double)r->set.n));
    json_object_set_new(out, "micro_batches", json_integer((json_int_t)batches));
    json_object_set_new(out, "filled", json_real((double)r->set.tokens / (batches * (double)o->max_length)));
    sampler_free(s);
    return OK;
}

int job_data(const options *o, const job_hooks *h, json_t **out, err *e)
{
    (void)h;
    checkpoint *c = NULL;
    tokenizer *t = NULL;
    pool *team = NULL;
    job_rows r = {0};
    *out = NULL;
    int bad = job_exists(o->model, "model", e);
    if (!bad) bad = checkpoint_open(&c, o->model, e);
    if (!bad) bad = tokenizer_open(&t, c, e);
    if (!bad && !(team = pool_new(0, e))) bad = e->code;
    if (!bad) bad = job_rows_open(&r, o->data, o, checkpoint_config(c), t, team, NULL, e);
    if (!bad) {
        *out = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:o}", "rows", (json_int_t)r.set.rows,
                         "used", (json_int_t)r.set.n, "dropped", (json_int_t)r.set.dropped, "truncated",
                         (json_int_t)r.set.truncated, "tokens", (json_int_t)r.set.tokens, "label_tokens",
                         (json_int_t)r.set.label_tokens, "longest", (json_int_t)r.set.longest, "format",
                         table_format_name(r.table.format), "shape", shape_name(r.shape.kind), "findings",
                         job_rows_findings(&r));
        if (o->packing) bad = add_packing(*out, &r, o, e);
        if (!bad) bad = add_view(*out, &r, o, t, e);
    }
    if (bad) {
        json_decref(*out);
        *out = NULL;
    }
    job_rows_close(&r);
    pool_free(team);
    tokenizer_close(t);
    checkpoint_close(c);
    return bad;
}
