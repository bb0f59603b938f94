/* attend.c -- attention of a block of (row, head) columns over their keys, KEYS at a time, with scores that
 * exist only for a tile (online softmax: Milakov and Gimelshein 2018; Dao et al. 2022).
 *
 * Scores are computed transposed, st[key][column]: so the softmax over keys runs down vectors of columns
 * without ever summing across a vector, and st is at once the left operand of o = p v. Per column, m is the
 * largest score so far, l the sum of exp(score - m), o the weighted sum of values; a new m scales both down.
 * Masked scores count as HIDDEN, which no score reaches. Dropout falls on p once l has it. */
#include "kernel/cpu/isa/attend.h"

#include "kernel/cpu/isa/micro.h"
#include "kernel/cpu/isa/pack.h"

#include <math.h>

columns columns_of(const span *s)
{
    columns c = {.n = s->rows * s->heads, .wide = pieces(s->dim, NR) * NR};
    for (int64_t k = 0; k < c.n; k++) c.at[k] = (int32_t)(s->position + k / s->heads + s->ahead);
    return c;
}

void columns_gather(const columns *c, const span *s, const float *x, float scale, float *rows)
{
    memset(rows, 0, (size_t)(COLUMNS * c->wide) * sizeof *rows);
    for (int64_t k = 0; k < c->n; k++) {
        const float *from = x + k / s->heads * s->q_stride + k % s->heads * s->dim;
        for (int64_t e = 0; e < s->dim; e++) rows[k * c->wide + e] = scale * from[e];
    }
}

void columns_turn(const columns *c, const float *rows, float *panels)
{
    for (int64_t p = 0; p < c->n; p += NR)
        for (int64_t e = 0; e < c->wide; e += 4)
            for (int j = 0; j < NV; j++) {
                vec out[4];
                v_transpose(rows + (p + j * VL) * c->wide + e, c->wide, out);
                for (int i = 0; i < 4; i++) v_store(panels + p * c->wide + (e + i) * NR + j * VL, out[i]);
            }
}

void scores(const columns *c, const span *s, const float *k, int64_t k0, int64_t n, const float *panels,
            float *keys, float *st)
{
    for (int64_t r = 0; r < n; r += MR)
        pack_x(k + (k0 + r) * s->kv_stride, s->kv_stride, (int)least(MR, n - r), s->dim, keys + r * s->dim);
    for (int64_t p = 0; p < c->n; p += NR) {
        const int32_t last = c->at[least(p + NR, c->n) - 1];
        for (int64_t r = 0; r < n; r += MR) {
            int rows = (int)least(MR, n - r);
            float *to = st + r * COLUMNS + p;
            if (k0 + r > last) {
                for (int i = 0; i < rows; i++) memset(to + i * COLUMNS, 0, NR * sizeof *to);
                continue;
            }
            tile t = {.a = keys + r * s->dim,
                      .b = panels + p * c->wide,
                      .k = s->dim,
                      .lda = MR,
                      .ldb = NR,
                      .c = to,
                      .ldc = COLUMNS};
            tile_run(&t, rows, NR);
        }
    }
}

void drop_factors(const columns *c, const span *s, int64_t k0, int64_t n, float *mask)
{
    const uint64_t key = s->drop->key, below = s->drop->below;
    const float keep = s->drop->keep;
    uint64_t row[COLUMNS];
    for (int64_t col = 0; col < c->n; col++)
        row[col] = (uint64_t)(s->drop_row + col / s->heads * s->lse_stride + col % s->heads) << 32;
    for (int64_t k = 0; k < n; k++)
        for (int64_t col = 0; col < c->n; col++)
            mask[k * COLUMNS + col] = dropout_draw(key, below, keep, row[col] + (uint64_t)(k0 + k));
}

/* Where a thread's scratch is. */
typedef struct room {
    float *q, *qt, *keys, *v, *st, *o, *m, *l, *shrink, *mask;
} room;

static room place(area *at, int64_t dim)
{
    const int64_t wide = pieces(dim, NR) * NR;
    room r;
    r.q = area_floats(at, COLUMNS * wide);
    r.qt = area_floats(at, COLUMNS * wide);
    r.keys = area_floats(at, KEYS * dim);
    r.v = area_floats(at, KEYS * wide);
    r.st = area_floats(at, KEYS * COLUMNS);
    r.o = area_floats(at, COLUMNS * wide);
    r.m = area_floats(at, COLUMNS);
    r.l = area_floats(at, COLUMNS);
    r.shrink = area_floats(at, COLUMNS);
    r.mask = area_floats(at, KEYS * COLUMNS);
    return r;
}

int64_t attend_floats(int64_t dim)
{
    area at = {0};
    place(&at, dim);
    return (int64_t)(at.used / sizeof(float));
}

/* The scores of VL columns become p; m, l and what o shrinks by follow. */
INLINE void soften(const columns *c, const span *s, const room *r, int64_t col, int64_t k0, int64_t n,
                   const int all)
{
    float *st = r->st + col;
    const vec before = v_load(r->m + col), hidden = v_set(HIDDEN);
    vec m = before;
    for (int64_t k = 0; k < n; k++) {
        vec x = v_load(st + k * COLUMNS);
        if (!all) x = v_select(seen(c, col, k0 + k, s->window), x, hidden);
        m = v_max(m, x);
    }
    vec shrink = v_exp(before - m), l = v_load(r->l + col) * shrink;
    for (int64_t k = 0; k < n; k++) {
        vec p = v_exp(v_load(st + k * COLUMNS) - m);
        if (!all) p = v_select(seen(c, col, k0 + k, s->window), p, v_zero());
        l += p;
        v_store(st + k * COLUMNS, p);
    }
    v_store(r->m + col, m);
    v_store(r->l + col, l);
    v_store(r->shrink + col, shrink);
}

/* o = shrink o + p v */
static void add_values(const columns *c, const span *s, const room *r, int64_t k0, int64_t n)
{
    for (int64_t col = 0; col < c->n; col++)
        for (int64_t e = 0; e < c->wide; e += VL) {
            float *o = r->o + col * c->wide + e;
            v_store(o, v_load(o) * v_set(r->shrink[col]));
        }
    for (int64_t k = 0; k < n; k++) {
        float *to = r->v + k * c->wide;
        memcpy(to, s->v + (k0 + k) * s->kv_stride, (size_t)s->dim * sizeof *to);
        memset(to + s->dim, 0, (size_t)(c->wide - s->dim) * sizeof *to);
    }
    for (int64_t col = 0; col < c->n; col += MR) {
        int cols = (int)least(MR, c->n - col);
        int64_t keys = least(n, c->at[col + cols - 1] - k0 + 1);
        for (int64_t e = 0; e < c->wide && keys > 0; e += NR) {
            tile t = {.a = r->st + col,
                      .b = r->v + e,
                      .k = keys,
                      .lda = COLUMNS,
                      .ldb = c->wide,
                      .c = r->o + col * c->wide + e,
                      .ldc = c->wide,
                      .ldi = c->wide};
            t.init = t.c;
            tile_run(&t, cols, NR);
        }
    }
}

void attend(const span *s, float *scratch)
{
    area at = {(char *)scratch, 0};
    const room r = place(&at, s->dim);
    const columns c = columns_of(s);
    const int64_t first = span_first(s), end = span_end(s);

    columns_gather(&c, s, s->q, s->scale, r.q);
    columns_turn(&c, r.q, r.qt);
    memset(r.o, 0, (size_t)(COLUMNS * c.wide) * sizeof *r.o);
    memset(r.l, 0, COLUMNS * sizeof *r.l);
    for (int k = 0; k < COLUMNS; k++) r.m[k] = HIDDEN;
    for (int64_t k0 = first; k0 < end; k0 += KEYS) {
        int64_t n = least(KEYS, end - k0);
        scores(&c, s, s->k, k0, n, r.qt, r.keys, r.st);
        if (is_biased(s)) add_bias(&c, s, k0, n, r.st);
        if (s->cap > 0) cap_scores(&c, s->cap, n, r.st);
        for (int64_t col = 0; col < c.n; col += VL)
            if (all_seen(&c, col, k0, n, s->window))
                soften(&c, s, &r, col, k0, n, 1);
            else
                soften(&c, s, &r, col, k0, n, 0);
        if (s->drop) {
            drop_factors(&c, s, k0, n, r.mask);
            times(&c, n, r.mask, r.st);
        }
        add_values(&c, s, &r, k0, n);
    }
    for (int64_t k = 0; k < c.n; k++) {
        int64_t row = k / s->heads, head = k % s->heads;
        float *o = s->o + row * s->q_stride + head * s->dim, inverse = 1 / r.l[k];
        for (int64_t e = 0; e < s->dim; e++) o[e] = r.o[k * c.wide + e] * inverse;
        if (s->lse) s->lse[row * s->lse_stride + head] = r.m[k] + logf(r.l[k]);
    }
}
