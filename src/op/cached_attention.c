/* cached_attention.c -- attention of new rows against the keys and values of all rows before them, for
 * generation. Forward only.
 *
 * A cache holds `slots` sequences of up to `context` positions: row slot * context + position. The rows of
 * one call may belong to several sequences and be several rows of one (a prompt). First every row's k and v
 * are stored at its (slot, position), then each row attends to positions 0 .. position of its slot, or to the
 * last `window` of those, with the mathematics of attention.c, soft cap and bias included. Positions before the
 * call's own must have been stored by earlier calls. */
#include "op/case.h"

#include <math.h>
#include <string.h>

enum { Q, K, V, SLOT, POSITION, CACHE_K, CACHE_V, BIAS };
enum { HEADS, KV_HEADS, WINDOW, CONTEXT };

static void store(const value *v, const instr *i, int from, int cache)
{
    const value *x = &v[i->in[from]];
    const int32_t *slot = v[i->in[SLOT]].p, *position = v[i->in[POSITION]].p;
    int64_t width = x->s.d[1], context = i->n[CONTEXT];
    for (int64_t t = 0; t < x->s.d[0]; t++) {
        real *to = (real *)v[i->in[cache]].p + (slot[t] * context + position[t]) * width;
        memcpy(to, (const real *)x->p + t * width, (size_t)width * sizeof *to);
    }
}

/* The bias of head h for a key so far before its row; one of one column is a slope. */
static real bias_at(const value *bias, int64_t h, int64_t distance)
{
    if (bias->s.d[1] == 1) return -frozen_at(bias, h, 0) * (real)distance;
    int64_t reach = bias->s.d[1] / 2;
    return frozen_at(bias, h, reach + (distance > reach ? reach : distance));
}

/* Head h of one row: o (dim) from q (dim) and rows first .. last of k and v, `stride` apart; bias NULL: none. */
static void attend(real *o, const real *q, const real *k, const real *v, int64_t first, int64_t last,
                   int64_t dim, int64_t stride, const instr *i, const value *bias, int64_t h)
{
    const double scale = i->f[0], cap = i->f[1];
    real most = -INFINITY, sum = 0;
    memset(o, 0, (size_t)dim * sizeof *o);
    for (int pass = 0; pass < 2; pass++) /* the largest score first, then everything relative to it */
        for (int64_t j = first; j <= last; j++) {
            real s = 0;
            for (int64_t e = 0; e < dim; e++) s += q[e] * k[j * stride + e];
            s *= (real)scale;
            if (bias) s += bias_at(bias, h, last - j);
            if (cap > 0) s = (real)cap * (real)tanh(s / (real)cap);
            if (pass == 0) {
                most = fmax(most, s);
                continue;
            }
            real p = exp(s - most);
            sum += p;
            for (int64_t e = 0; e < dim; e++) o[e] += p * v[j * stride + e];
        }
    for (int64_t e = 0; e < dim; e++) o[e] /= sum;
}

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    store(v, i, K, CACHE_K);
    store(v, i, V, CACHE_V);
    const value *q = &v[i->in[Q]];
    const int32_t *slot = v[i->in[SLOT]].p, *position = v[i->in[POSITION]].p;
    int64_t heads = i->n[HEADS], share = heads / i->n[KV_HEADS], window = i->n[WINDOW];
    int64_t width = q->s.d[1], dim = width / heads, stride = v[i->in[K]].s.d[1];
    const value *bias = i->in[BIAS] == NONE ? NULL : &v[i->in[BIAS]];
    for (int64_t t = 0; t < q->s.d[0]; t++) {
        int64_t last = position[t], first = window && last - window + 1 > 0 ? last - window + 1 : 0;
        for (int64_t h = 0; h < heads; h++) {
            int64_t at = slot[t] * i->n[CONTEXT] * stride + h / share * dim, off = t * width + h * dim;
            attend((real *)v[i->out[0]].p + off, (const real *)q->p + off,
                   (const real *)v[i->in[CACHE_K]].p + at, (const real *)v[i->in[CACHE_V]].p + at, first,
                   last, dim, stride, i, bias, h);
        }
    }
}

val op_cached_attention(prog *p, val q, val k, val v, val slot, val position, val cache_k, val cache_v,
                        int heads, int kv_heads, int window, int64_t context, double scale)
{
    return op_cached_attention_capped(p, q, k, v, slot, position, cache_k, cache_v, heads, kv_heads, window,
                                      context, scale, 0);
}

val op_cached_attention_capped(prog *p, val q, val k, val v, val slot, val position, val cache_k, val cache_v,
                               int heads, int kv_heads, int window, int64_t context, double scale, double cap)
{
    int64_t width = p->v[q].s.d[1], stride = p->v[k].s.d[1];
    BUG_IF(heads < 1 || kv_heads < 1 || heads % kv_heads || width % heads || window < 0 || context < 1);
    BUG_IF(stride != width / heads * kv_heads || p->v[v].s.d[1] != stride);
    BUG_IF(!p->v[slot].is_int || !p->v[position].is_int);
    for (int j = 0; j < 2; j++) {
        const value *cache = &p->v[j ? cache_v : cache_k];
        BUG_IF(cache->kind != VALUE_STATE || cache->s.d[1] != stride || cache->s.d[0] % context);
    }
    val o = prog_temp_like(p, "attention", q, width);
    instr *i = prog_emit(p, &op_def_cached_attention);
    const val in[] = {q, k, v, slot, position, cache_k, cache_v};
    memcpy(i->in, in, sizeof in);
    i->out[0] = o;
    i->n[HEADS] = heads;
    i->n[KV_HEADS] = kv_heads;
    i->n[WINDOW] = window;
    i->n[CONTEXT] = context;
    i->f[0] = scale;
    i->f[1] = cap;
    return o;
}

val op_cached_attention_biased(prog *p, val q, val k, val v, val slot, val position, val cache_k, val cache_v,
                               val bias, int heads, int64_t context, double scale)
{
    val o = op_cached_attention(p, q, k, v, slot, position, cache_k, cache_v, heads, heads, 0, context, scale);
    const value *b = &p->v[bias];
    BUG_IF(b->kind != VALUE_FROZEN || b->w->type != DT_F32 || b->s.d[0] != heads || b->s.d[1] % 2 == 0);
    p->i[p->ni - 1].in[BIAS] = bias;
    return o;
}

/* Rows are dealt to `slots` sequences in turn, `each` rows at a time; a sequence's first row stands at
 * position `before`. */
typedef struct deal {
    int64_t slots, each, before;
} deal;

static int64_t dealt_slot(int64_t row, const void *arg)
{
    const deal *d = arg;
    return row / d->each % d->slots;
}

static int64_t dealt_position(int64_t row, const void *arg)
{
    const deal *d = arg;
    return d->before + row / (d->each * d->slots) * d->each + row % d->each;
}

/* n: rows, heads, kv heads, columns of a head, window, slots, rows of a slot at a time, positions before,
 * context, reach of a bias (0: none, SLOPES: slopes instead); f: scale, cap */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n, width = n[2] * n[3];
    deal d = {n[5], n[6], n[7]};
    case_begin(p, n[0], 0);
    val q = case_reals(p, "q", VALUE_INPUT, ROWS_TOKENS, 0, n[1] * n[3], 0, 1);
    val k = case_reals(p, "k", VALUE_INPUT, ROWS_TOKENS, 0, width, 0, 1);
    val v = case_reals(p, "v", VALUE_INPUT, ROWS_TOKENS, 0, width, 0, 1);
    val slot = case_ints(p, "slot", ROWS_TOKENS, dealt_slot, &d);
    val position = case_ints(p, "position", ROWS_TOKENS, dealt_position, &d);
    val cache_k = case_reals(p, "cache k", VALUE_STATE, ROWS_FIXED, n[5] * n[8], width, 0, 1);
    val cache_v = case_reals(p, "cache v", VALUE_STATE, ROWS_FIXED, n[5] * n[8], width, 0, 1);
    if (n[9]) {
        const int64_t columns = n[9] == SLOPES ? 1 : 2 * n[9] + 1;
        val bias = case_frozen(p, "bias", DT_F32, n[1], columns, n[9] == SLOPES ? 0.3 : 0, n[9] == SLOPES ? 0.1 : 1);
        return case_end(p, n[0], 0,
                        op_cached_attention_biased(p, q, k, v, slot, position, cache_k, cache_v, bias,
                                                   (int)n[1], n[8], c->f[0]));
    }
    return case_end(p, n[0], 0,
                    op_cached_attention_capped(p, q, k, v, slot, position, cache_k, cache_v, (int)n[1],
                                               (int)n[2], (int)n[4], n[8], c->f[0], c->f[1]));
}

static const op_case cases[] = {
    {"first row", {1, 2, 1, 4, 0, 1, 1, 0, 8}, {0.5}},
    {"prompt", {9, 2, 2, 5, 0, 1, 9, 0, 12}, {0.4}},
    {"one more", {1, 4, 2, 8, 0, 1, 1, 13, 16}, {0.35}},
    {"several sequences", {5, 4, 1, 6, 0, 5, 1, 7, 10}, {0.4}},
    {"several prompts", {14, 2, 1, 7, 0, 3, 3, 2, 11}, {0.4}},
    {"window", {6, 2, 1, 8, 4, 2, 1, 9, 16}, {0.35}},
    {"window over a prompt", {11, 2, 2, 4, 3, 1, 11, 0, 16}, {0.5}},
    {"long", {2, 2, 1, 16, 0, 2, 1, 150, 160}, {0.25}},
    {"wide heads", {3, 6, 2, 64, 0, 3, 1, 301, 310}, {0.125}},
    {"cap", {7, 4, 2, 8, 0, 1, 7, 3, 16}, {1.5, 2}},
    {"cap, one row", {1, 2, 1, 64, 90, 1, 1, 200, 210}, {1, 1.5}},
    {"wide heads, window", {1, 2, 1, 128, 137, 1, 1, 200, 210}, {0.09}},
    {"bias", {9, 2, 2, 5, 0, 1, 9, 3, 16, 4}, {0.6}},
    {"bias, one row", {1, 2, 2, 64, 0, 1, 1, 200, 210, 150}, {0.3}},
    {"slopes", {9, 2, 2, 5, 0, 1, 9, 3, 16, SLOPES}, {0.6}},
    {"slopes, one row", {1, 2, 2, 64, 0, 1, 1, 200, 210, SLOPES}, {0.3}},
    {"slopes, several sequences", {6, 3, 3, 4, 0, 3, 2, 5, 12, SLOPES}, {0.6}},
    {"bias, several sequences", {6, 3, 3, 4, 0, 3, 2, 5, 12, 3}, {0.6}},
    {0},
};

const op op_def_cached_attention = {.name = "cached_attention",
                                    .id = OP_cached_attention,
                                    .nin = 8,
                                    .nout = 1,
                                    .forward = forward,
                                    .build = build,
                                    .cases = cases};
