/* Products in 16-bit and 8-bit integers against the reference device, on every instruction set: every row and every
 * column of every result, so that a wrong edge shows.
 *
 * A block of k numbers is rounded in steps that give it a norm of 46300, so an operand errs by sqrt(k / 12) /
 * 46300 of its norm: 0.012 % for k = 384, and a product by 0.017 %; a row in which few numbers stand out is
 * rounded in steps of its largest over 32767, no worse here. What two products in a row do to a result stays
 * below a bound of 0.08 % of the norm of the row or column, or of an average one where that is small. Logits
 * that spread by s carry that error times s into the exponential, and so into the gradient of the loss.
 * Forward products with stored codes and x in 8 bits: 32 numbers of x are rounded in steps of their largest over
 * 127, so they err by 0.29 / 127 times what the largest is of their mean square: 2 to 4 of normal numbers, 0.9 % at
 * the most; levels of NF4 err by as much as 0.6 % more. The bound is 1.5 %, for what comes of such products alone.
 * Integers add exactly: the same bits for any number of threads, and for any other rows in the same product. */
#include "kernel/problem.h"

typedef struct line {
    int64_t n, apart;
} line;

/* The error along one row or column of `want`, and its norm. */
static void along(const float *want, const float *got, line l, double *norm, double *off)
{
    *norm = *off = 0;
    for (int64_t k = 0; k < l.n; k++) {
        double a = (double)want[k * l.apart], b = (double)got[k * l.apart];
        *norm += a * a;
        *off += (a - b) * (a - b);
    }
}

static void close_lines(const value *want, const value *got, double bound, const label *l)
{
    const float *a = want->p, *b = got->p;
    int64_t rows = want->s.d[0], cols = want->s.d[1];
    double all, off;
    along(a, b, (line){rows * cols, 1}, &all, &off);
    for (int way = 0; way < 2; way++)
        for (int64_t k = 0; k < (way ? cols : rows); k++) {
            double norm, bad, fair = all / (double)(way ? cols : rows);
            line at = way ? (line){rows, cols} : (line){cols, 1};
            along(a + (way ? k : k * cols), b + (way ? k : k * cols), at, &norm, &bad);
            if (!(bad <= bound * bound * fmax(norm, fair)))
                fail_msg("%s, %s, %s: %s, %s %lld is off by %.2g of its norm", l->op, l->name, l->device,
                         want->name, way ? "column" : "row", (long long)k, sqrt(bad / fmax(norm, fair)));
        }
}

/* Whether such weights meet x in 8 bits: those whose codes exceed 4 bits only where 8-bit products add in 32. */
static bool eight_bits(const tensor *w, const device *d)
{
    const char *name = device_name(d);
    const bool wide = strstr(name, "generic") || strstr(name, "vnni") || strstr(name, "neon");
    switch (w->type) {
    case DT_Q4_0:
    case DT_Q4_1:
    case DT_Q4_K:
        return true;
    case DT_Q8_0:
        return wide;
    case DT_NF4:
    case DT_FP4:
        return wide && w->dim[1] % 64 == 0;
    default:
        return false;
    }
}

/* The bound of value x of a problem: what depends on the forward product is coarser in 8 bits. Up to four rows
 * are multiplied in 16 (few.c). */
static double bound_of(const problem *t, val x, const device *d, double spread)
{
    const instr *i = &t->p.i[0];
    const bool head = i->op->id == OP_head, few = !head && t->p.v[i->in[0]].s.d[0] <= 4;
    const tensor *w = t->p.v[i->in[1]].w;
    const bool coarse = device_compute(d) == COMPUTE_I8 && !few && eight_bits(w, d) && (head || x == t->out);
    return (coarse ? 1.5e-2 : 8e-4) * spread;
}

static void check_case(device *const d[2], device *reference, const op *o, const op_case *c, gradient g)
{
    /* the weights of the head are uniform in +-0.5, its inputs normal */
    const double spread = o->id == OP_head ? fmax(1, sqrt((double)c->n[1] / 12)) : 1;
    problem *want = problem_new(o, c, g, 0), *one = problem_new(o, c, g, 0), *two = problem_new(o, c, g, 0);
    label l = {o->name, c->name, device_name(d[0])};
    problem_run(want, reference);
    problem_run(one, d[0]);
    problem_run(two, d[1]);
    same_bits(one, two, &l);
    for (val x = 0; x < want->p.nv; x++) {
        const value *v = &want->p.v[x];
        if (want->base[x] && !v->is_int && !scratch(v) &&
            strcmp(v->name, "hit")) /* may flip between equals */
            close_lines(v, &one->p.v[x], bound_of(want, x, d[0], spread), &l);
    }
    problem_free(want);
    problem_free(one);
    problem_free(two);
}

static device *integer(const char *which, int threads, compute how)
{
    device *d = opened(which, threads);
    device_use(d, how);
    assert_int_equal(device_compute(d), how);
    return d;
}

static const op_case linear[] = {
    {"1 row, q4_1", {1, 576, 50, 4, 1, DT_Q4_1}, {1}},
    {"2 rows, q4_0", {2, 1536, 33, 0, 0, DT_Q4_0}, {1}},
    {"3 rows, q8_0", {3, 64, 70, 0, 0, DT_Q8_0}, {1}},
    {"1 row, q4_1 of an odd number of blocks", {1, 96, 50, 0, 0, DT_Q4_1}, {1}},
    {"4 rows, q8_0 of an odd number of blocks", {4, 608, 35, 0, 0, DT_Q8_0}, {1}},
    {"2 rows, one block of q4_0", {2, 32, 35, 0, 0, DT_Q4_0}, {1}},
    {"4 rows, q4_k", {4, 1536, 50, 8, 1, DT_Q4_K}, {1}},
    {"1 row, nf4", {1, 576, 192, 8, 0, DT_NF4}, {2}},
    {"4 rows, fp4", {4, 2304, 64, 0, 0, DT_FP4}, {2}},
    {"2 rows, nf4 in halves of blocks", {2, 96, 64, 0, 0, DT_NF4}, {2}},
    {"3 rows, q6_k", {3, 256, 64, 0, 0, DT_Q6_K}, {2}},
    {"5 rows, dropout", {5, 576, 50, 3, 1, DT_F32}, {1, 0.2}},
    {"6 rows, q8_0", {6, 1536, 192, 8, 0, DT_Q8_0}, {1}},
    {"7 rows, odd widths", {7, 171, 333, 16, 1, DT_F32}, {1}},
    {"12 rows, k of 257", {12, 257, 65, 4, 1, DT_F32}, {1}},
    {"13 rows, nf4 of odd rows", {13, 192, 37, 5, 0, DT_NF4}, {1}},
    {"31 rows, fp4", {31, 448, 65, 0, 1, DT_FP4}, {1}},
    {"25 rows, q8_0, dropout", {25, 416, 49, 9, 0, DT_Q8_0}, {1, 0.2}},
    {"13 rows, q4_k", {13, 1536, 50, 8, 0, DT_Q4_K}, {1}},
    {"65 rows, nf4", {65, 576, 576, 8, 0, DT_NF4}, {0.5}},
    {"97 rows, rank 40", {97, 576, 192, 40, 1, DT_F32}, {0.5}},
    {"97 rows, dropout, q4_0", {97, 576, 50, 13, 0, DT_Q4_0}, {0.5, 0.1}},
    {"no adapter, q4_1", {30, 64, 700, 0, 0, DT_Q4_1}, {1}},
    {"wider than a block", {11, 70, 1700, 5, 1, DT_F32}, {1}},
    {"wider than a block, gradient", {11, 1700, 70, 5, 1, DT_F32}, {1}},
    {"rows split", {601, 96, 80, 4, 0, DT_F32}, {1}},
    {0},
};

static const op_case head[] = {
    {"chunks", {70, 96, 1700, 32, DT_F32}, {0.2, 0.1}},
    {"q8_0", {33, 576, 531, 64, DT_Q8_0}, {0.2, 0}},
    {"slices of the vocabulary", {9, 24, 9000, 4, DT_F32}, {0.3, 0.1}},
    {0},
};

static void check_isa(cpu_isa isa)
{
    if (!cpu_has(isa)) {
        print_message("skipped: this processor has no %s\n", cpu_isa_name(isa));
        skip();
    }
    char which[32] = "cpu:";
    strcat(which, cpu_isa_name(isa));
    device *reference = opened("reference", 1);
    for (compute how = COMPUTE_I16; how <= COMPUTE_I8; how++) {
        device *d[2] = {integer(which, 1, how), integer(which, 3, how)};
        for (const op_case *c = linear; c->name; c++) {
            check_case(d, reference, op_all[OP_linear], c, ASSIGNED);
            check_case(d, reference, op_all[OP_linear], c, ADDED);
        }
        for (const op_case *c = head; c->name; c++) check_case(d, reference, op_all[OP_head], c, ASSIGNED);
        for (int n = 0; n < 2; n++) device_close(d[n]);
    }
    device_close(reference);
}

static void generic(void **state) { (void)state, check_isa(ISA_GENERIC); }
static void avx2(void **state) { (void)state, check_isa(ISA_AVX2); }
static void avx512(void **state) { (void)state, check_isa(ISA_AVX512); }
static void avx512vnni(void **state) { (void)state, check_isa(ISA_AVX512VNNI); }
static void neon(void **state) { (void)state, check_isa(ISA_NEON); }

enum { IN = 320, OUT = 40 };

/* y (rows, OUT) = x (rows, IN) W^T. */
static void product(device *d, const tensor *w, int rows, float *x, float *y)
{
    prog p;
    prog_init(&p, rows, 0);
    val in = prog_value(&p, "x", VALUE_INPUT, ROWS_TOKENS, 0, IN);
    val out = op_linear(&p, in, prog_frozen(&p, w), NONE, NULL);
    p.v[in].p = x;
    p.v[out].p = y;
    run r = {.work_bytes = device_workspace(d, &p)};
    r.work = aligned_alloc(64, (r.work_bytes + 63) / 64 * 64);
    device_run(d, &p, &r);
    free(r.work);
    prog_release(&p);
}

/* For two rows of x, computed with three more that are ones. */
static void two_rows(device *d, const float *x, float *w, float *y)
{
    enum { ROWS = 5 };
    float rows[ROWS * IN], all[ROWS * OUT];
    for (int k = 0; k < ROWS * IN; k++) rows[k] = k < 2 * IN ? x[k] : 1;
    tensor t = {.name = "w", .type = DT_F32, .ndim = 2, .dim = {OUT, IN, 1, 1}, .data = w};
    product(d, &t, ROWS, rows, all);
    memcpy(y, all, 2 * OUT * sizeof *y);
}

/* A NaN or an infinity in a row of x makes that row NaN and no other; one in a row of W that column. Zeros
 * and numbers too small to be scaled give zeros. */
static void special(void **state)
{
    (void)state;
    static float x[2 * IN], w[OUT * IN], y[2 * OUT];
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!cpu_has((cpu_isa)isa)) continue;
        char which[32] = "cpu:";
        device *d = integer(strcat(which, cpu_isa_name((cpu_isa)isa)), 2, COMPUTE_I16);
        for (int bad = 0; bad < 3; bad++) {
            fill(x, 2 * IN, 1);
            fill(w, OUT * IN, 2);
            memset(w, 0, IN * sizeof *w);
            for (int k = 0; k < IN; k++) w[IN + k] = 1e-35f;
            x[IN - 1] = bad == 0 ? NAN : bad == 1 ? -INFINITY : 1;
            w[39 * IN + 7] = bad == 2 ? NAN : 1;
            two_rows(d, x, w, y);
            for (int k = 0; k < 80; k++) assert_int_equal(isnan(y[k]) != 0, bad == 2 ? k % 40 == 39 : k < 40);
            assert_true(y[40] == 0 && y[41] == 0);
        }
        device_close(d);
    }
}

/* Rows at the limits of 32-bit sums, by equal magnitudes (the norm) or by a single number that stands out; and
 * numbers whose squares are infinite or zero in floats. */
static void limits(void **state)
{
    (void)state;
    static float x[2 * IN], w[OUT * IN], y[2 * OUT];
    const float large[] = {1, 1e25f, 1e-25f};
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!cpu_has((cpu_isa)isa)) continue;
        char which[32] = "cpu:";
        device *d = integer(strcat(which, cpu_isa_name((cpu_isa)isa)), 2, COMPUTE_I16);
        for (int n = 0; n < 3; n++) {
            for (int k = 0; k < 300; k++) {
                x[k] = k % 3 ? large[n] : -large[n];
                x[IN + k] = k == 7 ? 1000 * large[n] : large[n];
                for (int o = 0; o < 40; o++) w[o * IN + k] = o % 2 ? (k % 3 ? 1 : -1) : k == 7 ? 1000 : -1;
            }
            two_rows(d, x, w, y);
            const double want[4] = {901, 300, 999701, 1099};
            for (int r = 0; r < 2; r++)
                for (int o = 0; o < 40; o++) {
                    const double exact = want[2 * r + o % 2];
                    assert_float_equal(y[40 * r + o] / large[n], exact, 2e-3 * fabs(exact));
                }
        }
        device_close(d);
    }
}

/* In 8 bits: a NaN or an infinity in a row of x makes that row NaN and no other, whatever stands beside it;
 * large numbers stay numbers, and those too small to be scaled give next to nothing. */
static void special_bytes(void **state)
{
    (void)state;
    enum { ROWS = 7 };
    static float x[ROWS * IN], y[ROWS * OUT], w[OUT * IN];
    const dtype types[] = {DT_Q4_0, DT_Q4_1, DT_Q8_0, DT_NF4};
    for (int n = 0; n < 4 * ISA_COUNT; n++) {
        const cpu_isa isa = (cpu_isa)(n / 4);
        if (!cpu_has(isa)) continue;
        char which[32] = "cpu:";
        device *d = integer(strcat(which, cpu_isa_name(isa)), 2, COMPUTE_I8);
        tensor t;
        err e = {0};
        assert_int_equal(tensor_alloc(&t, types[n % 4], OUT, IN, ABSMAX_DOUBLE, &e), OK);
        t.name = "w";
        fill(w, OUT * IN, 2);
        dtype_table[t.type]->encode(&t, w);
        fill(x, ROWS * IN, 1);
        x[IN - 1] = NAN;
        x[2 * IN + 33] = INFINITY;
        for (int k = 0; k < IN; k++) x[4 * IN + k] = 1e-37f;
        x[5 * IN + 40] = 1e33f;
        product(d, &t, ROWS, x, y);
        for (int k = 0; k < ROWS * OUT; k++) {
            const int row = k / OUT;
            assert_int_equal(isnan(y[k]) != 0, row == 0 || row == 2);
            if (row == 4) assert_true(fabsf(y[k]) < 1e-33f);
            if (row == 5) assert_true(isfinite(y[k]));
        }
        tensor_release(&t);
        device_close(d);
    }
}

/* Products of one x in a row find it packed, but not as another kind of product packed it. */
static void packed_once(void **state)
{
    (void)state;
    enum { ROWS = 13, N = 4 };
    static float x[ROWS * IN], y[N][ROWS * OUT], alone[ROWS * OUT], w[OUT * IN];
    const dtype types[N] = {DT_F32, DT_Q4_1, DT_Q4_1, DT_F32};
    fill(x, ROWS * IN, 1);
    fill(w, OUT * IN, 2);
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!cpu_has((cpu_isa)isa)) continue;
        char which[32] = "cpu:";
        device *d = integer(strcat(which, cpu_isa_name((cpu_isa)isa)), 2, COMPUTE_I8);
        tensor t[N];
        err e = {0};
        prog p;
        prog_init(&p, ROWS, 0);
        val in = prog_value(&p, "x", VALUE_INPUT, ROWS_TOKENS, 0, IN);
        p.v[in].p = x;
        for (int n = 0; n < N; n++) {
            assert_int_equal(tensor_alloc(&t[n], types[n], OUT, IN, ABSMAX_DOUBLE, &e), OK);
            t[n].name = "w";
            dtype_table[types[n]]->encode(&t[n], w);
            val out = op_linear(&p, in, prog_frozen(&p, &t[n]), NONE, NULL);
            p.v[out].p = y[n];
        }
        run r = {.work_bytes = device_workspace(d, &p)};
        r.work = aligned_alloc(64, (r.work_bytes + 63) / 64 * 64);
        device_run(d, &p, &r);
        for (int n = 0; n < N; n++) {
            product(d, &t[n], ROWS, x, alone);
            assert_memory_equal(y[n], alone, sizeof alone);
            tensor_release(&t[n]);
        }
        free(r.work);
        prog_release(&p);
        device_close(d);
    }
}

/* Integers where the processor multiplies pairs of them; the reference device computes in floats. */
static void fastest(void **state)
{
    (void)state;
    device *reference = opened("reference", 1);
    assert_int_equal(device_fastest(reference), COMPUTE_F32);
    device_use(reference, COMPUTE_I16);
    assert_int_equal(device_compute(reference), COMPUTE_F32);
    device_close(reference);
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!cpu_has((cpu_isa)isa)) continue;
        char which[32] = "cpu:";
        device *d = opened(strcat(which, cpu_isa_name((cpu_isa)isa)), 1);
        const compute want = isa == ISA_GENERIC || isa == ISA_NEON ? COMPUTE_F32 : COMPUTE_I16;
        assert_int_equal(device_fastest(d), want);
        device_close(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generic),    cmocka_unit_test(avx2),    cmocka_unit_test(avx512),
        cmocka_unit_test(avx512vnni), cmocka_unit_test(neon),    cmocka_unit_test(special),
        cmocka_unit_test(limits),     cmocka_unit_test(special_bytes), cmocka_unit_test(packed_once),
        cmocka_unit_test(fastest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
