/* job_eval.c -- loss, perplexity and token accuracy of a model, with an adapter or without, on a data file;
 * with
 * --generate also the scores of the texts it writes. */
#include "base/file.h"
#include "lib/job_class.h"
#include "lib/job_score.h"
#include "train/evaluator.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct dump {
    const job_hooks *h;
    const job_class *class; /* of --predictions */
    str line;
    const rowset *set;
    outfile file;
    bool open;
} dump;

static void on_progress(void *arg, int64_t done, int64_t rows)
{
    const dump *d = arg;
    job_progress p = {"eval", done, rows, -1, -1, -1, -1, -1, -1};
    if (d->h && d->h->progress) d->h->progress(d->h->arg, &p);
}

/* row, position in the row, token id, cross entropy, hit -- one line a label. */
static void on_row(void *arg, int64_t row, const float *ce, const float *hit, int64_t count)
{
    dump *d = arg;
    const rowset *s = d->set;
    int64_t k = 0, first = s->offset[row];
    for (int64_t i = first + (s->target ? 0 : 1); i < s->offset[row + 1] && k < count; i++) {
        if (!s->mask[i]) continue;
        char line[96];
        int n = snprintf(line, sizeof line, "%lld\t%lld\t%d\t%.9g\t%d\n", (long long)s->row[row] + 1,
                         (long long)(i - first), (int)(s->target ? s->target : s->ids)[i], (double)ce[k],
                         hit[k] > 0);
        file_put(&d->file, line, (size_t)n);
        k++;
    }
}

/* --predictions: a line a row. */
static void on_outputs(void *arg, int64_t row, const float *logits, int64_t n)
{
    dump *d = arg;
    str_clear(&d->line);
    job_class_prediction(d->class, &d->line, d->set->row[row], logits, n);
    file_put(&d->file, str_c(&d->line), d->line.n);
}

static int begin_dump(dump *d, const options *o, err *e)
{
    static const char head[] = "row\tposition\tid\tcross_entropy\thit\n";
    const char *path = d->class ? o->predictions : o->per_token;
    if (!path) return OK;
    int bad = file_create(&d->file, path, e);
    d->open = !bad;
    if (!bad && !d->class) file_put(&d->file, head, sizeof head - 1);
    return bad;
}

/* {"PER": {"precision", "recall", "f1", "entities"}, ...}; NULL: there are none. */
static json_t *entities_json(const entity_tally *t)
{
    json_t *all = t ? json_object() : NULL;
    for (int64_t i = 0; t && i < t->tags->types; i++) {
        const entity_scores s = entity_tally_scores(t, i);
        json_object_set_new(all, t->tags->name[i],
                            json_pack("{s:f, s:f, s:f, s:I}", "precision", s.precision, "recall", s.recall,
                                      "f1", s.f1, "entities", (json_int_t)s.there));
    }
    return all;
}

static int evaluate(const job_model *j, const job_class *c, const job_rows *r, const options *o,
                    const job_hooks *h, evaluation *out, json_t **entities, err *e)
{
    const bool text = c->head.task == TASK_CAUSAL_LM;
    dump d = {.h = h, .set = &r->set, .class = text ? NULL : c};
    evaluator *v = NULL;
    int bad = evaluator_new(&v, j->model, j->adapter, &r->set, o->eval_batch, j->device, e);
    if (!bad) bad = begin_dump(&d, o, e);
    evaluator_hooks hooks = {.arg = &d,
                             .progress = on_progress,
                             .row = d.open && text ? on_row : NULL,
                             .stop = h ? h->stop : NULL,
                             .outputs = d.open && !text ? on_outputs : NULL};
    if (!bad) bad = evaluator_run(v, &hooks, out, e);
    if (d.open && bad) file_abandon(&d.file);
    if (d.open && !bad) bad = file_commit(&d.file, e);
    *entities = bad ? NULL : entities_json(evaluator_entities(v));
    evaluator_free(v);
    str_free(&d.line);
    return bad;
}

/* Of a classifier: the scores that there are. */
static void add_scores(json_t *o, const class_scores *s)
{
    const struct {
        const char *name;
        double value;
    } all[] = {{"accuracy", s->accuracy},
               {"macro_f1", s->macro_f1},
               {"micro_f1", s->micro_f1},
               {"entity_precision", s->entity_precision},
               {"entity_recall", s->entity_recall},
               {"entity_f1", s->entity_f1},
               {"mse", s->mse},
               {"pearson", s->pearson}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (isfinite(all[i].value)) json_object_set_new(o, all[i].name, json_real(all[i].value));
}

static json_t *result_of_class(const evaluation *v)
{
    json_t *o = json_pack("{s:I, s:I, s:I, s:f, s:f, s:f}", "rows", (json_int_t)v->rows, "tokens",
                          (json_int_t)v->tokens, "labels", (json_int_t)v->labels, "loss", v->loss, "seconds",
                          v->seconds, "tokens_per_second",
                          v->seconds > 0 ? (double)v->tokens / v->seconds : 0.0);
    add_scores(o, &v->scores);
    return o;
}

static json_t *result_of(const evaluation *v)
{
    double perplexity = exp(v->loss); /* infinite when the loss is large, which JSON does not know */
    return json_pack("{s:I, s:I, s:I, s:f, s:o, s:f, s:f, s:f}", "rows", (json_int_t)v->rows, "tokens",
                     (json_int_t)v->tokens, "label_tokens", (json_int_t)v->labels, "loss", v->loss,
                     "perplexity", isfinite(perplexity) ? json_real(perplexity) : json_null(),
                     "token_accuracy", v->token_accuracy, "seconds", v->seconds, "tokens_per_second",
                     v->seconds > 0 ? (double)v->tokens / v->seconds : 0.0);
}

/* eval.json in the folder that is there. */
static int save(const options *o, const json_t *result, err *e)
{
    str path = {0};
    int bad = file_mkdirs(o->out, e);
    str_fmt(&path, "%s/eval.json", o->out);
    if (!bad) bad = json_save(result, path.p, 2, false, e);
    str_free(&path);
    return bad;
}

/* Options of the one kind of model given for the other. */
static int check_kind(const options *o, bool text, err *e)
{
    if (text && o->predictions)
        return fail(e, E_USAGE, "--predictions is for classifiers (--task_type SEQ_CLS or TOKEN_CLS)");
    if (!text && (o->generate || o->per_token))
        return fail(e, E_USAGE,
                    "--%s is for models that write text, not for classifiers; --predictions FILE writes their "
                    "labels",
                    o->generate ? "generate" : "per_token");
    return OK;
}

int job_eval(const options *o, const job_hooks *h, json_t **out, err *e)
{
    job_model j = {0};
    job_class c = {0};
    job_rows r = {0};
    job_score s = {0};
    evaluation v;
    bool saves = o->generate || options_origin(o, "output_dir") == FROM_COMMAND_LINE;
    *out = NULL;
    int bad = job_class_open(&c, o, CLASS_JUDGE, e);
    const bool text = c.head.task == TASK_CAUSAL_LM;
    const rows_part part = o->eval_split > 0 ? ROWS_HELD_OUT : ROWS_ALL;
    if (!bad) bad = check_kind(o, text, e);
    if (!bad) bad = job_model_open_for(&j, o, &c.head, h, e);
    if (!bad) bad = job_class_check_task(o, j.model, e);
    if (!bad && !text) bad = adapter_check_head(j.adapter, j.model, e);
    if (!bad)
        bad = text ? job_rows_open_part(&r, o->data, part, o, j.model->config, j.tokenizer,
                                        device_pool(j.device), h, e)
                   : job_class_rows(&c, &r, o->data, part, o, &j, h, e);
    if (!bad && o->generate) bad = job_score_open(&s, &r, &j, o, h, e);
    json_t *entities = NULL;
    if (!bad) bad = evaluate(&j, &c, &r, o, h, &v, &entities, e);
    json_t *result = bad ? NULL : text ? result_of(&v) : result_of_class(&v);
    if (entities) json_object_set_new(result, "entities", entities);
    if (!bad && o->generate) bad = job_score_run(&s, &j, o, h, result, e);
    if (!bad && saves) bad = save(o, result, e);
    if (!bad) *out = json_incref(result);
    json_decref(result);
    job_score_close(&s);
    job_rows_close(&r);
    job_model_close(&j);
    job_class_close(&c);
    return job_advise(bad, "lower per_device_eval_batch_size or max_length, or use --quantization nf4", e);
}
