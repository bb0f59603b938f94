/* test_adamw.c -- the optimizer and clipping against steps recorded from PyTorch (test/data/train/), and the
 * same bits for every number of threads. */
#include "base/arena.h"
#include "base/json.h"
#include "base/rng.h"
#include "train/adamw.h"
#include "train/clip.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX = 64 };

static size_t numbers(const json_t *o, const char *key, float *out)
{
    const json_t *a = json_object_get(o, key);
    size_t n = json_array_size(a);
    assert_in_range(n, 1, MAX);
    for (size_t i = 0; i < n; i++) out[i] = (float)json_number_value(json_array_get(a, i));
    return n;
}

/* |got - want| <= `ulps` roundings of the largest number that entered the element. */
static void close_to(const char *what, const float *got, const json_t *step, const char *key, size_t n,
                     double ulps, double floor)
{
    float want[MAX];
    assert_int_equal(numbers(step, key, want), n);
    for (size_t i = 0; i < n; i++) {
        double bound = ulps * FLT_EPSILON * (fabs((double)want[i]) + floor);
        if (!(fabs((double)got[i] - (double)want[i]) <= bound))
            fail_msg("%s %s [%zu]: %.9g, not %.9g", what, key, i, (double)got[i], (double)want[i]);
    }
}

static void replay(const json_t *run)
{
    float p[MAX], g[MAX], m[MAX] = {0}, v[MAX] = {0};
    double tile[1], lr = json_num(run, "lr", 0, "run", NULL),
                    max_norm = json_num(run, "max_norm", 0, "run", NULL);
    const json_t *betas = json_object_get(run, "betas"), *step;
    size_t n = numbers(run, "start", p), t;
    adamw a = {.beta1 = json_number_value(json_array_get(betas, 0)),
               .beta2 = json_number_value(json_array_get(betas, 1)),
               .epsilon = json_num(run, "eps", 0, "run", NULL),
               .weight_decay = json_num(run, "weight_decay", 0, "run", NULL),
               .m = m,
               .v = v};
    adamw_group group = {0, n, 1, false};
    json_array_foreach(json_object_get(run, "steps"), t, step)
    {
        numbers(step, "grad", g);
        double norm = clip_norm(g, n, tile, NULL), want = json_num(step, "norm", 0, "step", NULL);
        if (max_norm > 0) assert_true(fabs(norm - want) <= 4 * FLT_EPSILON * want);
        adamw_step(&a, p, g, &group, 1, (int64_t)t + 1, lr, clip_coefficient(norm, max_norm), NULL);
        /* A step moves a parameter by some lr, with a few roundings of that and one of the sum. */
        close_to("step", p, step, "param", n, 4.0 * (double)(t + 1), 8 * lr);
        close_to("step", m, step, "m", n, 4.0 * (double)(t + 1), 0.5);
        close_to("step", v, step, "v", n, 4.0 * (double)(t + 1), 0);
    }
    assert_int_equal(t, 6);
}

static void test_recorded(void **state)
{
    (void)state;
    err e = {0};
    json_t *all = json_parse_file("test/data/train/adamw.json", &e), *run;
    if (!all) fail_msg("%s", e.msg);
    size_t k;
    json_array_foreach(all, k, run) replay(run);
    assert_int_equal(k, 4);
    json_decref(all);
}

static float *noise(uint64_t seed, size_t n)
{
    float *x = xmalloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = (float)rng_normal(seed, i);
    return x;
}

enum { BIG = 3 * 4096 + 517 };

/* Two steps by `threads` threads; returns the parameters and, in *norm, the gradient's norm. */
static float *two_steps(int threads, double *norm)
{
    pool *team = pool_new(threads, NULL);
    float *p = noise(1, BIG), *g = noise(2, BIG), *m = xcalloc(BIG, sizeof *m), *v = xcalloc(BIG, sizeof *v);
    double *tile = xcalloc(clip_tiles(BIG), sizeof *tile);
    adamw a = {0.9, 0.999, 1e-8, 0.01, m, v};
    adamw_group group[2] = {{0, 5000, 1, false}, {5000, BIG - 5000, 4, false}};
    *norm = clip_norm(g, BIG, tile, team);
    for (int64_t t = 1; t <= 2; t++) adamw_step(&a, p, g, group, 2, t, 1e-3, 0.7, team);
    free(g), free(m), free(v), free(tile);
    pool_free(team);
    return p;
}

static void test_threads(void **state)
{
    (void)state;
    double norm1, norm;
    float *one = two_steps(1, &norm1);
    for (int threads = 2; threads <= 5; threads++) {
        float *many = two_steps(threads, &norm);
        assert_memory_equal(one, many, BIG * sizeof *one);
        assert_true(norm == norm1);
        free(many);
    }
    free(one);
}

/* The first step of Adam moves by lr wherever the gradient is not small, so a group's ratio shows. */
/* Half of a decays, its bias does not. */
static void test_decay(void **state)
{
    (void)state;
    float p[4] = {1, 1, 1, 1}, g[4] = {0}, m[4] = {0}, v[4] = {0};
    adamw a = {0.9, 0.999, 1e-8, 0.5, m, v};
    adamw_group group[2] = {{0, 2, 1, false}, {2, 2, 1, true}};
    adamw_step(&a, p, g, group, 2, 1, 0.1, 1, NULL);
    assert_true(p[0] == 0.95f && p[1] == 0.95f && p[2] == 1 && p[3] == 1);
}

static void test_groups(void **state)
{
    (void)state;
    float p[6] = {0}, g[6] = {1, -1, 1, 1, 1, -1}, m[6] = {0}, v[6] = {0};
    adamw a = {0.9, 0.999, 1e-8, 0, m, v};
    adamw_group group[2] = {{0, 2, 1, false}, {3, 3, 16, false}};
    adamw_step(&a, p, g, group, 2, 1, 1e-3, 1, NULL);
    const float want[6] = {-1e-3f, 1e-3f, 0, -16e-3f, -16e-3f, 16e-3f};
    for (int i = 0; i < 6; i++) assert_true(fabsf(p[i] - want[i]) <= 1e-5f * fabsf(want[i]));
}

static void test_clip(void **state)
{
    (void)state;
    double sum = 0, *tile = xcalloc(clip_tiles(BIG), sizeof *tile);
    float *g = noise(3, BIG);
    for (size_t i = 0; i < BIG; i++) sum += (double)g[i] * (double)g[i];
    double norm = clip_norm(g, BIG, tile, NULL);
    assert_true(fabs(norm - sqrt(sum)) <= BIG * DBL_EPSILON * norm);
    assert_true(clip_coefficient(4, 1) == 1 / (4 + 1e-6));
    assert_true(clip_coefficient(0.5, 1) == 1);
    assert_true(clip_coefficient(1e9, 0) == 1);
    assert_int_equal(clip_not_finite(g, BIG), BIG);
    g[9000] = FLT_MAX;
    assert_true(isfinite(clip_norm(g, BIG, tile, NULL)));
    g[9001] = INFINITY;
    assert_int_equal(clip_not_finite(g, BIG), 9001);
    assert_false(isfinite(clip_norm(g, BIG, tile, NULL)));
    free(g), free(tile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_groups), cmocka_unit_test(test_decay),
        cmocka_unit_test(test_clip),
    };
    return cmocka_run_group_tests_name("adamw", tests, NULL, NULL);
}
