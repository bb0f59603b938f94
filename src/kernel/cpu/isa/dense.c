/* dense.c -- the trained projection of a head (the mathematics: op/dense.c): few columns, so plain loops of
 * vectors. Threads take outputs, or for dx rows; every sum has one order. */
#include "kernel/cpu/isa/rows.h"

enum { IN, W, BIAS };

static void thread_share(int64_t n, int t, int threads, int64_t *from, int64_t *to)
{
    *from = n * t / threads;
    *to = n * (t + 1) / threads;
}

static float dot(const float *a, const float *b, int64_t n)
{
    vec sum = v_zero();
    for (int64_t k = 0; k < n; k += VL) sum = v_fma(get(a + k, n - k), get(b + k, n - k), sum);
    return v_sum(sum);
}

/* to += s from */
static void add(float *to, float s, const float *from, int64_t n)
{
    for (int64_t k = 0; k < n; k += VL) put(to + k, v_set(s) * get(from + k, n - k), n - k, 1);
}

static void forward_thread(void *arg, int t, int threads)
{
    const job *j = arg;
    const value *x = &j->v[j->i->in[IN]], *w = &j->v[j->i->in[W]];
    const float *bias = j->i->in[BIAS] == NONE ? NULL : j->v[j->i->in[BIAS]].p;
    const int64_t in = w->s.d[1], out = w->s.d[0];
    int64_t from, to;
    thread_share(out, t, threads, &from, &to);
    for (int64_t l = 0; l < x->s.d[0]; l++)
        for (int64_t o = from; o < to; o++)
            rows_of(j->v, j->i->out[0], l)[o] =
                dot((const float *)x->p + l * in, (const float *)w->p + o * in, in) + (bias ? bias[o] : 0);
}

void dense_forward(const run *r, const value *v, const instr *i)
{
    job j = {r, v, i, 0, NULL};
    pool_run(r->team, forward_thread, &j);
}

static void input_gradient(const job *j, int t, int threads)
{
    const value *dx = &j->v[j->i->din[IN]], *w = &j->v[j->i->in[W]];
    const int64_t in = w->s.d[1], out = w->s.d[0];
    int64_t from, to;
    thread_share(dx->s.d[0], t, threads, &from, &to);
    for (int64_t l = from; l < to; l++) {
        float *d = (float *)dx->p + l * in;
        const float *g = rows_of(j->v, j->i->dout, l);
        if (!(j->i->acc & BIT(IN))) memset(d, 0, (size_t)in * sizeof *d);
        for (int64_t o = 0; o < out; o++) add(d, g[o], (const float *)w->p + o * in, in);
    }
}

static void weight_gradient(const job *j, int t, int threads)
{
    const value *dy = &j->v[j->i->dout], *dw = &j->v[j->i->din[W]];
    const int64_t in = dw->s.d[1], out = dw->s.d[0];
    int64_t from, to;
    thread_share(out, t, threads, &from, &to);
    for (int64_t o = from; o < to; o++) {
        float *d = (float *)dw->p + o * in;
        if (!(j->i->acc & BIT(W))) memset(d, 0, (size_t)in * sizeof *d);
        for (int64_t l = 0; l < dy->s.d[0]; l++)
            add(d, ((const float *)dy->p)[l * out + o], rows_of(j->v, j->i->in[IN], l), in);
    }
}

static void bias_gradient(const job *j)
{
    const value *dy = &j->v[j->i->dout];
    float *d = j->v[j->i->din[BIAS]].p;
    const int64_t out = dy->s.d[1];
    if (!(j->i->acc & BIT(BIAS))) memset(d, 0, (size_t)out * sizeof *d);
    for (int64_t l = 0; l < dy->s.d[0]; l++)
        for (int64_t o = 0; o < out; o++) d[o] += ((const float *)dy->p)[l * out + o];
}

static void backward_thread(void *arg, int t, int threads)
{
    const job *j = arg;
    if (j->i->din[IN] != NONE) input_gradient(j, t, threads);
    if (j->i->din[W] != NONE) weight_gradient(j, t, threads);
    if (j->i->din[BIAS] != NONE && t == 0) bias_gradient(j);
}

void dense_backward(const run *r, const value *v, const instr *i)
{
    job j = {r, v, i, 0, NULL};
    pool_run(r->team, backward_thread, &j);
}
