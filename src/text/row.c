/* row.c -- see row.h. Every thread encodes one run of consecutive rows into storage of its own; the runs are
 * then joined in order, and what is counted is counted afterwards by one thread, so that nothing depends on
 * how many there were. */
#include "text/row.h"

#include "text/encode.h"
#include "text/vocab.h"

#include <stdlib.h>
#include <string.h>

const char *row_finding_text(row_finding f)
{
    static const char *const text[] = {
        "the prompt alone fills --max-length, so that the row is dropped; raise it or shorten the prompt",
        "no token is left to learn, so that the row is dropped",
        "longer than --max-length: the end of the row is cut",
        "the completion is empty: the model learns to say nothing",
        "the completion starts with a word right after the prompt; let it start with a space",
        "the row does not end in EOS, so that the model does not learn to stop",
        "the same as an earlier row",
        "tools or tool calls that the chat template does not show; the model does not see them",
        "a pair of preference: chosen is learned, rejected is not used",
    };
    return text[f];
}

typedef struct job {
    encoder *each; /* one a thread */
    err *failed;
    encoded *rows; /* (t->rows) */
    int64_t n;
} job;

static int64_t first_row(const job *j, int thread, int threads) { return j->n * thread / threads; }

static void encode_run(void *arg, int thread, int threads)
{
    job *j = arg;
    int64_t end = first_row(j, thread + 1, threads);
    for (int64_t i = first_row(j, thread, threads); i < end; i++)
        if (encoder_row(&j->each[thread], i, &j->rows[i], &j->failed[thread]) != OK) return;
}

/* What an encoder reads, and what the decoder is to say. */
static void join_sources(rowset *r, const job *j, int threads, size_t tokens)
{
    size_t all = 0, at = 0, target = 0;
    for (int i = 0; i < threads; i++) all += j->each[i].source.n;
    r->source_offset = xcalloc((size_t)j->n + 1, sizeof *r->source_offset);
    r->source = xmalloc(all * sizeof *r->source);
    r->target = xmalloc(tokens * sizeof *r->target);
    for (int i = 0; i < threads; i++) {
        const token_vec *s = &j->each[i].source, *y = &j->each[i].target;
        if (s->n) memcpy(r->source + at, s->p, s->n * sizeof *s->p);
        if (y->n) memcpy(r->target + target, y->p, y->n * sizeof *y->p);
        at += s->n;
        target += y->n;
    }
}

/* Joins the threads' rows and counts them. */
static void join(rowset *r, const job *j, const table *t, int threads)
{
    size_t tokens = 0;
    for (int i = 0; i < threads; i++) tokens += j->each[i].ids.n;
    r->rows = j->n;
    r->offset = xcalloc((size_t)j->n + 1, sizeof *r->offset);
    r->row = xmalloc((size_t)j->n * sizeof *r->row);
    r->line = xmalloc((size_t)j->n * sizeof *r->line);
    r->ids = xmalloc(tokens * sizeof *r->ids);
    r->mask = xmalloc(tokens);
    if (j->each[0].o->with_source) join_sources(r, j, threads, tokens);
    for (int i = 0; i < threads; i++) {
        const encoder *c = &j->each[i];
        if (c->ids.n) memcpy(r->ids + r->tokens, c->ids.p, c->ids.n * sizeof *r->ids);
        if (c->ids.n) memcpy(r->mask + r->tokens, c->mask.p, c->ids.n);
        r->tokens += (int64_t)c->ids.n;
    }
    for (int64_t i = 0; i < j->n; i++) {
        const encoded *x = &j->rows[i];
        for (int f = 0; f < FIND_COUNT; f++)
            if (x->found >> f & 1 && !r->found[f].count++) r->found[f].line = t->line[i];
        if (!x->tokens) continue;
        r->row[r->n] = i;
        r->line[r->n] = t->line[i];
        r->offset[r->n + 1] = r->offset[r->n] + x->tokens;
        if (r->source) r->source_offset[r->n + 1] = r->source_offset[r->n] + x->source;
        r->n++;
        r->tokens += x->source;
        r->label_tokens += x->labels;
        if (x->source > r->longest) r->longest = x->source;
        if (x->tokens > r->longest) r->longest = x->tokens;
    }
    r->dropped = r->rows - r->n;
    r->truncated = r->found[FIND_TRUNCATED].count;
}

/* Whether the encoder reads the same, and the decoder is to say the same: its last word is not among its ids. */
static bool same_source(const rowset *r, int64_t a, int64_t b)
{
    if (!r->source) return true;
    const int64_t *at = r->source_offset, n = at[a + 1] - at[a];
    return n == at[b + 1] - at[b] && r->target[r->offset[a + 1] - 1] == r->target[r->offset[b + 1] - 1] &&
           !memcmp(r->source + at[a], r->source + at[b], (size_t)n * sizeof *r->source);
}

static bool same(const rowset *r, int64_t a, int64_t b)
{
    int64_t n = r->offset[a + 1] - r->offset[a];
    return n == r->offset[b + 1] - r->offset[b] &&
           !memcmp(r->ids + r->offset[a], r->ids + r->offset[b], (size_t)n * sizeof *r->ids) &&
           !memcmp(r->mask + r->offset[a], r->mask + r->offset[b], (size_t)n) && same_source(r, a, b);
}

/* Looks every row up in a hash table of those before it (open addressing, at most half full). */
static void find_duplicates(rowset *r)
{
    size_t slots = 16;
    while (slots < 2 * (size_t)r->n) slots *= 2;
    int64_t *slot = xcalloc(slots, sizeof *slot); /* row + 1 */
    for (int64_t i = 0; i < r->n; i++) {
        size_t n = (size_t)(r->offset[i + 1] - r->offset[i]);
        uint64_t at = hash_bytes(0, r->ids + r->offset[i], n * sizeof *r->ids);
        if (r->source) {
            n = (size_t)(r->source_offset[i + 1] - r->source_offset[i]);
            at = hash_bytes(at, r->source + r->source_offset[i], n * sizeof *r->source);
        }
        at &= slots - 1;
        while (slot[at] && !same(r, i, slot[at] - 1)) at = (at + 1) & (slots - 1);
        if (!slot[at])
            slot[at] = i + 1;
        else if (!r->found[FIND_DUPLICATE].count++)
            r->found[FIND_DUPLICATE].line = r->line[i];
    }
    free(slot);
}

/* What an encoder and a decoder cannot be given. */
static int check_source(const row_shape *s, const row_options *o, const tokenizer *k, err *e)
{
    const table *t = s->t;
    if (s->kind == SHAPE_CHAT || s->kind == SHAPE_TEXT)
        return fail(e, E_UNSUPPORTED,
                    "%s: an encoder and a decoder learn a prompt and a completion, and these are rows of %s; "
                    "name both with --prompt-template and --completion-template",
                    t->name, shape_name(s->kind));
    if (s->kind == SHAPE_IDS && table_column(t, "labels") < 0)
        return fail(e, E_FORMAT, "%s: token ids for an encoder and a decoder need \"labels\", what the decoder is "
                    "to write", t->name);
    if (o->loss == ROW_LOSS_ALL)
        return fail(e, E_UNSUPPORTED, "--completion-only-loss false: the prompt goes to the encoder, which predicts "
                    "nothing");
    if (tokenizer_eos(k) < 0)
        return fail(e, E_FORMAT, "the tokenizer names no end of a text, which an encoder and a decoder need");
    return OK;
}

static int check_options(const row_shape *s, const row_options *o, err *e)
{
    const table *t = s->t;
    bool masked = s->prompt || (s->kind == SHAPE_IDS &&
                                (table_column(t, "labels") >= 0 || table_column(t, "completion_mask") >= 0));
    if (s->kind == SHAPE_CHAT) masked = s->talk > CONVERSATION_SHAREGPT;
    if (o->assistant_only && s->kind != SHAPE_CHAT)
        return fail(e, E_USAGE, "%s: --assistant-only-loss needs conversations, and these are rows of %s",
                    t->name, shape_name(s->kind));
    if (o->loss == ROW_LOSS_COMPLETION && !masked)
        return fail(e, E_USAGE, "%s: --completion-only-loss true needs a prompt, and rows of %s have none",
                    t->name, shape_name(s->kind));
    if (o->max_length < 0 || o->max_length == 1)
        return fail(e, E_USAGE, "--max-length %lld: at least 2, or 0 for no limit", (long long)o->max_length);
    return OK;
}

static int check_labels(const rowset *r, const char *name, err *e)
{
    if (r->n) return OK;
    row_finding why = r->found[FIND_PROMPT_TOO_LONG].count ? FIND_PROMPT_TOO_LONG : FIND_NO_LABEL;
    return fail(e, E_FORMAT, "%s:%lld: not one of %lld rows can be used: %s", name,
                (long long)r->found[why].line, (long long)r->rows, row_finding_text(why));
}

int rowset_build(rowset *r, const row_shape *s, const tokenizer *t, const row_options *o, pool *p, err *e)
{
    *r = (rowset){0};
    int code = check_options(s, o, e), threads = pool_threads(p);
    if (code == OK && o->with_source) code = check_source(s, o, t, e);
    if (code != OK) return code;
    job j = {.n = s->t->rows};
    j.each = xcalloc((size_t)threads, sizeof *j.each);
    j.failed = xcalloc((size_t)threads, sizeof *j.failed);
    j.rows = xcalloc((size_t)j.n, sizeof *j.rows);
    for (int i = 0; i < threads; i++) j.each[i] = (encoder){.s = s, .t = t, .o = o};
    pool_run(p, encode_run, &j);
    for (int i = 0; i < threads && code == OK; i++)
        if (j.failed[i].code != OK) code = fail(e, j.failed[i].code, "%s", j.failed[i].msg);
    if (code == OK) {
        join(r, &j, s->t, threads);
        find_duplicates(r);
        code = check_labels(r, s->t->name, e);
    }
    for (int i = 0; i < threads; i++) encoder_release(&j.each[i]);
    free(j.each);
    free(j.failed);
    free(j.rows);
    if (code != OK) rowset_release(r);
    return code;
}

void rowset_release(rowset *r)
{
    free(r->offset);
    free(r->ids);
    free(r->mask);
    free(r->target);
    free(r->source_offset);
    free(r->source);
    free(r->types);
    free(r->values);
    free(r->row);
    free(r->line);
    *r = (rowset){0};
}
