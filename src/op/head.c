/* head.c -- the loss: cross entropy of softmax(h W^T), a chunk of rows at a time, so that the (labels, vocab)
 * logits never exist whole. Per row l with logits z and target y:
 *
 *     ce = log sum exp z - z_y      loss = sum over l of weight_l ce_l      hit = z_y is the first largest
 *
 * The gradient is at hand in the same pass and is written there when the planner gives it a place, so the
 * logits are never computed twice:
 *
 *     dz = weight (softmax z - onehot y)        dh = dz W
 *
 * With a soft cap c (Gemma 2), z = c tanh(h W^T / c), and dz is multiplied by 1 - (z / c)^2.
 *
 * With a bias (Phi, GPT-J), z = h W^T + bias.
 *
 * W (vocab, width) is frozen: the output matrix, or the embedding where the two are tied. */
#include "op/case.h"

#include <math.h>
#include <string.h>

enum { H, W, TARGET, WEIGHT, BIAS };
enum { LOSS, DH, CE, HIT, LOGITS };
enum { SPAN = 256 }; /* columns of W decoded at a time */

/* Rows [first, first + n) of z (n, vocab) = h W^T, or the other way: dh += z W. */
typedef enum way { TO_LOGITS, TO_GRADIENT } way;

static void product(const value *v, const instr *i, int64_t first, int64_t n, way w)
{
    const value *matrix = &v[i->in[W]];
    int64_t vocab = matrix->s.d[0], width = matrix->s.d[1];
    const real *h = (const real *)v[i->in[H]].p + first * width;
    real *dh = w == TO_GRADIENT ? (real *)v[i->out[DH]].p + first * width : NULL;
    real *z = v[i->out[LOGITS]].p, part[SPAN];
    memset(dh ? dh : z, 0, (size_t)(n * (dh ? width : vocab)) * sizeof *z);
    for (int64_t o = 0; o < vocab; o++)
        for (int64_t c = 0; c < width; c += SPAN) {
            int64_t m = width - c < SPAN ? width - c : SPAN;
            frozen_row(matrix, o, c, m, part);
            for (int64_t l = 0; l < n; l++)
                for (int64_t k = 0; k < m; k++) {
                    if (dh)
                        dh[l * width + c + k] += z[l * vocab + o] * part[k];
                    else
                        z[l * vocab + o] += h[l * width + c + k] * part[k];
                }
        }
}

/* Cross entropy of one row of logits; z becomes dz. */
static real row_loss(real *z, int64_t vocab, int32_t target, real weight, real cap, real *hit)
{
    int64_t most = 0;
    real sum = 0;
    for (int64_t o = 0; cap > 0 && o < vocab; o++) z[o] = cap * (real)tanh(z[o] / cap);
    for (int64_t o = 1; o < vocab; o++)
        if (z[o] > z[most]) most = o;
    for (int64_t o = 0; o < vocab; o++) sum += exp(z[o] - z[most]);
    real lse = z[most] + log(sum), ce = lse - z[target];
    *hit = most == target;
    for (int64_t o = 0; o < vocab; o++) {
        real slope = cap > 0 ? 1 - z[o] * z[o] / (cap * cap) : 1;
        z[o] = weight * (exp(z[o] - lse) - (o == target)) * slope;
    }
    return ce;
}

static void add_bias(real *z, const value *bias, int64_t n, int64_t vocab)
{
    for (int64_t o = 0; o < vocab; o++) {
        const real b = frozen_at(bias, 0, o);
        for (int64_t l = 0; l < n; l++) z[l * vocab + o] += b;
    }
}

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const int32_t *target = v[i->in[TARGET]].p;
    const real *weight = v[i->in[WEIGHT]].p;
    real *loss = v[i->out[LOSS]].p, *ce = v[i->out[CE]].p, *hit = v[i->out[HIT]].p, *z = v[i->out[LOGITS]].p;
    int64_t labels = v[i->in[H]].s.d[0], vocab = v[i->in[W]].s.d[0], chunk = i->n[0];
    *loss = 0;
    for (int64_t first = 0; first < labels; first += chunk) {
        int64_t n = labels - first < chunk ? labels - first : chunk;
        product(v, i, first, n, TO_LOGITS);
        if (i->in[BIAS] != NONE) add_bias(z, &v[i->in[BIAS]], n, vocab);
        for (int64_t l = first; l < first + n; l++) {
            ce[l] = row_loss(z + (l - first) * vocab, vocab, target[l], weight[l], i->f[0], &hit[l]);
            *loss += weight[l] * ce[l];
        }
        if (i->out[DH] != NONE) product(v, i, first, n, TO_GRADIENT);
    }
}

val op_head(prog *p, val h, val w, val target, val weight, int64_t chunk, val *ce, val *hit)
{
    return op_head_capped(p, h, w, target, weight, chunk, 0, ce, hit);
}

val op_head_capped(prog *p, val h, val w, val target, val weight, int64_t chunk, double cap, val *ce,
                   val *hit)
{
    value_rows rows = (value_rows)p->v[h].rows;
    int64_t most = p->v[h].cap;
    BUG_IF(p->v[w].kind != VALUE_FROZEN || p->v[w].s.d[1] != p->v[h].s.d[1] || chunk < 1);
    BUG_IF(!p->v[target].is_int || p->v[target].cap != most || p->v[weight].is_int ||
           p->v[weight].cap != most);
    val loss = prog_value(p, "loss", VALUE_RESULT, ROWS_FIXED, 1, 1);
    *ce = prog_value(p, "ce", VALUE_RESULT, rows, most, 1);
    *hit = prog_value(p, "hit", VALUE_RESULT, rows, most, 1);
    val logits = prog_value(p, "logits", VALUE_TEMP, ROWS_FIXED, chunk < most ? chunk : most, p->v[w].s.d[0]);
    instr *i = prog_emit(p, &op_def_head);
    i->in[H] = h;
    i->in[W] = w;
    i->in[TARGET] = target;
    i->in[WEIGHT] = weight;
    i->out[LOSS] = loss;
    i->out[CE] = *ce;
    i->out[HIT] = *hit;
    i->out[LOGITS] = logits;
    i->n[0] = chunk;
    i->f[0] = cap;
    return loss;
}

val op_head_biased(prog *p, val h, val w, val bias, val target, val weight, int64_t chunk, val *ce, val *hit)
{
    BUG_IF(p->v[bias].kind != VALUE_FROZEN || numel(p->v[bias].s) != p->v[w].s.d[0]);
    val loss = op_head(p, h, w, target, weight, chunk, ce, hit);
    p->i[p->ni - 1].in[BIAS] = bias;
    return loss;
}

/* n: labels, width, vocabulary, chunk, type of W, whether there is a bias; f: mean and spread of the weights, cap */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n;
    case_begin(p, 0, n[0]);
    val h = case_param(p, "h", ROWS_LABELS, 0, n[1]), ce, hit;
    val w = case_frozen(p, "w", (dtype)n[4], n[2], n[1], 0, 0.5);
    val target = case_ints(p, "target", ROWS_LABELS, case_any, &n[2]);
    val weight = case_reals(p, "weight", VALUE_INPUT, ROWS_LABELS, 0, 1, c->f[0], c->f[1]);
    if (n[5]) {
        val bias = case_frozen(p, "bias", (dtype)n[4], n[2], 0, 0, 1);
        return case_end(p, 0, n[0], op_head_biased(p, h, w, bias, target, weight, n[3], &ce, &hit));
    }
    return case_end(p, 0, n[0], op_head_capped(p, h, w, target, weight, n[3], c->f[2], &ce, &hit));
}

static const op_case cases[] = {
    {"one label", {1, 5, 7, 4, DT_F32}, {1, 0}},
    {"odd", {7, 13, 29, 3, DT_F32}, {0.2, 0.1}},
    {"one chunk", {5, 8, 16, 64, DT_F32}, {0.2, 0}},
    {"a row a chunk", {4, 9, 11, 1, DT_F32}, {0.5, 0.5}},
    {"all weights zero", {6, 8, 13, 4, DT_F32}, {0, 0}},
    {"two words", {3, 6, 2, 2, DT_F32}, {1, 0.3}},
    {"wider than a span", {3, 261, 5, 2, DT_F32}, {0.3, 0}},
    {"no label", {0, 4, 9, 2, DT_F32}, {1, 0}},
    {"bf16", {5, 12, 33, 4, DT_BF16}, {0.2, 0}},
    {"q8_0", {5, 64, 33, 4, DT_Q8_0}, {0.2, 0.1}},
    {"cap", {6, 17, 35, 4, DT_F32}, {0.2, 0.1, 2}},
    {"bias", {6, 17, 35, 4, DT_F32, 1}, {0.2, 0.1}},
    {"bias, bf16", {5, 12, 33, 8, DT_BF16, 1}, {0.2, 0}},
    {0},
};

const op op_def_head = {.name = "head",
                        .id = OP_head,
                        .nin = 5,
                        .nout = 5,
                        .early = true,
                        .forward = forward,
                        .build = build,
                        .cases = cases};
