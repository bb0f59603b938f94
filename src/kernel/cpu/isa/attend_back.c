/* attend_back.c -- the gradient of attend(): for a block of columns, over their keys, KEYS at a time.
 *
 *     p = exp(score - lse)    dp = v go^T    ds = p (dp - D),  D = go . o      all transposed, [key][column]
 *     with a soft cap ds is multiplied by 1 - (score / cap)^2
 *     with dropout dp is multiplied by the mask, and so is p in dv
 *     dq += ds k (in scratch)    dv += p go    dk += ds q (q is scaled already)
 *
 * dk and dv sum over columns, so p and ds are turned once; they are added to memory block by block, in the
 * order of the rows. Whoever calls this gives all blocks that see some keys to one thread. */
#include "kernel/cpu/isa/attend.h"

#include "kernel/cpu/isa/micro.h"

typedef struct room {
    float *q, *qt, *go, *got, *keys, *rows, *st, *dt, *p, *ds, *dq, *lse, *mean, *mask;
} room;

static room place(area *at, int64_t dim)
{
    const int64_t wide = pieces(dim, NR) * NR;
    room r;
    r.q = area_floats(at, COLUMNS * wide);
    r.qt = area_floats(at, COLUMNS * wide);
    r.go = area_floats(at, COLUMNS * wide);
    r.got = area_floats(at, COLUMNS * wide);
    r.keys = area_floats(at, KEYS * dim);
    r.rows = area_floats(at, KEYS * wide);
    r.st = area_floats(at, KEYS * COLUMNS);
    r.dt = area_floats(at, KEYS * COLUMNS);
    r.p = area_floats(at, COLUMNS * KEYS);
    r.ds = area_floats(at, COLUMNS * KEYS);
    r.dq = area_floats(at, COLUMNS * wide);
    r.lse = area_floats(at, COLUMNS);
    r.mean = area_floats(at, COLUMNS);
    r.mask = area_floats(at, KEYS * COLUMNS);
    return r;
}

int64_t attend_back_floats(int64_t dim)
{
    area at = {0};
    place(&at, dim);
    return (int64_t)(at.used / sizeof(float));
}

/* lse and D of every column; q and go as rows and as panels. */
static void load(const columns *c, const span *s, const room *r)
{
    columns_gather(c, s, s->q, s->scale, r->q);
    columns_gather(c, s, s->go, 1, r->go);
    columns_turn(c, r->q, r->qt);
    columns_turn(c, r->go, r->got);
    memset(r->dq, 0, (size_t)(COLUMNS * c->wide) * sizeof *r->dq);
    memset(r->lse, 0, COLUMNS * sizeof *r->lse);
    memset(r->mean, 0, COLUMNS * sizeof *r->mean);
    for (int64_t k = 0; k < c->n; k++) {
        int64_t row = k / s->heads, head = k % s->heads, e = 0;
        const float *o = s->o + row * s->q_stride + head * s->dim, *go = r->go + k * c->wide;
        vec sum = v_zero();
        for (; e + VL <= s->dim; e += VL) sum = v_fma(v_load(o + e), v_load(go + e), sum);
        r->mean[k] = v_sum(sum);
        for (; e < s->dim; e++) r->mean[k] += o[e] * go[e];
        r->lse[k] = s->lse[row * s->lse_stride + head];
    }
}

/* st becomes p, dt becomes ds, for VL columns. */
INLINE void soften(const columns *c, const span *s, const room *r, int64_t col, int64_t k0, int64_t n,
                   const int all, const int capped)
{
    const vec lse = v_load(r->lse + col), mean = v_load(r->mean + col);
    const vec inverse = v_set(capped ? 1 / s->cap : 0);
    for (int64_t k = 0; k < n; k++) {
        float *st = r->st + k * COLUMNS + col, *dt = r->dt + k * COLUMNS + col;
        const vec score = v_load(st), t = score * inverse;
        vec p = v_exp(score - lse);
        if (!all) p = v_select(seen(c, col, k0 + k, s->window), p, v_zero());
        v_store(st, p);
        const vec ds = p * (v_load(dt) - mean);
        v_store(dt, capped ? ds * (v_set(1) - t * t) : ds);
    }
}

INLINE void soften_all(const columns *c, const span *s, const room *r, int64_t k0, int64_t n,
                       const int capped)
{
    for (int64_t col = 0; col < c->n; col += VL)
        if (all_seen(c, col, k0, n, s->window))
            soften(c, s, r, col, k0, n, 1, capped);
        else
            soften(c, s, r, col, k0, n, 0, capped);
}

/* to (COLUMNS, KEYS) = from (n, COLUMNS) turned */
static void turn(const columns *c, int64_t n, const float *from, float *to)
{
    for (int64_t col = 0; col < c->n; col += 4)
        for (int64_t k = 0; k < n; k += VL) {
            vec out[4];
            v_transpose(from + k * COLUMNS + col, COLUMNS, out);
            for (int i = 0; i < 4; i++) v_store(to + (col + i) * KEYS + k, out[i]);
        }
}

/* dq (scratch) += ds k */
static void add_queries(const columns *c, const span *s, const room *r, int64_t k0, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        float *to = r->rows + k * c->wide;
        memcpy(to, s->k + (k0 + k) * s->kv_stride, (size_t)s->dim * sizeof *to);
        memset(to + s->dim, 0, (size_t)(c->wide - s->dim) * sizeof *to);
    }
    for (int64_t col = 0; col < c->n; col += MR) {
        int cols = (int)least(MR, c->n - col);
        int64_t keys = least(n, c->at[col + cols - 1] - k0 + 1);
        for (int64_t e = 0; e < c->wide && keys > 0; e += NR) {
            tile t = {.a = r->dt + col,
                      .b = r->rows + e,
                      .k = keys,
                      .lda = COLUMNS,
                      .ldb = c->wide,
                      .c = r->dq + col * c->wide + e,
                      .ldc = c->wide,
                      .ldi = c->wide};
            t.init = t.c;
            tile_run(&t, cols, NR);
        }
    }
}

/* to (keys from k0 on, dim) += turned (columns, KEYS)^T rows (columns, wide) */
static void add_keys(const columns *c, const span *s, const float *turned, const float *rows, int64_t k0,
                     int64_t n, float *to)
{
    for (int64_t k = 0; k < n; k += MR) {
        int64_t from = (k0 + k - s->position - s->ahead) * s->heads; /* the first column that sees key k */
        if (from < 0) from = 0;
        for (int64_t e = 0; e < s->dim; e += NR) {
            tile t = {.a = turned + from * KEYS + k,
                      .b = rows + from * c->wide + e,
                      .k = c->n - from,
                      .lda = KEYS,
                      .ldb = c->wide,
                      .c = to + (k0 + k) * s->kv_stride + e,
                      .ldc = s->kv_stride,
                      .ldi = s->kv_stride};
            t.init = t.c;
            tile_run(&t, (int)least(MR, n - k), (int)least(NR, s->dim - e));
        }
    }
}

static void store_queries(const columns *c, const span *s, const room *r)
{
    for (int64_t k = 0; k < c->n; k++) {
        float *dq = s->dq + k / s->heads * s->q_stride + k % s->heads * s->dim;
        const float *from = r->dq + k * c->wide;
        for (int64_t e = 0; e < s->dim; e++) dq[e] = (s->add ? dq[e] : 0) + s->scale * from[e];
    }
}

void attend_back(const span *s, float *scratch)
{
    area at = {(char *)scratch, 0};
    const room r = place(&at, s->dim);
    const columns c = columns_of(s);
    const int64_t end = least(span_end(s), s->to);
    const int64_t first = span_first(s) > s->from ? span_first(s) : s->from;

    load(&c, s, &r);
    for (int64_t k0 = first; k0 < end; k0 += KEYS) {
        int64_t n = least(KEYS, end - k0);
        scores(&c, s, s->k, k0, n, r.qt, r.keys, r.st);
        if (is_biased(s)) add_bias(&c, s, k0, n, r.st);
        if (s->cap > 0) cap_scores(&c, s->cap, n, r.st);
        scores(&c, s, s->v, k0, n, r.got, r.keys, r.dt);
        if (s->drop) {
            drop_factors(&c, s, k0, n, r.mask);
            times(&c, n, r.mask, r.dt);
        }
        if (s->cap > 0)
            soften_all(&c, s, &r, k0, n, 1);
        else
            soften_all(&c, s, &r, k0, n, 0);
        if (s->drop && s->dv) times(&c, n, r.mask, r.st);
        if (s->dq) add_queries(&c, s, &r, k0, n);
        if (s->dv) {
            turn(&c, n, r.st, r.p);
            add_keys(&c, s, r.p, r.go, k0, n, s->dv);
        }
        if (s->dk) {
            turn(&c, n, r.dt, r.ds);
            add_keys(&c, s, r.ds, r.q, k0, n, s->dk);
        }
    }
    if (s->dq) store_queries(&c, s, &r);
}
