/* route.c -- which experts see a token, and how much each counts: the k largest of softmax(z) over E experts
 * (Shazeer et al. 2017; Jiang et al. 2024), z (rows, E) being the router's logits.
 *
 *     weight (rows, k): p = softmax(z) of the chosen, largest first; with NORMED divided by their sum
 *     place (rows, k): where the pair (row, choice) stands when all pairs are sorted by expert, rows in order
 *     offset (E + 1): where each expert's pairs begin      chosen (rows, k): the expert of each pair
 *
 * So experts find their rows side by side, and none computes on others'. Backward, over the chosen j:
 *
 *     normed   dz_j = w_j (dw_j - sum w dw)          else, over all e   dz_e = p_e ([e chosen] dw_e - sum
 *     w dw) */
#include "op/case.h"

#include <math.h>
#include <string.h>

enum { WEIGHT, PLACE, OFFSET, CHOSEN };
enum { K, NORMED };

/* softmax of e, relative to the largest and its sum. */
static void softmax(const real *z, int64_t n, real *most, real *sum)
{
    *most = z[0];
    *sum = 0;
    for (int64_t e = 1; e < n; e++) *most = z[e] > *most ? z[e] : *most;
    for (int64_t e = 0; e < n; e++) *sum += exp(z[e] - *most);
}

static bool is_chosen(const int32_t *chosen, int64_t n, int64_t e)
{
    for (int64_t j = 0; j < n; j++)
        if (chosen[j] == e) return true;
    return false;
}

/* The k largest, the first of equals; their weights. */
static void choose(const instr *i, const real *z, int64_t experts, real *weight, int32_t *chosen)
{
    real most, sum, kept = 0;
    softmax(z, experts, &most, &sum);
    for (int64_t j = 0; j < i->n[K]; j++) {
        int64_t best = -1;
        for (int64_t e = 0; e < experts; e++)
            if (!is_chosen(chosen, j, e) && (best < 0 || z[e] > z[best])) best = e;
        chosen[j] = (int32_t)best;
        weight[j] = exp(z[best] - most) / sum;
        kept += weight[j];
    }
    for (int64_t j = 0; i->n[NORMED] && j < i->n[K]; j++) weight[j] /= kept;
}

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const value *z = &v[i->in[0]];
    const int64_t rows = z->s.d[0], experts = z->s.d[1], k = i->n[K];
    int32_t *chosen = v[i->out[CHOSEN]].p, *place = v[i->out[PLACE]].p, *offset = v[i->out[OFFSET]].p;
    memset(offset, 0, (size_t)(experts + 1) * sizeof *offset);
    for (int64_t t = 0; t < rows; t++)
        choose(i, (const real *)z->p + t * experts, experts, (real *)v[i->out[WEIGHT]].p + t * k,
               chosen + t * k);
    for (int64_t n = 0; n < rows * k; n++) offset[chosen[n] + 1]++;
    for (int64_t e = 0; e < experts; e++) offset[e + 1] += offset[e];
    /* an expert's offset counts up to the next one's while its pairs are placed, and is set back */
    for (int64_t n = 0; n < rows * k; n++) place[n] = offset[chosen[n]]++;
    for (int64_t e = experts; e > 0; e--) offset[e] = offset[e - 1];
    offset[0] = 0;
}

static void backward_row(const instr *i, const real *z, int64_t experts, const real *weight,
                         const int32_t *chosen, const real *dw, real *dz)
{
    real most, sum, mean = 0;
    softmax(z, experts, &most, &sum);
    for (int64_t j = 0; j < i->n[K]; j++) mean += weight[j] * dw[j];
    for (int64_t j = 0; j < i->n[K]; j++)
        dz[chosen[j]] += i->n[NORMED] ? weight[j] * (dw[j] - mean) : weight[j] * dw[j];
    for (int64_t e = 0; !i->n[NORMED] && e < experts; e++) dz[e] -= exp(z[e] - most) / sum * mean;
}

static void backward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const value *z = &v[i->in[0]];
    const int64_t experts = z->s.d[1], k = i->n[K];
    real *dz = op_gradient(v, i, 0);
    for (int64_t t = 0; t < z->s.d[0]; t++)
        backward_row(i, (const real *)z->p + t * experts, experts, (const real *)v[i->out[WEIGHT]].p + t * k,
                     (const int32_t *)v[i->out[CHOSEN]].p + t * k, (const real *)v[i->dout].p + t * k,
                     dz + t * experts);
}

routing op_route(prog *p, val logits, int64_t k, bool normed)
{
    const int64_t experts = p->v[logits].s.d[1];
    const value_rows rows = (value_rows)p->v[logits].rows;
    const int64_t cap = p->v[logits].cap;
    BUG_IF(k < 1 || k > experts);
    routing to = {.experts = experts, .k = k};
    to.weight = prog_temp_like(p, "expert weight", logits, k);
    to.place = prog_ints(p, "place", VALUE_TEMP, rows, cap, k);
    to.offset = prog_ints(p, "offset", VALUE_TEMP, ROWS_FIXED, experts + 1, 1);
    val chosen = prog_ints(p, "chosen", VALUE_TEMP, rows, cap, k);
    instr *i = prog_emit(p, &op_def_route);
    i->in[0] = logits;
    i->out[WEIGHT] = to.weight;
    i->out[PLACE] = to.place;
    i->out[OFFSET] = to.offset;
    i->out[CHOSEN] = chosen;
    i->n[K] = k;
    i->n[NORMED] = normed;
    return to;
}

/* n: rows, experts, k, normed or not */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n;
    case_begin(p, n[0], 0);
    val z = case_param(p, "z", ROWS_TOKENS, 0, n[1]);
    return case_end(p, n[0], 0, op_route(p, z, n[2], n[3]).weight);
}

static const op_case cases[] = {
    {"one expert", {3, 1, 1, 0}, {0}},   {"one of four", {7, 4, 1, 0}, {0}},
    {"two of eight", {9, 8, 2, 1}, {0}}, {"two, as they are", {9, 8, 2, 0}, {0}},
    {"all", {5, 3, 3, 1}, {0}},          {"no rows", {0, 4, 2, 1}, {0}},
    {"many", {3, 17, 4, 0}, {0}},        {0},
};

const op op_def_route = {.name = "route",
                         .id = OP_route,
                         .nin = 1,
                         .nout = 4,
                         .in_for = {BIT(0)},
                         .out_for = {[WEIGHT] = BIT(0), [CHOSEN] = BIT(0)},
                         .forward = forward,
                         .backward = backward,
                         .build = build,
                         .cases = cases};
