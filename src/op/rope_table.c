/* rope_table.c -- the cosines and sines of a step's positions, computed once and read by every layer's rope.
 *
 *     table[t][k] = m cos(position[t] * inv_freq[k]),  table[t][half + k] = m sin(the same)
 *
 * The angle is a product of floats rounded to float, as the reference implementations have it: at position
 * 100000 a float angle is off by up to 0.004, and a model was trained with that. m is the magnitude that long
 * context variants scale queries and keys with, 1 otherwise. */
#include "op/case.h"

#include <math.h>

enum { POSITIONS, INV_FREQ };

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const int32_t *position = v[i->in[POSITIONS]].p;
    const value *table = &v[i->out[0]];
    real *row = table->p;
    int64_t half = table->s.d[1] / 2;
    for (int64_t t = 0; t < table->s.d[0]; t++, row += 2 * half)
        for (int64_t k = 0; k < half; k++) {
            float angle = (float)position[t] * (float)frozen_at(&v[i->in[INV_FREQ]], 0, k);
            row[k] = i->f[0] * cos((double)angle);
            row[half + k] = i->f[0] * sin((double)angle);
        }
}

val op_rope_table(prog *p, val positions, val inv_freq, double magnitude)
{
    BUG_IF(!p->v[positions].is_int || p->v[positions].s.d[1] != 1);
    BUG_IF(p->v[inv_freq].kind != VALUE_FROZEN || p->v[inv_freq].w->type != DT_F32);
    val table = prog_temp_like(p, "rope table", positions, 2 * numel(p->v[inv_freq].s));
    instr *i = prog_emit(p, &op_def_rope_table);
    i->in[POSITIONS] = positions;
    i->in[INV_FREQ] = inv_freq;
    i->out[0] = table;
    i->f[0] = magnitude;
    return table;
}

static int64_t counting(int64_t row, const void *first) { return *(const int64_t *)first + row; }

/* n: rows, half, first position; f: magnitude */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n;
    case_begin(p, n[0], 0);
    val positions = case_ints(p, "positions", ROWS_TOKENS, counting, &n[2]);
    val inv_freq = case_frozen(p, "inv_freq", DT_F32, n[1], 0, 0.5, 0.3);
    return case_end(p, n[0], 0, op_rope_table(p, positions, inv_freq, c->f[0]));
}

static const op_case cases[] = {
    {"one row", {1, 1, 5}, {1}},
    {"odd", {7, 5, 0}, {1}},
    {"far", {6, 16, 100000}, {1}},
    {"magnitude", {9, 8, 3}, {1.2}},
    {0},
};

const op op_def_rope_table = {.name = "rope_table",
                              .id = OP_rope_table,
                              .nin = 2,
                              .nout = 1,
                              .forward = forward,
                              .build = build,
                              .cases = cases};
