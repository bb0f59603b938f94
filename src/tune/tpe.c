/* tpe.c -- the tree-structured Parzen estimator, over all parameters together.
 *
 * The runs so far, in the order of history.h, are split into the best share, `good`, and the rest. Each
 * becomes a density over points, l and g, a mean of kernels:
 *
 *   l(x) = 1 / (n + 1) (u(x) + sum over good runs r of prod over parameters i of k_i(x_i | r_i))
 *
 * u is even over the space. The next point is the one of CANDIDATES points drawn from l that has the
 * largest l(x) / g(x), which orders points as expected improvement does (Bergstra et al. 2011, Algorithms
 * for Hyper-Parameter Optimization); the product inside the sum keeps what belongs together together, as
 * BOHB does (Falkner, Klein, Hutter 2018). A number's kernel is a normal distribution over its place in [0,
 * 1], cut off at the ends; a countable number has the mass of its cell; a choice has the run's value with
 * weight n / (n + 1), all else evenly. A parameter that was off in a run says nothing there: its kernel is
 * even.
 *
 * The width of a normal kernel is Scott's for d parameters, 0.2 n^(-1 / (d + 4)), a fifth being about the
 * spread of even points. Runs that are being trained count among the rest, so that several at a time look
 * at different places. The first points are spread evenly: a Kronecker sequence with the generalized golden
 * ratio (Roberts 2018), shifted by the seed. */
#include "tune/propose.h"

#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TPE_STREAM = 0x747065, SHIFT_STREAM = 0x736866, CANDIDATES = 64, ROUNDS = 8, TRIES = 64 };
static const double GOOD_SHARE = 0.15, WIDTH = 0.2;

typedef struct density {
    const history *h;
    const int64_t *run; /* (n) */
    int64_t n;
    double width, stray; /* of a normal kernel; weight of all choices beside the run's own */
} density;

/* Parameters with more than one value. */
static int dimensions(const space *s)
{
    int n = 0;
    for (int i = 0; i < s->n; i++) n += space_levels(&s->param[i]) != 1;
    return n;
}

static density density_of(const history *h, const int64_t *run, int64_t n)
{
    double kernels = n < 1 ? 1 : (double)n;
    return (density){h, run, n, WIDTH * pow(kernels, -1.0 / (dimensions(h->s) + 4)), 1.0 / (kernels + 1)};
}

static bool is_number(const space_param *p) { return p->kind != PARAM_CHOICE || p->ordered; }

/* The mass of a standard normal below x. */
static double below(double x) { return 0.5 * erfc(-x * M_SQRT1_2); }

/* The part of [0, 1] that a countable value owns. */
static void cell(const space_param *p, double v, double *low, double *high)
{
    double half = p->kind == PARAM_INT ? space_place(p, v) : 0;
    if (p->kind == PARAM_CHOICE) {
        *low = v / p->choices, *high = (v + 1) / p->choices;
        return;
    }
    space_param wide = *p; /* places halfway to the neighbours */
    wide.kind = PARAM_REAL, wide.low -= 0.5, wide.high += 0.5;
    *low = v <= p->low ? 0 : space_place(&wide, v - 0.5);
    *high = v >= p->high ? 1 : space_place(&wide, v + 0.5);
    BUG_IF(half < *low || half > *high);
}

static double even(const space_param *p, double v)
{
    double low, high;
    if (p->kind == PARAM_REAL) return 1;
    if (!is_number(p)) return 1.0 / p->choices;
    cell(p, v, &low, &high);
    return high - low;
}

/* k_i(v | of), a density over the place of a real number, a probability otherwise. */
static double kernel(const density *d, int i, double v, double of)
{
    const space_param *p = &d->h->s->param[i];
    if (isnan(of)) return even(p, v);
    if (!is_number(p)) return (v == of ? 1 - d->stray : 0) + d->stray / p->choices;
    double middle = space_place(p, of), low, high;
    double whole = below((1 - middle) / d->width) - below(-middle / d->width);
    if (p->kind != PARAM_REAL) {
        cell(p, v, &low, &high);
        return (below((high - middle) / d->width) - below((low - middle) / d->width)) / whole;
    }
    double z = (space_place(p, v) - middle) / d->width;
    return exp(-0.5 * z * z) / (sqrt(2 * M_PI) * d->width * whole);
}

static double log_density(const density *d, const point *at)
{
    const space *s = d->h->s;
    double all = 1;
    for (int i = 0; i < s->n; i++)
        if (!isnan(at->v[i])) all *= even(&s->param[i], at->v[i]);
    for (int64_t k = 0; k < d->n; k++) {
        double product = 1;
        for (int i = 0; i < s->n; i++)
            if (!isnan(at->v[i])) product *= kernel(d, i, at->v[i], d->h->run[d->run[k]].at.v[i]);
        all += product;
    }
    return log(all / (double)(d->n + 1));
}

/* A normal number around `middle`, inside [0, 1]. */
static double draw_place(uint64_t key, double middle, double width)
{
    for (uint64_t k = 0; k < TRIES; k++) {
        double place = middle + width * rng_normal(key, k);
        if (place >= 0 && place <= 1) return place;
    }
    return middle;
}

static double draw_value(const density *d, int i, double of, uint64_t key)
{
    const space_param *p = &d->h->s->param[i];
    double place = rng_unit(key, 0);
    if (isnan(of)) return space_value(p, place);
    if (!is_number(p)) return rng_unit(key, 1) < d->stray ? space_value(p, place) : of;
    return space_value(p, draw_place(key, space_place(p, of), d->width));
}

static point draw(const density *d, uint64_t key)
{
    int64_t k = (int64_t)(rng_unit(key, 0) * (double)(d->n + 1));
    point at = {{0}};
    for (int i = 0; i < d->h->s->n; i++) {
        double of = k < d->n ? d->h->run[d->run[k]].at.v[i] : NAN;
        at.v[i] = draw_value(d, i, of, rng_key(key, (uint64_t)i + 1));
    }
    space_settle(d->h->s, &at);
    return at;
}

/* The n-th point of an even cover: place i is frac(shift + n / phi^(i+1)), phi^(d+1) = phi + 1. */
static point cover(const space *s, uint64_t seed, int64_t n)
{
    double phi = 2;
    for (int k = 0; k < 40; k++) phi = pow(1 + phi, 1.0 / (s->n + 1));
    uint64_t key = rng_key(seed, SHIFT_STREAM);
    point at = {{0}};
    for (int i = 0; i < s->n; i++) {
        double x = rng_unit(key, (uint64_t)i) + (double)n * pow(phi, -(double)(i + 1));
        at.v[i] = space_value(&s->param[i], x - floor(x));
    }
    space_settle(s, &at);
    return at;
}

/* The best candidate that is new; false when all are old. */
static bool best_candidate(const density *good, const density *rest, uint64_t key, point *out)
{
    double best = -INFINITY;
    for (uint64_t k = 0; k < CANDIDATES; k++) {
        point at = draw(good, rng_key(key, k));
        if (history_has(good->h, &at)) continue;
        double gain = log_density(good, &at) - log_density(rest, &at);
        if (gain > best) best = gain, *out = at;
    }
    return best > -INFINITY;
}

/* Runs in training, after those in order. */
static int64_t add_busy(const history *h, int64_t *order, int64_t n)
{
    for (int64_t i = 0; i < h->n; i++)
        if (h->run[i].rung < 0 && h->run[i].state == RUN_BUSY) order[n++] = i;
    return n;
}

static bool from_densities(const history *h, uint64_t key, int64_t *order, int64_t judged, point *out)
{
    int64_t n = add_busy(h, order, judged), top = (int64_t)ceil(GOOD_SHARE * (double)judged);
    density good = density_of(h, order, top), rest = density_of(h, order + top, n - top);
    for (uint64_t round = 0; round < ROUNDS; round++)
        if (best_candidate(&good, &rest, rng_key(key, round), out)) return true;
    return false;
}

/* So many points are spread before the densities mean anything. */
static int64_t first_points(const space *s) { return 4 + dimensions(s); }

proposal propose_tpe(const history *h, uint64_t seed, point *out)
{
    int64_t *order = xmalloc((size_t)(2 * h->n + 1) * sizeof *order), judged = history_order(h, order);
    uint64_t key = rng_key(rng_key(seed, TPE_STREAM), (uint64_t)h->n);
    bool found;
    if (judged < first_points(h->s)) {
        *out = cover(h->s, seed, h->n);
        found = !history_has(h, out);
    } else
        found = from_densities(h, key, order, judged, out);
    free(order);
    return found ? PROPOSAL_POINT : propose_random(h, seed, out);
}
