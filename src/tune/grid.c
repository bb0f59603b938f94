/* grid.c -- every combination of values: see propose.h. */
#include "tune/propose.h"

#include <stdlib.h>

enum { POINTS = 7 };

static int64_t points(const space_param *p)
{
    int64_t levels = space_levels(p);
    if (p->kind == PARAM_CHOICE) return levels;
    int64_t wanted = p->points ? p->points : p->kind == PARAM_REAL ? POINTS : levels;
    return levels && wanted > levels ? levels : wanted;
}

int64_t grid_size(const space *s)
{
    int64_t n = 1;
    for (int i = 0; i < s->n; i++)
        if (__builtin_mul_overflow(n, points(&s->param[i]), &n)) return INT64_MAX;
    return n;
}

/* Ranges are taken from end to end. */
static double value(const space_param *p, int64_t k)
{
    int64_t n = points(p);
    if (p->kind == PARAM_CHOICE) return (double)k;
    if (k == 0) return p->low;
    if (k == n - 1) return p->high;
    double low = space_place(p, p->low), high = space_place(p, p->high);
    return space_value(p, low + (high - low) * (double)k / (double)(n - 1));
}

static point at(const space *s, int64_t k)
{
    point out = {{0}};
    for (int i = s->n - 1; i >= 0; i--) {
        int64_t n = points(&s->param[i]);
        out.v[i] = value(&s->param[i], k % n);
        k /= n;
    }
    space_settle(s, &out);
    return out;
}

proposal propose_grid(const history *h, point *out)
{
    int64_t n = grid_size(h->s);
    for (int64_t k = 0; k < n; k++) {
        *out = at(h->s, k);
        if (!history_has(h, out)) return PROPOSAL_POINT;
    }
    return PROPOSAL_NONE;
}
