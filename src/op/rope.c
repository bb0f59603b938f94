/* rope.c -- rotary positions (Su et al. 2021): each pair (k, k + half) of a head turned by its row's angle.
 *
 *     y[k] = x[k] c - x[k + half] s,  y[k + half] = x[k] s + x[k + half] c,  (c, s) from rope_table
 *
 * or pair (2k, 2k + 1) in its place, where the two of a pair are neighbours (n[1]: GPT-J, Cohere).
 *
 * Columns of a head from 2 half on are copied. The backward is the turn the other way (times the magnitude,
 * where the table holds one): the transpose. */
#include "op/case.h"

enum { ROWS, TABLE };
enum { HEADS, ADJACENT };

static void turn(const value *v, const instr *i, val from, val to, int sign, bool add)
{
    const value *x = &v[from], *table = &v[i->in[TABLE]];
    int64_t rows = x->s.d[0], width = x->s.d[1], heads = i->n[HEADS], dim = width / heads,
            half = table->s.d[1] / 2, step = i->n[ADJACENT] ? 2 : 1, apart = i->n[ADJACENT] ? 1 : half;
    for (int64_t t = 0; t < rows; t++)
        for (int64_t h = 0; h < heads; h++) {
            const real *a = (const real *)x->p + t * width + h * dim;
            const real *c = (const real *)table->p + t * 2 * half, *s = c + half;
            real *b = (real *)v[to].p + t * width + h * dim;
            for (int64_t k = 0; k < half; k++) { /* b may be a: a pair is read before it is written */
                const int64_t x0 = step * k, x1 = x0 + apart;
                real u = a[x0] * c[k] - sign * a[x1] * s[k];
                real w = sign * a[x0] * s[k] + a[x1] * c[k];
                b[x0] = add ? b[x0] + u : u;
                b[x1] = add ? b[x1] + w : w;
            }
            for (int64_t k = 2 * half; k < dim; k++) b[k] = add ? b[k] + a[k] : a[k];
        }
}

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    turn(v, i, i->in[ROWS], i->out[0], 1, false);
}

static void backward(const run *r, const value *v, const instr *i)
{
    (void)r;
    turn(v, i, i->dout, i->din[ROWS], -1, i->acc & BIT(ROWS));
}

val op_rope(prog *p, val x, val table, int heads)
{
    int64_t width = p->v[x].s.d[1], angles = p->v[table].s.d[1];
    BUG_IF(heads < 1 || width % heads || angles % 2 || angles > width / heads || p->v[x].is_int);
    BUG_IF(p->v[x].cap != p->v[table].cap || p->v[x].rows != p->v[table].rows);
    val y = prog_temp_like(p, "rope", x, width);
    instr *i = prog_emit(p, &op_def_rope);
    i->in[ROWS] = x;
    i->in[TABLE] = table;
    i->out[0] = y;
    i->n[HEADS] = heads;
    return y;
}

val op_rope_adjacent(prog *p, val x, val table, int heads)
{
    val y = op_rope(p, x, table, heads);
    p->i[p->ni - 1].n[ADJACENT] = 1;
    return y;
}

/* n: rows, heads, columns of a head, half, whether pairs are neighbours */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n;
    case_begin(p, n[0], 0);
    val x = case_param(p, "x", ROWS_TOKENS, 0, n[1] * n[2]);
    val table = case_reals(p, "table", VALUE_INPUT, ROWS_TOKENS, 0, 2 * n[3], 0, 1);
    val y = n[4] ? op_rope_adjacent(p, x, table, (int)n[1]) : op_rope(p, x, table, (int)n[1]);
    return case_end(p, n[0], 0, y);
}

static const op_case cases[] = {
    {"one row", {1, 1, 2, 1}, {0}},  {"odd", {7, 3, 10, 5}, {0}},
    {"partial", {5, 2, 12, 4}, {0}}, {"partial, odd columns left", {6, 3, 11, 2}, {0}},
    {"wide", {3, 2, 128, 64}, {0}},  {"neighbours", {7, 3, 10, 5, 1}, {0}},
    {"neighbours, partial", {6, 2, 41, 18, 1}, {0}},
    {0},
};

const op op_def_rope = {.name = "rope",
                        .id = OP_rope,
                        .nin = 2,
                        .nout = 1,
                        .in_for = {[TABLE] = BIT(ROWS)},
                        .inplace = true,
                        .forward = forward,
                        .backward = backward,
                        .build = build,
                        .cases = cases};
