/* encode_source.c -- a row for an encoder and a decoder (row.h has the layout). */
#include "text/encode.h"

#include <jansson.h>

/* Cuts what begins at `from` to `most` tokens (0: no limit); the last stays the last. */
static void cut(encoder *c, token_vec *ids, size_t from, encoded *out)
{
    const size_t most = (size_t)c->o->max_length;
    if (!most || ids->n - from <= most) return;
    ids->p[from + most - 1] = ids->p[ids->n - 1];
    ids->n = from + most;
    out->found |= 1u << FIND_TRUNCATED;
}

static void add_eos(const tokenizer *t, token_vec *ids, size_t from)
{
    const int64_t eos = tokenizer_eos(t);
    if (eos >= 0 && (ids->n == from || ids->p[ids->n - 1] != eos)) token_vec_push(ids, (int32_t)eos);
}

int row_source(const tokenizer *t, row_bos bos, const char *text, size_t n, token_vec *ids, err *e)
{
    const size_t from = ids->n;
    int code = row_prompt(t, bos, text, n, ids, e);
    if (code == OK) add_eos(t, ids, from);
    return code;
}

static int read_texts(encoder *c, int64_t row, encoded *out, err *e)
{
    const size_t from = c->target.n;
    int code = shape_prompt(c->s, row, &c->text, e);
    if (code == OK) code = row_source(c->t, c->o->bos, str_c(&c->text), c->text.n, &c->source, e);
    str_clear(&c->text);
    if (code == OK) code = shape_completion(c->s, row, &c->text, e);
    if (code == OK && !c->text.n) out->found |= 1u << FIND_EMPTY_COMPLETION;
    if (code == OK)
        code = row_prompt(c->t, c->o->bos, str_c(&c->text), c->text.n, &c->target, e);
    if (code == OK && c->o->eos == ROW_EOS_ADD) add_eos(c->t, &c->target, from);
    return code;
}

static int read_ids(encoder *c, int64_t row, err *e)
{
    const int64_t last = tokenizer_size(c->t) - 1;
    int code = encode_list(c, row, "input_ids", 0, last, e);
    for (size_t i = 0; i < c->values.n && code == OK; i++) token_vec_push(&c->source, c->values.p[i]);
    if (code == OK) code = encode_list(c, row, "labels", -100, last, e);
    for (size_t i = 0; i < c->values.n && code == OK; i++) {
        if (c->values.p[i] < 0 && c->values.p[i] != -100)
            return fail(e, E_FORMAT, "%s:%lld: \"labels\" holds %d; only -100 is below 0", c->s->t->name,
                        (long long)c->s->t->line[row], (int)c->values.p[i]);
        token_vec_push(&c->target, c->values.p[i]);
    }
    return code;
}

/* What the decoder reads: the targets, one later. */
static void shift(encoder *c, size_t from, encoded *out)
{
    for (size_t i = from; i < c->target.n; i++) {
        const bool learned = c->target.p[i] >= 0;
        token_vec_push(&c->ids, i > from ? c->target.p[i - 1] : c->o->start);
        if (c->ids.p[i] < 0) c->ids.p[i] = c->o->pad;
        str_putc(&c->mask, learned);
        out->labels += learned;
    }
    for (size_t i = from; i < c->target.n; i++)
        if (c->target.p[i] < 0) c->target.p[i] = c->o->pad;
}

int encode_source(encoder *c, int64_t row, encoded *out, err *e)
{
    const size_t source = c->source.n, from = c->target.n;
    int code = c->s->kind == SHAPE_IDS ? read_ids(c, row, e) : read_texts(c, row, out, e);
    if (code != OK) return code;
    cut(c, &c->source, source, out);
    cut(c, &c->target, from, out);
    if (c->target.n > from && c->target.p[c->target.n - 1] != tokenizer_eos(c->t)) out->found |= 1u << FIND_NO_EOS;
    shift(c, from, out);
    if (!out->labels || c->source.n == source) {
        out->found = 1u << FIND_NO_LABEL;
        out->labels = 0;
        c->source.n = source;
        c->target.n = c->ids.n = c->mask.n = from;
        return OK;
    }
    out->tokens = (int64_t)(c->target.n - from);
    out->source = (int64_t)(c->source.n - source);
    return OK;
}
