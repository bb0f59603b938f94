/* dropout.c -- y = x * factor: each number is dropped with probability p, and what is kept divided by 1 - p
 * (Srivastava et al. 2014).
 *
 * The factor of element (row, column) is dropout_factor() of the micro-batch's key and the stream of this place
 * of the model, a function of the three alone: the backward, dx = dy * factor, draws it again instead of keeping
 * it, and so does a forward that is computed twice. */
#include "op/case.h"

static void forward(const run *r, const value *v, const instr *i)
{
    const value *y = &v[i->out[0]];
    const real *x = v[i->in[0]].p;
    const int64_t width = y->s.d[1];
    for (int64_t t = 0; t < y->s.d[0]; t++)
        for (int64_t c = 0; c < width; c++)
            ((real *)y->p)[t * width + c] =
                x[t * width + c] * (real)dropout_factor(r->key, (int)i->n[0], t, c, i->f[0]);
}

static void backward(const run *r, const value *v, const instr *i)
{
    const value *dy = &v[i->dout];
    real *dx = v[i->din[0]].p;
    const int64_t width = dy->s.d[1];
    for (int64_t t = 0; t < dy->s.d[0]; t++)
        for (int64_t c = 0; c < width; c++) {
            const int64_t at = t * width + c;
            real d = ((const real *)dy->p)[at] * (real)dropout_factor(r->key, (int)i->n[0], t, c, i->f[0]);
            dx[at] = i->acc & BIT(0) ? dx[at] + d : d;
        }
}

val op_dropout(prog *p, val x, double probability, int place)
{
    BUG_IF(!(probability > 0 && probability < 1) || place < 0 || p->v[x].is_int);
    instr *i = op_emit_on(p, &op_def_dropout, x);
    i->n[0] = DROPOUT_PLACES + place;
    i->f[0] = probability;
    return i->out[0];
}

/* n: rows, width, place; f: probability */
static val build(prog *p, const op_case *c)
{
    case_begin(p, c->n[0], 0);
    val x = case_param(p, "x", ROWS_TOKENS, 0, c->n[1]);
    return case_end(p, c->n[0], 0, op_dropout(p, x, c->f[0], (int)c->n[2]));
}

static const op_case cases[] = {
    {"one element", {1, 1, 0}, {0.5}}, {"odd", {7, 37, 3}, {0.3}},    {"whole vectors", {4, 64, 1}, {0.1}},
    {"few kept", {9, 33, 0}, {0.9}},   {"no rows", {0, 8, 2}, {0.5}}, {0},
};

const op op_def_dropout = {.name = "dropout",
                           .id = OP_dropout,
                           .nin = 1,
                           .nout = 1,
                           .inplace = true,
                           .cheap = true,
                           .forward = forward,
                           .backward = backward,
                           .build = build,
                           .cases = cases};
