/* evaluator.c -- see evaluator.h. */
#include "train/evaluator.h"

#include "base/clock.h"
#include "text/labels.h"
#include "train/feed.h"

#include <math.h>
#include <stdlib.h>

struct evaluator {
    const model *m;
    const rowset *rows;
    sampler *s;
    micro_batch batch;
    step *run;
    class_tally tally; /* of a classifier */
    int32_t *said;     /* (labels) the classes of a batch */
    entity_tags tags;  /* types 0: no labels of entities */
    entity_tally entities;
};

static sampler *in_order(const rowset *rows, int64_t batch_rows, err *e)
{
    sampler_options o = {.order = ORDER_SEQUENTIAL, .pack = PACK_NONE, .batch = batch_rows, .accumulate = 1};
    return sampler_new(rows, &o, e);
}

static step_size size_of(const sampler *s, int64_t *docs)
{
    step_size size = {0};
    sampler_largest(s, &size.tokens, &size.labels, docs);
    size.source = sampler_largest_source(s);
    return size;
}

static void init_tallies(evaluator *v, int64_t labels)
{
    const model_head *h = &v->m->head;
    const label_set *names = v->rows->labels;
    class_tally_init(&v->tally, h->objective == OBJECTIVE_VALUE ? 0 : h->outputs);
    v->said = xcalloc((size_t)labels + 1, sizeof *v->said);
    if (!names || names->kind != LABEL_TOKENS || !entity_tags_init(&v->tags, names->name, names->n)) return;
    entity_tally_init(&v->entities, &v->tags);
}

int evaluator_new(evaluator **out, const model *m, adapter *a, const rowset *rows, int64_t batch_rows,
                  device *d, err *e)
{
    if (evaluator_check_length(m, rows, e) != OK) return E_USAGE;
    sampler *s = in_order(rows, batch_rows, e);
    if (!s) return E_USAGE;
    evaluator *v = xcalloc(1, sizeof *v);
    int64_t docs;
    step_size size = size_of(s, &docs);
    v->m = m;
    v->rows = rows;
    v->s = s;
    micro_batch_init_for(&v->batch, rows, size.tokens, size.labels, docs, size.source);
    if (m->head.task != TASK_CAUSAL_LM) init_tallies(v, size.labels);
    for (int64_t k = 0; k < size.labels; k++) v->batch.weight[k] = 1;
    int code = step_new(&v->run, m, a, STEP_EVAL, &size, d, e);
    if (code == OK)
        *out = v;
    else
        evaluator_free(v);
    return code;
}

void evaluator_free(evaluator *v)
{
    if (!v) return;
    step_free(v->run);
    class_tally_release(&v->tally);
    entity_tally_release(&v->entities);
    entity_tags_release(&v->tags);
    free(v->said);
    micro_batch_release(&v->batch);
    sampler_free(v->s);
    free(v);
}

int evaluator_check_length(const model *m, const rowset *rows, err *e)
{
    const int64_t most = model_longest(m);
    if (rows->longest <= most) return OK;
    return fail(e, E_USAGE, "the data has rows of up to %lld tokens, and the model positions for %lld; lower "
                "max_length to that",
                (long long)rows->longest, (long long)most);
}

int evaluator_measure(step_memory *out, const model *m, const adapter *a, const rowset *rows,
                      int64_t batch_rows, device *d, err *e)
{
    sampler *s = in_order(rows, batch_rows, e);
    if (!s) return E_USAGE;
    int64_t docs;
    step_size size = size_of(s, &docs);
    sampler_free(s);
    step_measure(out, m, a, STEP_EVAL, &size, d);
    return OK;
}

/* Label k of the batch, by its logits. */
static void judge(evaluator *v, const float *logits, int64_t k)
{
    const model_head *h = &v->m->head;
    const float *z = logits + k * h->outputs;
    if (h->objective == OBJECTIVE_VALUE) class_tally_value(&v->tally, v->batch.values[k], z[0]);
    if (h->objective == OBJECTIVE_SEVERAL)
        class_tally_several(&v->tally, v->batch.values + k * h->outputs, z);
    if (h->objective != OBJECTIVE_CLASS) return;
    int64_t best = 0;
    for (int64_t i = 1; i < h->outputs; i++)
        if (z[i] > z[best]) best = i;
    class_tally_one(&v->tally, v->batch.target[k], best);
    v->said[k] = (int32_t)best;
}

/* The row of labels [at, at + n). */
static evaluator_verdict verdict_of(evaluator *v, const float *logits, int64_t at, int64_t n)
{
    const model_head *h = &v->m->head;
    const bool one = h->objective == OBJECTIVE_CLASS && h->task == TASK_SEQ_CLS && n == 1;
    evaluator_verdict r = {one ? v->batch.target[at] : -1, one ? v->said[at] : -1, 0, 0};
    for (int64_t i = at * h->outputs; h->objective == OBJECTIVE_SEVERAL && i < (at + n) * h->outputs; i++) {
        const int is = v->batch.values[i] > 0.5f, said = logits[i] > 0;
        r.f1 += 2 * (is && said);
        r.f1_of += is + said;
    }
    if (v->tags.types) {
        const entity_count c = entity_tally_row(&v->entities, v->batch.target + at, v->said + at, n);
        r.f1 = 2 * (double)c.right;
        r.f1_of = (double)(c.said + c.there);
    }
    return r;
}

/* Labels of a document of the batch, from `first` on: those whose token lies before `end`. */
static int64_t labels_before(const micro_batch *b, int64_t first, int64_t end)
{
    int64_t n = first;
    while (n < b->labels && b->gather[n] < end) n++;
    return n - first;
}

static int not_finite(const evaluator *v, int64_t row, err *e)
{
    if (model_check_finite(v->m, e) != OK) return E_NUMERIC;
    return fail(
        e, E_NUMERIC,
        "line %lld of the evaluation data: the loss is not a finite number, though the weights are; the "
        "adapter has diverged: take an earlier checkpoint, or train with a lower learning_rate",
        (long long)v->rows->line[row]);
}

/* Adds up one batch, row by row. */
static int count(evaluator *v, const evaluator_hooks *h, evaluation *sum, err *e)
{
    const micro_batch *b = &v->batch;
    const float *ce = step_cross_entropy(v->run), *hit = step_hits(v->run);
    const float *logits = v->m->head.task == TASK_CAUSAL_LM ? NULL : step_logits(v->run);
    int64_t at = 0, end = 0;
    for (int64_t k = 0; k < b->n_docs; k++) {
        int64_t row = b->row_index[k];
        end += v->rows->offset[row + 1] - v->rows->offset[row];
        int64_t n = labels_before(b, at, end);
        for (int64_t i = at; i < at + n; i++) {
            if (!isfinite(ce[i])) return not_finite(v, row, e);
            sum->loss += (double)ce[i];
            sum->token_accuracy += (double)hit[i];
            if (logits) judge(v, logits, i);
        }
        if (logits) {
            const evaluator_verdict judged = verdict_of(v, logits, at, n);
            if (h->judged) h->judged(h->arg, row, &judged);
        }
        if (logits && h->outputs) h->outputs(h->arg, row, logits + at * v->m->head.outputs, n);
        if (h->row) h->row(h->arg, row, ce + at, hit + at, n);
        at += n;
    }
    sum->rows += b->n_docs;
    sum->tokens += b->tokens + b->source;
    sum->labels += b->labels;
    return OK;
}

static class_scores scores_of(const evaluator *v)
{
    class_scores s = class_tally_scores(&v->tally);
    if (!v->tags.types) return s;
    const entity_scores all = entity_tally_scores(&v->entities, -1);
    s.entities = true;
    s.entity_precision = all.precision;
    s.entity_recall = all.recall;
    s.entity_f1 = all.f1;
    return s;
}

const entity_tally *evaluator_entities(const evaluator *v) { return v->tags.types ? &v->entities : NULL; }

int evaluator_run(evaluator *v, const evaluator_hooks *hooks, evaluation *out, err *e)
{
    static const evaluator_hooks none;
    const evaluator_hooks *h = hooks ? hooks : &none;
    const micro_batch *b = &v->batch;
    double start = clock_seconds();
    *out = (evaluation){0};
    if (v->tally.hit) class_tally_clear(&v->tally);
    if (v->tags.types) entity_tally_clear(&v->entities);
    for (int64_t k = 0; k < sampler_micro_batches(v->s); k++) {
        if (h->stop && *h->stop) return fail(e, E_STOPPED, "the evaluation was stopped");
        sampler_fill(v->s, 0, k, &v->batch);
        const step_input in = feed_of(b);
        step_run(v->run, &in, 0);
        int code = count(v, h, out, e);
        if (code != OK) return code;
        if (h->progress) h->progress(h->arg, out->rows, v->rows->n);
    }
    out->loss /= (double)out->labels;
    out->token_accuracy /= (double)out->labels;
    if (v->m->head.task != TASK_CAUSAL_LM) out->scores = scores_of(v);
    out->seconds = clock_seconds() - start;
    return OK;
}
