/* device.c -- choosing a backend, running a list, measuring what the machine can do. */
#include "kernel/backend.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct device {
    const backend *b;
    pool *team;
    setup setup;
    char name[64];
};

static const backend *const cpu_backends[ISA_COUNT] = {
    [ISA_GENERIC] = &backend_generic,
#if defined(__x86_64__)
    [ISA_AVX2] = &backend_avx2,
    [ISA_AVX512] = &backend_avx512,
    [ISA_AVX512VNNI] = &backend_avx512vnni,
#elif defined(__aarch64__)
    [ISA_NEON] = &backend_neon,
#endif
};

static int choose(const backend **out, const char *which, err *e)
{
    if (!which || !strcmp(which, "auto") || !strcmp(which, "cpu")) {
        /* Not by a race: some sums run in another order on each, and the same command has to repeat a run. */
        *out = cpu_backends[cpu_best()];
        return OK;
    }
    if (!strcmp(which, "reference")) {
        *out = &backend_reference;
        return OK;
    }
    for (int i = 0; i < ISA_COUNT; i++) {
        if (strncmp(which, "cpu:", 4) || strcmp(which + 4, cpu_isa_name((cpu_isa)i))) continue;
        if (!cpu_backends[i] || !cpu_has((cpu_isa)i))
            return fail(e, E_UNSUPPORTED, "this processor (%s) has no %s; use --device cpu", cpu_model(),
                        which + 4);
        *out = cpu_backends[i];
        return OK;
    }
    return fail(e, E_USAGE,
                "no device \"%s\": it may be auto, cpu, cpu:generic, cpu:avx2, cpu:avx512, cpu:avx512vnni, "
                "cpu:neon or reference",
                which);
}

int device_open(device **out, const char *which, int threads, err *e)
{
    const backend *b = NULL;
    int code = choose(&b, which, e);
    if (code) return code;
    pool *team = pool_new(threads, e);
    if (!team) return E_MEMORY;
    device *d = xcalloc(1, sizeof *d);
    d->b = b;
    d->team = team;
    int n = d->setup.threads = pool_threads(team);
    snprintf(d->name, sizeof d->name, "%s, %d thread%s", b->name, n, n == 1 ? "" : "s");
    *out = d;
    return OK;
}

void device_close(device *d)
{
    if (!d) return;
    pool_free(d->team);
    free(d);
}

const char *device_name(const device *d) { return d->name; }
pool *device_pool(const device *d) { return d->team; }
int device_threads(const device *d) { return pool_threads(d->team); }

void device_use(device *d, compute how) { d->setup.how = d->b->flops[how] ? how : COMPUTE_F32; }
compute device_compute(const device *d) { return d->setup.how; }
compute device_fastest(const device *d) { return d->b->fastest; }

const char *compute_name(compute how)
{
    static const char *const names[COMPUTE_COUNT] = {"f32", "i16", "i8"};
    return names[how];
}

static const kernel *kernel_of(const device *d, const instr *i) { return &d->b->op[i->op->id]; }

size_t device_workspace(const device *d, const prog *p)
{
    size_t most = 0;
    for (int n = 0; n < p->ni; n++) {
        const instr *i = &p->i[n];
        const kernel *k = kernel_of(d, i);
        if (!k->workspace || !(i->back ? k->backward : k->forward)) continue;
        size_t bytes = k->workspace(p->v, i, &d->setup);
        if (bytes > most) most = bytes;
    }
    return most;
}

/* A list of generation to which no new source has come leaves its encoder out. */
static bool is_idle(const prog *p, const instr *i)
{
    const val x = i->in[0];
    return !i->back && x != NONE && p->v[x].rows == ROWS_SOURCE && p->v[x].s.d[0] == 0;
}

void device_run(device *d, prog *p, run *r)
{
    const packed_rows none = {.x = NONE};
    memo m = {.setup = &d->setup, .now = none, .next = none};
    double start = r->seconds ? clock_seconds() : 0;
    r->team = d->team;
    r->device = &m;
    for (int n = 0; n < p->ni; n++) {
        const instr *i = &p->i[n];
        const kernel *k = kernel_of(d, i);
        kernel_fn *fn = i->back ? k->backward : k->forward;
        if (!fn) fn = i->back ? i->op->backward : i->op->forward;
        if (is_idle(p, i)) continue;
        m.now = m.next;
        m.next = none;
        fn(r, p->v, i);
        if (!r->seconds) continue;
        double now = clock_seconds();
        r->seconds[i->op->id + (i->back ? OP_COUNT : 0)] += now - start;
        start = now;
    }
    r->device = NULL;
}

/* One measurement: every thread does its part, `best` is the fastest round. */
typedef struct measure {
    const backend *b;
    compute how;
    pool *team;
    const float *data;
    int64_t n; /* turns, or floats a thread */
    double work[256];
    float sum[256];
} measure;

static void measure_flops(void *arg, int t, int threads)
{
    measure *m = arg;
    (void)threads;
    m->work[t] = m->b->flops[m->how](m->n);
}

static void measure_read(void *arg, int t, int threads)
{
    measure *m = arg;
    (void)threads;
    m->sum[t] = m->b->read(m->data + t * m->n, m->n);
    m->work[t] = (double)m->n * sizeof(float);
}

static double best_of(measure *m, pool_fn *fn, int rounds)
{
    double best = 0;
    for (int i = 0; i < rounds; i++) {
        double start = clock_seconds(), work = 0;
        pool_run(m->team, fn, m);
        double seconds = clock_seconds() - start;
        for (int t = 0; t < pool_threads(m->team); t++) work += m->work[t];
        if (work / seconds > best) best = work / seconds;
    }
    return best;
}

double device_peak(device *d, compute how)
{
    measure m = {.b = d->b, .how = how, .team = d->team, .n = 200000};
    return m.b->flops[how] ? best_of(&m, measure_flops, 10) : 0;
}


/* Over more than the caches hold: 128 MiB, or less where that much cannot be had. */
double device_peak_bandwidth(device *d)
{
    for (size_t bytes = (size_t)128 << 20; bytes >= (size_t)1 << 20; bytes /= 2) {
        float *data = big_new(bytes, "measuring the memory's speed", NULL);
        if (!data) continue;
        memset(data, 0, bytes); /* pages that were never written are all one page of zeros */
        measure m = {.b = d->b, .team = d->team, .data = data};
        m.n = (int64_t)(bytes / sizeof(float)) / device_threads(d) / 64 * 64;
        double best = best_of(&m, measure_read, 5);
        big_free(data, bytes);
        return best;
    }
    return 0;
}
