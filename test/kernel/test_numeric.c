/* What the comparison with the reference cannot see: the exponential over its whole range, ties and NaN.
 *
 * The activation y = g / (1 + exp(-g)) u shows the exponential: with its own error of 1.5 units in the last
 * place, a sum, a quotient and a product rounded, y is off by at most 3 eps |y|; below -88.72 exp(-g) leaves
 * the floats and y, smaller than 1e-36, is 0. */
#include "base/cpu.h"
#include "kernel/device.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef void isa_check(device *d);

static void on_every_isa(isa_check *check)
{
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!cpu_has((cpu_isa)isa)) continue;
        char which[32] = "cpu:";
        device *d;
        err e = {0};
        if (device_open(&d, strcat(which, cpu_isa_name((cpu_isa)isa)), 2, &e)) fail_msg("%s", e.msg);
        check(d);
        device_close(d);
    }
}

static void activate(device *d, int64_t n, float *gate, float *up, float *y)
{
    prog p;
    prog_init(&p, 1, 0);
    val g = prog_value(&p, "gate", VALUE_INPUT, ROWS_TOKENS, 0, n),
        u = prog_value(&p, "up", VALUE_INPUT, ROWS_TOKENS, 0, n);
    val out = op_swiglu(&p, g, u);
    p.v[g].p = gate;
    p.v[u].p = up;
    p.v[out].p = y;
    run r = {0};
    device_run(d, &p, &r);
    prog_release(&p);
}

static void check_exponential(device *d)
{
    enum { N = 40001 };
    float *g = malloc(3 * N * sizeof *g), *u = g + N, *y = u + N;
    for (int k = 0; k < N; k++) {
        g[k] = -100 + (float)k * (200.0f / (N - 1));
        u[k] = 1;
    }
    activate(d, N, g, u, y);
    for (int k = 0; k < N; k++) {
        double x = (double)g[k], want = x / (1 + exp(-x));
        if (fabs((double)y[k] - want) > 3 * (double)FLT_EPSILON * fabs(want) + 1e-36)
            fail_msg("%s: silu(%.9g) is %.9g, not %.9g", device_name(d), x, (double)y[k], want);
    }
    free(g);
}

static void exponential(void **state)
{
    (void)state;
    on_every_isa(check_exponential);
}

static void check_special(device *d)
{
    float g[] = {NAN, -INFINITY, 0, 1e30f, -1e30f, INFINITY, 2, -200}, u[8] = {1, 1, 1, 1, 1, 1, NAN, 1},
          y[8];
    activate(d, 8, g, u, y);
    assert_true(isnan(y[0]) && isnan(y[1]) && isnan(y[6]));
    assert_true(y[2] == 0 && y[3] == 1e30f && y[4] == 0 && isinf(y[5]) && y[7] == 0);
}

static void special(void **state)
{
    (void)state;
    on_every_isa(check_special);
}

/* Loss over `vocab` words of which word `best` has the largest logits, `again` the same, and the rest less.
 */
static float hit_of(device *d, int64_t vocab, int32_t best, int32_t again, int32_t target, float nan_or_zero)
{
    float *w = calloc((size_t)vocab, sizeof *w), h = 1, weight = 1, hit, ce, loss;
    w[best] = w[again] = 2;
    w[vocab / 2] += nan_or_zero;
    tensor t = {.name = "w", .type = DT_F32, .ndim = 2, .dim = {vocab, 1, 1, 1}, .data = w};
    prog p;
    prog_init(&p, 0, 1);
    val hv = prog_value(&p, "h", VALUE_INPUT, ROWS_LABELS, 0, 1), cev, hitv;
    val tv = prog_ints(&p, "target", VALUE_INPUT, ROWS_LABELS, 0, 1);
    val wv = prog_value(&p, "weight", VALUE_INPUT, ROWS_LABELS, 0, 1);
    val l = op_head(&p, hv, prog_frozen(&p, &t), tv, wv, 1, &cev, &hitv);
    float *logits = malloc((size_t)vocab * sizeof *logits);
    p.v[hv].p = &h;
    p.v[tv].p = &target;
    p.v[wv].p = &weight;
    p.v[cev].p = &ce;
    p.v[hitv].p = &hit;
    p.v[l].p = &loss;
    p.v[p.i[0].out[4]].p = logits;
    run r = {.work_bytes = device_workspace(d, &p)};
    r.work = aligned_alloc(64, (r.work_bytes + 63) / 64 * 64);
    device_run(d, &p, &r);
    free(r.work);
    free(logits);
    free(w);
    prog_release(&p);
    return isnan(loss) ? NAN : hit;
}

/* The first of equals is what counts as the likeliest token; a NaN among the logits reaches the loss. */
static void check_ties(device *d)
{
    for (int64_t vocab = 31; vocab <= 64; vocab += 33) {
        assert_true(hit_of(d, vocab, 3, 30, 3, 0) == 1);
        assert_true(hit_of(d, vocab, 3, 30, 30, 0) == 0);
        assert_true(hit_of(d, vocab, 3, 30, 4, 0) == 0);
        assert_true(hit_of(d, vocab, 30, 30, 30, 0) == 1);
        assert_true(isnan(hit_of(d, vocab, 3, 30, 3, NAN)));
    }
}

static void ties(void **state)
{
    (void)state;
    on_every_isa(check_ties);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(exponential), cmocka_unit_test(special),
                                       cmocka_unit_test(ties)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
