/* test_op.c -- every operator's reference, in double: each case of its table, each input, against
 * differences.
 *
 * The objective is L = sum of c_k y_k with random c over output 0 (the loss itself where the operator makes
 * one), so dout = c. Along a random direction d, four points give dL = (L(-2h) - 8 L(-h) + 8 L(h) - L(2h)) /
 * 12h, off by h^4 / 30 times the fifth derivative and by eps |L| / h: both below 1e-10 at h = 1e-3 for
 * functions of order 1. The bound of 1e-6 leaves room for the steep ones (rmsnorm of one column, sharp
 * softmax).
 *
 * Buffers hold NaN where nothing was written, rows past the live ones included. A backward is given only the
 * operands that its operator's masks name for the gradients that are wanted. */
#include "base/rng.h"
#include "op/op.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DIRECTIONS = 3, MOST_VALUES = 64 };

static const run one = {.key = 12345};

typedef struct problem {
    prog p;
    instr f;           /* the operator's instruction */
    val out;           /* output 0 */
    val dout;          /* c */
    val grad[MAXIN];   /* d(input j), the size of the input */
    unsigned wanted;   /* inputs that have a gradient */
    const char *where; /* "operator, case" */
} problem;

static void *nans(size_t bytes) { return memset(xmalloc(bytes + 64), 0xff, bytes + 64); }

static void normals(real *x, int64_t n, uint64_t stream)
{
    uint64_t key = rng_key(5, stream);
    for (int64_t k = 0; k < n; k++) x[k] = rng_normal(key, (uint64_t)k);
}

static real *data(const problem *t, val x) { return t->p.v[x].p; }
static int64_t count(const problem *t, val x) { return numel(t->p.v[x].s); }

static val like(problem *t, const char *name, val x)
{
    value v = t->p.v[x];
    val y = prog_value(&t->p, name, VALUE_TEMP, (value_rows)v.rows, v.cap, v.s.d[1]);
    t->p.v[y].s = v.s;
    return y;
}

static void open_problem(problem *t, const op *o, const op_case *c)
{
    *t = (problem){.where = c->name};
    prog *p = &t->p;
    prog_init(p, 0, 0);
    t->out = o->build(p, c);
    if (p->ni != 1 || p->i[0].op != o) fail_msg("%s, %s: a case is one instruction", o->name, c->name);
    if (p->i[0].out[0] != t->out) fail_msg("%s, %s: build() returns output 0", o->name, c->name);
    t->where = arena_fmt(&p->mem, "%s, %s", o->name, c->name);
    t->dout = like(t, "dout", t->out);
    for (int j = 0; j < MAXIN; j++) {
        val x = p->i[0].in[j];
        t->grad[j] = NONE;
        if (x == NONE || p->v[x].kind != VALUE_PARAM) continue;
        t->wanted |= BIT(j);
        t->grad[j] = like(t, "gradient", x);
    }
    if (o->early) p->i[0].out[1] = t->grad[0];
    t->f = p->i[0];
    for (int x = 0; x < p->nv; x++) {
        value *v = &p->v[x];
        if (v->p || v->kind == VALUE_FROZEN) continue;
        v->p = nans(value_bytes(v));
        if (v->kind == VALUE_PARAM) normals(v->p, numel(v->s), (uint64_t)x);
    }
    normals(data(t, t->dout), count(t, t->dout), 99);
}

static void close_problem(problem *t)
{
    for (int x = 0; x < t->p.nv; x++)
        if (t->p.v[x].kind == VALUE_PARAM || t->p.v[x].kind == VALUE_TEMP || t->p.v[x].kind == VALUE_RESULT)
            free(t->p.v[x].p);
    prog_release(&t->p);
}

static double objective(const problem *t)
{
    const op *o = t->f.op;
    const real *y = data(t, t->out), *c = data(t, t->dout);
    double sum = 0;
    o->forward(&one, t->p.v, &t->f);
    if (o->early) return y[0];
    for (int64_t k = 0; k < count(t, t->out); k++) sum += c[k] * y[k];
    return sum;
}

/* The backward of the gradients in `some`, with what the masks name and nothing else. */
static instr backward_of(const problem *t, unsigned some, uint8_t acc)
{
    instr b = t->f;
    b.back = true;
    b.dout = t->dout;
    b.acc = acc;
    for (int j = 0; j < b.op->nin; j++) {
        b.din[j] = some & BIT(j) ? t->grad[j] : NONE;
        /* A and B: PARAMs in any list */
        bool always = (j >= 3 && b.op->id == OP_linear) || (j == 2 && b.op->id == OP_experts);
        if (b.in[j] != NONE && t->p.v[b.in[j]].kind == VALUE_PARAM && !always && !(b.op->in_for[j] & some))
            b.in[j] = NONE;
    }
    for (int j = 0; j < b.op->nout; j++)
        if (!(b.op->out_for[j] & some)) b.out[j] = NONE;
    return b;
}

static void run_backward(const problem *t, unsigned some, uint8_t acc)
{
    instr b = backward_of(t, some, acc);
    if (t->f.op->early)
        t->f.op->forward(&one, t->p.v, &t->f);
    else
        b.op->backward(&one, t->p.v, &b);
}

static void fill_gradients(const problem *t)
{
    for (int j = 0; j < MAXIN; j++)
        if (t->grad[j] != NONE) memset(data(t, t->grad[j]), 0xff, value_bytes(&t->p.v[t->grad[j]]));
}

/* Rows past the live ones hold the NaN they were filled with; live ones a number. */
static void only_live_rows(const problem *t, val x)
{
    const unsigned char *b = (const unsigned char *)data(t, x);
    if (t->p.v[x].is_int || t->p.v[x].kind == VALUE_STATE) return; /* a STATE's storage is the case's */
    size_t live = (size_t)count(t, x) * sizeof(real), all = value_bytes(&t->p.v[x]);
    for (int64_t k = 0; k < count(t, x); k++)
        if (!isfinite(data(t, x)[k])) fail_msg("%s: %s[%d] is no number", t->where, t->p.v[x].name, (int)k);
    for (size_t k = live; k < all + 64; k++)
        if (b[k] != 0xff) fail_msg("%s: %s is written past its live rows", t->where, t->p.v[x].name);
}

static void check_direction(const problem *t, int j, const real *g, uint64_t stream)
{
    static const double at[] = {-2, -1, 1, 2}, factor[] = {1, -8, 8, -1};
    const double h = 1e-3;
    val x = t->f.in[j];
    int64_t n = count(t, x);
    real *d = xmalloc((size_t)n * sizeof *d), *base = xmalloc((size_t)n * sizeof *base);
    double analytic = 0, numeric = 0, g2 = 0, d2 = 0;
    normals(d, n, stream);
    memcpy(base, data(t, x), (size_t)n * sizeof *base);
    for (int64_t k = 0; k < n; k++) {
        analytic += g[k] * d[k];
        g2 += g[k] * g[k];
        d2 += d[k] * d[k];
    }
    for (int q = 0; q < 4; q++) {
        for (int64_t k = 0; k < n; k++) data(t, x)[k] = base[k] + at[q] * h * d[k];
        numeric += factor[q] * objective(t) / (12 * h);
    }
    memcpy(data(t, x), base, (size_t)n * sizeof *base);
    /* a direction that happens to be nearly flat is judged by a share of the steepest one, and all by what
     * rounding does to L: eps |L| / h */
    double scale = fabs(analytic) + fabs(numeric) + 1e-2 * sqrt(g2 * d2) + 1e-5 * (1 + fabs(objective(t)));
    if (!(fabs(numeric - analytic) / scale < 1e-6))
        fail_msg("%s: gradient of input %d is %.12g along a direction, differences say %.12g", t->where, j,
                 analytic, numeric);
    free(d);
    free(base);
}

/* Any choice of wanted gradients gives each the bits that all together gave. */
static void check_subsets(const problem *t, real *const *all)
{
    for (unsigned some = 1; some <= t->wanted; some++) {
        if ((some & t->wanted) != some || (t->f.op->through && (some & (some - 1)))) continue;
        fill_gradients(t);
        run_backward(t, some, 0);
        for (int j = 0; j < MAXIN; j++) {
            if (!(some & BIT(j))) continue;
            only_live_rows(t, t->grad[j]);
            if (memcmp(data(t, t->grad[j]), all[j], (size_t)count(t, t->grad[j]) * sizeof(real)))
                fail_msg("%s: gradient of input %d depends on which others are wanted (%#x)", t->where, j,
                         some);
        }
    }
}

/* Added to a random base, each alone and all together: base + gradient, but for the order of a sum. */
static void check_adding(const problem *t, real *const *all, unsigned some)
{
    for (int j = 0; j < MAXIN; j++)
        if (some & BIT(j)) normals(data(t, t->grad[j]), count(t, t->grad[j]), 200 + (uint64_t)j);
    run_backward(t, some, (uint8_t)some);
    for (int j = 0; j < MAXIN; j++) {
        if (!(some & BIT(j))) continue;
        only_live_rows(t, t->grad[j]);
        uint64_t key = rng_key(5, 200 + (uint64_t)j);
        for (int64_t k = 0; k < count(t, t->grad[j]); k++) {
            double want = rng_normal(key, (uint64_t)k) + all[j][k], got = data(t, t->grad[j])[k];
            if (!(fabs(got - want) <= 1e-12 * (10 + fabs(all[j][k]))))
                fail_msg("%s: gradient of input %d is not added", t->where, j);
        }
    }
}

/* A gradient that changes with an operand reads it, and the masks have to say so. */
static void check_masks(const problem *t, real *const *all)
{
    const op *o = t->f.op;
    for (int j = 0; j < o->nin + o->nout; j++) {
        bool is_in = j < o->nin;
        val x = is_in ? t->f.in[j] : t->f.out[j - o->nin];
        unsigned mask = is_in ? o->in_for[j] : o->out_for[j - o->nin];
        if (x == NONE || t->p.v[x].is_int || t->p.v[x].kind == VALUE_FROZEN) continue;
        size_t size = (size_t)count(t, x) * sizeof(real);
        real *base = memcpy(xmalloc(size), data(t, x), size);
        for (int64_t k = 0; k < count(t, x); k++) data(t, x)[k] += 0.25;
        run_backward(t, t->wanted, 0);
        for (int k = 0; k < o->nin; k++) {
            size_t bytes = all[k] ? (size_t)count(t, t->grad[k]) * sizeof(real) : 0;
            if (bytes && memcmp(data(t, t->grad[k]), all[k], bytes) && !(mask & BIT(k)))
                fail_msg("%s: gradient of input %d reads %s without saying so", t->where, k, t->p.v[x].name);
        }
        memcpy(data(t, x), base, size);
        free(base);
    }
}

static void check_case(const op *o, const op_case *c)
{
    problem t;
    real *all[MAXIN] = {0};
    open_problem(&t, o, c);
    objective(&t);
    for (int j = 0; j < o->nout; j++) {
        bool scratch = o->early && j == 4;
        if (t.f.out[j] != NONE && !scratch) only_live_rows(&t, t.f.out[j]);
    }
    for (int j = 0; j < o->nin; j++) {
        if (!(t.wanted & BIT(j))) continue;
        run_backward(&t, o->through ? BIT(j) : t.wanted, 0);
        size_t bytes = (size_t)count(&t, t.grad[j]) * sizeof(real);
        all[j] = memcpy(xmalloc(bytes), data(&t, t.grad[j]), bytes);
        only_live_rows(&t, t.grad[j]);
        for (int d = 0; d < DIRECTIONS; d++) check_direction(&t, j, all[j], 300 + (uint64_t)d);
        objective(&t); /* the outputs of this point again */
    }
    if (!o->early) {
        check_subsets(&t, all);
        for (int j = 0; j < o->nin; j++)
            if (t.wanted & BIT(j)) check_adding(&t, all, BIT(j));
        if (t.wanted && !o->through) check_adding(&t, all, t.wanted);
        if (t.wanted && !o->through) check_masks(&t, all);
    }
    for (int j = 0; j < MAXIN; j++) free(all[j]);
    close_problem(&t);
}

static void every_case_of_every_operator(void **state)
{
    (void)state;
    for (int k = 0; k < OP_COUNT; k++) {
        const op *o = op_all[k];
        assert_int_equal(o->id, k);
        if (!o->build || !o->cases || !o->cases[0].name) fail_msg("%s has no case to check", o->name);
        for (const op_case *c = o->cases; c->name; c++) check_case(o, c);
    }
}

/* What has no gradient is known by name: another operator without one is a mistake. */
static void only_these_have_no_gradient(void **state)
{
    (void)state;
    const unsigned without = BIT(OP_embed) | BIT(OP_rope_table) | BIT(OP_cached_attention) | BIT(OP_store);
    for (int k = 0; k < OP_COUNT; k++) {
        const op *o = op_all[k];
        for (const op_case *c = o->cases; c->name; c++) {
            problem t;
            open_problem(&t, o, c);
            if (!(without & BIT(k)) != !!t.wanted)
                fail_msg("%s, %s: gradients wanted: %#x", o->name, c->name, t.wanted);
            close_problem(&t);
        }
        assert_int_equal(!(without & BIT(k)), o->backward || o->early);
    }
}

/* Output 0 in input 0's storage, and a sole gradient in dout's, give the same bits. */
static void in_place_is_the_same(void **state)
{
    (void)state;
    for (int k = 0; k < OP_COUNT; k++) {
        const op *o = op_all[k];
        for (const op_case *c = o->cases; c->name && o->inplace; c++) {
            problem t;
            open_problem(&t, o, c);
            objective(&t);
            run_backward(&t, BIT(0), 0);
            size_t bytes = (size_t)count(&t, t.out) * sizeof(real);
            instr b = backward_of(&t, BIT(0), 0), f = t.f;
            void *want = memcpy(xmalloc(bytes), data(&t, t.grad[0]), bytes);
            b.din[0] = b.dout;
            b.op->backward(&one, t.p.v, &b);
            if (memcmp(want, data(&t, t.dout), bytes))
                fail_msg("%s: the backward does not work in place", t.where);
            memcpy(want, data(&t, t.out), bytes);
            f.out[0] = f.in[0];
            f.op->forward(&one, t.p.v, &f);
            if (memcmp(want, data(&t, f.in[0]), bytes))
                fail_msg("%s: the forward does not work in place", t.where);
            free(want);
            close_problem(&t);
        }
    }
}

/* Without output 0, the others keep their bits. */
static void partial_is_the_same(void **state)
{
    (void)state;
    for (int k = 0; k < OP_COUNT; k++) {
        const op *o = op_all[k];
        for (const op_case *c = o->cases; c->name && o->partial; c++) {
            problem t;
            open_problem(&t, o, c);
            if (t.f.out[1] != NONE) {
                objective(&t);
                size_t bytes = (size_t)count(&t, t.f.out[1]) * sizeof(real);
                void *want = memcpy(xmalloc(bytes), data(&t, t.f.out[1]), bytes);
                memset(data(&t, t.f.out[1]), 0xff, bytes);
                t.f.out[0] = NONE;
                o->forward(&one, t.p.v, &t.f);
                assert_memory_equal(want, data(&t, t.f.out[1]), bytes);
                free(want);
            }
            close_problem(&t);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_of_every_operator),
        cmocka_unit_test(only_these_have_no_gradient),
        cmocka_unit_test(in_place_is_the_same),
        cmocka_unit_test(partial_is_the_same),
    };
    return cmocka_run_group_tests_name("operators", tests, NULL, NULL);
}
