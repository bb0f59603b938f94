/* divergence.c -- see divergence.h: rows go in pieces of at most PIECE tokens through the lists of
 * generation, whose cache keeps what came before, so that (PIECE, vocabulary) logits of each base exist
 * and no more. With an encoder its source goes with the first piece. */
#include "lib/divergence.h"

#include "model/step.h"

#include <math.h>
#include <stdlib.h>

enum { PIECE = 64 };

typedef struct work {
    const rowset *set;
    int64_t vocab;
    step *of[2];
    int32_t ids[PIECE], positions[PIECE], slot[PIECE], gather[PIECE], seen[2 * PIECE];
    int32_t *zero, *place; /* (longest) of a source: 0 and 0, 1, ... */
    int64_t labels; /* of the piece */
    struct {
        double kl;
        bool agree;
    } label[PIECE];
} work;

/* log of the sum of exp, and where the largest is. */
static double log_sum(const float *x, int64_t n, int64_t *top)
{
    int64_t k = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[k]) k = i;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += exp((double)x[i] - (double)x[k]);
    *top = k;
    return (double)x[k] + log(sum);
}

static void one_label(void *arg, int64_t k, int thread)
{
    work *w = arg;
    (void)thread;
    const float *p = step_logits(w->of[0]) + k * w->vocab, *q = step_logits(w->of[1]) + k * w->vocab;
    int64_t a, b;
    double p_sum = log_sum(p, w->vocab, &a), q_sum = log_sum(q, w->vocab, &b), kl = 0;
    for (int64_t i = 0; i < w->vocab; i++) {
        double log_p = (double)p[i] - p_sum;
        kl += exp(log_p) * (log_p - ((double)q[i] - q_sum));
    }
    w->label[k].kl = kl;
    w->label[k].agree = a == b;
}

static void add_source(work *w, int64_t row, int64_t from, step_input *in)
{
    const int64_t first = w->set->source_offset[row], n = w->set->source_offset[row + 1] - first;
    for (int k = 0; k < PIECE; k++) w->seen[2 * k + 1] = (int32_t)n;
    in->seen = w->seen;
    if (from) return;
    in->source = n;
    in->source_ids = w->set->source + first;
    in->source_start = w->zero;
    in->source_place = w->place;
}

/* Tokens [from, from + n) of a row; a label is asked for at the token before it, or where there is a target. */
static void one_piece(work *w, int64_t row, int64_t from, int64_t n, pool *team)
{
    int64_t first = w->set->offset[row], all = w->set->offset[row + 1] - first;
    w->labels = 0;
    for (int64_t i = 0; i < n; i++) {
        w->ids[i] = w->set->ids[first + from + i];
        w->positions[i] = (int32_t)(from + i);
        const int64_t label = from + i + (w->set->target ? 0 : 1);
        if (label < all && w->set->mask[first + label]) w->gather[w->labels++] = (int32_t)i;
    }
    step_input in = {.tokens = n,
                     .labels = w->labels,
                     .ids = w->ids,
                     .positions = w->positions,
                     .slot = w->slot,
                     .gather = w->gather};
    if (w->set->source) add_source(w, row, from, &in);
    for (int k = 0; k < 2; k++) step_run(w->of[k], &in, 0);
    pool_pieces(team, one_label, w, w->labels);
}

static void one_row(work *w, int64_t row, pool *team, divergence *out)
{
    int64_t n = w->set->offset[row + 1] - w->set->offset[row];
    for (int64_t from = 0; from < n; from += PIECE) {
        one_piece(w, row, from, n - from < PIECE ? n - from : PIECE, team);
        for (int64_t k = 0; k < w->labels; k++) {
            out->kl += w->label[k].kl;
            out->agree += w->label[k].agree;
            if (w->label[k].kl > out->worst) out->worst = w->label[k].kl;
        }
        out->labels += w->labels;
    }
}

static int run_rows(work *w, pool *team, int64_t rows, const job_hooks *h, divergence *out, err *e)
{
    for (int64_t i = 0; i < rows; i++) {
        if (h && h->stop && *h->stop) return fail(e, E_STOPPED, "stopped by a signal");
        one_row(w, i, team, out);
        job_progress p = {"quantization", i + 1, rows, -1, -1, -1, -1, -1, -1};
        if (h && h->progress) h->progress(h->arg, &p);
    }
    out->rows = rows;
    out->kl /= (double)out->labels;
    out->agree /= (double)out->labels;
    if (isfinite(out->kl)) return OK;
    return fail(e, E_NUMERIC, "the predictions of a base are not finite numbers");
}

int divergence_run(divergence *out, const job_model *p, const job_model *q, const job_rows *rows,
                   int64_t limit,
                   const job_hooks *h, err *e)
{
    work *w = xcalloc(1, sizeof *w);
    *w = (work){.set = &rows->set, .vocab = p->model->config->vocab};
    *out = (divergence){0};
    step_size size = {.tokens = PIECE, .labels = PIECE, .slots = 1, .context = rows->set.longest};
    if (rows->set.source) size.source = size.source_context = rows->set.longest;
    w->zero = xcalloc((size_t)rows->set.longest, sizeof *w->zero);
    w->place = xcalloc((size_t)rows->set.longest, sizeof *w->place);
    for (int64_t i = 0; i < rows->set.longest; i++) w->place[i] = (int32_t)i;
    int bad = step_new(&w->of[0], p->model, NULL, STEP_GENERATE, &size, p->device, e);
    if (!bad) bad = step_new(&w->of[1], q->model, NULL, STEP_GENERATE, &size, q->device, e);
    int64_t n = limit > 0 && limit < rows->set.n ? limit : rows->set.n;
    if (!bad) bad = run_rows(w, device_pool(p->device), n, h, out, e);
    step_free(w->of[0]);
    step_free(w->of[1]);
    free(w->zero);
    free(w->place);
    free(w);
    return bad;
}
