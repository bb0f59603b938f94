/* linear.c -- a frozen projection and its low-rank adapter (the mathematics: op/linear.c) over the packed
 * product.
 *
 * forward   ax = drop(x) A^T from the panels of x; then scale ax and B are r more k of the last block of
 *           y = x W^T, so that y is written once. Projections of the same x in a row (q, k, v; gate, up)
 *           find its panels packed.
 * backward  dax = scale dy B from the panels of dy; dax and A are r more k of dx = dy W. With dropout the
 *           adapter's part is masked, so it is added afterwards.
 *           dA += dax^T drop(x) and dB += scale dy^T ax sum over rows: a thread takes columns and goes
 *           over all their rows in order. */
#include "kernel/cpu/isa/ops.h"

#include "kernel/cpu/isa/dropout.h"
#include "kernel/cpu/isa/few.h"
#include "kernel/cpu/isa/product.h"

enum { IN, W, BIAS, A, B };
enum { Y, AX };
enum { STRETCH = 256 }; /* rows summed at a time in dA and dB; at least PACK_SEGMENT */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t pieces(int64_t n, int64_t of) { return (n + of - 1) / of; }

/* Everything the threads share, and where it lies in run.work. */
typedef struct job {
    const run *r;
    const value *v;
    const instr *i;
    compute how;      /* of the base product */
    compute low_rank; /* of x A^T or dy B */
    bool two_panels;  /* for the second, one of its own */
    bool packed;      /* the panels are there already */
    int64_t rows, in, out, rank;
    dropout drop;
    tensor a, b; /* the adapter's matrices as weights */
    float *panels, *low_panels, *adapter, *more, *dax, *bias, *scratch;
    float *own; /* own_floats of every thread */
} job;

/* A thread's own: masked rows and their panel; or a stretch of columns and their sums. */
static int64_t own_floats(const job *j)
{
    int64_t masked = j->drop.p > 0 ? MR * (j->in + product_lines(j->low_rank, SIDE_X, j->in)) : 0;
    int64_t summed = j->rank ? STRETCH * NR + pieces(j->rank, MR) * MR * NR : 0;
    return pieces(masked + summed, 16) * 16;
}

static tensor matrix(const value *v, val x)
{
    if (x == NONE) return (tensor){0};
    return (tensor){.type = DT_F32, .ndim = 2, .dim = {v[x].s.d[0], v[x].s.d[1], 1, 1}, .data = v[x].p};
}

static int64_t rows_of(const value *v, const instr *i)
{
    return v[i->back ? i->dout : i->in[IN]].s.d[0];
}

/* For `rows` rows. */
static job job_of(const run *r, compute how, const value *v, const instr *i, int64_t rows)
{
    const value *w = &v[i->in[W]];
    job j = {.r = r, .v = v, .i = i, .in = w->s.d[1], .out = w->s.d[0]};
    j.how = i->back ? product_how(how, GRADIENT, w->w) : product_how_short(how, w->w, rows);
    j.low_rank = how == COMPUTE_I8 ? COMPUTE_I16 : how;
    j.rows = rows;
    if (i->in[A] == NONE) return j;
    j.rank = v[i->in[A]].s.d[0];
    j.a = matrix(v, i->in[A]);
    j.b = matrix(v, i->in[B]);
    j.drop = dropout_of(r ? r->key : 0, i->id, i->f[1]);
    j.two_panels = j.low_rank != j.how && !(j.drop.p > 0); /* masked rows are packed where they are used */
    return j;
}

/* Lays the job out in the area. */
static void place(job *j, area *at, int threads)
{
    const int64_t rows = j->rows, k = j->i->back ? j->out : j->in, n = j->i->back ? j->in : j->out;
    j->panels = area_floats(at, product_panels(j->how, rows, k)); /* first, where the memo has them */
    j->low_panels = j->two_panels ? area_floats(at, product_panels(j->low_rank, rows, k)) : j->panels;
    j->adapter = area_floats(at, pieces(j->rank, NR) * NR * product_lines(j->low_rank, SIDE_W, k));
    j->more = area_floats(at, product_panels(COMPUTE_F32, rows, j->rank));
    j->dax = area_floats(at, j->i->back ? rows * j->rank : 0);
    j->bias = area_floats(at, j->i->in[BIAS] == NONE ? 0 : j->out);
    j->scratch = area_floats(at, product_scratch(j->how, k, n, j->rank, threads));
    j->own = area_floats(at, own_floats(j) * threads);
}

static size_t workspace(const value *v, const instr *i, const setup *s, int64_t rows)
{
    job j = job_of(NULL, s->how, v, i, rows);
    area at = {0};
    place(&j, &at, s->threads);
    return at.used;
}

/* For as many rows as the list is planned for, or any fewer. */
size_t linear_workspace(const value *v, const instr *i, const setup *s)
{
    const int64_t rows = v[i->back ? i->dout : i->in[IN]].cap;
    const size_t all = workspace(v, i, s, rows);
    if (i->back) return all;
    const size_t short_one = workspace(v, i, s, least(rows, PRODUCT_SHORT));
    const size_t few = few_workspace(v, i, s->threads);
    const size_t most = all > short_one ? all : short_one;
    return most > few ? most : few;
}

/* Thread t's blocks of A^T (FORWARD) or B (GRADIENT) as panels (pieces(rank, NR), k, NR). */
static void pack_adapter(const job *j, direction dir, int t, int threads)
{
    const int64_t k = dir == FORWARD ? j->in : j->out, lines = product_lines(j->low_rank, SIDE_W, k);
    const int64_t deep = product_block(j->low_rank, k);
    float *scratch = j->scratch + t * product_pack_scratch(j->low_rank);
    int64_t from, to;
    share_of(pieces(k, deep), t, threads, &from, &to);
    for (int64_t p = 0; p < pieces(j->rank, NR); p++)
        for (int64_t k0 = from * deep; k0 < to * deep; k0 += deep)
            product_pack_w(j->low_rank, dir, dir == FORWARD ? &j->a : &j->b, p * NR,
                           (int)least(NR, j->rank - p * NR), k0, least(deep, k - k0),
                           j->adapter + (p * lines + product_line(j->low_rank, SIDE_W, k, k0)) * NR, scratch);
}

/* c (rows of one panel, rank) = panel times the packed adapter; c is rank wide. */
static void adapter_tile(const job *j, const float *panel, int64_t k, int rows, float *c)
{
    const int64_t deep = product_block(j->low_rank, k), lines = product_lines(j->low_rank, SIDE_W, k);
    for (int64_t p = 0; p < pieces(j->rank, NR); p++)
        for (int64_t k0 = 0; k0 < k; k0 += deep) {
            const int64_t line = product_line(j->low_rank, SIDE_W, k, k0); /* the same of x */
            tile t = {.a = panel + line * MR,
                      .b = j->adapter + (p * lines + line) * NR,
                      .k = product_steps(j->low_rank, least(deep, k - k0)),
                      .lda = MR,
                      .ldb = NR,
                      .c = c + p * NR,
                      .ldc = j->rank,
                      .ldi = j->rank};
            t.init = k0 ? t.c : NULL;
            product_tile(j->low_rank, &t, rows, (int)least(NR, j->rank - p * NR));
        }
}

/* The panel (rank, MR) of further k: scale times c. */
static void more_panel(const job *j, const float *c, int rows, float scale, float *panel)
{
    for (int64_t k = 0; k < j->rank; k++)
        for (int i = 0; i < MR; i++) panel[k * MR + i] = i < rows ? scale * c[i * j->rank + k] : 0;
}

/* Thread t's rows of ax, and of the further k. */
static void forward_adapter(const job *j, int t, int threads)
{
    const float *x = j->v[j->i->in[IN]].p;
    float *ax = j->v[j->i->out[AX]].p, *masked = j->own + t * own_floats(j);
    int64_t from, to;
    share_of(pieces(j->rows, MR), t, threads, &from, &to);
    for (int64_t p = from; p < to; p++) {
        const float *panel = j->low_panels + p * MR * product_lines(j->low_rank, SIDE_X, j->in);
        int rows = (int)least(MR, j->rows - p * MR);
        float *c = ax + p * MR * j->rank;
        if (j->drop.p > 0) {
            for (int i = 0; i < rows; i++)
                dropout_row(&j->drop, p * MR + i, 0, j->in, x + (p * MR + i) * j->in, masked + i * j->in);
            float *again = masked + MR * j->in;
            product_pack_rows(j->low_rank, masked, j->in, rows, j->in, again,
                              j->scratch + t * product_pack_scratch(j->low_rank));
            panel = again;
        }
        adapter_tile(j, panel, j->in, rows, c);
        more_panel(j, c, rows, (float)j->i->f[0], j->more + p * MR * j->rank);
    }
}

/* The panels of x, both kinds while it is in the cache; taken as they come. */
static void pack_rows(const job *j, int t)
{
    float *scratch = j->scratch + t * product_pack_scratch(j->low_rank);
    const int64_t lines = product_lines(j->how, SIDE_X, j->in), low_lines = product_lines(j->low_rank, SIDE_X, j->in);
    for (int64_t p; (p = pool_take(j->r->team, POOL_LANE_A) * MR) < j->rows;) {
        const float *x = (const float *)j->v[j->i->in[IN]].p + p * j->in;
        const int rows = (int)least(MR, j->rows - p);
        product_pack_rows(j->how, x, j->in, rows, j->in, j->panels + p * lines, scratch);
        if (j->two_panels)
            product_pack_rows(j->low_rank, x, j->in, rows, j->in, j->low_panels + p * low_lines, scratch);
    }
}

static void forward_thread(void *arg, int t, int threads)
{
    const job *j = arg;
    const val y = j->i->out[Y];
    if (!j->packed) pack_rows(j, t);
    if (j->rank) {
        pack_adapter(j, FORWARD, t, threads);
        pool_barrier(j->r->team);
        forward_adapter(j, t, threads);
    }
    if (y == NONE) return;
    product g = {.how = j->how,
                 .w = j->v[j->i->in[W]].w,
                 .dir = FORWARD,
                 .rows = j->rows,
                 .k = j->in,
                 .n = j->out,
                 .panels = j->panels,
                 .y = j->v[y].p,
                 .ldy = j->out,
                 .bias = j->bias,
                 .r = j->rank,
                 .more = j->more,
                 .more_w = &j->b,
                 .scratch = j->scratch};
    product_run(&g, t, threads, j->r->team);
}

void linear_forward(const run *r, const value *v, const instr *i)
{
    memo *m = (memo *)r->device;
    job j = job_of(r, m->setup->how, v, i, rows_of(v, i));
    area at = {r->work, 0};
    if (j.rows > 0 && j.rows <= FEW && !(j.drop.p > 0)) {
        few_forward(r, v, i);
        return;
    }
    place(&j, &at, pool_threads(r->team));
    BUG_IF(at.used > r->work_bytes);
    if (i->in[BIAS] == NONE)
        j.bias = NULL;
    else
        tensor_decode(v[i->in[BIAS]].w, 0, 0, j.out, j.bias);
    const packed_rows rows = {i->in[IN], j.how, j.two_panels};
    j.packed = m->now.x == rows.x && m->now.how == rows.how && m->now.two == rows.two;
    m->next = rows;
    pool_run(r->team, forward_thread, &j);
}

/* ---------------------------------------------------------------------------------- backward */

/* Thread t's rows of dax = scale dy B, and of the further k. */
static void backward_adapter(const job *j, int t, int threads)
{
    int64_t from, to;
    share_of(pieces(j->rows, MR), t, threads, &from, &to);
    for (int64_t p = from; p < to; p++) {
        int rows = (int)least(MR, j->rows - p * MR);
        float *c = j->dax + p * MR * j->rank;
        adapter_tile(j, j->panels + p * MR * product_lines(j->low_rank, SIDE_X, j->out), j->out, rows, c);
        for (int64_t k = 0; k < rows * j->rank; k++) c[k] *= (float)j->i->f[0];
        more_panel(j, c, rows, 1, j->more + p * MR * j->rank);
    }
}

/* dx += drop(dax A), thread t's rows. A's panels are packed a column panel at a time by each thread. */
static void add_masked(const job *j, float *dx, int t, int threads)
{
    float *scratch = j->own + t * own_floats(j), *panel = scratch + STRETCH * NR;
    int64_t from, to;
    share_of(pieces(j->rows, MR), t, threads, &from, &to);
    for (int64_t n = 0; n < j->in; n += NR) {
        int cols = (int)least(NR, j->in - n);
        pack_gradient(&j->a, 0, j->rank, n, cols, panel, 0, scratch);
        for (int64_t p = from; p < to; p++) {
            int rows = (int)least(MR, j->rows - p * MR);
            float c[MR * NR] __attribute__((aligned(64)));
            tile g = {.a = j->more + p * MR * j->rank,
                      .b = panel,
                      .k = j->rank,
                      .lda = MR,
                      .ldb = NR,
                      .c = c,
                      .ldc = NR};
            tile_run(&g, rows, cols);
            for (int i = 0; i < rows; i++) {
                float *d = dx + (p * MR + i) * j->in + n;
                dropout_row(&j->drop, p * MR + i, n, cols, c + i * NR, c + i * NR);
                for (int k = 0; k < cols; k++) d[k] += c[i * NR + k];
            }
        }
    }
}

/* sums (m, n) = a^T b over all rows, a (rows, m) and b (rows, n): a strip of NR columns at a time. */
typedef struct outer {
    const float *a, *b;
    int64_t m, n;
    const dropout *drop; /* of b; NULL: none */
    float *to;           /* (m, n), or with `turned` (n, m): to = scale * sums, or += */
    bool turned, add;
    float scale;
} outer;

static void outer_strip(const job *j, const outer *o, int64_t col, float *own)
{
    const int cols = (int)least(NR, o->n - col);
    float *strip = own, *sums = own + STRETCH * NR;
    if (j->rows == 0) memset(sums, 0, (size_t)(o->m * NR) * sizeof *sums);
    for (int64_t r0 = 0; r0 < j->rows; r0 += STRETCH) {
        int64_t rows = least(STRETCH, j->rows - r0), ldb = o->n;
        const float *b = o->b + r0 * o->n + col;
        if (o->drop || cols % VL) { /* masked, or with zeros to whole vectors */
            memset(strip, 0, (size_t)(rows * NR) * sizeof *strip);
            for (int64_t r = 0; r < rows; r++)
                if (o->drop)
                    dropout_row(o->drop, r0 + r, col, cols, b + r * o->n, strip + r * NR);
                else
                    memcpy(strip + r * NR, b + r * o->n, (size_t)cols * sizeof *b);
            b = strip;
            ldb = NR;
        }
        for (int64_t m0 = 0; m0 < o->m; m0 += MR) {
            tile t = {.a = o->a + r0 * o->m + m0,
                      .b = b,
                      .k = rows,
                      .lda = o->m,
                      .ldb = ldb,
                      .c = sums + m0 * NR,
                      .ldc = NR,
                      .ldi = NR};
            t.init = r0 ? t.c : NULL;
            tile_run(&t, (int)least(MR, o->m - m0), cols);
        }
    }
    for (int64_t m = 0; m < o->m; m++)
        for (int c = 0; c < cols; c++) {
            float *to = o->to + (o->turned ? (col + c) * o->m + m : m * o->n + col + c);
            *to = o->scale * sums[m * NR + c] + (o->add ? *to : 0);
        }
}

static void outer_sums(const job *j, const outer *o, int t, pool_lane lane)
{
    float *own = j->own + t * own_floats(j);
    for (int64_t col; (col = pool_take(j->r->team, lane) * NR) < o->n;) outer_strip(j, o, col, own);
}

static void backward_thread(void *arg, int t, int threads)
{
    const job *j = arg;
    const val *din = j->i->din;
    const float *dy = j->v[j->i->dout].p;
    pool *team = j->r->team;
    if (din[IN] != NONE || din[A] != NONE) {
        product_pack(j->how, dy, j->out, j->rows, j->out, j->panels, j->scratch, t, team);
        if (j->rank) {
            pack_adapter(j, GRADIENT, t, threads);
            pool_barrier(team);
            backward_adapter(j, t, threads);
        }
    }
    if (din[IN] != NONE) {
        float *dx = j->v[din[IN]].p;
        bool masked = j->rank && j->drop.p > 0;
        product g = {.how = j->how,
                     .w = j->v[j->i->in[W]].w,
                     .dir = GRADIENT,
                     .rows = j->rows,
                     .k = j->out,
                     .n = j->in,
                     .panels = j->panels,
                     .y = dx,
                     .ldy = j->in,
                     .add = j->i->acc & BIT(IN),
                     .r = masked ? 0 : j->rank,
                     .more = j->more,
                     .more_w = &j->a,
                     .scratch = j->scratch};
        product_run(&g, t, threads, team);
        pool_barrier(team);
        if (masked) add_masked(j, dx, t, threads);
    } else {
        pool_barrier(team); /* dax is read across rows */
    }
    if (din[A] != NONE) {
        outer o = {
            j->dax, j->v[j->i->in[IN]].p, j->rank, j->in, j->drop.p > 0 ? &j->drop : NULL, j->v[din[A]].p,
            false,  j->i->acc & BIT(A),   1};
        outer_sums(j, &o, t, POOL_LANE_A);
    }
    if (din[B] != NONE) {
        outer o = {j->v[j->i->out[AX]].p, dy, j->rank, j->out, NULL, j->v[din[B]].p, true, j->i->acc & BIT(B),
                   (float)j->i->f[0]};
        outer_sums(j, &o, t, POOL_LANE_B);
    }
}

void linear_backward(const run *r, const value *v, const instr *i)
{
    job j = job_of(r, ((const memo *)r->device)->setup->how, v, i, rows_of(v, i));
    area at = {r->work, 0};
    place(&j, &at, pool_threads(r->team));
    BUG_IF(at.used > r->work_bytes);
    pool_run(r->team, backward_thread, &j);
}
