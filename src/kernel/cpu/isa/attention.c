/* attention.c -- training and generation attention as blocks for attend(), and who does which.
 *
 * A task of the forward is a block of rows of one document and the heads of one key head; tasks share
 * nothing, so any thread may take the next one. The backward sums dk and dv over rows and heads, so there a
 * task is a whole document and key head: the order of every sum is that of the rows. */
#include "kernel/cpu/isa/ops.h"

#include "kernel/cpu/isa/attend.h"

#include <stdatomic.h>

enum { Q, K, V, START };
enum { OUT, LSE };
enum { HEADS, KV_HEADS, WINDOW, CONTEXT };

/* Rows [first, first + n) of one document; its first row is `base`, or for a cache: the sequence's. */
typedef struct block {
    int64_t base, first, n, position;
} block;

typedef struct job {
    const value *v;
    const instr *i;
    int64_t heads, kv_heads, share, dim, group, groups; /* a key head's heads are done `group` at a time */
    block *blocks;
    int64_t nblocks;
    float *scratch;
    int64_t floats; /* of a thread's scratch */
    _Atomic int64_t next;
} job;

static void job_init(job *j, const value *v, const instr *i)
{
    *j = (job){.v = v, .i = i, .heads = i->n[HEADS], .kv_heads = i->n[KV_HEADS]};
    j->share = j->heads / j->kv_heads;
    j->dim = v[i->in[Q]].s.d[1] / j->heads;
    j->group = least(j->share, COLUMNS);
    j->groups = pieces(j->share, j->group);
    j->floats = i->back ? attend_back_floats(j->dim) : attend_floats(j->dim);
}

static void place(job *j, area *at, int64_t rows, int threads)
{
    j->blocks = (block *)area_floats(at, rows * (int64_t)(sizeof(block) / sizeof(float)));
    j->scratch = area_floats(at, j->floats * threads);
}

size_t attention_workspace(const value *v, const instr *i, const setup *s)
{
    job j;
    area at = {0};
    job_init(&j, v, i);
    place(&j, &at, v[i->in[Q]].cap, s->threads);
    return at.used;
}

static void job_place(job *j, const run *r)
{
    area at = {r->work, 0};
    place(j, &at, j->v[j->i->in[Q]].s.d[0], pool_threads(r->team));
    BUG_IF(at.used > r->work_bytes);
}

/* Rows that fit in the columns of one block. */
static int64_t rows_at_once(const job *j) { return COLUMNS / j->group; }

/* Column block b of key head g's heads, `part` of them. */
static span span_of(const job *j, const block *b, int64_t g, int64_t part)
{
    const value *q = &j->v[j->i->in[Q]], *k = &j->v[j->i->in[K]];
    const int64_t head = g * j->share + part * j->group, off = b->first * q->s.d[1] + head * j->dim;
    span s = {.rows = b->n,
              .heads = least(j->group, j->share - part * j->group),
              .dim = j->dim,
              .position = b->position,
              .window = j->i->n[WINDOW],
              .scale = (float)j->i->f[0],
              .q = (const float *)q->p + off,
              .q_stride = q->s.d[1],
              .kv_stride = k->s.d[1],
              .o = (float *)j->v[j->i->out[OUT]].p + off};
    return s;
}

static void use_rows(const job *j, const block *b, int64_t g, span *s, int64_t head)
{
    const int64_t off = b->base * s->kv_stride + g * j->dim;
    s->k = (const float *)j->v[j->i->in[K]].p + off;
    s->v = (const float *)j->v[j->i->in[V]].p + off;
    s->lse = (float *)j->v[j->i->out[LSE]].p + b->first * j->heads + head;
    s->lse_stride = j->heads;
}

static void forward_thread(void *arg, int t, int threads)
{
    job *j = arg;
    const int64_t tasks = j->nblocks * j->kv_heads * j->groups;
    (void)threads;
    for (int64_t n; (n = atomic_fetch_add(&j->next, 1)) < tasks;) {
        const block *b = &j->blocks[n / (j->kv_heads * j->groups)];
        int64_t g = n / j->groups % j->kv_heads, part = n % j->groups;
        span s = span_of(j, b, g, part);
        use_rows(j, b, g, &s, g * j->share + part * j->group);
        attend(&s, j->scratch + t * j->floats);
    }
}

/* Blocks of at most `most` rows that do not cross documents. */
static void find_blocks(job *j, int64_t most)
{
    const int32_t *start = j->v[j->i->in[START]].p;
    const int64_t rows = j->v[j->i->in[Q]].s.d[0];
    for (int64_t r = 0; r < rows; r += j->blocks[j->nblocks++].n) {
        block *b = &j->blocks[j->nblocks];
        *b = (block){.base = start[r], .first = r, .position = r - start[r]};
        while (b->n < most && r + b->n < rows && start[r + b->n] == start[r]) b->n++;
    }
}

void attention_forward(const run *r, const value *v, const instr *i)
{
    job j;
    job_init(&j, v, i);
    job_place(&j, r);
    find_blocks(&j, rows_at_once(&j));
    pool_run(r->team, forward_thread, &j);
}

/* The gradient's rows of one document and key head are zeroed unless they are added to. */
static float *gradient(const job *j, int in, const block *b, int64_t g)
{
    if (j->i->din[in] == NONE) return NULL;
    const value *d = &j->v[j->i->din[in]];
    const int64_t stride = d->s.d[1];
    float *first = (float *)d->p + b->base * stride + g * j->dim;
    for (int64_t r = 0; r < b->n && !(j->i->acc & BIT(in)); r++)
        memset(first + r * stride, 0, (size_t)j->dim * sizeof *first);
    return first;
}

static void document_back(const job *j, const block *whole, int64_t g, float *scratch)
{
    float *dk = gradient(j, K, whole, g), *dv = gradient(j, V, whole, g);
    const int64_t most = rows_at_once(j);
    for (int64_t first = 0; first < whole->n; first += most)
        for (int64_t part = 0; part < j->groups; part++) {
            const int64_t head = g * j->share + part * j->group;
            block b = {whole->base, whole->first + first, least(most, whole->n - first), first};
            span s = span_of(j, &b, g, part);
            int64_t off = b.first * s.q_stride + head * j->dim;
            use_rows(j, &b, g, &s, head);
            s.go = (const float *)j->v[j->i->dout].p + off;
            if (j->i->din[Q] != NONE) s.dq = (float *)j->v[j->i->din[Q]].p + off;
            s.add = j->i->acc & BIT(Q);
            s.dk = dk;
            s.dv = dv;
            attend_back(&s, scratch);
        }
}

static void backward_thread(void *arg, int t, int threads)
{
    job *j = arg;
    (void)threads;
    for (int64_t n; (n = atomic_fetch_add(&j->next, 1)) < j->nblocks * j->kv_heads;)
        document_back(j, &j->blocks[n / j->kv_heads], n % j->kv_heads, j->scratch + t * j->floats);
}

void attention_backward(const run *r, const value *v, const instr *i)
{
    job j;
    job_init(&j, v, i);
    job_place(&j, r);
    find_blocks(&j, INT64_MAX);
    pool_run(r->team, backward_thread, &j);
}

/* ---------------------------------------------------------------------------------- generation */

enum { SLOT = 3, POSITION, CACHE_K, CACHE_V };

/* New keys or values go to their places in the cache. */
static void store(const value *v, const instr *i, int from, int cache)
{
    const value *x = &v[i->in[from]];
    const int32_t *slot = v[i->in[SLOT]].p, *position = v[i->in[POSITION]].p;
    const int64_t width = x->s.d[1];
    for (int64_t t = 0; t < x->s.d[0]; t++) {
        float *to = (float *)v[i->in[cache]].p + (slot[t] * i->n[CONTEXT] + position[t]) * width;
        memcpy(to, (const float *)x->p + t * width, (size_t)width * sizeof *to);
    }
}

static void cached_thread(void *arg, int t, int threads)
{
    job *j = arg;
    const int64_t tasks = j->nblocks * j->kv_heads * j->groups;
    (void)threads;
    for (int64_t n; (n = atomic_fetch_add(&j->next, 1)) < tasks;) {
        const block *b = &j->blocks[n / (j->kv_heads * j->groups)];
        const int64_t g = n / j->groups % j->kv_heads;
        span s = span_of(j, b, g, n % j->groups);
        const int64_t off = b->base * s.kv_stride + g * j->dim;
        s.k = (const float *)j->v[j->i->in[CACHE_K]].p + off;
        s.v = (const float *)j->v[j->i->in[CACHE_V]].p + off;
        attend(&s, j->scratch + t * j->floats);
    }
}

/* Rows that follow one another in the list and in their sequence make a block. */
void cached_attention_forward(const run *r, const value *v, const instr *i)
{
    const int32_t *slot = v[i->in[SLOT]].p, *position = v[i->in[POSITION]].p;
    const int64_t rows = v[i->in[Q]].s.d[0];
    job j;
    job_init(&j, v, i);
    job_place(&j, r);
    store(v, i, K, CACHE_K);
    store(v, i, V, CACHE_V);
    for (int64_t t = 0; t < rows; t += j.blocks[j.nblocks++].n) {
        block *b = &j.blocks[j.nblocks];
        *b = (block){.base = slot[t] * i->n[CONTEXT], .first = t, .position = position[t]};
        while (b->n < rows_at_once(&j) && t + b->n < rows && slot[t + b->n] == slot[t] &&
               position[t + b->n] == position[t] + b->n)
            b->n++;
    }
    pool_run(r->team, cached_thread, &j);
}
