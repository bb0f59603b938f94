/* objective.c -- the loss of a classifier or a regression from its logits z (labels, classes), a row a label:
 *
 *     class     ce = log sum exp z - z_y, y an integer            hit: z_y is the first largest
 *     value     mean over the columns of (z - y)^2                hit: 0
 *     several   mean over the columns of log(1 + exp z) - y z     hit: z > 0 where y is 1, and nowhere else
 *               (binary cross entropy of the logistic function of z)
 *
 *     loss = sum over rows of weight_l each_l        dz is written in the same pass:
 *     class  w (softmax z - onehot y)    value  2 w (z - y) / classes    several  w (s(z) - y) / classes */
#include "op/case.h"

#include <math.h>

enum { Z, TARGET, WEIGHT };
enum { LOSS, DZ, EACH, HIT };

static real one_class(const real *z, int64_t n, int32_t target, real weight, real *dz, real *hit)
{
    int64_t most = 0;
    real sum = 0;
    for (int64_t o = 1; o < n; o++)
        if (z[o] > z[most]) most = o;
    for (int64_t o = 0; o < n; o++) sum += exp(z[o] - z[most]);
    real lse = z[most] + log(sum);
    *hit = most == target;
    for (int64_t o = 0; dz && o < n; o++) dz[o] = weight * (exp(z[o] - lse) - (o == target));
    return lse - z[target];
}

static real one_value(const real *z, int64_t n, const real *y, real weight, real *dz, real *hit)
{
    real sum = 0;
    *hit = 0;
    for (int64_t o = 0; o < n; o++) {
        sum += (z[o] - y[o]) * (z[o] - y[o]) / n;
        if (dz) dz[o] = 2 * weight * (z[o] - y[o]) / n;
    }
    return sum;
}

static real several(const real *z, int64_t n, const real *y, real weight, real *dz, real *hit)
{
    real sum = 0;
    *hit = 1;
    for (int64_t o = 0; o < n; o++) {
        real above = z[o] > 0 ? z[o] : 0;
        sum += (above + log1p(exp(-fabs(z[o]))) - y[o] * z[o]) / n;
        if ((z[o] > 0) != (y[o] > (real)0.5)) *hit = 0;
        if (dz) dz[o] = weight * (1 / (1 + exp(-z[o])) - y[o]) / n;
    }
    return sum;
}

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const real *z = v[i->in[Z]].p, *weight = v[i->in[WEIGHT]].p, *y = v[i->in[TARGET]].p;
    const int32_t *target = v[i->in[TARGET]].p;
    real *dz = i->out[DZ] == NONE ? NULL : v[i->out[DZ]].p;
    real *loss = v[i->out[LOSS]].p, *each = v[i->out[EACH]].p, *hit = v[i->out[HIT]].p;
    int64_t n = v[i->in[Z]].s.d[1];
    *loss = 0;
    for (int64_t l = 0; l < v[i->in[Z]].s.d[0]; l++, z += n, dz = dz ? dz + n : NULL) {
        if (i->n[0] == OBJECTIVE_CLASS) each[l] = one_class(z, n, target[l], weight[l], dz, &hit[l]);
        if (i->n[0] == OBJECTIVE_VALUE) each[l] = one_value(z, n, y + l * n, weight[l], dz, &hit[l]);
        if (i->n[0] == OBJECTIVE_SEVERAL) each[l] = several(z, n, y + l * n, weight[l], dz, &hit[l]);
        *loss += weight[l] * each[l];
    }
}

val op_objective(prog *p, val z, val target, val weight, objective_kind kind, val *each, val *hit)
{
    value_rows rows = (value_rows)p->v[z].rows;
    int64_t cap = p->v[z].cap, width = kind == OBJECTIVE_CLASS ? 1 : p->v[z].s.d[1];
    BUG_IF(kind < 0 || kind >= OBJECTIVE_COUNT || p->v[target].is_int != (kind == OBJECTIVE_CLASS));
    BUG_IF(p->v[target].s.d[1] != width || p->v[target].cap != cap || p->v[weight].cap != cap);
    val loss = prog_value(p, "loss", VALUE_RESULT, ROWS_FIXED, 1, 1);
    *each = prog_value(p, "each", VALUE_RESULT, rows, cap, 1);
    *hit = prog_value(p, "hit", VALUE_RESULT, rows, cap, 1);
    instr *i = prog_emit(p, &op_def_objective);
    i->in[Z] = z;
    i->in[TARGET] = target;
    i->in[WEIGHT] = weight;
    i->out[LOSS] = loss;
    i->out[EACH] = *each;
    i->out[HIT] = *hit;
    i->n[0] = kind;
    return loss;
}

/* n: labels, classes, kind; f: mean and spread of the weights */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n;
    case_begin(p, 0, n[0]);
    val z = case_param(p, "z", ROWS_LABELS, 0, n[1]), each, hit;
    val target = n[2] == OBJECTIVE_CLASS
                     ? case_ints(p, "target", ROWS_LABELS, case_any, &n[1])
                     : case_reals(p, "target", VALUE_INPUT, ROWS_LABELS, 0, n[1], 0.5, 0.5);
    val weight = case_reals(p, "weight", VALUE_INPUT, ROWS_LABELS, 0, 1, c->f[0], c->f[1]);
    return case_end(p, 0, n[0], op_objective(p, z, target, weight, (objective_kind)n[2], &each, &hit));
}

static const op_case cases[] = {
    {"class", {7, 5, OBJECTIVE_CLASS}, {0.2, 0.1}},   {"two classes", {4, 2, OBJECTIVE_CLASS}, {1, 0}},
    {"one class", {3, 1, OBJECTIVE_CLASS}, {1, 0}},   {"value", {6, 1, OBJECTIVE_VALUE}, {0.2, 0.1}},
    {"values", {5, 3, OBJECTIVE_VALUE}, {0.2, 0.1}},  {"several", {6, 7, OBJECTIVE_SEVERAL}, {0.2, 0.1}},
    {"no label", {0, 4, OBJECTIVE_CLASS}, {1, 0}},    {0},
};

const op op_def_objective = {.name = "objective",
                             .id = OP_objective,
                             .nin = 3,
                             .nout = 4,
                             .early = true,
                             .forward = forward,
                             .build = build,
                             .cases = cases};
