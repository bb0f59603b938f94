/* rows.h -- kernels whose rows stand for themselves: the threads share them out. */
#ifndef KERNEL_ROWS_H
#define KERNEL_ROWS_H

#include "kernel/cpu/isa/ops.h"

/* A kernel over rows: the body gets the rows [from, to). */
typedef struct job {
    const run *r;
    const value *v;
    const instr *i;
    int64_t rows;
    void (*body)(const struct job *j, int64_t from, int64_t to);
} job;

static inline void rows_thread(void *arg, int t, int threads)
{
    const job *j = arg;
    j->body(j, j->rows * t / threads, j->rows * (t + 1) / threads);
}

/* Little work is not worth waking anybody for. */
static inline void rows_run(const run *r, const value *v, const instr *i, const value *over,
                     void (*body)(const job *j, int64_t from, int64_t to))
{
    enum { LITTLE = 1 << 14 };
    job j = {r, v, i, over->s.d[0], body};
    pool_run(numel(over->s) < LITTLE ? NULL : r->team, rows_thread, &j);
}

static inline float *rows_of(const value *v, val x, int64_t row)
{
    return (float *)v[x].p + row * v[x].s.d[1];
}

/* to[k] = x, or += x; n lanes of it. */
INLINE void put(float *to, vec x, int64_t n, int add)
{
    if (n >= VL)
        v_store(to, add ? v_load(to) + x : x);
    else
        v_store_part(to, add ? v_load_part(to, n) + x : x, n);
}

/* n lanes of p, zeros after them. */
INLINE vec get(const float *p, int64_t n) { return n >= VL ? v_load(p) : v_load_part(p, n); }

#endif
