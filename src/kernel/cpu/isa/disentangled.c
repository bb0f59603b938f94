/* disentangled.c -- DeBERTa's attention (the mathematics: op/disentangled.c), a head of a document at a time, BLOCK
 * of its rows at a time.
 *
 * The products of rows and buckets are made whole, for the buckets that distances in the document have: of the
 * block's q and a (BLOCK, buckets), of all k and c (rows, buckets); scores gather from both. The backward scatters ds
 * back into two such arrays, and what is left are products again. It sums da and dc over documents, so there a task
 * is a head; the order of all sums is that of the rows. */
#include "kernel/cpu/isa/micro.h"
#include "kernel/cpu/isa/ops.h"
#include "kernel/cpu/isa/pack.h"

#include <math.h>

enum { Q, K, V, START, WHERE, A, C };
enum { OUT, LSE };
enum { BLOCK = 48 };

/* A thread's scratch. `wide` and `across` are a head's columns and a document's rows rounded up to whole NR, `span`
 * the buckets. */
typedef struct room {
    float *q, *k, *v, *a, *c, *go;      /* rows of the head (rows, wide) and buckets (span, wide) */
    float *kt, *at, *ct, *vt;           /* the same as panels */
    float *st, *dt;                     /* (BLOCK, across): scores or p, ds */
    float *qa, *kc, *dqa, *dkc;         /* (BLOCK, span) and (rows, span) */
    float *dq, *dk, *dv, *da, *dc;      /* (rows, wide), (span, wide) */
    float *panel, *turn;                /* rows as a tile wants them */
    float *where;                       /* int32_t: bucket of each distance from -(rows - 1) on */
} room;

typedef struct document {
    int64_t first, rows, low, span; /* its first bucket, and how many */
} document;

typedef struct job {
    const value *v;
    const instr *i;
    int64_t heads, dim, wide, cap, buckets;
    document *docs;
    int64_t ndocs, floats;
    float *scratch;
} job;

static int64_t up(int64_t n) { return (n + NR - 1) / NR * NR; }

static room place(const job *j, area *at)
{
    const int64_t rows = up(j->cap) * j->wide, around = up(j->buckets) * j->wide, across = up(j->cap);
    const int64_t span = up(j->buckets), back = j->i->back ? 1 : 0;
    room r;
    float **const by_rows[] = {&r.q, &r.k, &r.v, &r.kt}, **const by_buckets[] = {&r.a, &r.c, &r.at, &r.ct};
    for (int n = 0; n < 4; n++) *by_rows[n] = area_floats(at, rows);
    for (int n = 0; n < 4; n++) *by_buckets[n] = area_floats(at, around);
    r.st = area_floats(at, BLOCK * across);
    r.qa = area_floats(at, BLOCK * span);
    r.kc = area_floats(at, across * span);
    r.panel = area_floats(at, MR * (across + span + j->wide));
    r.turn = area_floats(at, NR * (j->wide + 4));
    r.where = area_floats(at, 2 * across);
    float **const more[] = {&r.go, &r.vt, &r.dq, &r.dk, &r.dv};
    for (int n = 0; n < 5; n++) *more[n] = area_floats(at, back * rows);
    r.da = area_floats(at, back * around);
    r.dc = area_floats(at, back * around);
    r.dt = area_floats(at, back * BLOCK * across);
    r.dqa = area_floats(at, back * BLOCK * span);
    r.dkc = area_floats(at, back * across * span);
    return r;
}

static void job_init(job *j, const value *v, const instr *i)
{
    *j = (job){.v = v, .i = i, .heads = i->n[0], .cap = v[i->in[Q]].cap};
    j->dim = v[i->in[Q]].s.d[1] / j->heads;
    j->wide = up(j->dim);
    const val x = i->in[A] != NONE ? i->in[A] : i->in[C];
    j->buckets = x == NONE ? 1 : v[x].s.d[0];
    area at = {0};
    place(j, &at);
    j->floats = (int64_t)(at.used / sizeof(float));
}

static void job_place(job *j, area *at, int threads)
{
    j->docs = (document *)area_floats(at, j->cap * (int64_t)(sizeof(document) / sizeof(float)));
    j->scratch = area_floats(at, j->floats * threads);
}

size_t disentangled_workspace(const value *v, const instr *i, const setup *s)
{
    job j;
    area at = {0};
    job_init(&j, v, i);
    job_place(&j, &at, s->threads);
    return at.used;
}

static int32_t bucket(const job *j, int64_t distance)
{
    const value *w = &j->v[j->i->in[WHERE]];
    const int64_t reach = w->s.d[1] / 2;
    distance = distance > reach ? reach : distance < -reach ? -reach : distance;
    return (int32_t)((const float *)w->w->data)[reach + distance];
}

static void begin(job *j, const run *r, const value *v, const instr *i)
{
    const int32_t *start = v[i->in[START]].p;
    const int64_t rows = v[i->in[Q]].s.d[0];
    area at = {r->work, 0};
    job_init(j, v, i);
    job_place(j, &at, pool_threads(r->team));
    BUG_IF(at.used > r->work_bytes);
    for (int64_t n = 0; n < rows; n += j->docs[j->ndocs++].rows) {
        document *d = &j->docs[j->ndocs];
        *d = (document){.first = n, .span = 1};
        while (n + d->rows < rows && start[n + d->rows] == start[n]) d->rows++;
        if (i->in[A] == NONE && i->in[C] == NONE) continue;
        d->low = bucket(j, 1 - d->rows);
        d->span = bucket(j, d->rows - 1) - d->low + 1;
    }
}

/* ---------------------------------------------------------------------------------- products */

/* Columns of head h: rows [first, first + n) of x as (n, wide), with zeros up to whole NR both ways. */
static void gather(const job *j, val x, int64_t h, int64_t first, int64_t n, float *to)
{
    const int64_t stride = j->v[x].s.d[1];
    const float *from = (const float *)j->v[x].p + first * stride + h * j->dim;
    memset(to, 0, (size_t)(up(n) * j->wide) * sizeof *to);
    for (int64_t r = 0; r < n; r++) memcpy(to + r * j->wide, from + r * stride, (size_t)j->dim * sizeof *to);
}

/* Rows (n, wide) as panels of NR of them. */
static void panels(const job *j, const float *rows, int64_t n, float *to)
{
    for (int64_t p = 0; p < n; p += NR) pack_turn(rows + p * j->wide, j->wide, j->wide, to + p * j->wide);
}

/* c (m, n) = rows (m, wide) times the panels of n others */
static void product(const job *j, const room *r, const float *rows, int64_t m, const float *panel, int64_t n,
                    float *c, int64_t ldc)
{
    for (int64_t k = 0; k < m; k += MR) {
        const int some = (int)(m - k < MR ? m - k : MR);
        pack_x(rows + k * j->wide, j->wide, some, j->wide, r->panel);
        for (int64_t p = 0; p < n; p += NR) {
            tile t = {.a = r->panel, .b = panel + p * j->wide, .k = j->wide, .lda = MR, .ldb = NR};
            t.c = c + k * ldc + p;
            t.ldc = ldc;
            tile_run(&t, some, NR);
        }
    }
}

/* c (m, wide) += a (m, n) b (n, wide), a's rows lda apart */
static void add_product(const job *j, const room *r, const float *a, int64_t lda, int64_t m, int64_t n,
                        const float *b, float *c)
{
    for (int64_t k = 0; k < m; k += MR) {
        const int some = (int)(m - k < MR ? m - k : MR);
        pack_x(a + k * lda, lda, some, n, r->panel);
        for (int64_t e = 0; e < j->wide; e += NR) {
            tile t = {.a = r->panel, .b = b + e, .k = n, .lda = MR, .ldb = j->wide, .ldc = j->wide, .ldi = j->wide};
            t.init = t.c = c + k * j->wide + e;
            tile_run(&t, some, NR);
        }
    }
}

/* c (m, wide) += a^T b, a (n, m) with rows lda apart, b (n, wide) */
static void add_turned(const job *j, const float *a, int64_t lda, int64_t m, int64_t n, const float *b, float *c)
{
    for (int64_t k = 0; k < m; k += MR)
        for (int64_t e = 0; e < j->wide; e += NR) {
            tile t = {.a = a + k, .b = b + e, .k = n, .lda = lda, .ldb = j->wide, .ldc = j->wide, .ldi = j->wide};
            t.init = t.c = c + k * j->wide + e;
            tile_run(&t, (int)(m - k < MR ? m - k : MR), NR);
        }
}

/* ---------------------------------------------------------------------------------- scores */

static const int32_t *wheres(const room *r, const document *d) { return (const int32_t *)r->where + d->rows - 1; }

/* What a head of a document is read from; k and c are multiplied once. */
static void load(const job *j, const document *d, int64_t h, const room *r)
{
    const instr *i = j->i;
    int32_t *where = (int32_t *)r->where;
    gather(j, i->in[Q], h, d->first, d->rows, r->q);
    gather(j, i->in[K], h, d->first, d->rows, r->k);
    gather(j, i->in[V], h, d->first, d->rows, r->v);
    panels(j, r->k, d->rows, r->kt);
    for (int64_t n = 1 - d->rows; n < d->rows; n++)
        where[d->rows - 1 + n] = i->in[A] == NONE && i->in[C] == NONE ? 0 : bucket(j, n) - (int32_t)d->low;
    if (i->in[A] != NONE) {
        gather(j, i->in[A], h, d->low, d->span, r->a);
        panels(j, r->a, d->span, r->at);
    }
    if (i->in[C] == NONE) return;
    gather(j, i->in[C], h, d->low, d->span, r->c);
    panels(j, r->c, d->span, r->ct);
    product(j, r, r->k, d->rows, r->ct, d->span, r->kc, up(d->span));
}

/* st (n, across) = the scores of rows [from, from + n), HIDDEN where there is no key. */
static void scores(const job *j, const document *d, const room *r, int64_t from, int64_t n)
{
    const int64_t across = up(d->rows), span = up(d->span);
    const float scale = (float)j->i->f[0];
    product(j, r, r->q + from * j->wide, n, r->kt, d->rows, r->st, across);
    if (j->i->in[A] != NONE) product(j, r, r->q + from * j->wide, n, r->at, d->span, r->qa, span);
    for (int64_t k = 0; k < n; k++) {
        const int32_t *where = wheres(r, d) + from + k;
        float *s = r->st + k * across;
        const float *qa = r->qa + k * span;
        for (int64_t m = 0; m < d->rows && j->i->in[A] != NONE; m++) s[m] += qa[where[-m]];
        for (int64_t m = 0; m < d->rows && j->i->in[C] != NONE; m++) s[m] += r->kc[m * span + where[-m]];
        for (int64_t m = 0; m < d->rows; m++) s[m] *= scale;
        for (int64_t m = d->rows; m < across; m++) s[m] = -1e30f;
    }
}

/* s (across) becomes exp(s - lse); where lse is not known yet: returns it. */
static float soften(float *s, int64_t across)
{
    vec most = v_load(s), sum = v_zero();
    for (int64_t m = VL; m < across; m += VL) most = v_max(most, v_load(s + m));
    const vec top = v_set(v_largest(most));
    for (int64_t m = 0; m < across; m += VL) {
        const vec e = v_exp(v_load(s + m) - top);
        v_store(s + m, e);
        sum += e;
    }
    const float all = v_sum(sum);
    for (int64_t m = 0; m < across; m += VL) v_store(s + m, v_load(s + m) * v_set(1 / all));
    return top[0] + logf(all);
}

static void forward_head(void *arg, int64_t n, int t)
{
    const job *j = arg;
    const document *d = &j->docs[n / j->heads];
    const int64_t h = n % j->heads, stride = j->heads * j->dim, across = up(d->rows);
    area at = {(char *)(j->scratch + t * j->floats), 0};
    const room r = place(j, &at);
    float *lse = (float *)j->v[j->i->out[LSE]].p + d->first * j->heads + h;
    load(j, d, h, &r);
    for (int64_t from = 0; from < d->rows; from += BLOCK) {
        const int64_t some = d->rows - from < BLOCK ? d->rows - from : BLOCK;
        float *o = (float *)j->v[j->i->out[OUT]].p + (d->first + from) * stride + h * j->dim;
        scores(j, d, &r, from, some);
        for (int64_t k = 0; k < some; k++) lse[(from + k) * j->heads] = soften(r.st + k * across, across);
        memset(r.q + from * j->wide, 0, (size_t)(some * j->wide) * sizeof *r.q); /* q was read: o takes its place */
        add_product(j, &r, r.st, across, some, d->rows, r.v, r.q + from * j->wide);
        for (int64_t k = 0; k < some; k++)
            memcpy(o + k * stride, r.q + (from + k) * j->wide, (size_t)j->dim * sizeof *o);
    }
}

void disentangled_forward(const run *r, const value *v, const instr *i)
{
    job j;
    begin(&j, r, v, i);
    pool_pieces(r->team, forward_head, &j, j.ndocs * j.heads);
}

/* ---------------------------------------------------------------------------------- backward */

/* Row k of the block: p from its scores, ds from the products in dt. */
static void differentiate(const job *j, const document *d, const room *r, int64_t h, int64_t row, int64_t k)
{
    const int64_t across = up(d->rows), at = (d->first + row) * j->heads + h;
    const float *o = (const float *)j->v[j->i->out[OUT]].p + at * j->dim, *go = r->go + row * j->wide;
    float *s = r->st + k * across, *ds = r->dt + k * across, mean = 0;
    const vec lse = v_set(((const float *)j->v[j->i->out[LSE]].p)[at]), scale = v_set((float)j->i->f[0]);
    for (int64_t e = 0; e < j->dim; e++) mean += go[e] * o[e];
    for (int64_t m = 0; m < across; m += VL) {
        const vec p = v_exp(v_load(s + m) - lse);
        v_store(s + m, p);
        v_store(ds + m, scale * p * (v_load(ds + m) - v_set(mean)));
    }
}

/* ds goes where the scores came from. */
static void scatter(const job *j, const document *d, const room *r, int64_t from, int64_t n)
{
    const int64_t across = up(d->rows), span = up(d->span);
    memset(r->dqa, 0, (size_t)(n * span) * sizeof *r->dqa);
    for (int64_t k = 0; k < n; k++) {
        const int32_t *where = wheres(r, d) + from + k;
        const float *ds = r->dt + k * across;
        float *dqa = r->dqa + k * span;
        for (int64_t m = 0; m < d->rows && j->i->in[A] != NONE; m++) dqa[where[-m]] += ds[m];
        for (int64_t m = 0; m < d->rows && j->i->in[C] != NONE; m++) r->dkc[m * span + where[-m]] += ds[m];
    }
}

/* The head's columns of n rows of a gradient from `first` on are, or with `add` are increased by, `from`. */
static void put_back(const job *j, int in, int64_t h, int64_t first, int64_t n, const float *from, bool add)
{
    if (j->i->din[in] == NONE) return;
    const int64_t stride = j->heads * j->dim;
    float *to = (float *)j->v[j->i->din[in]].p + first * stride + h * j->dim;
    for (int64_t r = 0; r < n; r++, to += stride, from += j->wide)
        for (int64_t e = 0; e < j->dim; e++) to[e] = (add ? to[e] : 0) + from[e];
}

static void block_back(const job *j, const document *d, const room *r, int64_t h, int64_t from, int64_t n)
{
    const int64_t across = up(d->rows), span = up(d->span);
    const float *q = r->q + from * j->wide, *go = r->go + from * j->wide;
    float *dq = r->dq + from * j->wide;
    scores(j, d, r, from, n);
    product(j, r, go, n, r->vt, d->rows, r->dt, across);
    for (int64_t k = 0; k < n; k++) differentiate(j, d, r, h, from + k, k);
    add_turned(j, r->st, across, d->rows, n, go, r->dv);
    add_turned(j, r->dt, across, d->rows, n, q, r->dk);
    add_product(j, r, r->dt, across, n, d->rows, r->k, dq);
    scatter(j, d, r, from, n);
    if (j->i->in[A] == NONE) return;
    add_product(j, r, r->dqa, span, n, d->span, r->a, dq);
    add_turned(j, r->dqa, span, d->span, n, q, r->da);
}

static void document_back(const job *j, const document *d, const room *r, int64_t h)
{
    const size_t bytes = (size_t)(up(d->rows) * j->wide) * sizeof(float);
    const size_t around = (size_t)(up(d->span) * j->wide) * sizeof(float);
    const uint8_t acc = j->i->acc;
    load(j, d, h, r);
    gather(j, j->i->dout, h, d->first, d->rows, r->go);
    panels(j, r->v, d->rows, r->vt);
    memset(r->dq, 0, bytes);
    memset(r->dk, 0, bytes);
    memset(r->dv, 0, bytes);
    memset(r->da, 0, around);
    memset(r->dc, 0, around);
    memset(r->dkc, 0, (size_t)(d->rows * up(d->span)) * sizeof *r->dkc);
    for (int64_t from = 0; from < d->rows; from += BLOCK)
        block_back(j, d, r, h, from, d->rows - from < BLOCK ? d->rows - from : BLOCK);
    if (j->i->in[C] != NONE) {
        add_product(j, r, r->dkc, up(d->span), d->rows, d->span, r->c, r->dk);
        add_turned(j, r->dkc, up(d->span), d->span, d->rows, r->k, r->dc);
    }
    put_back(j, Q, h, d->first, d->rows, r->dq, acc & BIT(Q));
    put_back(j, K, h, d->first, d->rows, r->dk, acc & BIT(K));
    put_back(j, V, h, d->first, d->rows, r->dv, acc & BIT(V));
    put_back(j, A, h, d->low, d->span, r->da, true);
    put_back(j, C, h, d->low, d->span, r->dc, true);
}

/* Buckets that no document has get nothing. */
static void clear(const job *j, int in, int64_t h)
{
    if (j->i->din[in] == NONE || j->i->acc & BIT(in)) return;
    const value *d = &j->v[j->i->din[in]];
    for (int64_t r = 0; r < d->s.d[0]; r++)
        memset((float *)d->p + r * d->s.d[1] + h * j->dim, 0, (size_t)j->dim * sizeof(float));
}

static void backward_head(void *arg, int64_t h, int t)
{
    const job *j = arg;
    area at = {(char *)(j->scratch + t * j->floats), 0};
    const room r = place(j, &at);
    clear(j, A, h);
    clear(j, C, h);
    for (int64_t d = 0; d < j->ndocs; d++) document_back(j, &j->docs[d], &r, h);
}

void disentangled_backward(const run *r, const value *v, const instr *i)
{
    job j;
    begin(&j, r, v, i);
    pool_pieces(r->team, backward_head, &j, j.heads);
}
