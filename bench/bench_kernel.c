/* bench_kernel.c -- how near the kernels come to what this machine can do.
 *
 *   build/release/bench/bench_kernel [device [threads [seconds a number [f32 or i16]]]]
 *
 * Every number is a share of the peak in floats measured in the same process just before it (floating-point
 * operations counted 2 a multiply-add), the best of several runs. Decoding one row is bound by memory: there,
 * gigabytes of weights a second are shown. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/rng.h"
#include "kernel/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double seconds = 0.15;

static float *floats(int64_t n, double spread)
{
    err e = {0};
    float *p = big_new((size_t)n * sizeof *p, "a benchmark", &e);
    if (!p) {
        fprintf(stderr, "%s\n", e.msg);
        exit(1);
    }
    for (int64_t k = 0; spread > 0 && k < n; k++) p[k] = (float)(spread * (rng_unit(1, (uint64_t)k) - 0.5));
    return p;
}

/* Gives every value storage, appends the backward of the one instruction if asked for; all of it stays until
 * the process ends but what finish() frees. */
typedef struct bench {
    prog p;
    run r;
} bench;

typedef enum pass { FORWARD, BACKWARD } pass;

static void start(bench *b, int64_t tokens, int64_t labels)
{
    *b = (bench){0};
    prog_init(&b->p, tokens, labels);
}

static void differentiate(bench *b, val out)
{
    prog *p = &b->p;
    instr f = p->i[0];
    f.back = true;
    f.dout = prog_value(p, "dout", VALUE_INPUT, (value_rows)p->v[out].rows, p->v[out].cap, p->v[out].s.d[1]);
    for (int j = 0; j < f.op->nin; j++) {
        const value *v = f.in[j] == NONE ? NULL : &p->v[f.in[j]];
        if (!v || v->is_int || v->kind == VALUE_FROZEN) continue;
        f.din[j] = prog_value(p, "din", VALUE_TEMP, (value_rows)v->rows, v->cap, v->s.d[1]);
    }
    p->i[0] = f;
}

static double best_seconds(bench *b, device *d)
{
    prog *p = &b->p;
    for (val x = 0; x < p->nv; x++)
        if (p->v[x].kind != VALUE_FROZEN && !p->v[x].p)
            p->v[x].p = floats(numel(p->v[x].s), p->v[x].is_int ? 0 : 1);
    b->r.work_bytes = device_workspace(d, p);
    b->r.work = b->r.work_bytes ? floats((int64_t)(b->r.work_bytes / sizeof(float)) + 1, 0) : NULL;
    double best = 1e9, stop = clock_seconds() + seconds;
    for (int n = 0; n < 3 || clock_seconds() < stop; n++) {
        double t = clock_seconds();
        device_run(d, p, &b->r);
        t = clock_seconds() - t;
        if (t < best) best = t;
    }
    for (val x = 0; x < p->nv; x++)
        if (p->v[x].kind != VALUE_FROZEN) big_free(p->v[x].p, (size_t)numel(p->v[x].s) * sizeof(float));
    big_free(b->r.work, b->r.work_bytes ? (b->r.work_bytes / sizeof(float) + 1) * sizeof(float) : 0);
    prog_release(p);
    return best;
}

static double linear_seconds(device *d, const tensor *w, int64_t rows, int64_t rank, pass way)
{
    bench b;
    start(&b, rows, 0);
    prog *p = &b.p;
    val x = prog_value(p, "x", VALUE_INPUT, ROWS_TOKENS, 0, w->dim[1]);
    lowrank l = {.scale = 2};
    if (rank) {
        l.a = prog_value(p, "A", VALUE_PARAM, ROWS_FIXED, rank, w->dim[1]);
        l.b = prog_value(p, "B", VALUE_PARAM, ROWS_FIXED, w->dim[0], rank);
    }
    val y = op_linear(p, x, prog_frozen(p, w), NONE, rank ? &l : NULL);
    if (way == BACKWARD) differentiate(&b, y);
    return best_seconds(&b, d);
}

static void linear_shape(device *d, int64_t out, int64_t in, dtype type, int64_t rank)
{
    static const int64_t rows[] = {64, 256, 512};
    tensor w;
    err e = {0};
    if (in % dtype_table[type]->per_block || tensor_alloc(&w, type, out, in, ABSMAX_DOUBLE, &e)) return;
    float *src = floats(out * in, 0.1);
    w.name = "w";
    dtype_table[type]->encode(&w, src);
    printf("%6lld x %-5lld %-5s r=%-3lld", (long long)out, (long long)in, dtype_name(type), (long long)rank);
    for (int way = FORWARD; way <= BACKWARD; way++) {
        printf("  ");
        for (int t = 0; t < 3; t++) {
            double peak = device_peak(d, COMPUTE_F32);
            printf(" %.2f", 2.0 * (double)(rows[t] * out * in) /
                                linear_seconds(d, &w, rows[t], rank, (pass)way) / peak);
        }
    }
    printf("   %6.1f GB/s\n", (double)tensor_bytes(&w) / linear_seconds(d, &w, 1, 0, FORWARD) / 1e9);
    fflush(stdout);
    big_free(src, (size_t)(out * in) * sizeof *src);
    tensor_release(&w);
}

static void attention_shape(device *d, int64_t rows, int64_t document, int heads, int kv_heads, int64_t dim)
{
    printf("attention, %lld rows, documents of %lld, %d heads over %d, %lld wide ", (long long)rows,
           (long long)document, heads, kv_heads, (long long)dim);
    for (int way = FORWARD; way <= BACKWARD; way++) {
        bench b;
        start(&b, rows, 0);
        prog *p = &b.p;
        val q = prog_value(p, "q", VALUE_INPUT, ROWS_TOKENS, 0, heads * dim);
        val k = prog_value(p, "k", VALUE_INPUT, ROWS_TOKENS, 0, kv_heads * dim);
        val v = prog_value(p, "v", VALUE_INPUT, ROWS_TOKENS, 0, kv_heads * dim);
        val at = prog_ints(p, "start", VALUE_INPUT, ROWS_TOKENS, 0, 1);
        int32_t *first = (int32_t *)floats(rows, 0);
        for (int64_t r = 0; r < rows; r++) first[r] = (int32_t)(r / document * document);
        p->v[at].p = first;
        val o = op_attention(p, q, k, v, at, heads, kv_heads, 0, 0.125);
        if (way == BACKWARD) differentiate(&b, o);
        /* score and value products over half of the square; the backward has five */
        double work = (way ? 5 : 2) * (double)(rows * (document + 1) * heads * dim);
        double peak = device_peak(d, COMPUTE_F32);
        printf("  %.2f", work / best_seconds(&b, d) / peak);
    }
    printf("\n");
}

static void head_shape(device *d, int64_t labels, int64_t vocab, int64_t width, dtype type)
{
    tensor w;
    err e = {0};
    if (tensor_alloc(&w, type, vocab, width, ABSMAX_DOUBLE, &e)) return;
    float *src = floats(vocab * width, 0.1);
    w.name = "w";
    dtype_table[type]->encode(&w, src);
    for (int64_t chunk = 64; chunk <= 256; chunk *= 2) {
        bench b;
        start(&b, 0, labels);
        prog *p = &b.p;
        val h = prog_value(p, "h", VALUE_INPUT, ROWS_LABELS, 0, width), ce, hit;
        val target = prog_ints(p, "target", VALUE_INPUT, ROWS_LABELS, 0, 1);
        val weight = prog_value(p, "weight", VALUE_INPUT, ROWS_LABELS, 0, 1);
        op_head(p, h, prog_frozen(p, &w), target, weight, chunk, &ce, &hit);
        p->i[0].out[1] = prog_value(p, "dh", VALUE_TEMP, ROWS_LABELS, 0, width);
        double peak = device_peak(d, COMPUTE_F32), work = 4.0 * (double)(labels * vocab * width);
        printf("loss and gradient, %lld labels, %lld x %lld %s, chunks of %lld  %.2f\n", (long long)labels,
               (long long)vocab, (long long)width, dtype_name(type), (long long)chunk,
               work / best_seconds(&b, d) / peak);
    }
    big_free(src, (size_t)(vocab * width) * sizeof *src);
    tensor_release(&w);
}

int main(int argc, char **argv)
{
    static const int64_t shapes[][2] = {{576, 576}, {192, 576}, {1536, 576}, {576, 1536}, {2048, 2048}};
    static const dtype types[] = {DT_F32, DT_BF16, DT_NF4, DT_Q4_1, DT_Q8_0, DT_Q4_K};
    device *d;
    err e = {0};
    if (device_open(&d, argc > 1 ? argv[1] : "auto", argc > 2 ? atoi(argv[2]) : 0, &e)) {
        fprintf(stderr, "%s\n", e.msg);
        return 1;
    }
    if (argc > 3) seconds = atof(argv[3]);
    for (int c = 0; argc > 4 && c < COMPUTE_COUNT; c++)
        if (!strcmp(argv[4], compute_name((compute)c))) device_use(d, (compute)c);
    printf("%s, computing in %s: %.1f GFLOP/s, in integers of 16 bits %.1f, of 8 bits %.1f; %.1f GB/s\n\n",
           device_name(d), compute_name(device_compute(d)), device_peak(d, COMPUTE_F32) / 1e9,
           device_peak(d, COMPUTE_I16) / 1e9, device_peak(d, COMPUTE_I8) / 1e9, device_peak_bandwidth(d) / 1e9);
    printf("share of that:            forward 64 256 512  gradient 64 256 512   decoding one row\n");
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t t = 0; t < sizeof types / sizeof *types; t++)
            linear_shape(d, shapes[s][0], shapes[s][1], types[t], 0);
    linear_shape(d, 576, 576, DT_F32, 8);
    linear_shape(d, 576, 1536, DT_F32, 16);
    printf("\nshare of peak, forward and gradient\n");
    attention_shape(d, 512, 512, 9, 3, 64);
    attention_shape(d, 1024, 128, 9, 3, 64);
    attention_shape(d, 2048, 2048, 16, 8, 128);
    head_shape(d, 256, 49152, 576, DT_F32);
    head_shape(d, 256, 49152, 576, DT_Q8_0);
    device_close(d);
    return 0;
}
