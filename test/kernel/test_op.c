/* Every operator on every device: each case of the operator's table and some larger ones, forward and
 * backward, in floats, against the reference device. Results of 1, 2 and 3 threads must be the same bits. The
 * bound: a sum of n products in float is off by at most about n eps times the sum of their magnitudes, on
 * either device; n is the longest dimension of the case, and the largest magnitude among inputs (about 1) and
 * results stands for the sums. */
#include "kernel/problem.h"
#include "op/case.h"

static int64_t longest(const prog *p)
{
    int64_t n = 0;
    for (val x = 0; x < p->nv; x++)
        for (int d = 0; d < 2; d++) n = p->v[x].s.d[d] > n ? p->v[x].s.d[d] : n;
    return n;
}

static void compare_value(const value *want, const value *got, int64_t length, const label *l)
{
    const float *a = want->p, *b = got->p;
    float most = 1; /* the size of the inputs: sums of them may cancel */
    int64_t n = numel(want->s);
    for (int64_t k = 0; k < n; k++) most = fmaxf(most, fabsf(a[k]));
    float bound = FLT_EPSILON * (float)(16 + length) * most;
    for (int64_t k = 0; k < n; k++)
        if (isnan(a[k]) != isnan(b[k]) || fabsf(a[k] - b[k]) > bound)
            fail_msg("%s, %s, %s: %s[%lld] is %.9g, not %.9g (bound %.2g)", l->op, l->name, l->device,
                     want->name, (long long)k, (double)b[k], (double)a[k], (double)bound);
}

static void compare(const problem *want, const problem *got, const label *l)
{
    for (val x = 0; x < want->p.nv; x++)
        if (want->base[x] && !want->p.v[x].is_int && !scratch(&want->p.v[x]))
            compare_value(&want->p.v[x], &got->p.v[x], longest(&want->p), l);
}

static void check_case(device *const d[3], device *reference, const op *o, const op_case *c, gradient g,
                       int only)
{
    problem *want = problem_new(o, c, g, only), *first = problem_new(o, c, g, only);
    problem_run(want, reference);
    problem_run(first, d[0]);
    compare(want, first, &(label){o->name, c->name, device_name(d[0])});
    for (int n = 1; n < 3; n++) {
        problem *t = problem_new(o, c, g, only);
        problem_run(t, d[n]);
        same_bits(first, t, &(label){o->name, c->name, device_name(d[n])});
        problem_free(t);
    }
    problem_free(want);
    problem_free(first);
}

/* The forward with its result in the first input's storage, the backward of one input in dout's. */
static void check_in_place(device *d, device *reference, const op *o, const op_case *c, int only)
{
    if (!o->inplace) return;
    for (int back = 0; back < 2; back++) {
        problem *want = problem_new(o, c, ASSIGNED, only), *got = problem_new(o, c, ASSIGNED, only);
        problem *const both[] = {want, got};
        for (int k = 0; k < 2; k++) {
            if (!back) both[k]->p.ni = 1;
            for (int j = 0; back && j < o->nin; j++)
                if (j != only) both[k]->p.i[1].din[j] = NONE;
        }
        const instr *i = &want->p.i[back];
        const val result = back ? i->din[only] : i->out[0], shared = back ? i->dout : i->in[0];
        got->p.v[result].p = got->p.v[shared].p;
        problem_run(want, reference);
        problem_run(got, d);
        compare_value(&want->p.v[result], &got->p.v[result], longest(&want->p),
                      &(label){o->name, "in place", device_name(d)});
        problem_free(want);
        problem_free(got);
    }
}

/* Larger than the operators' own cases: several blocks of every loop, and every remainder. */
static const op_case large_linear[] = {
    {"1 row", {1, 576, 192, 0, 0, DT_F32}, {0}},
    {"2 rows, nf4", {2, 1536, 576, 8, 0, DT_NF4}, {2}},
    {"5 rows, dropout", {5, 576, 50, 3, 1, DT_F32}, {1, 0.2}},
    {"6 rows, q8_0", {6, 1536, 192, 8, 0, DT_Q8_0}, {1}},
    {"7 rows", {7, 172, 576, 16, 1, DT_F32}, {1}},
    {"13 rows, q4_k", {13, 1536, 50, 8, 0, DT_Q4_K}, {1}},
    {"64 rows, bf16", {64, 576, 576, 8, 0, DT_BF16}, {0.5}},
    {"97 rows", {97, 576, 192, 40, 1, DT_F32}, {0.5}},
    {"97 rows, dropout, q4_0", {97, 576, 50, 13, 0, DT_Q4_0}, {0.5, 0.1}},
    {"wider than a block", {11, 70, 1700, 5, 1, DT_F32}, {1}},
    {"wider than a block, gradient", {11, 1700, 70, 5, 1, DT_F32}, {1}},
    {"rows split", {601, 96, 80, 4, 0, DT_F32}, {1}},
    {0},
};

static const op_case large_attention[] = {
    {"three hundred rows", {300, 6, 2, 64, 0, 0}, {0.125}},
    {"documents", {261, 3, 1, 32, 0, 40}, {0.2}},
    {"window", {230, 4, 2, 20, 70, 0}, {0.2}},
    {"chunks of keys", {1100, 4, 2, 12, 0, 0}, {0.3}},
    {"chunks of keys, documents", {2000, 5, 1, 8, 0, 990}, {0.3}},
    {"chunks of keys, window", {1500, 3, 1, 8, 530, 0}, {0.3}},
    {"both ways", {300, 6, 2, 64, 0, 0, 1}, {0.125}},
    {"both ways, documents", {261, 3, 1, 32, 0, 40, 1}, {0.2}},
    {"both ways, chunks of keys, documents", {2000, 5, 1, 8, 0, 990, 1}, {0.3}},
    {"both ways, window", {230, 4, 2, 20, 70, 0, 1}, {0.2}},
    {"both ways, small window, documents", {300, 3, 1, 32, 9, 70, 1}, {0.2}},
    {"both ways, chunks of keys, window", {1700, 3, 1, 8, 530, 0, 1}, {0.3}},
    {"both ways, chunks of keys, small window", {1500, 2, 2, 8, 65, 700, 1}, {0.3}},
    {"bias", {300, 3, 3, 64, 0, 0, 0, 128}, {0.125}},
    {"bias, chunks of keys, documents", {2000, 2, 2, 8, 0, 990, 0, 100}, {0.3}},
    {"bias, both ways, chunks of keys, documents", {2000, 2, 2, 8, 0, 990, 1, 100}, {0.3}},
    {"slopes", {300, 3, 3, 64, 0, 0, 0, SLOPES}, {0.125}},
    {"slopes, chunks of keys, documents", {2000, 2, 2, 8, 0, 990, 0, SLOPES}, {0.3}},
    {"across", {150, 3, 0, 64, 0, 150, 0, 0, 130}, {0.125}},
    {"across, documents", {70, 3, 0, 20, 0, 9, 0, 0, 200}, {0.2}},
    {"across, chunks of keys", {210, 2, 0, 8, 0, 200, 0, 0, 1100}, {0.3}},
    {"dropout, chunks of keys, documents", {2000, 5, 1, 8, 0, 990}, {0.3, 0, 0.1}},
    {"dropout, both ways", {300, 6, 2, 64, 0, 0, 1}, {0.125, 0, 0.3}},
    {"dropout, across, documents", {70, 3, 0, 20, 0, 9, 0, 0, 200}, {0.2, 0, 0.2}},
    {0},
};

static const op_case large_disentangled[] = {
    {"three hundred rows", {300, 2, 64, 0, 200, 30, 1, 1}, {0.07}},
    {"documents", {261, 3, 32, 40, 60, 12, 1, 1}, {0.1}},
    {"documents, a alone", {130, 2, 20, 17, 300, 40, 1, 0}, {0.1}},
    {"documents, c alone", {130, 2, 20, 17, 300, 40, 0, 1}, {0.1}},
    {0},
};

static const op_case large_cached[] = {
    {"long prompt", {150, 4, 2, 64, 0, 1, 150, 20, 200}, {0.125}},
    {"decode", {3, 9, 3, 64, 0, 3, 1, 400, 500}, {0.125}},
    {"decode, window", {2, 4, 1, 33, 100, 2, 1, 300, 310}, {0.2}},
    {"long prompt, bias", {150, 2, 2, 64, 0, 1, 150, 20, 200, 40}, {0.125}},
    {"long prompt, slopes", {150, 2, 2, 64, 0, 1, 150, 20, 200, SLOPES}, {0.125}},
    {"decode, slopes", {3, 3, 3, 64, 0, 3, 1, 400, 500, SLOPES}, {0.125}},
    {"decode, bias", {3, 3, 3, 64, 0, 3, 1, 400, 500, 128}, {0.125}},
    {0},
};

static const op_case large_head[] = {
    {"chunks", {70, 96, 1700, 32, DT_F32}, {0.2, 0.1}},
    {"q8_0", {33, 576, 531, 64, DT_Q8_0}, {0.2, 0}},
    {"slices of the vocabulary", {9, 24, 9000, 4, DT_F32}, {0.3, 0.1}},
    {"bias", {70, 96, 1700, 32, DT_F32, 1}, {0.2, 0.1}},
    {0},
};

static const op_case large_activation[] = {
    {"gelu", {70, 301, ACT_GELU}, {0}},
    {"tanh", {70, 301, ACT_TANH}, {0}},
    {"relu, squared", {70, 301, ACT_RELU2}, {0}},
    {0},
};

static const op_case large_layernorm[] = {
    {"rows of 384", {70, 384, 1, 1, DT_F32}, {1e-12}},
    {0},
};

static const op_case large_dense[] = {
    {"banking", {33, 384, 77, 1}, {0}},
    {0},
};

static const op_case large_dropout[] = {
    {"rows split", {70, 301, 4}, {0.1}},
    {0},
};

static const op_case *const large[OP_COUNT] = {
    [OP_dropout] = large_dropout,
    [OP_activation] = large_activation,
    [OP_layernorm] = large_layernorm,
    [OP_dense] = large_dense,
    [OP_linear] = large_linear,
    [OP_attention] = large_attention,
    [OP_disentangled] = large_disentangled,
    [OP_cached_attention] = large_cached,
    [OP_head] = large_head,
};

static void check_operator(device *const d[3], device *reference, const op *o)
{
    const op_case *const lists[] = {o->cases, large[o->id]};
    for (int l = 0; l < 2; l++)
        for (const op_case *c = lists[l]; c && c->name; c++)
            for (int only = 0; only < (o->through ? o->nin : 1); only++) {
                check_case(d, reference, o, c, ASSIGNED, only);
                check_case(d, reference, o, c, ADDED, only);
                check_in_place(d[1], reference, o, c, only);
            }
}

static void check_isa(cpu_isa isa)
{
    if (!cpu_has(isa)) {
        print_message("skipped: this processor has no %s\n", cpu_isa_name(isa));
        skip();
    }
    char which[32] = "cpu:";
    strcat(which, cpu_isa_name(isa));
    device *d[3] = {opened(which, 1), opened(which, 2), opened(which, 3)},
           *reference = opened("reference", 1);
    for (int o = 0; o < OP_COUNT; o++) check_operator(d, reference, op_all[o]);
    for (int n = 0; n < 3; n++) device_close(d[n]);
    device_close(reference);
}

static void generic(void **state) { (void)state, check_isa(ISA_GENERIC); }
static void avx2(void **state) { (void)state, check_isa(ISA_AVX2); }
static void avx512(void **state) { (void)state, check_isa(ISA_AVX512); }
static void avx512vnni(void **state) { (void)state, check_isa(ISA_AVX512VNNI); }
static void neon(void **state) { (void)state, check_isa(ISA_NEON); }

/* A row's results are the same bits whatever other rows are computed with it: among products of at most four
 * rows, which are summed in another order, and among larger ones. The gradient has one order. */
static void rows_alone_in(const op_case *c, const int64_t *some, size_t count)
{
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!cpu_has((cpu_isa)isa)) continue;
        char which[32] = "cpu:";
        device *d = opened(strcat(which, cpu_isa_name((cpu_isa)isa)), 2);
        problem *all = problem_new(op_all[OP_linear], c, ASSIGNED, 0);
        problem_run(all, d);
        const instr *back = &all->p.i[1];
        const val compared[] = {all->out, back->out[1], back->din[0]};
        for (size_t n = 0; n < count; n++) {
            problem *t = problem_new(op_all[OP_linear], c, ASSIGNED, 0);
            prog_rows(&t->p, some[n], 0);
            problem_run(t, d);
            for (int k = 0; k < 3; k++) {
                const value *a = &all->p.v[compared[k]], *b = &t->p.v[compared[k]];
                assert_memory_equal(a->p, b->p, (size_t)(some[n] * a->s.d[1]) * sizeof(float));
            }
            problem_free(t);
        }
        problem_free(all);
        device_close(d);
    }
}

static void rows_alone(void **state)
{
    static const op_case many = {"97 rows", {97, 576, 192, 8, 1, DT_F32}, {0.5}};
    static const op_case few = {"4 rows", {4, 583, 192, 8, 1, DT_NF4}, {0.5}};
    (void)state;
    rows_alone_in(&many, (const int64_t[]){5, 6, 7, 13, 64}, 5);
    rows_alone_in(&few, (const int64_t[]){1, 2, 3}, 3);
}

/* Projections of the same x one after the other share its panels; anything between them must end that. */
static void shared_panels(void **state)
{
    (void)state;
    device *d = opened("cpu", 2);
    static const op_case c = {"q, k, v", {30, 64, 48, 4, 0, DT_F32}, {1}};
    problem *t = problem_new(op_all[OP_linear], &c, ASSIGNED, 0);
    instr f = t->p.i[0], b = t->p.i[1];
    *prog_emit(&t->p, f.op) = f; /* forward, backward (which packs dy), forward, forward */
    *prog_emit(&t->p, f.op) = f;
    (void)b;
    size_t bytes = (size_t)numel(t->p.v[t->out].s) * sizeof(float);
    float *before = malloc(bytes);
    problem *once = problem_new(op_all[OP_linear], &c, ASSIGNED, 0);
    problem_run(once, d);
    memcpy(before, once->p.v[t->out].p, bytes);
    problem_run(t, d);
    assert_memory_equal(before, t->p.v[t->out].p, bytes);
    free(before);
    problem_free(once);
    problem_free(t);
    device_close(d);
}

/* A projection of another x right after one must not take its panels. */
static void panels_of_another(void **state)
{
    (void)state;
    device *d = opened("cpu", 2);
    static const op_case c = {"one, then another", {30, 64, 48, 4, 0, DT_F32}, {1}};
    problem *t = problem_new(op_all[OP_linear], &c, ASSIGNED, 0);
    problem *alone = problem_new(op_all[OP_linear], &c, ASSIGNED, 0);
    instr f = t->p.i[0], g = f;
    g.in[0] = like(&t->p, "another x", f.in[0]);
    g.out[0] = like(&t->p, "its y", t->out);
    *prog_emit(&t->p, f.op) = f;
    *prog_emit(&t->p, f.op) = g;
    value *x = &t->p.v[g.in[0]], *y = &t->p.v[g.out[0]];
    x->p = guarded(t, g.in[0], value_bytes(x));
    y->p = guarded(t, g.out[0], value_bytes(y));
    fill(x->p, numel(x->s), 77);
    fill(alone->p.v[f.in[0]].p, numel(x->s), 77);
    problem_run(t, d);
    problem_run(alone, d);
    assert_memory_equal(y->p, alone->p.v[alone->out].p, (size_t)numel(y->s) * sizeof(float));
    problem_free(t);
    problem_free(alone);
    device_close(d);
}

static void names(void **state)
{
    (void)state;
    device *d;
    err e = {0};
    assert_int_equal(device_open(&d, "gpu", 1, &e), E_USAGE);
    d = opened("cpu:generic", 2);
    assert_string_equal(device_name(d), "cpu:generic, 2 threads");
    assert_int_equal(device_threads(d), 2);
    assert_true(device_peak(d, COMPUTE_F32) > 1e8);
    assert_true(device_peak_bandwidth(d) > 1e7);
    device_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generic),    cmocka_unit_test(avx2),       cmocka_unit_test(avx512),
        cmocka_unit_test(avx512vnni), cmocka_unit_test(neon),       cmocka_unit_test(rows_alone),
        cmocka_unit_test(shared_panels), cmocka_unit_test(panels_of_another), cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
