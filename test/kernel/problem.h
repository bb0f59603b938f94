/* problem.h -- an operator's case as a list that can run on a device, every buffer between guard words and
 * full of NaN where nothing was written, rows past the live ones and the workspace included: what is read
 * without having been written shows. */
#ifndef TEST_PROBLEM_H
#define TEST_PROBLEM_H

#include "base/cpu.h"
#include "base/rng.h"
#include "kernel/device.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { GUARD = 64, MAX_VALUES = 64 };

typedef enum gradient { ASSIGNED, ADDED } gradient;

/* A case as a list of one forward and its backward, with guarded storage. */
typedef struct problem {
    prog p;
    val out;
    void *base[MAX_VALUES];
    size_t bytes[MAX_VALUES];
} problem;

static void fill(float *x, int64_t n, uint64_t stream)
{
    uint64_t key = rng_key(7, stream);
    for (int64_t k = 0; k < n; k++) x[k] = (float)rng_normal(key, (uint64_t)k);
}

static void *guarded(problem *t, val x, size_t bytes)
{
    t->bytes[x] = bytes;
    t->base[x] = aligned_alloc(64, (bytes + 2 * GUARD + 63) / 64 * 64);
    memset(t->base[x], 0xff, bytes + 2 * GUARD); /* NaN */
    return (char *)t->base[x] + GUARD;
}

static void guards_hold(const problem *t)
{
    for (val x = 0; x < t->p.nv; x++) {
        const unsigned char *b = t->base[x];
        for (int k = 0; b && k < GUARD; k++)
            if (b[k] != 0xff || b[GUARD + t->bytes[x] + (size_t)k] != 0xff)
                fail_msg("%s: written outside its storage", t->p.v[x].name);
    }
}

static val like(prog *p, const char *name, val x)
{
    val y = prog_value(p, name, VALUE_TEMP, (value_rows)p->v[x].rows, p->v[x].cap, p->v[x].s.d[1]);
    p->v[y].s = p->v[x].s;
    return y;
}

/* Appends the backward of the list's instruction, with a gradient for every PARAM; `only` picks one for
 * operators that pass their gradient through. */
static void add_backward(problem *t, gradient g, int only)
{
    prog *p = &t->p;
    instr f = p->i[p->ni - 1];
    if (f.op->early) {
        p->i[p->ni - 1].out[1] = like(p, "dh", f.in[0]);
        return;
    }
    if (!f.op->backward) return;
    f.back = true;
    f.dout = like(p, "dout", t->out);
    for (int j = 0; j < f.op->nin; j++) {
        if (f.in[j] == NONE || p->v[f.in[j]].kind != VALUE_PARAM || (f.op->through && j != only)) continue;
        f.din[j] = like(p, "din", f.in[j]);
        if (g == ADDED) f.acc |= (uint8_t)BIT(j);
    }
    instr *b = prog_emit(p, f.op);
    *b = f;
}

static problem *problem_new(const op *o, const op_case *c, gradient g, int only)
{
    problem *t = calloc(1, sizeof *t);
    prog *p = &t->p;
    prog_init(p, 0, 0);
    t->out = o->build(p, c);
    add_backward(t, g, only);
    assert_true(p->nv <= MAX_VALUES);
    for (val x = 0; x < p->nv; x++) {
        value *v = &p->v[x];
        if (v->kind == VALUE_FROZEN) continue;
        bool given = v->p, given_all = v->kind == VALUE_STATE;
        size_t live = (size_t)numel(v->s) * value_element(v);
        void *store = guarded(t, x, value_bytes(v));
        if (given)
            memcpy(store, v->p, given_all ? value_bytes(v) : live);
        else if (v->kind == VALUE_PARAM || !strcmp(v->name, "dout") ||
                 (!strcmp(v->name, "din") && g == ADDED))
            fill(store, numel(v->s), (uint64_t)x);
        v->p = store;
    }
    return t;
}

static void problem_free(problem *t)
{
    for (val x = 0; x < t->p.nv; x++) free(t->base[x]);
    prog_release(&t->p);
    free(t);
}

static void problem_run(problem *t, device *d)
{
    size_t bytes = device_workspace(d, &t->p);
    char *work = aligned_alloc(64, (bytes + GUARD + 63) / 64 * 64);
    memset(work, 0xff, bytes + GUARD);
    run r = {.work = work, .work_bytes = bytes, .key = 99};
    device_run(d, &t->p, &r);
    for (int k = 0; k < GUARD; k++)
        if ((unsigned char)work[bytes + (size_t)k] != 0xff) fail_msg("written past the workspace");
    free(work);
    guards_hold(t);
}

/* The logits of the head are scratch: what they hold afterwards is nobody's. */
static bool scratch(const value *v) { return !strcmp(v->name, "logits"); }

/* What is being compared, for messages. */
typedef struct label {
    const char *op, *name, *device;
} label;

static void same_bits(const problem *a, const problem *b, const label *l)
{
    for (val x = 0; x < a->p.nv; x++)
        if (a->base[x] && !scratch(&a->p.v[x]) && memcmp(a->base[x], b->base[x], a->bytes[x] + 2 * GUARD))
            fail_msg("%s, %s, %s: %s depends on the number of threads", l->op, l->name, l->device,
                     a->p.v[x].name);
}

static device *opened(const char *which, int threads)
{
    device *d;
    err e = {0};
    if (device_open(&d, which, threads, &e)) fail_msg("%s", e.msg);
    return d;
}

#endif
