/* trial_judge.c -- see trial.h: losses of rows one by one, for statistics over rows. */
#include "lib/trial.h"

#include <stdlib.h>

typedef struct judging {
    trial_judged *out;
    const job_hooks *h;
} judging;

static void on_row(void *arg, int64_t row, const float *ce, const float *hit, int64_t n)
{
    trial_judged *j = ((judging *)arg)->out;
    for (int64_t k = 0; k < n; k++) {
        j->loss[row] += (double)ce[k];
        j->hits[row] += hit[k] > 0;
    }
    j->labels[row] = n;
}

static void on_verdict(void *arg, int64_t row, const evaluator_verdict *v)
{
    ((judging *)arg)->out->class[row] = *v;
}

static void on_judged(void *arg, int64_t done, int64_t rows)
{
    const judging *j = arg;
    job_progress p = {"eval", done, rows, -1, -1, -1, -1, -1, -1};
    if (j->h && j->h->progress) j->h->progress(j->h->arg, &p);
}

int trial_judge_base(const job_model *base, const job_rows *rows, int64_t batch, const job_hooks *h,
                     trial_judged *out, err *e)
{
    size_t n = (size_t)rows->set.n;
    const bool text = base->model->head.task == TASK_CAUSAL_LM;
    *out = (trial_judged){.n = rows->set.n,
                          .loss = xcalloc(n, sizeof *out->loss),
                          .labels = xcalloc(n, sizeof *out->labels),
                          .hits = xcalloc(n, sizeof *out->hits),
                          .class = text ? NULL : xcalloc(n, sizeof *out->class)};
    judging j = {out, h};
    evaluator_hooks hooks = {.arg = &j,
                             .progress = on_judged,
                             .row = on_row,
                             .stop = h ? h->stop : NULL,
                             .judged = text ? NULL : on_verdict};
    evaluator *v = NULL;
    int bad = evaluator_new(&v, base->model, base->adapter, &rows->set, batch, base->device, e);
    if (!bad) bad = evaluator_run(v, &hooks, &out->all, e);
    evaluator_free(v);
    if (bad) trial_judged_free(out);
    return bad;
}

int trial_judge(const trial *t, const job_rows *rows, trial_judged *out, err *e)
{
    return trial_judge_base(&t->base, rows, t->o->eval_batch, t->h, out, e);
}

void trial_judged_free(trial_judged *j)
{
    free(j->loss);
    free(j->labels);
    free(j->hits);
    free(j->class);
    *j = (trial_judged){0};
}
