/* history.c -- orders of runs: see history.h. */
#include "tune/history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[RUN_STATES] = {"busy", "paused", "done", "stopped", "diverged", "refused"};

const char *run_state_name(run_state s) { return names[s]; }

run_state run_state_find(const char *name)
{
    int s = 0;
    while (s < RUN_STATES && strcmp(names[s], name)) s++;
    return (run_state)s;
}

/* Is a better than b at the rung in every objective, or equal in some and better in one? */
static bool dominates(const history *h, const attempt *a, const attempt *b, int rung)
{
    bool better = false;
    for (int k = 0; k < h->objectives; k++) {
        if (!(a->value[rung][k] <= b->value[rung][k])) return false;
        better = better || a->value[rung][k] < b->value[rung][k];
    }
    return better;
}

/* ------------------------------------------------------------------------------- sorting */

typedef struct keyed {
    int layer;    /* of the front */
    double key;   /* the value, or minus the room around it */
    int64_t index;
} keyed;

static int by_key(const void *a, const void *b)
{
    const keyed *x = a, *y = b;
    if (x->layer != y->layer) return x->layer < y->layer ? -1 : 1;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Layer 0 is dominated by nobody, layer 1 by layer 0 alone, ... O(n^2) a layer, for studies of thousands. */
static void find_layers(const history *h, int rung, keyed *k, int64_t n)
{
    for (int64_t i = 0; i < n; i++) k[i].layer = -1;
    int64_t left = n;
    for (int layer = 0; left > 0; layer++) {
        for (int64_t i = 0; i < n; i++) {
            bool dominated = false;
            for (int64_t j = 0; j < n && !dominated && k[i].layer < 0; j++)
                dominated = (k[j].layer < 0 || k[j].layer == layer) &&
                            dominates(h, &h->run[k[j].index], &h->run[k[i].index], rung);
            if (k[i].layer < 0 && !dominated) k[i].layer = layer, left--;
        }
    }
}

/* NSGA-II's crowding distance: the sum over the objectives of the gap between the neighbours in the layer,
 * as a share of the layer's extent; infinite at its ends. */
static void find_room(const history *h, int rung, keyed *k, int64_t n)
{
    keyed *line = xmalloc((size_t)(n + 1) * sizeof *line);
    for (int o = 0; o < h->objectives; o++) {
        for (int64_t i = 0; i < n; i++)
            line[i] = (keyed){k[i].layer, h->run[k[i].index].value[rung][o], i};
        qsort(line, (size_t)n, sizeof *line, by_key);
        for (int64_t first = 0, end; first < n; first = end) {
            for (end = first; end < n && line[end].layer == line[first].layer;) end++;
            double extent = line[end - 1].key - line[first].key; /* infinite where a value is missing */
            for (int64_t i = first; i < end; i++) {
                bool edge = i == first || i == end - 1;
                double gap = edge ? INFINITY : line[i + 1].key - line[i - 1].key;
                bool told = edge || (extent > 0 && isfinite(extent));
                k[line[i].index].key -= told ? gap / (edge ? 1 : extent) : 0;
            }
        }
    }
    free(line);
}

/* order[0..returned) are the runs judged at `rung` or beyond, best first. One objective: by value. Several:
 * by layers of the Pareto front (Deb et al. 2002, NSGA-II), within a layer the less crowded first. */
static int64_t order_at(const history *h, int rung, int64_t *order)
{
    keyed *k = xmalloc((size_t)(h->n + 1) * sizeof *k);
    int64_t n = 0;
    for (int64_t i = 0; i < h->n; i++)
        if (h->run[i].rung >= rung) k[n++] = (keyed){0, h->objectives == 1 ? h->run[i].value[rung][0] : 0, i};
    if (h->objectives > 1) {
        find_layers(h, rung, k, n);
        find_room(h, rung, k, n);
    }
    qsort(k, (size_t)n, sizeof *k, by_key);
    for (int64_t i = 0; i < n; i++) order[i] = k[i].index;
    free(k);
    return n;
}

static int highest_rung(const history *h)
{
    int highest = -1;
    for (int64_t i = 0; i < h->n; i++)
        if (h->run[i].rung > highest) highest = h->run[i].rung;
    return highest;
}

int64_t history_order(const history *h, int64_t *order)
{
    int highest = highest_rung(h);
    int64_t n = order_at(h, 0, order), *deeper = xmalloc((size_t)(h->n + 1) * sizeof *deeper);
    for (int rung = 1; rung <= highest; rung++) {
        int64_t next = 0;
        order_at(h, rung, deeper);
        for (int64_t i = 0; i < n; i++)
            if (h->run[order[i]].rung >= rung) order[i] = deeper[next++];
    }
    int64_t kept = 0, last = 0;
    for (int64_t i = 0; i < n; i++)
        if (h->run[order[i]].state == RUN_DIVERGED)
            deeper[last++] = order[i];
        else
            order[kept++] = order[i];
    for (int64_t i = 0; i < h->n; i++) /* and those that never came to a rung */
        if (h->run[i].state == RUN_DIVERGED && h->run[i].rung < 0) deeper[last++] = i;
    memcpy(order + kept, deeper, (size_t)last * sizeof *order);
    free(deeper);
    return kept + last;
}

int64_t history_best(const history *h)
{
    int64_t *order = xmalloc((size_t)(h->n + 1) * sizeof *order), best = -1;
    for (int rung = highest_rung(h); rung >= 0 && best < 0; rung--) {
        int64_t n = order_at(h, rung, order);
        for (int64_t i = 0; i < n && best < 0; i++)
            if (h->run[order[i]].state != RUN_DIVERGED) best = order[i];
    }
    free(order);
    return best;
}

int64_t history_front(const history *h, int64_t *front)
{
    int rung = highest_rung(h);
    int64_t n = 0;
    for (int64_t i = 0; i < h->n && rung >= 0; i++) {
        const attempt *r = &h->run[i];
        bool dominated = r->rung < rung || r->state == RUN_DIVERGED;
        for (int64_t j = 0; j < h->n && !dominated; j++)
            dominated = h->run[j].rung >= rung && h->run[j].state != RUN_DIVERGED &&
                        dominates(h, &h->run[j], r, rung);
        if (!dominated) front[n++] = i;
    }
    return n;
}

/* ------------------------------------------------------------------------- who goes on */

int64_t halving_next(const history *h, int eta)
{
    int64_t *order = xmalloc((size_t)(h->n + 1) * sizeof *order), next = -1;
    for (int rung = h->rungs - 2; rung >= 0 && next < 0; rung--) {
        int64_t n = order_at(h, rung, order), go_on = n / eta;
        for (int64_t i = 0; i < go_on && next < 0; i++) {
            const attempt *r = &h->run[order[i]];
            if (r->rung == rung && r->state == RUN_PAUSED) next = order[i];
        }
    }
    if (next < 0 && h->n > 0 && h->run[0].state == RUN_PAUSED) next = 0;
    free(order);
    return next;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

bool median_stops(const history *h, const attempt *r, int rung)
{
    enum { ENOUGH = 5 };
    double *value = xmalloc((size_t)(h->n + 1) * sizeof *value);
    int64_t n = 0;
    for (int64_t i = 0; i < h->n; i++)
        if (h->run[i].number != r->number && h->run[i].rung >= rung) value[n++] = h->run[i].value[rung][0];
    qsort(value, (size_t)n, sizeof *value, by_value);
    double median = n ? (value[(n - 1) / 2] + value[n / 2]) / 2 : 0;
    free(value);
    return n >= ENOUGH && r->value[rung][0] > median;
}

/* -------------------------------------------------------------------------- importance */

enum { BINS = 8 };

/* Shares of BINS cells (or of the values, where they are no more), each with one run more for evenness. */
static int histogram(const history *h, int i, const int64_t *order, int64_t n, double *share)
{
    const space_param *p = &h->s->param[i];
    int64_t levels = space_levels(p);
    bool each = p->kind == PARAM_CHOICE || (levels && levels <= BINS); /* cells no value falls into look rare */
    int bins = each ? (int)levels : BINS;
    double all = 0, first = p->kind == PARAM_CHOICE ? 0 : p->low;
    for (int b = 0; b < bins; b++) share[b] = 1.0 / bins;
    for (int64_t k = 0; k < n; k++) {
        double v = h->run[order[k]].at.v[i];
        if (isnan(v)) continue;
        int b = each ? (int)(v - first) : (int)(space_place(p, v) * BINS);
        share[b < bins ? b : bins - 1]++;
    }
    for (int b = 0; b < bins; b++) all += share[b];
    for (int b = 0; b < bins; b++) share[b] /= all;
    return bins;
}

void history_importance(const history *h, double *share)
{
    int64_t *order = xmalloc((size_t)(h->n + 1) * sizeof *order), n = history_order(h, order);
    int64_t top = (n + 4) / 5;
    double all = 0, p[SPACE_CHOICES], q[SPACE_CHOICES];
    for (int i = 0; i < h->s->n; i++) {
        int bins = histogram(h, i, order, n, p);
        histogram(h, i, order, top, q);
        share[i] = 0;
        for (int b = 0; b < bins && n > 1; b++) share[i] += p[b] * (q[b] / p[b] - 1) * (q[b] / p[b] - 1);
        all += share[i];
    }
    for (int i = 0; i < h->s->n && all > 0; i++) share[i] /= all;
    free(order);
}
