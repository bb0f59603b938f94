/* encode.c -- see encode.h. */
#include "text/encode.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *const label_columns[] = {"labels", "completion_mask", "assistant_masks"};

int row_prompt(const tokenizer *t, row_bos bos, const char *text, size_t n, token_vec *ids, err *e)
{
    int64_t id = tokenizer_bos(t);
    size_t start = ids->n;
    bool due = id >= 0 && (bos == ROW_BOS_ALWAYS || (bos == ROW_BOS_AUTO && tokenizer_add_bos(t)));
    if (due) token_vec_push(ids, (int32_t)id);
    int code = tokenizer_encode(t, text, n, TOKENIZE_SPECIAL, ids, e);
    /* a text that has its own BOS gets no other */
    if (due && code == OK && ids->n > start + 1 && ids->p[start + 1] == id) {
        memmove(ids->p + start, ids->p + start + 1, (ids->n - start - 1) * sizeof *ids->p);
        ids->n--;
    }
    return code;
}

/* Gives the ids that have none yet this mask. */
static void mask_rest(encoder *c, char mask)
{
    while (c->mask.n < c->ids.n) str_putc(&c->mask, mask);
}

static void add_eos(encoder *c, size_t from)
{
    int64_t eos = tokenizer_eos(c->t);
    if (eos < 0 || c->o->eos == ROW_EOS_NEVER) return;
    if (c->ids.n == from || c->ids.p[c->ids.n - 1] != eos) token_vec_push(&c->ids, (int32_t)eos);
}

static int encode_text(encoder *c, int64_t row, encoded *out, err *e)
{
    size_t start = c->ids.n;
    int code = shape_completion(c->s, row, &c->text, e);
    if (code == OK) code = row_prompt(c->t, c->o->bos, str_c(&c->text), c->text.n, &c->ids, e);
    if (!c->text.n) out->found |= 1u << FIND_EMPTY_COMPLETION;
    add_eos(c, start);
    mask_rest(c, 1);
    return code;
}

/* Whether the completion starts a word right where the prompt ends. Scripts without spaces are left alone,
 * and so is a prompt that ends in a special token. */
static bool runs_on(const encoder *c, size_t prompt, size_t prompt_ids)
{
    if (!prompt || prompt == c->text.n || !prompt_ids) return false;
    unsigned char last = (unsigned char)c->text.p[prompt - 1], first = (unsigned char)c->text.p[prompt];
    return last > ' ' && last < 0x80 && isalnum(first) && !tokenizer_is_special(c->t, c->ids.p[c->ids.n - 1]);
}

static int encode_pair(encoder *c, int64_t row, encoded *out, err *e)
{
    size_t start = c->ids.n;
    int code = shape_prompt(c->s, row, &c->text, e);
    size_t prompt = c->text.n;
    if (code == OK) code = row_prompt(c->t, c->o->bos, str_c(&c->text), prompt, &c->ids, e);
    if (code == OK) code = shape_completion(c->s, row, &c->text, e);
    if (code != OK) return code;
    mask_rest(c, c->o->loss == ROW_LOSS_ALL);
    if (c->text.n == prompt) out->found |= 1u << FIND_EMPTY_COMPLETION;
    if (runs_on(c, prompt, c->ids.n - start)) out->found |= 1u << FIND_NO_SPACE;
    if (c->o->loss != ROW_LOSS_ALL && c->o->max_length && (int64_t)(c->ids.n - start) >= c->o->max_length)
        out->found |= 1u << FIND_PROMPT_TOO_LONG;
    size_t from = c->ids.n;
    code =
        tokenizer_encode_on(c->t, str_c(&c->text), prompt, c->text.n - prompt, TOKENIZE_SPECIAL, &c->ids, e);
    add_eos(c, from);
    mask_rest(c, 1);
    return code;
}

static int fail_row(const encoder *c, int64_t row, const char *column, const char *what, err *e)
{
    return fail(e, E_FORMAT, "%s:%lld: \"%s\" %s", c->s->t->name, (long long)c->s->t->line[row], column,
                what);
}

int encode_list(encoder *c, int64_t row, const char *column, int64_t least, int64_t most, err *e)
{
    const table *t = c->s->t;
    cell v = table_cell(t, row, table_column(t, column));
    if (v.kind == CELL_ABSENT)
        return table_no_field(t, row, column, "every row of token ids has the same fields", e);
    json_t *list = json_loadb(v.text, v.n, 0, NULL);
    int code = json_is_array(list) ? OK : fail_row(c, row, column, "has to be a list of whole numbers", e);
    c->values.n = 0;
    size_t i;
    json_t *x;
    json_array_foreach(list, i, x)
    {
        char what[128];
        long long value = json_integer_value(x);
        if (code != OK) break;
        if (!json_is_integer(x))
            code = fail_row(c, row, column, "has to be a list of whole numbers", e);
        else if (value < least || value > most) {
            snprintf(what, sizeof what, "holds %lld; it has to be from %lld to %lld", value, (long long)least,
                     (long long)most);
            code = fail_row(c, row, column, what, e);
        } else
            token_vec_push(&c->values, (int32_t)value);
    }
    json_decref(list);
    return code;
}

/* Takes the labels of one column into the mask of the row that starts at `start`. */
static int apply_labels(encoder *c, int64_t row, int which, size_t start, err *e)
{
    const char *column = label_columns[which];
    bool labels = which == 0;
    int code = encode_list(c, row, column, labels ? -100 : 0, labels ? tokenizer_size(c->t) - 1 : 1, e);
    if (code != OK) return code;
    if (c->values.n != c->ids.n - start)
        return fail_row(c, row, column, "is not as long as \"input_ids\"", e);
    for (size_t i = 0; i < c->values.n; i++) {
        int32_t v = c->values.p[i];
        if (labels && v != -100 && v != c->ids.p[start + i])
            return fail_row(c, row, column, "differs from \"input_ids\" where it is not -100", e);
        if (labels ? v == -100 : v == 0) c->mask.p[start + i] = 0;
    }
    return OK;
}

static int encode_ids(encoder *c, int64_t row, err *e)
{
    size_t start = c->ids.n;
    int code = encode_list(c, row, "input_ids", 0, tokenizer_size(c->t) - 1, e);
    if (code != OK) return code;
    for (size_t i = 0; i < c->values.n; i++) token_vec_push(&c->ids, c->values.p[i]);
    mask_rest(c, 1);
    int columns = c->o->loss == ROW_LOSS_ALL ? 1 : 3;
    for (int i = 0; i < columns && code == OK; i++)
        if (table_column(c->s->t, label_columns[i]) >= 0) code = apply_labels(c, row, i, start, e);
    return code;
}

/* Cuts the row to max_length, counts its labels, and takes it back when there are none. */
static void finish(encoder *c, size_t start, encoded *out)
{
    int64_t n = (int64_t)(c->ids.n - start), most = c->o->max_length;
    bool ends = c->s->kind == SHAPE_CHAT; /* as its template has it */
    if (n && !ends && c->ids.p[c->ids.n - 1] != tokenizer_eos(c->t)) out->found |= 1u << FIND_NO_EOS;
    if (most && n > most) {
        out->found |= 1u << FIND_TRUNCATED;
        n = most;
    }
    if (n) c->mask.p[start] = 0;
    for (int64_t i = 0; i < n; i++) out->labels += c->mask.p[start + (size_t)i];
    if (!out->labels) {
        unsigned why = out->found & 1u << FIND_PROMPT_TOO_LONG;
        out->found = why ? why : 1u << FIND_NO_LABEL;
        n = 0;
    }
    out->tokens = n;
    c->ids.n = c->mask.n = start + (size_t)n;
}

int encoder_row(encoder *c, int64_t row, encoded *out, err *e)
{
    *out = (encoded){0};
    size_t start = c->ids.n;
    str_clear(&c->text);
    if (c->o->with_source) return encode_source(c, row, out, e);
    int code = c->s->kind == SHAPE_IDS    ? encode_ids(c, row, e)
               : c->s->kind == SHAPE_CHAT ? encode_chat(c, row, out, e)
               : c->s->kind == SHAPE_TEXT ? encode_text(c, row, out, e)
                                          : encode_pair(c, row, out, e);
    if (code == OK) finish(c, start, out);
    return code;
}

void encoder_release(encoder *c)
{
    token_vec_free(&c->ids);
    token_vec_free(&c->values);
    token_vec_free(&c->source);
    token_vec_free(&c->target);
    str_free(&c->mask);
    str_free(&c->text);
}
