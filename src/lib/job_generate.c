/* job_generate.c -- text from a model: for one prompt, or for every row of a data file. */
#include "lib/job_class.h"
#include "lib/job_prompts.h"

#include <string.h>

static int read_rows(job_prompts *p, const options *o, const tokenizer *k, const job_hooks *h, err *e)
{
    table t;
    chat *c = NULL;
    row_shape s;
    shape_options how = job_shape_options(o);
    int bad = job_table_open(&t, o->data, o, h, e);
    if (bad) return bad;
    bad = job_chat_open(&c, &how, &t, SHAPE_ANSWER, o, k, e);
    if (!bad) bad = shape_init(&s, &t, &how, SHAPE_ANSWER, e);
    if (!bad) {
        job_prompts_init(p, t.rows);
        if (c) p->bos = ROW_BOS_NEVER; /* a chat template writes its own */
        for (int64_t i = 0; i < t.rows && !bad; i++) bad = shape_prompt(&s, i, &p->text[i], e);
        shape_release(&s);
    }
    chat_close(c);
    table_close(&t);
    return bad;
}

static int read_prompts(job_prompts *p, const options *o, const char *input, size_t n, const tokenizer *k,
                        const job_hooks *h, err *e)
{
    if (o->data) return read_rows(p, o, k, h, e);
    job_prompts_init(p, 1);
    if (o->prompt)
        str_puts(&p->text[0], o->prompt);
    else
        str_add(&p->text[0], input, n);
    return OK;
}

/* Rows that a signal left undone have no text. */
static json_t *rows_json(const job_prompts *p, const generate_result *g)
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

static int run_prompts(const job_prompts *p, const job_model *j, const options *o, const job_hooks *h,
                       json_t **out, err *e)
{
    generate_result g;
    int bad = job_prompts_run(&g, p, j, o, h, e);
    if (bad && bad != E_STOPPED) return bad;
    *out = rows_json(p, &g);
    generate_release(&g);
    return bad;
}

int job_generate(const options *o, const char *input, size_t n, const job_hooks *h, json_t **out, err *e)
{
    job_model j = {0};
    job_prompts p = {0};
    *out = NULL;
    int bad = job_class_refuse_text(o, e);
    if (!bad) bad = job_model_open(&j, o, h, e);
    if (!bad) bad = read_prompts(&p, o, input, n, j.tokenizer, h, e);
    if (!bad) bad = job_prompts_encode(&p, &j, e);
    if (!bad) bad = run_prompts(&p, &j, o, h, out, e);
    job_prompts_release(&p);
    job_model_close(&j);
    return job_advise(bad, "lower batch_size or max_new_tokens, or use --quantization nf4", e);
}
