/* judge.c -- is a finished plan right? Found out by replaying it, with none of the planner's code.
 *
 * A value is intact from the instruction that assigns it until another value is written over any of its
 * bytes. Every read has to find its value intact. Beyond that: nothing is assigned twice, no instruction
 * writes over what it reads (but in place, where its operator allows that) or writes two values to one place;
 * everything lies in the slab, aligned; results are intact at the end; every forward instruction whose output
 * has a gradient has its one backward, with all the gradients wanted of it and all the operands those read;
 * and where a gradient serves several values, no term of one is in it when it is read for another. */
#include "plan/plan.h"

#include <stdlib.h>

enum { MOST_READ = 2 * MAXIN + MAXOUT + 1, MOST_WRITTEN = MAXIN + MAXOUT };

typedef struct trial {
    const prog *p;
    str *out;
    int complaints;
    bool *intact, *assigned; /* of each value */
    const instr **producer;  /* of each value: the forward instruction that has it as output 0, or NULL */
    const instr **plain;     /* by id: the forward instruction, or NULL */
} trial;

/* The operands of one instruction, as far as they lie in the slab. */
typedef struct operands {
    val read[MOST_READ], assigned[MOST_WRITTEN], added[MAXIN];
    int reads, assigns, adds;
} operands;

static bool in_slab(const prog *p, val x)
{
    return x != NONE && (p->v[x].kind == VALUE_TEMP || p->v[x].kind == VALUE_RESULT);
}

static size_t from(const prog *p, val x)
{
    while (p->v[x].root != x) x = p->v[x].root;
    return p->v[x].off;
}

static bool overlap(const prog *p, val x, val y)
{
    return from(p, x) < from(p, y) + value_bytes(&p->v[y]) && from(p, y) < from(p, x) + value_bytes(&p->v[x]);
}

static void complain(trial *t, int k, const char *what, val x)
{
    const instr *i = &t->p->i[k];
    t->complaints++;
    str_fmt(t->out, "instruction %d (%s%s) %s", k, i->op->name, i->back ? "'" : "", what);
    if (x != NONE) str_fmt(t->out, " %s.%d", t->p->v[x].name, x);
    str_putc(t->out, '\n');
}

static operands operands_of(const prog *p, const instr *i)
{
    operands o = {.reads = 0};
    for (int j = 0; j < MAXIN; j++) {
        if (in_slab(p, i->in[j])) o.read[o.reads++] = i->in[j];
        if (!in_slab(p, i->din[j])) continue;
        if (i->acc & BIT(j))
            o.read[o.reads++] = o.added[o.adds++] = i->din[j];
        else
            o.assigned[o.assigns++] = i->din[j];
    }
    for (int j = 0; j < MAXOUT; j++) {
        if (!in_slab(p, i->out[j])) continue;
        if (i->back)
            o.read[o.reads++] = i->out[j];
        else
            o.assigned[o.assigns++] = i->out[j];
    }
    if (in_slab(p, i->dout)) o.read[o.reads++] = i->dout;
    return o;
}

/* May instruction i write x where it reads y? */
static bool is_in_place(const prog *p, const instr *i, val x, val y)
{
    if (!i->op->inplace || from(p, x) != from(p, y)) return false;
    if (!i->back) return x == i->out[0] && y == i->in[0];
    for (int j = 1; j < MAXIN; j++)
        if (i->din[j] != NONE) return false;
    return x == i->din[0] && y == i->dout;
}

static void check_writes(trial *t, int k, const operands *o)
{
    const prog *p = t->p;
    for (int a = 0; a < o->assigns; a++) {
        val x = o->assigned[a];
        if (t->assigned[x]) complain(t, k, "assigns once more", x);
        if (from(p, x) % 64) complain(t, k, "writes to a place that is not aligned:", x);
        if (from(p, x) + value_bytes(&p->v[x]) > p->slab) complain(t, k, "writes past the slab:", x);
        for (int r = 0; r < o->reads; r++)
            if (overlap(p, x, o->read[r]) && !is_in_place(p, &p->i[k], x, o->read[r]))
                complain(t, k, "writes over what it reads:", o->read[r]);
        for (int b = 0; b < a; b++)
            if (overlap(p, x, o->assigned[b])) complain(t, k, "writes two values to the place of", x);
    }
    for (int a = 0; a < o->adds; a++)
        for (int r = 0; r < o->reads; r++)
            if (o->read[r] == p->i[k].dout && overlap(p, o->added[a], o->read[r]))
                complain(t, k, "adds to what it reads:", o->read[r]);
    for (int j = 0; j < MAXIN; j++) {
        val x = p->i[k].din[j];
        if (x != NONE && p->v[x].kind == VALUE_GRAD && !(p->i[k].acc & BIT(j)))
            complain(t, k, "assigns what has to be added to:", x);
    }
}

/* Everything that shares bytes with x, and is not x, is gone. */
static void spoil(trial *t, val x)
{
    for (val y = 0; y < t->p->nv; y++)
        if (y != x && t->intact[y] && overlap(t->p, x, y)) t->intact[y] = false;
}

static void replay(trial *t)
{
    const prog *p = t->p;
    for (int k = 0; k < p->ni; k++) {
        operands o = operands_of(p, &p->i[k]);
        for (int r = 0; r < o.reads; r++)
            if (!t->intact[o.read[r]]) complain(t, k, "reads what is not there:", o.read[r]);
        check_writes(t, k, &o);
        for (int a = 0; a < o.adds; a++) spoil(t, o.added[a]);
        for (int a = 0; a < o.assigns; a++) spoil(t, o.assigned[a]);
        for (int a = 0; a < o.assigns; a++) t->intact[o.assigned[a]] = t->assigned[o.assigned[a]] = true;
    }
    for (val x = 0; x < p->nv; x++)
        if (p->v[x].kind == VALUE_RESULT && !t->intact[x]) complain(t, p->ni - 1, "leaves no result", x);
}

/* Backward b of forward f: are all gradients there, and all that they read? */
static void check_backward(trial *t, const instr *f, int b)
{
    const prog *p = t->p;
    const instr *i = &p->i[b];
    unsigned wanted = 0;
    for (int j = 0; j < f->op->nin; j++) {
        if (f->in[j] == NONE || !p->v[f->in[j]].wants_grad) continue;
        wanted |= BIT(j);
        if (i->din[j] == NONE) complain(t, b, "leaves out the gradient of", f->in[j]);
    }
    if (i->dout == NONE) complain(t, b, "has no gradient to begin with", NONE);
    for (int j = 0; j < f->op->nin; j++)
        if (f->in[j] != NONE && (f->op->in_for[j] & wanted) && i->in[j] == NONE)
            complain(t, b, "is not given", f->in[j]);
    for (int j = 0; j < f->op->nout; j++)
        if (f->out[j] != NONE && (f->op->out_for[j] & wanted) && i->out[j] == NONE)
            complain(t, b, "is not given", f->out[j]);
}

static void check_gradients(trial *t)
{
    const prog *p = t->p;
    for (int k = 0; k < p->nfwd; k++) {
        const instr *f = &p->i[k];
        val y = f->out[0];
        if (f->op->through || f->op->early || y == NONE || !p->v[y].wants_grad || p->v[y].grad == NONE)
            continue;
        int found = 0;
        for (int b = p->nfwd; b < p->ni; b++) {
            if (!p->i[b].back || p->i[b].id != f->id || p->i[b].op != f->op) continue;
            found++;
            check_backward(t, f, b);
        }
        if (found != 1) complain(t, k, found ? "has more than one backward" : "has no backward", NONE);
    }
}

/* Is every term of x's gradient one of y's: is x made of y by additions alone? */
static bool is_sum_of(const trial *t, val x, val y)
{
    if (x == y) return true;
    const instr *f = t->producer[x];
    if (!f || !f->op->through) return false;
    for (int j = 0; j < f->op->nin; j++)
        if (is_sum_of(t, f->in[j], y)) return true;
    return false;
}

/* Before backward b reads its dout as the gradient of y, were only y's terms put into it? */
static void check_terms(trial *t, int b)
{
    const prog *p = t->p;
    val y = t->plain[p->i[b].id]->out[0];
    for (int c = p->nfwd; c < b; c++) {
        const instr *i = &p->i[c];
        if (!i->back || i->op->through || !t->plain[i->id]) continue;
        for (int j = 0; j < MAXIN; j++)
            if (i->din[j] == p->i[b].dout && !is_sum_of(t, t->plain[i->id]->in[j], y))
                complain(t, b, "reads, with terms of another value in it,", i->din[j]);
    }
}

static void check_sharing(trial *t)
{
    const prog *p = t->p;
    for (int k = 0; k < p->nfwd; k++) {
        t->plain[p->i[k].id] = &p->i[k];
        if (p->i[k].out[0] != NONE) t->producer[p->i[k].out[0]] = &p->i[k];
    }
    for (int b = p->nfwd; b < p->ni; b++) {
        if (!p->i[b].back || p->i[b].op->through) continue;
        if (t->plain[p->i[b].id])
            check_terms(t, b);
        else
            complain(t, b, "has no forward", NONE);
    }
}

int plan_judge(const prog *p, str *out)
{
    trial t = {.p = p, .out = out};
    int ids = 1;
    for (int k = 0; k < p->ni; k++)
        if (p->i[k].id >= ids) ids = p->i[k].id + 1;
    t.intact = xcalloc((size_t)p->nv, sizeof *t.intact);
    t.assigned = xcalloc((size_t)p->nv, sizeof *t.assigned);
    t.producer = xcalloc((size_t)p->nv, sizeof *t.producer);
    t.plain = xcalloc((size_t)ids, sizeof *t.plain);
    replay(&t);
    check_gradients(&t);
    check_sharing(&t);
    free(t.intact);
    free(t.assigned);
    free(t.producer);
    free(t.plain);
    return t.complaints;
}
