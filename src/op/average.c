/* average.c -- y[l] = the mean of x over the document of row index[l]: a classifier that reads all rows of a text.
 *
 *     dx[r] = the sum of dy[l] / (rows of the document) over the labels l of r's document
 *
 * A document is the rows that have the same `start`. */
#include "op/case.h"

#include <string.h>

enum { FROM, INDEX, START };

/* The document that label l reads: its first row, and how many it has. */
static int64_t document(const value *v, const instr *i, int64_t l, int64_t *rows)
{
    const value *begin = &v[i->in[START]];
    const int32_t *start = begin->p, *index = v[i->in[INDEX]].p;
    const int64_t first = start[index[l]];
    *rows = 1;
    while (first + *rows < begin->s.d[0] && start[first + *rows] == first) ++*rows;
    return first;
}

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const value *y = &v[i->out[0]];
    const int64_t width = y->s.d[1];
    real *to = y->p;
    memset(to, 0, (size_t)numel(y->s) * sizeof *to);
    for (int64_t l = 0, n; l < y->s.d[0]; l++, to += width) {
        const real *x = (const real *)v[i->in[FROM]].p + document(v, i, l, &n) * width;
        for (int64_t k = 0; k < n * width; k++) to[k % width] += x[k];
        for (int64_t k = 0; k < width; k++) to[k] /= n;
    }
}

static void backward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const value *dy = &v[i->dout];
    const int64_t width = dy->s.d[1];
    const real *from = dy->p;
    real *dx = op_gradient(v, i, FROM);
    for (int64_t l = 0, n; l < dy->s.d[0]; l++, from += width) {
        real *to = dx + document(v, i, l, &n) * width;
        for (int64_t k = 0; k < n * width; k++) to[k] += from[k % width] / n;
    }
}

val op_average(prog *p, val x, val index, val start)
{
    BUG_IF(!p->v[index].is_int || p->v[index].s.d[1] != 1 || p->v[x].is_int);
    BUG_IF(!p->v[start].is_int || p->v[start].s.d[1] != 1 || p->v[start].cap != p->v[x].cap);
    val y = prog_temp_like(p, "average", index, p->v[x].s.d[1]);
    instr *i = prog_emit(p, &op_def_average);
    i->in[FROM] = x;
    i->in[INDEX] = index;
    i->in[START] = start;
    i->out[0] = y;
    return y;
}

static int64_t stepping(int64_t row, const void *step) { return row * *(const int64_t *)step; }

/* n: rows, labels, width, rows from one label to the next, rows of the first document (0: there is one) */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n;
    case_begin(p, n[0], n[1]);
    val x = case_param(p, "x", ROWS_TOKENS, 0, n[2]);
    val index = case_ints(p, "index", ROWS_LABELS, stepping, &n[3]);
    val start = case_ints(p, "start", ROWS_TOKENS, case_start, &n[4]);
    return case_end(p, n[0], n[1], op_average(p, x, index, start));
}

static const op_case cases[] = {
    {"one row", {1, 1, 5, 1, 0}, {0}},          {"one document", {7, 1, 6, 1, 0}, {0}},
    {"documents of one row", {5, 5, 3, 1, 1}, {0}}, {"two labels a document", {8, 2, 4, 5, 0}, {0}},
    {"documents", {20, 4, 9, 5, 4}, {0}},       {"some without a label", {14, 1, 3, 0, 2}, {0}},
    {"no label", {5, 0, 4, 1, 2}, {0}},         {0},
};

const op op_def_average = {.name = "average",
                           .id = OP_average,
                           .nin = 3,
                           .nout = 1,
                           .in_for = {[INDEX] = BIT(FROM), [START] = BIT(FROM)},
                           .forward = forward,
                           .backward = backward,
                           .build = build,
                           .cases = cases};
