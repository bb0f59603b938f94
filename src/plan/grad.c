/* grad.c -- the backward list, appended to the forward one.
 *
 * The forward instructions are walked from the last to the first, and each emits one backward instruction
 * that names only what its operator says the wanted gradients read. A value wants a gradient when a PARAM
 * lies below it, so nothing is emitted below the lowest adapter.
 *
 * One gradient a value. Its first writer assigns and later ones add (instr.acc), so nothing is ever zeroed;
 * gradients of PARAMs are always added to. An operator whose gradient is dout itself (`through`) emits
 * nothing: its inputs take dout as theirs. So one gradient may serve several values, and before more is added
 * to it for one of them, it must have been read for all others. Where it has not, a copy parts them (see
 * part()).
 *
 * Recompute. On entering a segment from behind, its forward instructions (or the cheap ones) are emitted
 * again with fresh outputs, and `now` says where a forward value is to be found from then on. What turns out
 * unread is dropped at the end. Copies keep their instruction's id, so dropout falls on the same elements. */
#include "plan/plan.h"

#include <string.h>

typedef struct walk {
    prog *p;
    int *producer; /* of a forward value: the instruction that writes it, -1: none */
    val *now;      /* of a forward value: itself, or its recomputed copy */
    int values;    /* forward values; both arrays have as many */
    int loss;      /* the instruction whose gradient it all begins with, -1: none */
} walk;

static bool is_planned(const value *v) { return v->kind == VALUE_TEMP || v->kind == VALUE_RESULT; }

static walk begin(prog *p)
{
    walk w = {.p = p, .values = p->nv, .loss = -1};
    w.producer = arena_new(&p->mem, (size_t)p->nv * sizeof *w.producer);
    w.now = arena_new(&p->mem, (size_t)p->nv * sizeof *w.now);
    for (int x = 0; x < p->nv; x++) {
        w.producer[x] = -1;
        w.now[x] = x;
    }
    p->nfwd = p->ni;
    for (int k = 0; k < p->nfwd; k++) {
        const instr *i = &p->i[k];
        bool wants = false;
        for (int j = 0; j < MAXIN; j++) wants |= i->in[j] != NONE && p->v[i->in[j]].wants_grad;
        for (int j = 0; j < MAXOUT; j++) {
            if (i->out[j] == NONE) continue;
            p->v[i->out[j]].wants_grad = wants && !p->v[i->out[j]].is_int;
            w.producer[i->out[j]] = k;
        }
        if (i->op->early) w.loss = k;
    }
    return w;
}

/* A fresh value of x's shape. */
static val fresh(prog *p, const char *name, val x, value_kind kind)
{
    const value like = p->v[x]; /* a copy: new values move the array */
    val y = prog_value(p, name, kind, (value_rows)like.rows, like.cap, like.s.d[1]);
    p->v[y].is_int = like.is_int;
    p->v[y].s = like.s;
    p->v[y].wants_grad = false;
    return y;
}

static val fresh_grad(prog *p, val x)
{
    bool param = p->v[x].kind == VALUE_PARAM;
    return fresh(p, arena_fmt(&p->mem, "d %s", p->v[x].name), x, param ? VALUE_GRAD : VALUE_TEMP);
}

/* A backward of add with one destination: to becomes, or with acc is increased by, from. */
static void emit_sum(walk *w, val from, val to, uint8_t acc, int k)
{
    int seg = w->p->i[k].seg, id = w->p->i[k].id;
    instr *b = prog_emit(w->p, &op_def_add);
    b->back = true;
    b->dout = from;
    b->din[0] = to;
    b->acc = acc;
    b->seg = seg;
    b->id = id;
}

/* Is g the gradient of another value than x, whose producer lies before instruction k and so has yet to
 * read it? */
static bool is_awaited(const walk *w, val g, val x, int k)
{
    for (int z = 0; z < w->values; z++)
        if (z != x && w->p->v[z].grad == g && w->producer[z] < k) return true;
    return false;
}

/* The gradient of x for the backward of instruction k, which reads dy, to write; *acc tells whether it adds.
 * A gradient that others await, or that is dy itself, stays as it is: x goes on with a copy. */
static val destination(walk *w, val x, int k, val dy, bool *acc)
{
    prog *p = w->p;
    val g = p->v[x].grad;
    *acc = g != NONE || p->v[x].kind == VALUE_PARAM;
    if (g == NONE) {
        g = fresh_grad(p, x);
        p->v[x].grad = g;
    } else if (g == dy || is_awaited(w, g, x, k)) {
        val copy = fresh_grad(p, x);
        emit_sum(w, g, copy, 0, k);
        p->v[x].grad = g = copy;
    }
    return g;
}

/* Every input's gradient is dy: taken as it is where that can be, else added. */
static void pass_through(walk *w, const instr *f, int k, val dy)
{
    for (int j = 0; j < f->op->nin; j++) {
        val x = f->in[j];
        if (!w->p->v[x].wants_grad) continue;
        if (w->p->v[x].grad == NONE && w->p->v[x].kind != VALUE_PARAM) {
            w->p->v[x].grad = dy;
            continue;
        }
        bool acc;
        val g = destination(w, x, k, dy, &acc);
        emit_sum(w, dy, g, acc ? BIT(0) : 0, k);
    }
}

/* The backward instruction of forward instruction f: what it reads is named, nothing else, so that nothing
 * else is kept. PARAMs, weights and inputs are always there. */
static void differentiate(walk *w, const instr *f, int k, val dy)
{
    prog *p = w->p;
    instr b = *f;
    unsigned wanted = 0;
    BUG_IF(!f->op->backward);
    for (int j = 0; j < f->op->nin; j++)
        if (f->in[j] != NONE && p->v[f->in[j]].wants_grad) wanted |= BIT(j);
    b.back = true;
    b.dout = dy;
    for (int j = 0; j < f->op->nin; j++) {
        val x = f->in[j];
        if (x == NONE) continue;
        if (is_planned(&p->v[x])) b.in[j] = f->op->in_for[j] & wanted ? w->now[x] : NONE;
        if (!(wanted & BIT(j))) continue;
        bool acc;
        b.din[j] = destination(w, x, k, dy, &acc);
        if (acc) b.acc |= BIT(j);
    }
    for (int j = 0; j < f->op->nout; j++)
        b.out[j] = f->out[j] != NONE && (f->op->out_for[j] & wanted) ? w->now[f->out[j]] : NONE;
    *prog_emit(p, f->op) = b;
}

static void backward_of(walk *w, int k)
{
    prog *p = w->p;
    const instr f = p->i[k]; /* a copy: emitting moves the array */
    if (f.op->early) {
        if (k != w->loss || !p->v[f.in[0]].wants_grad) return;
        val dh = fresh_grad(p, f.in[0]);
        p->v[f.in[0]].grad = p->i[k].out[1] = dh;
        return;
    }
    val dy = f.out[0] == NONE ? NONE : p->v[f.out[0]].grad;
    if (dy == NONE || !p->v[f.out[0]].wants_grad) return;
    if (f.op->through)
        pass_through(w, &f, k, dy);
    else
        differentiate(w, &f, k, dy);
}

/* Emits the forward of a segment once more: all of it, or what is cheap. */
static void again(walk *w, int seg, plan_keep keep)
{
    prog *p = w->p;
    for (int k = 0; k < p->nfwd; k++) {
        if (p->i[k].seg != seg || (keep == REDO_CHEAP && !p->i[k].op->cheap)) continue;
        instr f = p->i[k];
        for (int j = 0; j < MAXIN; j++)
            if (f.in[j] != NONE) f.in[j] = w->now[f.in[j]];
        for (int j = 0; j < MAXOUT; j++) {
            if (f.out[j] == NONE) continue;
            val copy = fresh(p, p->v[f.out[j]].name, f.out[j], VALUE_TEMP);
            w->now[f.out[j]] = copy;
            f.out[j] = copy;
        }
        *prog_emit(p, f.op) = f;
    }
}

static bool is_redone(int seg, plan_keep keep, int blocks)
{
    return seg > 0 && (keep == REDO_CHEAP || (keep == REDO_BLOCKS && seg <= blocks));
}

static void mark(bool *read, const val *x, int n)
{
    for (int j = 0; j < n; j++)
        if (x[j] != NONE) read[x[j]] = true;
}

/* Is any output read later on, or a result of the step? */
static bool is_live(const prog *p, const instr *i, const bool *read)
{
    if (i->back) return true; /* somebody wanted a gradient of it, or it would not have been emitted */
    for (int j = 0; j < MAXOUT; j++)
        if (i->out[j] != NONE && (read[i->out[j]] || p->v[i->out[j]].kind == VALUE_RESULT)) return true;
    return false;
}

/* Removes recomputed and forward instructions that nobody reads, and output 0 where that alone is unread. */
static void drop_unread(prog *p)
{
    bool *read = arena_new(&p->mem, (size_t)p->nv);
    int kept = p->ni, plain = 0;
    for (int k = p->ni - 1; k >= 0; k--) {
        instr *i = &p->i[k];
        if (!is_live(p, i, read)) continue;
        if (!i->back && i->op->partial && !read[i->out[0]]) i->out[0] = NONE;
        mark(read, i->in, MAXIN);
        mark(read, &i->dout, 1);
        if (i->back) mark(read, i->out, MAXOUT);
        plain += k < p->nfwd;
        p->i[--kept] = *i;
    }
    p->ni -= kept;
    p->nfwd = plain;
    memmove(p->i, p->i + kept, (size_t)p->ni * sizeof *p->i);
}

void plan_grad(prog *p, plan_keep keep, int blocks)
{
    BUG_IF(p->nfwd);
    walk w = begin(p);
    for (int k = p->nfwd - 1, seg = -1; k >= 0; k--) {
        if (p->i[k].seg != seg) {
            seg = p->i[k].seg;
            if (is_redone(seg, keep, blocks)) again(&w, seg, keep);
        }
        backward_of(&w, k);
    }
    drop_unread(p);
}
