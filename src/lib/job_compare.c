/* job_compare.c -- recipes on equal terms: the order of the work. See lib/compare/compare.h. */
#include "lib/compare/compare.h"
#include "lib/job_references.h"

#include "lib/report/report.h"

#include <stdlib.h>
#include <string.h>

static const double HELD_OUT = 0.1;

/* Whether the assistant says anything in the held-out conversations. */
static bool answered(const comparison *c, const job_model *base)
{
    job_references f;
    err why = {0};
    int bad = job_references_open(&f, c->held, base->tokenizer, &why);
    job_references_close(&f);
    return !bad;
}

/* A file, or a part of it, as the rows of a language model or of a classifier. */
static int open_part(comparison *c, int which, const char *path, rows_part part, const options *o,
                     const job_model *base, err *e)
{
    const job_rows **to = which ? &c->held : &c->train;
    if (c->class.head.task == TASK_CAUSAL_LM) return stock_rows(c->s, to, path, part, o, base, c->h, e);
    *to = &c->own[which];
    return job_class_rows(&c->class, &c->own[which], path, part, o, base, c->h, e);
}

static int open_rows(comparison *c, const options *o, const job_model *base, err *e)
{
    bool split = !o->eval_data;
    int bad = open_part(c, 0, o->data, split ? ROWS_TRAINED : ROWS_ALL, o, base, e);
    if (!bad)
        bad = open_part(c, 1, split ? o->data : o->eval_data, split ? ROWS_HELD_OUT : ROWS_ALL, o, base, e);
    if (bad) return bad;
    if (c->held->set.n < 2)
        return fail(e, E_USAGE, "%s: one held-out row shows no difference between recipes; hold out more",
                    split ? o->data : o->eval_data);
    if (split)
        job_note(c->h, "%lld of %lld rows are held out (eval_split %g, split_seed %lld), those of one prompt "
                       "together",
                 (long long)c->held->table.rows, (long long)(c->held->table.rows + c->train->table.rows),
                     o->eval_split,
                 (long long)o->split_seed);
    if (c->class.head.task != TASK_CAUSAL_LM) return OK;
    shape_kind k = c->held->shape.kind;
    c->texts = c->o->generate_rows >= 0 && k != SHAPE_TEXT && k != SHAPE_IDS &&
               (k != SHAPE_CHAT || answered(c, base));
    if (c->o->generate_rows >= 0 && !c->texts)
        job_note(c->h, "rows of %s are not written texts for; the recipes are compared by loss",
                 shape_name(k));
    return OK;
}

static int open_all(comparison *c, err *e)
{
    job_model base;
    int bad = compare_recipes(c, e);
    if (!bad) bad = job_class_open(&c->class, &c->recipe[0].o, CLASS_LEARN, e);
    if (!bad) bad = stock_open_for(c->s, &base, &c->recipe[0].o, &c->class.head, e);
    if (bad) return bad;
    bad = open_rows(c, &c->recipe[0].o, &base, e);
    stock_close(c->s, &base);
    return bad ? bad : compare_begin(c, e);
}

/* Seeds outside, so that what disturbs the machine for a while disturbs all recipes. */
static int train_all(comparison *c, err *e)
{
    int bad = compare_cost(c, e);
    if (!bad) bad = compare_pace(c, e);
    for (int64_t s = 0; s < c->o->seeds && !bad; s++)
        for (int i = 0; i < c->recipes && !bad; i++) bad = compare_run(c, i, c->o->seed + s, e);
    return bad;
}

int job_compare(const options *o, const job_hooks *h, json_t **out, err *e)
{
    options mine = *o;
    comparison c = {.o = &mine, .h = h, .s = stock_new(o, h)};
    *out = NULL;
    if (!o->eval_data && o->eval_split == 0) mine.eval_split = HELD_OUT;
    int bad = open_all(&c, e);
    if (!bad) bad = train_all(&c, e);
    if (!bad) bad = compare_scores(&c, e);
    if (!bad) {
        json_object_set_new(c.told, "verdict", compare_verdict(c.told));
        json_object_set_new(c.told, "report", json_string(compare_path(&c, "report.html", NULL)));
        bad = compare_save(&c, e);
    }
    if (!bad) bad = report_of_folder(o->out, e);
    if (!bad) *out = json_incref(c.told);
    json_decref(c.told);
    for (int i = 0; i < c.recipes; i++) options_release(&c.recipe[i].o);
    for (int i = 0; i < 2; i++) job_rows_close(&c.own[i]);
    job_class_close(&c.class);
    free(c.recipe);
    stock_free(c.s);
    arena_free(&c.mem);
    return job_advise(bad, "lower per_device_train_batch_size or max_length, or use gradient_checkpointing",
                      e);
}
