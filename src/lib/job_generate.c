/* job_generate.c -- text from a model: for one prompt, or for every row of a data file. */
#include "gen/generate.h"
#include "lib/job_rows.h"

#include <stdlib.h>
#include <string.h>

typedef struct prompts {
    str *text; /* (n) */
    token_vec *ids;
    int64_t n;
    row_bos bos; /* a chat template writes its own */
} prompts;

typedef struct told {
    const job_hooks *h;
    int64_t done, n;
} told;

static void prompts_release(prompts *p)
{
    for (int64_t i = 0; i < p->n; i++) {
        str_free(&p->text[i]);
        token_vec_free(&p->ids[i]);
    }
    free(p->text);
    free(p->ids);
}

static void prompts_new(prompts *p, int64_t n)
{
    *p = (prompts){xcalloc((size_t)n, sizeof *p->text), xcalloc((size_t)n, sizeof *p->ids), n, ROW_BOS_AUTO};
}

static int read_rows(prompts *p, const options *o, const tokenizer *k, err *e)
{
    table t;
    chat *c = NULL;
    row_shape s;
    shape_options how = job_shape_options(o);
    int bad = strcmp(o->data, "-") ? job_exists(o->data, "data file", e) : OK;
    if (!bad) bad = table_open(&t, o->data, e);
    if (bad) return bad;
    bad = job_chat_open(&c, &how, &t, SHAPE_ANSWER, o, k, e);
    if (!bad) bad = shape_init(&s, &t, &how, SHAPE_ANSWER, e);
    if (!bad) {
        prompts_new(p, t.rows);
        if (c) p->bos = ROW_BOS_NEVER;
        for (int64_t i = 0; i < t.rows && !bad; i++) bad = shape_prompt(&s, i, &p->text[i], e);
        shape_release(&s);
    }
    chat_close(c);
    table_close(&t);
    return bad;
}

static int read_prompts(prompts *p, const options *o, const char *input, size_t n, const tokenizer *k, err *e)
{
    if (o->data) return read_rows(p, o, k, e);
    prompts_new(p, 1);
    if (o->prompt)
        str_puts(&p->text[0], o->prompt);
    else
        str_add(&p->text[0], input, n);
    return OK;
}

static int encode(prompts *p, const tokenizer *t, err *e)
{
    for (int64_t i = 0; i < p->n; i++)
        if (row_prompt(t, p->bos, str_c(&p->text[i]), p->text[i].n, &p->ids[i], e)) return e->code;
    return OK;
}

static void on_piece(void *arg, int64_t row, const char *text, size_t n)
{
    const told *t = arg;
    if (t->h->text) t->h->text(t->h->arg, row, text, n);
}

static void on_done(void *arg, int64_t row, const generated *g)
{
    told *t = arg;
    (void)row, (void)g;
    job_progress p = {"generate", ++t->done, t->n, -1, -1, -1, -1, -1, -1};
    if (t->h->progress) t->h->progress(t->h->arg, &p);
}

/* Rows that a signal left undone have no text. */
static json_t *rows_json(const prompts *p, const generate_result *g)
{
    json_t *list = json_array();
    double rate = g->seconds > 0 ? (double)g->new_tokens / g->seconds : 0;
    for (int64_t i = 0; i < g->rows; i++) {
        const generated *r = &g->row[i];
        json_t *one =
            json_pack("{s:s%, s:s, s:I, s:s, s:f}", "prompt", str_c(&p->text[i]), p->text[i].n, "text",
                      r->text ? r->text : "", "tokens", (json_int_t)r->tokens, "stop",
                      generate_stop_name(r->text ? r->why : STOP_SIGNAL), "tokens_per_second", rate);
        json_array_append_new(list, one ? one : json_null());
    }
    return list;
}

static int run_prompts(const prompts *p, const job_model *j, const options *o, const job_hooks *h,
                       json_t **out, err *e)
{
    static const job_hooks silent;
    told t = {h ? h : &silent, 0, p->n};
    generate_options how = {
        .max_new_tokens = o->max_new_tokens,
        .batch = o->batch,
        .how = {.temperature = o->do_sample ? o->temperature : 0,
                .top_k = (int)o->top_k,
                .top_p = o->top_p,
                .min_p = o->min_p,
                .repetition_penalty = o->repetition_penalty,
                .seed = (uint64_t)o->seed},
        .stop = o->stop.p,
        .stops = o->stop.n,
    };
    generate_hooks hooks = {on_piece, on_done, &t, t.h->stop};
    generate_prompt *list = xcalloc((size_t)p->n, sizeof *list);
    for (int64_t i = 0; i < p->n; i++) list[i] = (generate_prompt){p->ids[i].p, (int64_t)p->ids[i].n};
    generate_result g;
    int bad = generate_run(&g, j->model, j->adapter, j->tokenizer, list, p->n, &how, &hooks, j->device, e);
    free(list);
    if (bad && bad != E_STOPPED) return bad;
    *out = rows_json(p, &g);
    generate_release(&g);
    return bad;
}

int job_generate(const options *o, const char *input, size_t n, const job_hooks *h, json_t **out, err *e)
{
    job_model j = {0};
    prompts p = {0};
    *out = NULL;
    int bad = job_model_open(&j, o, h, e);
    if (!bad) bad = read_prompts(&p, o, input, n, j.tokenizer, e);
    if (!bad) bad = encode(&p, j.tokenizer, e);
    if (!bad) bad = run_prompts(&p, &j, o, h, out, e);
    prompts_release(&p);
    job_model_close(&j);
    return job_advise(bad, "lower batch_size or max_new_tokens, or use --quantization nf4", e);
}
