/* head.c -- the loss (the mathematics: op/head.c), a chunk of rows at a time: logits by the packed product,
 * then each row's cross entropy, then dh from dz by the product again, SLICE words of the vocabulary at a
 * time, so that only a slice of dz is ever packed. */
#include "kernel/cpu/isa/ops.h"

#include "kernel/cpu/isa/product.h"

#include <math.h>

enum { H, W, TARGET, WEIGHT, BIAS };
enum { LOSS, DH, CE, HIT, LOGITS };
enum { SLICE = 4096 };

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

typedef struct job {
    const run *r;
    const value *v;
    const instr *i;
    compute forward, back; /* what the two products are computed in */
    int64_t labels, width, vocab, chunk;
    float *panels, *scratch, *slope; /* slope: a row of every thread, for capped logits */
    float *bias;
} job;

static job job_of(const run *r, compute how, const value *v, const instr *i)
{
    const value *w = &v[i->in[W]];
    return (job){.r = r,
                 .v = v,
                 .i = i,
                 .forward = product_how(how, FORWARD, w->w),
                 .back = product_how(how, GRADIENT, w->w),
                 .labels = v[i->in[H]].s.d[0],
                 .width = w->s.d[1],
                 .vocab = w->s.d[0],
                 .chunk = v[i->out[LOGITS]].s.d[0]};
}

static void place(job *j, area *at, int threads)
{
    const int64_t slice = least(SLICE, j->vocab);
    j->panels = area_floats(at, most(product_panels(j->forward, j->chunk, j->width),
                                     product_panels(j->back, j->chunk, slice)));
    j->scratch = area_floats(at, most(product_scratch(j->forward, j->width, j->vocab, 0, threads),
                                      product_scratch(j->back, slice, j->width, 0, threads)));
    j->slope = area_floats(at, j->i->f[0] > 0 ? j->vocab * threads : 0);
    j->bias = area_floats(at, j->i->in[BIAS] == NONE ? 0 : j->vocab);
}

size_t head_workspace(const value *v, const instr *i, const setup *s)
{
    job j = job_of(NULL, s->how, v, i);
    area at = {0};
    place(&j, &at, s->threads);
    return at.used;
}

/* The largest of n floats, and with e: z becomes exp(z - top) and the sum of it is returned. */
static float largest(const float *z, int64_t n)
{
    vec m = v_set(z[0]);
    int64_t k = 0;
    for (; k + VL <= n; k += VL) m = v_max(m, v_load(z + k));
    float top = v_largest(m);
    for (; k < n; k++) top = z[k] > top ? z[k] : top;
    return top;
}

static float exponentials(float *z, int64_t n, float top)
{
    vec sum = v_zero();
    int64_t k = 0;
    for (; k + VL <= n; k += VL) {
        vec e = v_exp(v_load(z + k) - v_set(top));
        v_store(z + k, e);
        sum += e;
    }
    float tail = 0;
    if (k < n) {
        v_store_part(z + k, v_exp(v_load_part(z + k, n - k) - v_set(top)), n - k);
        for (; k < n; k++) tail += z[k];
    }
    return v_sum(sum) + tail;
}

/* Cross entropy of one row of logits; z becomes dz. */
static float row_loss(float *z, int64_t vocab, int32_t target, float weight, float *hit)
{
    const float top = largest(z, vocab), own = z[target];
    int64_t first = 0;
    while (first < target && z[first] != top) first++;
    *hit = own == top && first == target;
    const float sum = exponentials(z, vocab, top), scale = weight / sum;
    int64_t k = 0;
    for (; k + VL <= vocab; k += VL) v_store(z + k, v_load(z + k) * v_set(scale));
    for (; k < vocab; k++) z[k] *= scale;
    z[target] -= weight;
    return top - own + logf(sum);
}

/* z becomes cap * tanh(z / cap), and slope the derivative of that. */
static void cap_logits(float *z, float *slope, int64_t n, float cap)
{
    const vec high = v_set(cap), inverse = v_set(1 / cap);
    for (int64_t k = 0; k < n; k += VL) {
        const vec t = v_tanh((k + VL <= n ? v_load(z + k) : v_load_part(z + k, n - k)) * inverse);
        const vec d = v_set(1) - t * t;
        if (k + VL <= n) {
            v_store(z + k, high * t);
            v_store(slope + k, d);
        } else {
            v_store_part(z + k, high * t, n - k);
            v_store_part(slope + k, d, n - k);
        }
    }
}

/* The same of capped logits. */
static float capped_loss(float *z, float *slope, int64_t vocab, int32_t target, float weight, float cap,
                         float *hit)
{
    cap_logits(z, slope, vocab, cap);
    const float ce = row_loss(z, vocab, target, weight, hit);
    for (int64_t k = 0; k < vocab; k++) z[k] *= slope[k];
    return ce;
}

static float loss_of(const job *j, float *z, int t, int32_t target, float weight, float *hit)
{
    const float cap = (float)j->i->f[0];
    if (!(cap > 0)) return row_loss(z, j->vocab, target, weight, hit);
    return capped_loss(z, j->slope + t * j->vocab, j->vocab, target, weight, cap, hit);
}

/* dh (n, width) = dz (n, vocab) W, rows of the chunk from `first` on. */
static void gradient(const job *j, int64_t first, int64_t n, int t, int threads)
{
    const float *z = j->v[j->i->out[LOGITS]].p;
    for (int64_t s = 0; s < j->vocab; s += SLICE) {
        int64_t k = least(SLICE, j->vocab - s);
        pool_barrier(j->r->team); /* dz is complete; the panels are read no more */
        product_pack(j->back, z + s, j->vocab, n, k, j->panels, j->scratch, t, j->r->team);
        product g = {.how = j->back,
                     .w = j->v[j->i->in[W]].w,
                     .dir = GRADIENT,
                     .first = s,
                     .rows = n,
                     .k = k,
                     .n = j->width,
                     .panels = j->panels,
                     .y = (float *)j->v[j->i->out[DH]].p + first * j->width,
                     .ldy = j->width,
                     .add = s > 0,
                     .scratch = j->scratch};
        product_run(&g, t, threads, j->r->team);
    }
}

static void head_thread(void *arg, int t, int threads)
{
    const job *j = arg;
    const value *v = j->v;
    const int32_t *target = v[j->i->in[TARGET]].p;
    const float *h = v[j->i->in[H]].p, *weight = v[j->i->in[WEIGHT]].p;
    float *z = v[j->i->out[LOGITS]].p, *ce = v[j->i->out[CE]].p, *hit = v[j->i->out[HIT]].p;
    for (int64_t first = 0; first < j->labels; first += j->chunk) {
        int64_t n = least(j->chunk, j->labels - first);
        pool_barrier(j->r->team);
        product_pack(j->forward, h + first * j->width, j->width, n, j->width, j->panels, j->scratch, t,
                     j->r->team);
        product g = {.how = j->forward,
                     .w = v[j->i->in[W]].w,
                     .dir = FORWARD,
                     .rows = n,
                     .k = j->width,
                     .n = j->vocab,
                     .panels = j->panels,
                     .bias = j->bias,
                     .y = z,
                     .ldy = j->vocab,
                     .scratch = j->scratch};
        product_run(&g, t, threads, j->r->team);
        pool_barrier(j->r->team);
        for (int64_t l; (l = pool_take(j->r->team, POOL_LANE_A)) < n;)
            ce[first + l] =
                loss_of(j, z + l * j->vocab, t, target[first + l], weight[first + l], &hit[first + l]);
        if (j->i->out[DH] != NONE) gradient(j, first, n, t, threads);
    }
}

void head_forward(const run *r, const value *v, const instr *i)
{
    job j = job_of(r, ((const memo *)r->device)->setup->how, v, i);
    area at = {r->work, 0};
    place(&j, &at, pool_threads(r->team));
    BUG_IF(at.used > r->work_bytes);
    if (i->in[BIAS] == NONE) j.bias = NULL;
    else tensor_decode(v[i->in[BIAS]].w, 0, 0, j.vocab, j.bias);
    pool_run(r->team, head_thread, &j);
    const float *weight = v[i->in[WEIGHT]].p, *ce = v[i->out[CE]].p;
    double loss = 0;
    for (int64_t l = 0; l < j.labels; l++) loss += (double)weight[l] * (double)ce[l];
    *(float *)v[i->out[LOSS]].p = (float)loss;
}
