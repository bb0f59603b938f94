/* Products in 16-bit integers against the reference device, on every instruction set: every row and every
 * column of every result, so that a wrong edge shows.
 *
 * A block of k numbers is rounded in steps that give it a norm of 46300, so an operand errs by sqrt(k / 12) /
 * 46300 of its norm: 0.012 % for k = 384, and a product by 0.017 %; a row in which few numbers stand out is
 * rounded in steps of its largest over 32767, no worse here. What two products in a row do to a result stays
 * below a bound of 0.08 % of the norm of the row or column, or of an average one where that is small. Logits
 * that spread by s carry that error times s into the exponential, and so into the gradient of the loss.
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

static void close_lines(const value *want, const value *got, double spread, const label *l)
{
    const double bound = 8e-4 * spread;
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
            close_lines(v, &one->p.v[x], spread, &l);
    }
    problem_free(want);
    problem_free(one);
    problem_free(two);
}

static device *integer(const char *which, int threads)
{
    device *d = opened(which, threads);
    device_use(d, COMPUTE_I16);
    assert_int_equal(device_compute(d), COMPUTE_I16);
    return d;
}

static const op_case linear[] = {
    {"1 row, q4_1", {1, 576, 50, 4, 1, DT_Q4_1}, {1}},
    {"2 rows, q4_0", {2, 1536, 33, 0, 0, DT_Q4_0}, {1}},
    {"3 rows, q8_0", {3, 64, 70, 0, 0, DT_Q8_0}, {1}},
    {"4 rows, q4_k", {4, 1536, 50, 8, 1, DT_Q4_K}, {1}},
    {"1 row, nf4", {1, 576, 192, 8, 0, DT_NF4}, {2}},
    {"4 rows, fp4", {4, 2304, 64, 0, 0, DT_FP4}, {2}},
    {"2 rows, nf4 in halves of blocks", {2, 96, 64, 0, 0, DT_NF4}, {2}},
    {"3 rows, q6_k", {3, 256, 64, 0, 0, DT_Q6_K}, {2}},
    {"5 rows, dropout", {5, 576, 50, 3, 1, DT_F32}, {1, 0.2}},
    {"6 rows, q8_0", {6, 1536, 192, 8, 0, DT_Q8_0}, {1}},
    {"7 rows, odd widths", {7, 171, 333, 16, 1, DT_F32}, {1}},
    {"12 rows, k of 257", {12, 257, 65, 4, 1, DT_F32}, {1}},
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
    device *d[2] = {integer(which, 1), integer(which, 3)}, *reference = opened("reference", 1);
    for (const op_case *c = linear; c->name; c++) {
        check_case(d, reference, op_all[OP_linear], c, ASSIGNED);
        check_case(d, reference, op_all[OP_linear], c, ADDED);
    }
    for (const op_case *c = head; c->name; c++) check_case(d, reference, op_all[OP_head], c, ASSIGNED);
    for (int n = 0; n < 2; n++) device_close(d[n]);
    device_close(reference);
}

static void generic(void **state) { (void)state, check_isa(ISA_GENERIC); }
static void avx2(void **state) { (void)state, check_isa(ISA_AVX2); }
static void avx512(void **state) { (void)state, check_isa(ISA_AVX512); }
static void avx512vnni(void **state) { (void)state, check_isa(ISA_AVX512VNNI); }

/* y = x W^T for two rows of 300 numbers, computed with three more rows that are ones. */
static void product(device *d, const float *x, float *w, float *y)
{
    enum { ROWS = 5, IN = 300, OUT = 40 };
    float rows[ROWS * IN], all[ROWS * OUT];
    for (int k = 0; k < ROWS * IN; k++) rows[k] = k < 2 * IN ? x[k] : 1;
    tensor t = {.name = "w", .type = DT_F32, .ndim = 2, .dim = {OUT, IN, 1, 1}, .data = w};
    prog p;
    prog_init(&p, ROWS, 0);
    val in = prog_value(&p, "x", VALUE_INPUT, ROWS_TOKENS, 0, IN);
    val out = op_linear(&p, in, prog_frozen(&p, &t), NONE, NULL);
    p.v[in].p = rows;
    p.v[out].p = all;
    run r = {.work_bytes = device_workspace(d, &p)};
    r.work = aligned_alloc(64, (r.work_bytes + 63) / 64 * 64);
    device_run(d, &p, &r);
    memcpy(y, all, 2 * OUT * sizeof *y);
    free(r.work);
    prog_release(&p);
}

/* A NaN or an infinity in a row of x makes that row NaN and no other; one in a row of W that column. Zeros
 * and numbers too small to be scaled give zeros. */
static void special(void **state)
{
    (void)state;
    static float x[600], w[40 * 300], y[80];
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!cpu_has((cpu_isa)isa)) continue;
        char which[32] = "cpu:";
        device *d = integer(strcat(which, cpu_isa_name((cpu_isa)isa)), 2);
        for (int bad = 0; bad < 3; bad++) {
            fill(x, 600, 1);
            fill(w, 40 * 300, 2);
            memset(w, 0, 300 * sizeof *w);
            for (int k = 0; k < 300; k++) w[300 + k] = 1e-35f;
            x[299] = bad == 0 ? NAN : bad == 1 ? -INFINITY : 1;
            w[39 * 300 + 7] = bad == 2 ? NAN : 1;
            product(d, x, w, y);
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
    static float x[600], w[40 * 300], y[80];
    const float large[] = {1, 1e25f, 1e-25f};
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!cpu_has((cpu_isa)isa)) continue;
        char which[32] = "cpu:";
        device *d = integer(strcat(which, cpu_isa_name((cpu_isa)isa)), 2);
        for (int n = 0; n < 3; n++) {
            for (int k = 0; k < 300; k++) {
                x[k] = k % 3 ? large[n] : -large[n];
                x[300 + k] = k == 7 ? 1000 * large[n] : large[n];
                for (int o = 0; o < 40; o++) w[o * 300 + k] = o % 2 ? (k % 3 ? 1 : -1) : k == 7 ? 1000 : -1;
            }
            product(d, x, w, y);
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
        assert_int_equal(device_fastest(d), isa == ISA_GENERIC ? COMPUTE_F32 : COMPUTE_I16);
        device_close(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generic),    cmocka_unit_test(avx2),    cmocka_unit_test(avx512),
        cmocka_unit_test(avx512vnni), cmocka_unit_test(special), cmocka_unit_test(limits),
        cmocka_unit_test(fastest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
