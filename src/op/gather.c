/* gather.c -- y[l] = x[index[l]]: the rows that carry a label, so that the head runs on no others.
 *
 *     dx[index[l]] = dy[l], and 0 in the rows that nobody gathered
 *
 * The indices increase strictly, so no row is gathered twice and the rows between can be zeroed in one pass.
 */
#include "op/case.h"

#include <string.h>

enum { FROM, INDEX };

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const real *x = v[i->in[FROM]].p;
    const int32_t *index = v[i->in[INDEX]].p;
    const value *y = &v[i->out[0]];
    real *to = y->p;
    int64_t width = y->s.d[1];
    for (int64_t l = 0; l < y->s.d[0]; l++)
        memcpy(to + l * width, x + index[l] * width, (size_t)width * sizeof *x);
}

static void backward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const value *dy = &v[i->dout];
    const int32_t *index = v[i->in[INDEX]].p;
    const real *from = dy->p;
    real *to = op_gradient(v, i, FROM);
    int64_t width = dy->s.d[1];
    for (int64_t l = 0; l < dy->s.d[0]; l++)
        for (int64_t k = 0; k < width; k++) to[index[l] * width + k] += from[l * width + k];
}

val op_gather(prog *p, val x, val index)
{
    BUG_IF(!p->v[index].is_int || p->v[index].s.d[1] != 1 || p->v[x].is_int);
    val y = prog_temp_like(p, "gather", index, p->v[x].s.d[1]);
    instr *i = prog_emit(p, &op_def_gather);
    i->in[FROM] = x;
    i->in[INDEX] = index;
    i->out[0] = y;
    return y;
}

typedef struct steps {
    int64_t first, step;
} steps;

static int64_t stepping(int64_t row, const void *arg)
{
    const steps *s = arg;
    return s->first + row * s->step;
}

/* n: rows, labels, width, first row gathered, rows from one to the next */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n;
    case_begin(p, n[0], n[1]);
    val x = case_param(p, "x", ROWS_TOKENS, 0, n[2]);
    val index = case_ints(p, "index", ROWS_LABELS, stepping, &(steps){n[3], n[4]});
    return case_end(p, n[0], n[1], op_gather(p, x, index));
}

static const op_case cases[] = {
    {"one row", {1, 1, 5, 0, 1}, {0}},       {"every row", {6, 6, 7, 0, 1}, {0}},
    {"every third", {11, 4, 33, 1, 3}, {0}}, {"the last alone", {9, 1, 4, 8, 1}, {0}},
    {"no label", {5, 0, 4, 0, 1}, {0}},      {0},
};

const op op_def_gather = {.name = "gather",
                          .id = OP_gather,
                          .nin = 2,
                          .nout = 1,
                          .in_for = {[INDEX] = BIT(FROM)},
                          .forward = forward,
                          .backward = backward,
                          .build = build,
                          .cases = cases};
