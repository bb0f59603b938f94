/* cost.c -- what quantization alone costs: loss of each base before training on the held-out rows, and
 * how far its predictions are from those of the weights as the file holds them. */
#include "lib/compare/compare.h"

#include "base/file.h"
#include "lib/divergence.h"

enum { DIVERGENCE_ROWS = 64 };

/* Against the base as the file holds it. */
static int add_divergence(comparison *c, json_t *out, const options *o, const job_model *base, err *e)
{
    options full = *o;
    job_model file;
    divergence d = {0};
    full.quantization = "as-is";
    int bad = stock_open(c->s, &file, &full, e);
    if (bad) return bad;
    if (file.model != base->model) bad = divergence_run(&d, &file, base, c->held, DIVERGENCE_ROWS, c->h, e);
    if (file.model == base->model) d.agree = 1;
    stock_close(c->s, &file);
    json_object_set_new(out, "kl", json_real(d.kl));
    json_object_set_new(out, "kl_worst", json_real(d.worst));
    json_object_set_new(out, "same_token", json_real(d.agree));
    json_object_set_new(out, "kl_labels", json_integer((json_int_t)d.labels));
    return bad;
}

/* Of a classifier the base has no head yet, and so neither loss nor predictions. */
static int judge_base(comparison *c, const options *o, const job_model *base, json_t *out, const char *rows,
                      const char *type, err *e)
{
    trial_judged j = {0};
    job_note(c->h, "before training, %s: loss and predictions of the bare base", type);
    int bad = trial_judge_base(base, c->held, o->eval_batch, c->h, &j, e);
    if (bad) return bad;
    stock_set_before(c->s, base, c->held, &j.all);
    json_object_set_new(out, "labels", json_integer((json_int_t)j.all.labels));
    json_object_set_new(out, "loss", json_real(j.all.loss));
    json_object_set_new(out, "token_accuracy", json_real(j.all.token_accuracy));
    bad = add_divergence(c, out, o, base, e);
    if (!bad) bad = compare_save_rows(&j, c->held, rows, e);
    trial_judged_free(&j);
    return bad;
}

static int one_base(comparison *c, const options *o, const char *type, err *e)
{
    const char *path = compare_path(c, "base", arena_fmt(&c->mem, "%s.json", type)),
               *rows = compare_path(c, "base", arena_fmt(&c->mem, "%s.rows.json", type));
    job_model base;
    if (file_exists(path)) return OK;
    int bad = stock_open_for(c->s, &base, o, &c->class.head, e);
    if (bad) return bad;
    json_t *out = json_pack("{s:s, s:I, s:I}", "type", type, "owned_bytes",
                            (json_int_t)model_bytes_owned(base.model), "mapped_bytes",
                            (json_int_t)model_bytes_mapped(base.model));
    if (c->class.head.task == TASK_CAUSAL_LM) bad = judge_base(c, o, &base, out, rows, type, e);
    else json_object_set_new(out, "without_head", json_true());
    if (!bad) bad = json_save(out, path, 2, false, e);
    json_decref(out);
    stock_close(c->s, &base);
    return bad;
}

int compare_cost(comparison *c, err *e)
{
    char type[64];
    int bad = file_mkdirs(compare_path(c, "base", NULL), e);
    for (int i = 0; i < c->recipes && !bad; i++)
        bad = one_base(c, &c->recipe[i].o, compare_type(&c->recipe[i].o, type), e);
    return bad;
}
