/* memory.c -- when is each temporary alive, and where does it live.
 *
 * An output may first take over the storage of an input that dies there, where the operator allows it. Then
 * the values, largest first, are each put into the tightest gap left by those already placed that are alive
 * at the same time (greedy by size: Pisarchyk and Lee 2020). p->bound is what no placement can beat: the most
 * bytes alive at one instruction.
 *
 * Storage is that of the full capacity, rounded up to 64 bytes. */
#include "plan/plan.h"

#include <stdlib.h>

static bool is_planned(const value *v) { return v->kind == VALUE_TEMP || v->kind == VALUE_RESULT; }

static size_t room(const value *v) { return (value_bytes(v) + 63) & ~(size_t)63; }

static val root(const prog *p, val x)
{
    while (p->v[x].root != x) x = p->v[x].root;
    return x;
}

typedef void visit_fn(prog *p, val x, int k, int *last);

/* Calls visit for every operand of every instruction, in order. */
static void each_operand(prog *p, visit_fn *visit, int *last)
{
    for (int k = 0; k < p->ni; k++) {
        for (int j = 0; j < MAXIN; j++) {
            if (p->i[k].in[j] != NONE) visit(p, p->i[k].in[j], k, last);
            if (p->i[k].din[j] != NONE) visit(p, p->i[k].din[j], k, last);
        }
        for (int j = 0; j < MAXOUT; j++)
            if (p->i[k].out[j] != NONE) visit(p, p->i[k].out[j], k, last);
        if (p->i[k].dout != NONE) visit(p, p->i[k].dout, k, last);
    }
}

static void note_last(prog *p, val x, int k, int *last)
{
    (void)p;
    last[x] = k;
}

static void note_range(prog *p, val x, int k, int *last)
{
    (void)last;
    value *v = &p->v[x], *r = &p->v[root(p, x)];
    if (!is_planned(v)) return;
    if (r->first < 0) r->first = k;
    if (r->last < k) r->last = k;
    if (v->kind == VALUE_RESULT) r->last = p->ni - 1;
}

/* Could `to`, written by instruction k, have the place of `from`, read by it? */
static bool can_share(const prog *p, val from, val to, int k, const int *last)
{
    if (from == NONE || to == NONE) return false;
    const value *a = &p->v[from], *b = &p->v[to];
    BUG_IF(value_bytes(a) != value_bytes(b));
    return a->kind == VALUE_TEMP && b->kind == VALUE_TEMP && last[from] == k;
}

/* The one gradient that backward instruction i writes, if it is that of input 0 and assigned. */
static val sole_gradient(const instr *i)
{
    for (int j = 1; j < MAXIN; j++)
        if (i->din[j] != NONE) return NONE;
    return i->acc & BIT(0) ? NONE : i->din[0];
}

static void share_storage(prog *p)
{
    int *last = arena_new(&p->mem, (size_t)p->nv * sizeof *last);
    each_operand(p, note_last, last);
    for (int k = 0; k < p->ni; k++) {
        const instr *i = &p->i[k];
        if (!i->op->inplace) continue;
        val from = i->back ? i->dout : i->in[0], to = i->back ? sole_gradient(i) : i->out[0];
        if (can_share(p, from, to, k, last)) p->v[to].root = root(p, from);
    }
}

static int by_size(const void *a, const void *b, void *arg)
{
    const prog *p = arg;
    int x = *(const int *)a, y = *(const int *)b;
    size_t rx = room(&p->v[x]), ry = room(&p->v[y]);
    return rx < ry ? 1 : rx > ry ? -1 : x - y;
}

/* The start of the tightest gap for v between the placed values (by offset) alive at the same time, or the
 * end of the last of them. */
static size_t best_place(const prog *p, const value *v, const int *placed, int n)
{
    size_t need = room(v), end = 0, best = 0, tightest = SIZE_MAX;
    for (int k = 0; k < n; k++) {
        const value *w = &p->v[placed[k]];
        if (w->last < v->first || v->last < w->first) continue;
        if (w->off >= end + need && w->off - end < tightest) {
            tightest = w->off - end;
            best = end;
        }
        if (w->off + room(w) > end) end = w->off + room(w);
    }
    return tightest == SIZE_MAX ? end : best;
}

static void place(prog *p, int *order, int n)
{
    int *placed = arena_new(&p->mem, (size_t)n * sizeof *placed);
    qsort_r(order, (size_t)n, sizeof *order, by_size, p);
    p->slab = 0;
    for (int k = 0; k < n; k++) {
        value *v = &p->v[order[k]];
        v->off = best_place(p, v, placed, k);
        if (v->off + room(v) > p->slab) p->slab = v->off + room(v);
        int at = k;
        for (; at > 0 && p->v[placed[at - 1]].off > v->off; at--) placed[at] = placed[at - 1];
        placed[at] = order[k];
    }
}

void plan_memory(prog *p)
{
    for (int x = 0; x < p->nv; x++) {
        p->v[x].root = x;
        p->v[x].first = p->v[x].last = -1;
    }
    share_storage(p);
    each_operand(p, note_range, NULL);

    int n = 0, *order = arena_new(&p->mem, (size_t)p->nv * sizeof *order);
    size_t *alive = arena_new(&p->mem, (size_t)p->ni * sizeof *alive);
    p->bound = 0;
    for (int x = 0; x < p->nv; x++) {
        const value *v = &p->v[x];
        if (!is_planned(v) || v->root != x || v->first < 0) continue;
        order[n++] = x;
        for (int k = v->first; k <= v->last; k++) alive[k] += room(v);
    }
    for (int k = 0; k < p->ni; k++)
        if (alive[k] > p->bound) p->bound = alive[k];
    place(p, order, n);
}

void plan_bind(prog *p, void *slab)
{
    for (int x = 0; x < p->nv; x++) {
        const value *r = &p->v[root(p, x)];
        if (is_planned(&p->v[x]) && r->first >= 0) p->v[x].p = (char *)slab + r->off;
    }
}
