/* job_prompts.c -- see job_prompts.h. */
#include "lib/job_prompts.h"

#include <stdlib.h>

typedef struct told {
    const job_hooks *h;
    int64_t done, n;
} told;

void job_prompts_init(job_prompts *p, int64_t n)
{
    *p = (job_prompts){xcalloc((size_t)n, sizeof *p->text), xcalloc((size_t)n, sizeof *p->ids), n,
                       ROW_BOS_AUTO};
}

void job_prompts_release(job_prompts *p)
{
    for (int64_t i = 0; i < p->n; i++) {
        str_free(&p->text[i]);
        token_vec_free(&p->ids[i]);
    }
    free(p->text);
    free(p->ids);
    *p = (job_prompts){0};
}

int job_prompts_encode(job_prompts *p, const job_model *j, err *e)
{
    int code = OK;
    for (int64_t i = 0; i < p->n && code == OK; i++) {
        const char *text = str_c(&p->text[i]);
        const model_config *c = j->model->config;
        const row_bos begins = c->begins ? ROW_BOS_ALWAYS : ROW_BOS_NEVER;
        code = c->encoder_layers ? row_source(j->tokenizer, begins, text, p->text[i].n, &p->ids[i], e)
                                 : row_prompt(j->tokenizer, p->bos, text, p->text[i].n, &p->ids[i], e);
    }
    return code;
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

sampling job_sampling(const options *o)
{
    return (sampling){.temperature = o->do_sample ? o->temperature : 0,
                      .top_k = (int)o->top_k,
                      .top_p = o->top_p,
                      .min_p = o->min_p,
                      .repetition_penalty = o->repetition_penalty,
                      .seed = (uint64_t)o->seed};
}

int job_prompts_run(generate_result *g, const job_prompts *p, const job_model *j, const options *o,
                    const job_hooks *h, err *e)
{
    static const job_hooks silent;
    told t = {h ? h : &silent, 0, p->n};
    generate_options how = {
        .max_new_tokens = o->max_new_tokens,
        .batch = o->batch,
        .how = job_sampling(o),
        .stop = o->stop.p,
        .stops = o->stop.n,
    };
    generate_hooks hooks = {on_piece, on_done, &t, t.h->stop};
    generate_prompt *list = xcalloc((size_t)p->n, sizeof *list);
    for (int64_t i = 0; i < p->n; i++) list[i] = (generate_prompt){p->ids[i].p, (int64_t)p->ids[i].n};
    int bad = generate_run(g, j->model, j->adapter, j->tokenizer, list, p->n, &how, &hooks, j->device, e);
    free(list);
    return bad;
}
