/* test_list.c -- whole lists: a two-block model, planned and run by the reference, in double.
 *
 * The gradient of every adapter matrix against 4-point differences along random directions (bound as in
 * test_op.c; the loss is of order 3), for choices of adapters, head norms, biases, windows, dropout, tied
 * heads and fewer live rows than planned. Whatever is recomputed, gradients and results have the same bits.
 * The slab holds NaN before each run, so that a value read before it is written shows. Then lists that models
 * do not write but a planner must survive: values used many times in every order. */
#include "plan/llama.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct rig {
    prog p;
    llama_values io;
    void *slab;
    val loss;
} rig;

static void normals(real *x, int64_t n, uint64_t stream, double middle, double spread)
{
    uint64_t key = rng_key(11, stream);
    for (int64_t k = 0; k < n; k++) x[k] = middle + spread * rng_normal(key, (uint64_t)k);
}

/* Names decide the stream: the same numbers whatever the list around them. */
static uint64_t stream_of(const char *name)
{
    uint64_t h = 1469598103934665603u;
    for (; *name; name++) h = (h ^ (uint8_t)*name) * 1099511628211u;
    return h;
}

static void fill_weight(prog *p, val x)
{
    value *v = &p->v[x];
    int64_t n = numel(v->s);
    bool vector = v->s.d[1] == 1, bias = strstr(v->name, ".bias") != NULL;
    tensor *w = arena_new(&p->mem, sizeof *w);
    float *data = arena_new(&p->mem, (size_t)n * sizeof *data);
    uint64_t key = rng_key(11, stream_of(v->name));
    double spread = vector ? 0.3 : 1.2 / sqrt((double)v->s.d[1]);
    for (int64_t k = 0; k < n; k++)
        data[k] = (float)((vector && !bias ? 1 : 0) + spread * rng_normal(key, (uint64_t)k));
    *w = *v->w;
    w->data = data;
    w->bytes = (size_t)n * sizeof *data;
    v->w = w;
}

/* Storage and numbers for what a plan leaves to its caller. */
static void fill(rig *r)
{
    prog *p = &r->p;
    for (int x = 0; x < p->nv; x++) {
        value *v = &p->v[x];
        if (v->kind == VALUE_FROZEN) fill_weight(p, x);
        if (v->kind != VALUE_INPUT && v->kind != VALUE_PARAM && v->kind != VALUE_GRAD) continue;
        if (v->p) continue;
        v->p = arena_new(&p->mem, value_bytes(v));
        if (v->kind == VALUE_PARAM || (v->kind == VALUE_INPUT && !v->is_int))
            normals(v->p, numel(v->s), stream_of(v->name), 0, 0.6 / sqrt((double)v->s.d[1]));
    }
    r->slab = aligned_alloc(64, (p->slab + 64) & ~(size_t)63);
    plan_bind(p, r->slab);
}

/* Documents of 4, 9, 4, 9 rows, and every second row but the first carries a label. */
static void feed(rig *r, const llama *m, int64_t tokens, int64_t labels)
{
    prog *p = &r->p;
    int32_t *ids = p->v[r->io.tokens].p, *position = p->v[r->io.positions].p, *start = p->v[r->io.start].p;
    int32_t *index = p->v[r->io.index].p, *target = p->v[r->io.target].p;
    real *weight = p->v[r->io.weight].p;
    for (int64_t t = 0; t < tokens; t++) {
        start[t] = (int32_t)(t / 13 * 13 + (t % 13 >= 4 ? 4 : 0));
        position[t] = (int32_t)t - start[t];
        ids[t] = (int32_t)(rng_of(3, (uint64_t)t) % (uint64_t)m->vocab);
    }
    for (int64_t l = 0; l < labels; l++) {
        index[l] = (int32_t)(1 + 2 * l);
        target[l] = (int32_t)(rng_of(4, (uint64_t)l) % (uint64_t)m->vocab);
        weight[l] = l % 3 == 2 ? 0 : 1.0 / (double)labels;
    }
    prog_rows(p, tokens, labels);
}

static double step(rig *r)
{
    prog *p = &r->p;
    run one = {.key = 77};
    memset(r->slab, 0xff, p->slab);
    for (int x = 0; x < p->nv; x++)
        if (p->v[x].kind == VALUE_GRAD) memset(p->v[x].p, 0, value_bytes(&p->v[x]));
    for (int k = 0; k < p->ni; k++)
        (p->i[k].back ? p->i[k].op->backward : p->i[k].op->forward)(&one, p->v, &p->i[k]);
    return (double)*(real *)p->v[r->loss].p;
}

static rig finish(rig r, plan_keep keep, int blocks)
{
    str complaints = {0};
    plan_grad(&r.p, keep, blocks);
    plan_memory(&r.p);
    if (plan_judge(&r.p, &complaints)) fail_msg("%s", str_c(&complaints));
    str_free(&complaints);
    fill(&r);
    return r;
}

static rig open_llama(const llama *m, plan_keep keep, int blocks, int64_t tokens, int64_t labels)
{
    rig r = {0};
    r.io = llama_forward(&r.p, m);
    r.loss = r.io.loss;
    r = finish(r, keep, blocks);
    feed(&r, m, tokens, labels);
    return r;
}

static void close_rig(rig *r)
{
    free(r->slab);
    prog_release(&r->p);
}

static void check_param(rig *r, val x)
{
    static const double at[] = {-2, -1, 1, 2}, factor[] = {1, -8, 8, -1};
    const double h = 1e-3;
    value *v = &r->p.v[x];
    int64_t n = numel(v->s);
    real *d = xmalloc((size_t)n * sizeof *d), *base = xmalloc((size_t)n * sizeof *base), *w = v->p;
    double analytic = 0, numeric = 0, loss = step(r);
    normals(d, n, stream_of(v->name) + 1, 0, 0.2);
    memcpy(base, w, (size_t)n * sizeof *base);
    for (int64_t k = 0; k < n; k++) analytic += ((real *)r->p.v[v->grad].p)[k] * d[k];
    for (int q = 0; q < 4; q++) {
        for (int64_t k = 0; k < n; k++) w[k] = base[k] + at[q] * h * d[k];
        numeric += factor[q] * step(r) / (12 * h);
    }
    memcpy(w, base, (size_t)n * sizeof *base);
    if (!(fabs(analytic - numeric) < 1e-6 * (fabs(analytic) + fabs(numeric)) + 1e-11 * (1 + fabs(loss))))
        fail_msg("%s: %.12g along a direction, differences say %.12g", v->name, analytic, numeric);
    free(d);
    free(base);
}

static int check_params(rig *r)
{
    int n = 0;
    for (val x = 0; x < r->p.nv; x++) {
        if (r->p.v[x].kind != VALUE_PARAM) continue;
        check_param(r, x);
        n++;
    }
    return n;
}

static const llama tiny = {.layers = 2,
                           .width = 12,
                           .heads = 4,
                           .kv_heads = 2,
                           .dim = 4,
                           .ffn = 18,
                           .vocab = 23,
                           .rank = 3,
                           .targets = "all",
                           .tokens = 19,
                           .labels = 7,
                           .chunk = 3};

static void gradients_of_adapters(void **state)
{
    (void)state;
    const char *targets[] = {"all",       "q_proj,v_proj", "k_proj", "down_proj", "up_proj,o_proj",
                             "gate_proj", "1:v_proj"};
    const int modules[] = {14, 4, 2, 2, 4, 2, 1};
    for (int t = 0; t < 7; t++)
        for (int kind = 0; kind < 4; kind++) {
            llama m = tiny;
            m.targets = targets[t];
            m.tied = kind & 1;
            m.head_norms = kind == 1;
            m.bias = kind == 2;
            m.window = kind == 3 ? 3 : 0;
            m.dropout = kind == 2 ? 0.3 : 0;
            rig r = open_llama(&m, KEEP_ALL, 0, kind == 3 ? 15 : m.tokens, kind == 3 ? 5 : m.labels);
            assert_int_equal(check_params(&r), 2 * modules[t]);
            close_rig(&r);
        }
}

static val find(const prog *p, const char *name, value_kind kind)
{
    for (val x = 0; x < p->nv; x++)
        if (p->v[x].kind == kind && !strcmp(p->v[x].name, name)) return x;
    fail_msg("no value %s", name);
    return NONE;
}

static void equal_bits(const rig *a, val x, const rig *b, val y)
{
    assert_int_equal(numel(a->p.v[x].s), numel(b->p.v[y].s));
    if (memcmp(a->p.v[x].p, b->p.v[y].p, (size_t)numel(a->p.v[x].s) * sizeof(real)))
        fail_msg("%s differs", a->p.v[x].name);
}

static void recompute_changes_no_bit(void **state)
{
    (void)state;
    const struct {
        plan_keep keep;
        int blocks;
    } policy[] = {{REDO_CHEAP, 0}, {REDO_BLOCKS, 1}, {REDO_BLOCKS, 2}};
    const char *targets[] = {"all", "q_proj,v_proj", "down_proj", "1:up_proj"};
    for (int t = 0; t < 4; t++)
        for (int k = 0; k < 3; k++) {
            llama m = tiny;
            m.targets = targets[t];
            m.dropout = 0.2;
            m.head_norms = t == 0;
            rig a = open_llama(&m, KEEP_ALL, 0, 17, 6),
                b = open_llama(&m, policy[k].keep, policy[k].blocks, 17, 6);
            assert_true(step(&a) == step(&b));
            equal_bits(&a, a.io.ce, &b, b.io.ce);
            equal_bits(&a, a.io.hit, &b, b.io.hit);
            for (val x = 0; x < a.p.nv; x++)
                if (a.p.v[x].kind == VALUE_GRAD) equal_bits(&a, x, &b, find(&b.p, a.p.v[x].name, VALUE_GRAD));
            close_rig(&a);
            close_rig(&b);
        }
}

/* Fewer live rows than the plan has room for are a smaller problem, to the bit; so is another capacity. */
static void live_rows_are_all_that_counts(void **state)
{
    (void)state;
    llama small = tiny, large = tiny;
    small.tokens = 13;
    small.labels = 4;
    large.tokens = 40;
    large.labels = 20;
    rig a = open_llama(&small, KEEP_ALL, 0, 13, 4), b = open_llama(&large, KEEP_ALL, 0, 13, 4);
    assert_true(step(&a) == step(&b));
    equal_bits(&a, a.io.ce, &b, b.io.ce);
    for (val x = 0; x < a.p.nv; x++)
        if (a.p.v[x].kind == VALUE_GRAD) equal_bits(&a, x, &b, find(&b.p, a.p.v[x].name, VALUE_GRAD));
    close_rig(&a);
    close_rig(&b);
}

/* Gradients are added to, so that micro-batches accumulate; results and losses are not. */
static void gradients_accumulate(void **state)
{
    (void)state;
    rig r = open_llama(&tiny, KEEP_ALL, 0, 19, 7);
    run one = {.key = 77};
    double loss = step(&r);
    val g = find(&r.p, "d 0.q_proj.A", VALUE_GRAD);
    real *now = r.p.v[g].p, *once = xmalloc(value_bytes(&r.p.v[g]));
    memcpy(once, now, value_bytes(&r.p.v[g]));
    for (int k = 0; k < r.p.ni; k++)
        (r.p.i[k].back ? r.p.i[k].op->backward : r.p.i[k].op->forward)(&one, r.p.v, &r.p.i[k]);
    assert_true(loss == (double)*(real *)r.p.v[r.loss].p);
    for (int64_t k = 0; k < numel(r.p.v[g].s); k++)
        assert_true(fabs(now[k] - 2 * once[k]) <= 1e-13 * (1 + fabs(once[k])));
    free(once);
    close_rig(&r);
}

/* The evaluation list is the training list without its backward: same loss, to the bit. */
static void evaluation_gives_the_same_loss(void **state)
{
    (void)state;
    rig a = open_llama(&tiny, KEEP_ALL, 0, 19, 7), b = {0};
    b.io = llama_forward(&b.p, &tiny);
    b.loss = b.io.loss;
    plan_memory(&b.p);
    fill(&b);
    feed(&b, &tiny, 19, 7);
    assert_true(step(&a) == step(&b));
    equal_bits(&a, a.io.ce, &b, b.io.ce);
    assert_true(b.p.slab < a.p.slab);
    close_rig(&a);
    close_rig(&b);
}

/* A list of additions over two adapted projections, one letter a step; the loss reads the last value. */
static val odd_step(prog *p, char c, val *a, val *b, val x, lowrank *l)
{
    enum { WIDTH = 6 };
    switch (c) {
    case 'd':
        return op_add(p, x, x); /* doubles */
    case 'a':
        return op_add(p, x, *a);
    case 'b':
        return op_add(p, *b, x);
    case 'u':
        *a = op_swiglu(p, *a, x);
        return op_add(p, x, *a); /* another use of a, whose gradient is shared */
    case 's':
        return op_swiglu(p, *b, x);
    case 'm':
        *b = op_add(p, *a, *b);
        return op_add(p, x, *b);
    default:
        *b = op_linear(p, x, llama_weight(p, "w", WIDTH, WIDTH), NONE, l);
        return op_add(p, *a, *b);
    }
}

static rig open_odd(const char *steps)
{
    enum { WIDTH = 6, ROWS = 5 };
    rig r = {0};
    prog *p = &r.p;
    prog_init(p, ROWS, ROWS);
    r.io.weight = prog_value(p, "weight", VALUE_INPUT, ROWS_LABELS, 0, 1);
    val in = prog_value(p, "in", VALUE_INPUT, ROWS_LABELS, 0, WIDTH), ce, hit;
    val target = prog_ints(p, "target", VALUE_INPUT, ROWS_LABELS, 0, 1);
    lowrank l[3];
    val y[3];
    for (int k = 0; k < 3; k++) {
        l[k] = (lowrank){.scale = 1};
        l[k].a = prog_value(p, arena_fmt(&p->mem, "%d.A", k), VALUE_PARAM, ROWS_FIXED, 2, WIDTH);
        l[k].b = prog_value(p, arena_fmt(&p->mem, "%d.B", k), VALUE_PARAM, ROWS_FIXED, WIDTH, 2);
    }
    for (int k = 0; k < 2; k++)
        y[k] = op_linear(p, in, llama_weight(p, arena_fmt(&p->mem, "w%d", k), WIDTH, WIDTH), NONE, &l[k]);
    val x = op_add(p, y[0], y[1]), a = y[0], b = y[1];
    for (const char *s = steps; *s; s++) x = odd_step(p, *s, &a, &b, x, &l[2]);
    x = op_rmsnorm(p, x, llama_weight(p, "norm", WIDTH, 0), 1e-5);
    r.loss = op_head(p, x, llama_weight(p, "head", 7, WIDTH), target, r.io.weight, 2, &ce, &hit);
    return finish(r, KEEP_ALL, 0);
}

static void values_used_in_every_order(void **state)
{
    (void)state;
    static const char letters[] = "dabusmw";
    for (int n = 0; n < 7 * 7 * 7 * 7; n++) {
        char steps[] = {letters[n % 7], letters[n / 7 % 7], letters[n / 49 % 7], letters[n / 343], 0};
        rig r = open_odd(steps);
        for (val x = 0; x < r.p.nv; x++)
            if (r.p.v[x].kind == VALUE_PARAM && r.p.v[x].grad != NONE) check_param(&r, x);
        close_rig(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_adapters),          cmocka_unit_test(recompute_changes_no_bit),
        cmocka_unit_test(live_rows_are_all_that_counts),  cmocka_unit_test(gradients_accumulate),
        cmocka_unit_test(evaluation_gives_the_same_loss), cmocka_unit_test(values_used_in_every_order),
    };
    return cmocka_run_group_tests_name("lists", tests, NULL, NULL);
}
