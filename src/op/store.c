/* store.c -- to[place[r]] = x[r]: rows that later steps will read, such as the keys and values that a decoder
 * sees of its encoder. Forward only. */
#include "op/case.h"

#include <string.h>

enum { FROM, PLACE };

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const value *x = &v[i->in[FROM]];
    const int32_t *place = v[i->in[PLACE]].p;
    const real *from = x->p;
    real *to = v[i->out[0]].p;
    int64_t width = x->s.d[1];
    for (int64_t t = 0; t < x->s.d[0]; t++)
        memcpy(to + place[t] * width, from + t * width, (size_t)width * sizeof *to);
}

val op_store(prog *p, val x, val place, val to)
{
    BUG_IF(p->v[to].kind != VALUE_STATE || p->v[to].s.d[1] != p->v[x].s.d[1]);
    BUG_IF(!p->v[place].is_int || p->v[place].s.d[1] != 1 || p->v[place].cap != p->v[x].cap);
    instr *i = prog_emit(p, &op_def_store);
    i->in[FROM] = x;
    i->in[PLACE] = place;
    i->out[0] = to;
    return to;
}

static int64_t backwards(int64_t row, const void *last) { return *(const int64_t *)last - 2 * row; }

/* n: rows, width, rows that are kept: row r goes to the one before the last by 2 r */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n, last = n[2] - 1;
    case_begin(p, n[0], 0);
    val x = case_reals(p, "x", VALUE_INPUT, ROWS_TOKENS, 0, n[1], 0, 1);
    val place = case_ints(p, "place", ROWS_TOKENS, backwards, &last);
    val to = case_reals(p, "to", VALUE_STATE, ROWS_FIXED, n[2], n[1], 0, 1);
    return case_end(p, n[0], 0, op_store(p, x, place, to));
}

static const op_case cases[] = {
    {"no rows", {0, 3, 4}, {0}},
    {"one row", {1, 5, 3}, {0}},
    {"several", {4, 7, 9}, {0}},
    {0},
};

const op op_def_store = {
    .name = "store", .id = OP_store, .nin = 2, .nout = 1, .forward = forward, .build = build, .cases = cases};
