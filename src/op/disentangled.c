/* disentangled.c -- the attention of DeBERTa (He et al. 2021) within documents: scores of what two rows say, and of
 * what one says and how far apart they are. Row i sees all rows j of its document:
 *
 *     s_ij = scale (q_i . k_j + q_i . a_b + k_j . c_b),  b = where(i - j)    p = softmax over j    o_i = sum p_ij v_j
 *
 * a and c are rows for every bucket b of distances, as wide as k and q; either may be absent. where, a frozen row of
 * 2 reach + 1 bucket numbers, is read at reach + i - j; distances beyond +-reach count as those. Only lse_i is kept:
 *
 *     D = do_i . o_i    ds_ij = scale p_ij (do_i . v_j - D)    dv_j += p_ij do_i
 *     dq_i += ds_ij (k_j + a_b)    dk_j += ds_ij (q_i + c_b)    da_b += ds_ij q_i    dc_b += ds_ij k_j */
#include "op/case.h"

#include <math.h>
#include <string.h>

enum { Q, K, V, START, WHERE, A, C };
enum { OUT, LSE };
enum { ALL = BIT(Q) | BIT(K) | BIT(V) | BIT(A) | BIT(C) };

/* One row of one head. */
typedef struct at {
    int64_t first, last, row, dim, width, head; /* rows seen; the head's first column */
    const real *q, *k, *v, *a, *c;              /* row `row`; row 0 of the others; NULL: absent */
    const value *where;
    real scale;
} at;

static const real *head_of(const value *v, val x, int64_t row, int64_t head)
{
    return x == NONE ? NULL : (const real *)v[x].p + row * v[x].s.d[1] + head;
}

static at look(const value *v, const instr *i, int64_t row, int64_t h)
{
    const value *q = &v[i->in[Q]];
    const int32_t *start = v[i->in[START]].p;
    at a = {.first = start[row], .last = row, .row = row, .width = q->s.d[1], .scale = i->f[0]};
    while (a.last + 1 < q->s.d[0] && start[a.last + 1] == start[row]) a.last++;
    a.dim = a.width / i->n[0];
    a.head = h * a.dim;
    a.q = head_of(v, i->in[Q], row, a.head);
    a.k = head_of(v, i->in[K], 0, a.head);
    a.v = head_of(v, i->in[V], 0, a.head);
    a.a = head_of(v, i->in[A], 0, a.head);
    a.c = head_of(v, i->in[C], 0, a.head);
    a.where = &v[i->in[WHERE]];
    return a;
}

static int64_t bucket(const at *a, int64_t j)
{
    int64_t reach = a->where->s.d[1] / 2, distance = a->row - j;
    distance = distance > reach ? reach : distance < -reach ? -reach : distance;
    return (int64_t)frozen_at(a->where, 0, reach + distance);
}

static real dot(const real *x, const real *y, int64_t n)
{
    real sum = 0;
    for (int64_t k = 0; k < n; k++) sum += x[k] * y[k];
    return sum;
}

static real score(const at *a, int64_t j)
{
    const int64_t b = bucket(a, j) * a->width;
    const real *k = a->k + j * a->width;
    real sum = dot(a->q, k, a->dim);
    if (a->a) sum += dot(a->q, a->a + b, a->dim);
    if (a->c) sum += dot(k, a->c + b, a->dim);
    return a->scale * sum;
}

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const int64_t rows = v[i->in[Q]].s.d[0], heads = i->n[0];
    for (int64_t row = 0; row < rows; row++)
        for (int64_t h = 0; h < heads; h++) {
            at a = look(v, i, row, h);
            real *o = (real *)v[i->out[OUT]].p + row * a.width + a.head, most = -INFINITY, sum = 0;
            for (int64_t j = a.first; j <= a.last; j++) most = fmax(most, score(&a, j));
            for (int64_t j = a.first; j <= a.last; j++) sum += exp(score(&a, j) - most);
            const real lse = ((real *)v[i->out[LSE]].p)[row * heads + h] = most + log(sum);
            memset(o, 0, (size_t)a.dim * sizeof *o);
            for (int64_t j = a.first; j <= a.last; j++) {
                const real p = exp(score(&a, j) - lse);
                for (int64_t k = 0; k < a.dim; k++) o[k] += p * a.v[j * a.width + k];
            }
        }
}

/* to += s (x + y) over n; y NULL: zeros */
static void add(real *to, real s, const real *x, const real *y, int64_t n)
{
    for (int64_t k = 0; to && k < n; k++) to[k] += s * (x[k] + (y ? y[k] : 0));
}

static real *row_of(real *d, int64_t row, const at *a) { return d ? d + row * a->width + a->head : NULL; }

static void backward(const run *r, const value *v, const instr *i)
{
    (void)r;
    real *dq = op_gradient(v, i, Q), *dk = op_gradient(v, i, K), *dv = op_gradient(v, i, V),
         *da = op_gradient(v, i, A), *dc = op_gradient(v, i, C);
    const int64_t rows = v[i->dout].s.d[0], heads = i->n[0];
    for (int64_t row = 0; row < rows; row++)
        for (int64_t h = 0; h < heads; h++) {
            const at a = look(v, i, row, h);
            const real *go = head_of(v, i->dout, row, a.head);
            const real lse = ((const real *)v[i->out[LSE]].p)[row * heads + h];
            const real mean = dot(go, head_of(v, i->out[OUT], row, a.head), a.dim);
            for (int64_t j = a.first; j <= a.last; j++) {
                const real *k = a.k + j * a.width, p = exp(score(&a, j) - lse);
                const real ds = a.scale * p * (dot(go, a.v + j * a.width, a.dim) - mean);
                const int64_t b = bucket(&a, j), at_b = b * a.width;
                add(row_of(dv, j, &a), p, go, NULL, a.dim);
                add(row_of(dq, row, &a), ds, k, a.a ? a.a + at_b : NULL, a.dim);
                add(row_of(dk, j, &a), ds, a.q, a.c ? a.c + at_b : NULL, a.dim);
                add(row_of(da, b, &a), ds, a.q, NULL, a.dim);
                add(row_of(dc, b, &a), ds, k, NULL, a.dim);
            }
        }
}

val op_disentangled(prog *p, val q, val k, val v, val start, val where, val a, val c, int heads, double scale)
{
    const int64_t width = p->v[q].s.d[1];
    const value *w = &p->v[where];
    BUG_IF(heads < 1 || width % heads || p->v[k].s.d[1] != width || p->v[v].s.d[1] != width);
    BUG_IF(p->v[k].cap != p->v[q].cap || p->v[v].cap != p->v[q].cap || p->v[start].cap != p->v[q].cap);
    BUG_IF(w->kind != VALUE_FROZEN || w->w->type != DT_F32 || w->s.d[0] != 1 || w->s.d[1] % 2 == 0);
    BUG_IF((a != NONE && p->v[a].s.d[1] != width) || (c != NONE && p->v[c].s.d[1] != width));
    val o = prog_temp_like(p, "disentangled", q, width), lse = prog_temp_like(p, "lse", q, heads);
    instr *i = prog_emit(p, &op_def_disentangled);
    const val in[] = {[Q] = q, [K] = k, [V] = v, [START] = start, [WHERE] = where, [A] = a, [C] = c};
    memcpy(i->in, in, sizeof in);
    i->out[OUT] = o;
    i->out[LSE] = lse;
    i->n[0] = heads;
    i->f[0] = scale;
    return o;
}

/* Buckets of distances that grow: 0, 1, 2 and 3 alone, then ever more in one, `buckets` to each side. */
static val case_where(prog *p, int64_t reach, int64_t buckets)
{
    float *b = arena_new(&p->mem, (size_t)(2 * reach + 1) * sizeof *b);
    for (int64_t d = -reach; d <= reach; d++) {
        const int64_t far = d < 0 ? -d : d, near = far < 4 ? far : 4 + (int64_t)sqrt((double)(far - 4));
        const int64_t own = near < buckets ? near : buckets - 1;
        b[reach + d] = (float)(d < 0 ? buckets - own : buckets + own);
    }
    tensor *t = arena_new(&p->mem, sizeof *t);
    *t = (tensor){.name = "where", .type = DT_F32, .ndim = 2, .dim = {1, 2 * reach + 1, 1, 1}, .data = b};
    t->bytes = (size_t)(2 * reach + 1) * sizeof *b;
    return prog_frozen(p, t);
}

/* n: rows, heads, columns of a head, rows of the first document (0: one), reach, buckets to each side, whether there
 * is an a, and a c */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n, width = n[1] * n[2];
    case_begin(p, n[0], 0);
    val x[3];
    for (int k = 0; k < 3; k++) x[k] = case_param(p, k == 0 ? "q" : k == 1 ? "k" : "v", ROWS_TOKENS, 0, width);
    val a = n[6] ? case_param(p, "a", ROWS_FIXED, 2 * n[5], width) : NONE;
    val b = n[7] ? case_param(p, "c", ROWS_FIXED, 2 * n[5], width) : NONE;
    val start = case_ints(p, "start", ROWS_TOKENS, case_start, &n[3]);
    val where = case_where(p, n[4], n[5]);
    return case_end(p, n[0], 0,
                    op_disentangled(p, x[0], x[1], x[2], start, where, a, b, (int)n[1], c->f[0]));
}

static const op_case cases[] = {
    {"one row", {1, 2, 4, 0, 3, 3, 1, 1}, {0.5}},
    {"one document", {9, 2, 5, 0, 8, 6, 1, 1}, {0.4}},
    {"beyond the reach", {13, 2, 3, 0, 5, 4, 1, 1}, {0.5}},
    {"documents", {23, 3, 4, 5, 7, 5, 1, 1}, {0.35}},
    {"documents, a alone", {17, 2, 6, 3, 6, 5, 1, 0}, {0.4}},
    {"documents, c alone", {17, 2, 6, 3, 6, 5, 0, 1}, {0.4}},
    {"neither", {7, 1, 3, 0, 2, 2, 0, 0}, {0.5}},
    {"more rows than a tile", {70, 1, 3, 55, 40, 9, 1, 1}, {0.5}},
    {0},
};

const op op_def_disentangled = {.name = "disentangled",
                                .id = OP_disentangled,
                                .nin = 7,
                                .nout = 2,
                                .in_for = {[Q] = ALL, [K] = ALL, [V] = ALL, [START] = ALL, [WHERE] = ALL,
                                           [A] = ALL, [C] = ALL},
                                .out_for = {[OUT] = ALL, [LSE] = ALL},
                                .forward = forward,
                                .backward = backward,
                                .build = build,
                                .cases = cases};
